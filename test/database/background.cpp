// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/numstore.hpp>

#include "refusal.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(background_thread)

namespace {

namespace ns = numstore;
using refusal::directory;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

/// f() comes true before long.
template <class F>
bool comes_true(F&& f) {
    for (int i = 0; i != 6000 && !f(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return f();
}

std::vector<std::int64_t> numbers(std::size_t n, std::int64_t first) {
    std::vector<std::int64_t> v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

ns::options with_thread() {
    return {.log_bytes = std::uint64_t{1} << 20, .background = true};
}

} // namespace

BOOST_AUTO_TEST_CASE(it_writes_the_checkpoints_that_are_due) {
    directory const place;
    ns::database db(place.path() + "/a.ns", with_thread());
    auto x = db.create<std::int64_t>("x");
    std::vector<std::int64_t> const some(2000, 7);
    auto const before = db.stats().checkpoints;
    for (int i = 0; i != 400; ++i)
        x.append(some);
    BOOST_TEST(comes_true([&] { return db.stats().checkpoints > before; }));
    BOOST_TEST(x.size() == 800'000u);
    BOOST_TEST(db.verify().ok());
    db.close();
    ns::database again(place.path() + "/a.ns");
    BOOST_TEST(again.open<std::int64_t>("x").size() == 800'000u);
}

BOOST_AUTO_TEST_CASE(it_ends_with_the_database_also_without_work) {
    directory const place;
    ns::database db(place.path() + "/a.ns", with_thread());
    db.close();
    ns::database again(place.path() + "/a.ns", with_thread());
    again = ns::database(place.path() + "/b.ns", with_thread());
    ns::database reader(place.path() + "/a.ns",
                        {.mode = ns::open_mode::read_only,
                         .background = true});
    BOOST_TEST(reader.list().empty());
}

BOOST_AUTO_TEST_CASE(it_compacts_what_is_unused) {
    directory const place;
    ns::database db(place.path() + "/a.ns",
                    {.durability = ns::durability::none,
                     .log_bytes = 4 * mib,
                     .background = true,
                     .compact_percent = 40});
    auto x = db.create<std::int64_t>("x");
    auto y = db.create<std::int64_t>("y");
    for (int i = 0; i != 20; ++i) {
        x.append(numbers(mib / 16, 0));
        y.append(numbers(mib / 16, i * std::int64_t(mib / 16)));
    }
    db.checkpoint();
    auto const full = db.stats().file_bytes;
    BOOST_TEST(full > 20 * mib);
    {
        auto const snapshot = db.snapshot();
        db.drop("x"); // and the snapshot keeps it
        y.push_back(-1);
        BOOST_TEST(y.in(snapshot).size() + 1 == y.size());
    }
    std::int64_t pushed = 1;
    BOOST_TEST(comes_true([&] { // commits go on, and find it due
        y.push_back(-++pushed);
        return db.stats().file_bytes < full * 2 / 3;
    }));
    BOOST_TEST(db.verify().ok());
    auto wanted = numbers(20 * mib / 16, 0);
    for (std::int64_t i = 1; i <= pushed; ++i)
        wanted.push_back(-i);
    BOOST_TEST((y.to_vector() == wanted));
    db.close();
    ns::database again(place.path() + "/a.ns");
    BOOST_TEST((again.open<std::int64_t>("y").to_vector() == wanted));
}

/// An open transaction holds the array that is to be moved.
BOOST_AUTO_TEST_CASE(it_stops_with_the_database) {
    directory const place;
    ns::database db(place.path() + "/a.ns",
                    {.durability = ns::durability::none,
                     .background = true,
                     .compact_percent = 20});
    auto x = db.create<std::int64_t>("x");
    x.append(numbers(2 * mib, 0));
    ns::transaction tx = db.begin();
    x.in(tx).set(0, 1);
    db.create<std::int64_t>("y").append(numbers(mib, 0));
    db.drop("y");
    db.create<std::int64_t>("z"); // finds it due
    db.close();
    ns::database again(place.path() + "/a.ns");
    BOOST_TEST((again.open<std::int64_t>("x").to_vector()
                == numbers(2 * mib, 0)));
}

BOOST_AUTO_TEST_CASE(a_forked_child_has_none) {
    directory const place;
    ns::database db(place.path() + "/a.ns", with_thread());
    db.create<float>("x");
    int const answer = refusal::in_child([&] {
        int refused = 1;
        try {
            db.checkpoint();
        } catch (ns::error const& e) {
            refused = e.code() == ns::errc::forked ? 0 : 2;
        }
        db.close();
        return refused;
    });
    BOOST_TEST(answer == 0);
    db.create<float>("y");
}

BOOST_AUTO_TEST_SUITE_END()
