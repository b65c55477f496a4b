// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// Writers, readers, and who looks after the file, in many interleavings.
#include "scripts.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(concurrency_interleavings)

namespace {

using namespace concurrency;

struct outcome {
    schedule_trace trace;
    std::vector<std::string> wrong;
};

/// One interleaving, with a look at what is left.
outcome play(std::uint64_t seed, cast const& c, ns::options const& o = {}) {
    world w(o);
    auto const t = play(w, seed, c);
    w.check_all("at the end");
    // Time passes only when no thread can go on: whoever has waited in vain
    // missed a notification, or was in a deadlock that nobody noticed.
    w.require(w.timeouts == 0, "a wait that only its timeout ended");
    return {t, w.wrong};
}

void play_all(std::uint64_t usual, cast const& c, ns::options const& o = {}) {
    std::uint64_t seeds = 0;
    std::uint64_t steps = 0;
    std::uint64_t switches = 0;
    for_each_seed(usual, [&](auto seed) {
        auto const r = play(seed, c, o);
        require_none(r.wrong);
        ++seeds;
        steps += r.trace.steps;
        switches += r.trace.choices;
    });
    BOOST_TEST_MESSAGE(seeds << " interleavings, " << steps << " steps, "
                             << switches << " switches");
}

/// Everybody works until the database is closed; snapshots even longer.
std::vector<std::string> close_beside(std::uint64_t seed) {
    world w;
    schedule s(schedule_options::varied(seed));
    auto const add = [&](std::string name, auto work) {
        s.spawn(std::move(name), [&w, work] {
            try {
                work();
            } catch (ns::error const& e) {
                w.require(e.code() == ns::errc::closed
                              || e.code() == ns::errc::transaction_ended,
                          e.what());
            }
        });
    };
    for (std::size_t i = 0; i != 2; ++i)
        add("writer " + std::to_string(i),
            [&w, i, seed] { writer(w, i, seed).run(20); });
    add("plain reads", [&w] { read_plainly(w, 20); });
    add("snapshots", [&w] { read_snapshots(w, 20); });
    add("closing", [&w, seed] {
        for (auto wait = seed % 40; wait != 0; --wait)
            scheduled_threading::yield();
        w.db.close();
    });
    s.run();
    world again(w.device, {});
    again.check_all("opened again");
    auto const commits = again.db.open<number>("commits").to_vector();
    for (std::size_t i = 0; i != most_writers; ++i)
        again.require(commits[i] >= w.writers[i].acknowledged
                          && commits[i] <= w.writers[i].attempted,
                      "closing has lost a commit");
    w.wrong.insert(w.wrong.end(), again.wrong.begin(), again.wrong.end());
    return w.wrong;
}

std::vector<std::string> open_beside(std::uint64_t seed) {
    world w;
    schedule s(schedule_options::varied(seed));
    s.spawn("writer", [&] { fill_the_log(w, 60); });
    for (int i = 0; i != 2; ++i)
        s.spawn("reader", [&] { glance_beside(w, 10); });
    s.run();
    return w.wrong;
}

} // namespace

BOOST_AUTO_TEST_CASE(two_writers_and_snapshots) {
    play_all(500, {.writers = 2, .commits = 5, .snapshots = 3});
}

BOOST_AUTO_TEST_CASE(three_writers_and_all_readers) {
    play_all(500,
             {.writers = 3, .commits = 4, .snapshots = 2, .plain_reads = 4});
}

BOOST_AUTO_TEST_CASE(chores_beside) {
    play_all(500, {.writers = 2,
                   .commits = 4,
                   .snapshots = 2,
                   .plain_reads = 3,
                   .chores = 5});
}

/// Checkpoints that commits start themselves, and commits that wait for no
/// sync.
BOOST_AUTO_TEST_CASE(little_log_and_no_waiting) {
    cast const c{.writers = 3,
                 .commits = 5,
                 .snapshots = 2,
                 .plain_reads = 2,
                 .chores = 2};
    play_all(200, c, {.log_bytes = 4096});
    play_all(200, c, {.durability = ns::durability::grouped});
    play_all(200, c, {.durability = ns::durability::none, .log_bytes = 4096});
}

