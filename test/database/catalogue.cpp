// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../storage/support.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_catalogue)

namespace ns = numstore;

namespace {

/// So long that a page of the catalogue holds four, and that a few hundred
/// make a tree of many levels.
std::string long_name(int i) {
    return std::to_string(100'000 + i) + std::string(950, 'n');
}

std::vector<std::string> names_of(ns::database& db) {
    std::vector<std::string> names;
    for (auto const& info : db.list())
        names.push_back(info.name);
    return names;
}

void check_names(ns::database& db, std::vector<int> left) {
    std::sort(left.begin(), left.end());
    std::vector<std::string> expected;
    for (int const i : left)
        expected.push_back(long_name(i));
    BOOST_TEST((names_of(db) == expected));
    BOOST_TEST(db.verify().ok());
}

std::vector<int> shuffled(int count, unsigned seed) {
    std::vector<int> order(static_cast<std::size_t>(count));
    for (int i = 0; i != count; ++i)
        order[static_cast<std::size_t>(i)] = i;
    std::mt19937 random(seed);
    std::shuffle(order.begin(), order.end(), random);
    return order;
}

} // namespace

BOOST_AUTO_TEST_CASE(many_long_names_come_and_go) {
    constexpr int count = 300;
    for (unsigned seed : {1U, 2U}) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            ns::testing::temporary_directory const dir;
            ns::database db(dir / "many.ns");
            auto const order = shuffled(count, seed);
            {
                auto tx = db.begin();
                for (int const i : order)
                    tx.create<int>(long_name(i)).push_back(i);
                tx.commit();
            }
            check_names(db, order);
            db.checkpoint();
            check_names(db, order);
            BOOST_TEST(db.list(long_name(7).substr(0, 6) + "*").size() == 1U);
            auto left = shuffled(count, seed + 10);
            while (!left.empty()) {
                auto tx = db.begin();
                for (int n = 0; n != 50; ++n) {
                    tx.drop(long_name(left.back()));
                    left.pop_back();
                }
                tx.commit();
                check_names(db, left);
                if (left.size() % 100 == 0)
                    db.checkpoint();
                for (int const i : left)
                    BOOST_TEST(db.open<int>(long_name(i))[0] == i);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(names_in_order_and_a_rollback) {
    ns::testing::temporary_directory const dir;
    ns::database db(dir / "many.ns");
    std::vector<int> all;
    for (int i = 0; i != 100; ++i) {
        db.create<int>(long_name(i)).push_back(i);
        all.push_back(i);
    }
    {
        auto tx = db.begin();
        for (int i = 0; i != 100; ++i)
            tx.drop(long_name(i));
        BOOST_TEST(tx.list().empty());
        tx.rollback();
    }
    check_names(db, all);
    for (int i = 99; i >= 50; --i)
        db.drop(long_name(i));
    all.resize(50);
    check_names(db, all);
}

/// Whatever a checkpoint has to add to the entry of an array with as many
/// attributes as there can be.
BOOST_AUTO_TEST_CASE(attributes_leave_room_for_elements) {
    ns::testing::temporary_directory const dir;
    ns::database db(dir / "a.ns", {.durability = ns::durability::none});
    auto a = db.create<int>("a");
    a.attributes().set("first", std::string((1 << 20) - 10, 'x'));
    std::size_t most = (1 << 17) + 100;
    for (bool accepted = false; !accepted; most -= 8) {
        try {
            a.attributes().set("second", std::string(most, 'y'));
            accepted = true;
        } catch (ns::error const& e) {
            BOOST_TEST_REQUIRE((e.code() == ns::errc::invalid_argument));
        }
    }
    std::vector<int> const inlined(120, 7);
    a.append(inlined);
    db.checkpoint();
    a.append(std::vector<int>(1'000'000, 8));
    db.checkpoint();
    a.resize(120);
    db.checkpoint();
    db.close();
    ns::database again(dir / "a.ns");
    BOOST_TEST((again.open<int>("a").to_vector() == inlined));
    BOOST_TEST(again.verify().ok());
}

BOOST_AUTO_TEST_SUITE_END()
