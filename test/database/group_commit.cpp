// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/memory_512.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(group_commit)

namespace {

namespace ns = numstore;

using bags::paced_memory;
using database = ns::basic_database<bags::memory_512>;
using numbers = ns::array<std::int64_t, bags::memory_512>;

/// For each commit. A sanitizer slows threads down until they miss a turn.
#ifndef NUMSTORE_TEST_THINNED
constexpr double most_syncs = 0.2;
constexpr int sync_milliseconds = 2;
#else
constexpr double most_syncs = 0.3;
constexpr int sync_milliseconds = 20;
#endif

struct slow_syncs {
    slow_syncs() { paced_memory::milliseconds = sync_milliseconds; }
    ~slow_syncs() { paced_memory::milliseconds = 0; }
    bags::clock_choice clock{bags::chosen_clock::time::real};
};

constexpr std::size_t threads = 8;
constexpr std::size_t commits = 40;

/// Syncs for each commit of eight threads, each of which appends to the array
/// that it is given.
double syncs_per_commit(ns::options const& o, std::size_t arrays) {
    database db(o);
    std::vector<numbers> all;
    for (std::size_t i = 0; i != arrays; ++i)
        all.push_back(db.create<std::int64_t>("a" + std::to_string(i)));
    auto const before = db.stats();
    std::vector<std::thread> running;
    for (std::size_t t = 0; t != threads; ++t)
        running.emplace_back([&, t] {
            numbers mine = all[t % arrays];
            for (std::size_t i = 0; i != commits; ++i)
                mine.append(std::vector<std::int64_t>{
                    static_cast<std::int64_t>(t)});
        });
    for (auto& r : running)
        r.join();
    auto const after = db.stats();
    std::uint64_t elements = 0;
    for (numbers const& a : all)
        elements += a.size();
    BOOST_TEST(elements == threads * commits);
    BOOST_TEST(after.commits - before.commits == threads * commits);
    return static_cast<double>(after.syncs - before.syncs)
           / static_cast<double>(threads * commits);
}

} // namespace

BOOST_FIXTURE_TEST_CASE(commits_of_several_arrays_share_their_syncs,
                        slow_syncs) {
    double const each = syncs_per_commit({}, threads);
    BOOST_TEST_MESSAGE("syncs per commit, 8 arrays: " << each);
    BOOST_TEST(each <= most_syncs);
}

BOOST_FIXTURE_TEST_CASE(commits_of_one_array_share_their_syncs, slow_syncs) {
    double const each = syncs_per_commit({}, 1);
    BOOST_TEST_MESSAGE("syncs per commit, 1 array: " << each);
    BOOST_TEST(each <= most_syncs);
}

/// A checkpoint that does not come to an end holds nobody up.
BOOST_FIXTURE_TEST_CASE(commits_go_on_while_a_checkpoint_is_written,
                        slow_syncs) {
    database db;
    numbers x = db.create<std::int64_t>("x");
    numbers y = db.create<std::int64_t>("y");
    std::vector<std::int64_t> const one{1};
    x.append(one);
    y.append(one);
    auto const before = db.stats();
    paced_memory::held = true;
    paced_memory::syncing = false;
    std::thread checkpoint([&] { db.checkpoint(); });
    while (!paced_memory::syncing)
        std::this_thread::yield();
    auto const snap = db.snapshot();
    for (int i = 0; i != 10; ++i) {
        x.append(one);
        auto tx = db.begin();
        y.in(tx).insert(0, one);
        x.in(tx).erase(0, 1);
        tx.commit();
    }
    BOOST_TEST(x.size() == 1u);
    BOOST_TEST(y.size() == 11u);
    BOOST_TEST(y.in(snap).size() == 1u);
    BOOST_TEST(db.stats().checkpoints == before.checkpoints);
    paced_memory::held = false;
    checkpoint.join();
    BOOST_TEST(db.stats().checkpoints == before.checkpoints + 1);
    BOOST_TEST((db.stats().checkpoint_time > before.checkpoint_time));
    BOOST_TEST(y.size() == 11u);
    BOOST_TEST(db.verify().ok());
    db.checkpoint();
    BOOST_TEST(x.size() == 1u);
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(commits_that_need_not_be_durable_do_not_sync,
                        slow_syncs) {
    for (auto const d : {ns::durability::grouped, ns::durability::none})
        BOOST_TEST(syncs_per_commit({.durability = d}, 1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
