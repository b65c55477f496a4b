// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// Writers, readers, and who looks after the file, in many interleavings.
#include "scripts.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <vector>

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

} // namespace

BOOST_AUTO_TEST_SUITE(concurrency_interleavings)

BOOST_AUTO_TEST_CASE(two_writers_and_snapshots) {
    play_all(500, {.writers = 2, .commits = 5, .snapshots = 3});
}

BOOST_AUTO_TEST_CASE(three_writers_and_all_readers) {
    play_all(500, {.writers = 3,
                   .commits = 4,
                   .snapshots = 2,
                   .plain_reads = 4});
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
    cast const c{.writers = 3, .commits = 5, .snapshots = 2, .plain_reads = 2,
                 .chores = 2};
    play_all(200, c, {.log_bytes = 4096});
    play_all(200, c, {.durability = ns::durability::grouped});
    play_all(200, c, {.durability = ns::durability::none, .log_bytes = 4096});
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
    BOOST_TEST(finds(ns::planted_fault::reuse_despite_snapshots, 300,
                     [&](auto seed) { return play(seed, c).wrong; }));
}

BOOST_AUTO_TEST_SUITE_END()