/// Another process reads the device while it is written.
BOOST_AUTO_TEST_CASE(readers_beside_the_writer) {
    cast const c{
        .writers = 2, .commits = 8, .chores = 6, .readers_beside = 4};
    play_all(300, c);
    play_all(200, c, {.log_bytes = 4096});
    play_all(100, c, {.durability = ns::durability::none, .log_bytes = 4096});
}

BOOST_AUTO_TEST_CASE(openings_beside_the_writer) {
    for_each_seed(500, [](auto seed) { require_none(open_beside(seed)); });
}

BOOST_AUTO_TEST_CASE(readers_that_are_overlooked_are_noticed) {
    cast const c{
        .writers = 2, .commits = 8, .chores = 6, .readers_beside = 4};
    using enum ns::planted_fault;
    BOOST_TEST(finds(readers_beside_overlooked, 2000, [&](auto seed) {
        return play(seed, c, {.log_bytes = 4096}).wrong;
    }));
    BOOST_TEST(finds(log_recycled_under_readers, 2000, open_beside));
}

/// Snapshots lose their versions while they are read.
BOOST_AUTO_TEST_CASE(snapshots_are_revoked) {
    std::uint64_t revoked = 0;
    for_each_seed(150, [&](auto seed) {
        world w({.snapshot_max_bytes = 4096});
        play(w, seed,
             {.writers = 2, .commits = 4, .revocable = 3, .chores = 4});
        w.check_all("at the end");
        require_none(w.wrong);
        BOOST_TEST_REQUIRE(w.db.stats().snapshots == 0u);
        revoked += w.revoked;
    });
    BOOST_TEST_MESSAGE(revoked << " snapshots were revoked");
    BOOST_TEST(revoked != 0u);
}

/// The same, with one array that is overwritten all the time, so that pages
/// that come free are taken at once.
BOOST_AUTO_TEST_CASE(short_snapshots_are_revoked) {
    std::uint64_t revoked = 0;
    for_each_seed(400, [&](auto seed) {
        world w({.snapshot_max_bytes = 512});
        schedule s(schedule_options::varied(seed));
        s.spawn("writer", [&] {
            auto ring = w.db.open<number>("ring");
            values const next = ring.to_vector();
            for (int n = 0; n != 8; ++n) {
                ring.assign(next);
                w.db.checkpoint();
            }
        });
        for (int i = 0; i != 2; ++i)
            s.spawn("reader", [&] { read_while_not_revoked(w, 2); });
        s.run();
        require_none(w.wrong);
        revoked += w.revoked;
    });
    BOOST_TEST_MESSAGE(revoked << " snapshots were revoked");
    BOOST_TEST(revoked != 0u);
}

/// The announcements of readers, again and again.
BOOST_AUTO_TEST_CASE(short_readers) {
    for_each_seed(1000, [](auto seed) {
        world w;
        schedule s(schedule_options::varied(seed));
        s.spawn("writer", [&] { commit_and_write_out(w, 6); });
        for (int i = 0; i != 2; ++i)
            s.spawn("reader", [&] { glance(w, 12); });
        s.run();
        require_none(w.wrong);
    });
}

BOOST_AUTO_TEST_CASE(closing_beside_everybody) {
    for_each_seed(300, [](auto seed) { require_none(close_beside(seed)); });
}

BOOST_AUTO_TEST_CASE(a_seed_is_an_interleaving) {
    cast const c{.snapshots = 2, .plain_reads = 2, .chores = 4};
    for (std::uint64_t seed = 1; seed <= 5; ++seed)
        BOOST_TEST_REQUIRE((play(seed, c).trace == play(seed, c).trace),
                           "seed " << seed);
}

/// What a snapshot sees must not be written over.
BOOST_AUTO_TEST_CASE(pages_of_snapshots_reused_are_found) {
    cast const c{.snapshots = 4, .chores = 8};
    BOOST_TEST(finds(ns::planted_fault::reuse_despite_snapshots, 2000,
                     [&](auto seed) { return play(seed, c).wrong; }));
}

BOOST_AUTO_TEST_SUITE_END()
