// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// Names and attributes change while a checkpoint is being written: at each
// call of the device in turn.
#include "../bags/simulated_512.hpp"

#include <numstore/database/engine.hpp>
#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_names_beside_checkpoint)

namespace {

namespace ns = numstore;
using ns::testing::power_loss;
using ns::testing::simulated_storage;
using database = ns::basic_database<bags::simulated_512>;
using transaction = ns::basic_transaction<bags::simulated_512>;
using number = std::int32_t;
using values = std::vector<number>;
using content = std::map<std::string, std::pair<values, std::string>>;

values some(std::size_t n, number first) {
    values v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

std::string name(int i) { return "array " + std::to_string(i); }

/// Arrays, small and large, with attributes that need some pages.
void fill(database& db) {
    db.transact([](transaction& tx) {
        for (int i = 0; i != 24; ++i) {
            auto a = tx.create<number>(name(i));
            a.append(some(i % 3 == 0 ? 700 : 5, i));
            a.attributes().set("note", std::string(40, char('a' + i)));
        }
    });
    db.checkpoint();
    for (int i = 0; i != 24; i += 2)
        db.open<number>(name(i)).push_back(i);
    db.rename(name(1), "first"); // unwritten catalogue
}

using change = std::function<void(database&)>;

std::vector<change> changes() {
    return {
        [](database& db) { db.create<number>("new").append(some(900, 7)); },
        [](database& db) { db.create<number>("small").append(some(3, 7)); },
        [](database& db) { db.drop(name(0)); },
        [](database& db) { db.drop(name(4)); },
        [](database& db) { db.rename(name(6), "sixth"); },
        [](database& db) { db.clone(name(12), "copy"); },
        [](database& db) {
            db.open<number>(name(8)).attributes().set("note", "new");
        },
        [](database& db) {
            db.transact([](transaction& tx) {
                tx.clone(name(18), "copy");
                tx.drop(name(18));
                tx.rename(name(3), name(18));
                tx.open<number>("copy").erase(5, 600);
                tx.open<number>("first").attributes().erase("note");
            });
        },
        [](database& db) {
            for (int i = 0; i != 24; i += 3)
                db.drop(name(i));
            for (int i = 0; i != 9; ++i)
                db.create<number>("again " + name(i)).append(some(20, i));
        },
    };
}

content content_of(database& db) {
    content all;
    for (auto const& i : db.list()) {
        auto const a = db.open<number>(i.name);
        all[i.name] = {a.to_vector(),
                       a.attributes()
                           .get_if<std::string>("note")
                           .value_or(std::string())};
    }
    return all;
}

void require_sound(database& db, content const& wanted) {
    BOOST_TEST_REQUIRE((content_of(db) == wanted));
    for (auto const& p : db.verify().problems)
        BOOST_ERROR("page " << p.page << " " << p.array << ": " << p.what);
}

/// Makes `c` while a checkpoint is in its `nth` call of the device; false if
/// it has fewer. With `fails` that call fails.
bool change_within(change const& c, std::size_t nth, bool fails) {
    simulated_storage device(512);
    database db(device);
    fill(db);
    content before;
    std::size_t calls = 0;
    bool busy = false;
    device.before_each_call([&](ns::testing::call_record const& r) {
        if (busy || r.kind == ns::testing::call_kind::read || ++calls != nth)
            return;
        busy = true;
        auto const snapshot = db.snapshot();
        c(db);
        for (int i = 0; i != 24; i += 4)
            if (db.contains(name(i)))
                db.open<number>(name(i)).push_back(-1);
        before = content_of(db);
        if (fails)
            device.inject({.error = std::make_error_code(
                               std::errc::no_space_on_device)});
        BOOST_TEST(snapshot.contains(name(0)));
        busy = false;
    });
    bool failed = false;
    try {
        db.checkpoint();
    } catch (ns::error const&) {
        failed = true;
    }
    device.before_each_call({});
    device.clear_faults();
    if (calls < nth)
        return false;
    BOOST_TEST(failed == fails);
    BOOST_TEST_REQUIRE((content_of(db) == before));
    for (auto const loss : {power_loss::lose_all(), power_loss::keep_all()}) {
        database again(device.after_power_loss(loss));
        require_sound(again, before);
    }
    try {
        require_sound(db, before);
        db.checkpoint();
        require_sound(db, before);
        db.create<number>("last");
        db.drop("last");
        db.checkpoint();
        db.checkpoint();
        require_sound(db, before);
    } catch (ns::error const& e) {
        BOOST_TEST(fails);
        BOOST_TEST((e.code() == ns::errc::failed));
    }
    db = database();
    database again(device);
    require_sound(again, before);
    return true;
}

void change_at_each_call(bool fails) {
    std::size_t made = 0;
    int number_of_change = 0;
    for (change const& c : changes()) {
        BOOST_TEST_CONTEXT("change " << number_of_change)
        for (std::size_t nth = 1; change_within(c, nth, fails); ++nth)
            ++made;
        ++number_of_change;
    }
    BOOST_TEST(made >= 4 * changes().size());
}

} // namespace

BOOST_AUTO_TEST_CASE(names_change_at_each_call) { change_at_each_call(false); }

BOOST_AUTO_TEST_CASE(and_where_the_checkpoint_fails) {
    change_at_each_call(true);
}

BOOST_AUTO_TEST_SUITE_END()
