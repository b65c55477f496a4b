// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "scattered.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(compact_beside)

namespace ns = numstore;
using scattered::file;
using scattered::scatter;

BOOST_AUTO_TEST_CASE(others_read_and_write_meanwhile) {
    file const f("numstore_compact_beside.ns");
    ns::database db(f.path, {.durability = ns::durability::none});
    auto const before = scatter(db, "a", 200'000, 1);
    scatter(db, "gone", 60'000, 2);
    auto a = db.open<std::int32_t>("a");
    auto const old = db.snapshot();
    db.clone("a", "twin");
    db.drop("gone");
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> rounds{0};
    std::thread reader([&] {
        while (!stop) {
            auto const s = db.snapshot();
            auto const now = a.in(s).to_vector();
            // A transaction of the writer leaves what it took elsewhere.
            if (now.size() != before.size())
                std::abort();
            ++rounds;
        }
    });
    std::thread writer([&] {
        std::mt19937_64 random(7);
        while (!stop) {
            // Moves a run of elements, in one transaction.
            auto tx = db.begin();
            auto t = a.in(tx);
            std::size_t const n = 1000;
            auto const from = random() % (t.size() - n);
            auto const some =
                t.extract(ns::slice{.start = from, .stop = from + n});
            t.insert(random() % (t.size() + 1), some);
            tx.commit();
        }
    });
    while (rounds == 0)
        std::this_thread::yield();
    db.compact();
    db.compact();
    stop = true;
    reader.join();
    writer.join();
    BOOST_TEST((a.in(old).to_vector() == before));
    BOOST_TEST((db.open<std::int32_t>("twin").to_vector() == before));
    auto sorted = a.to_vector();
    auto expected = before;
    std::sort(sorted.begin(), sorted.end());
    std::sort(expected.begin(), expected.end());
    BOOST_TEST((sorted == expected));
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_SUITE_END()
