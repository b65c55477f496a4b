// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/testing/simulated_power_loss.hpp>

#include <chrono>
#include <cstdint>
#include <iterator>
#include <stdexcept>

namespace numstore::testing {

/// How a schedule chooses who goes on.
enum class scheduling {
    /// At each point, with a chance, any thread that can run.
    random,
    /// Always the thread of the highest priority that can run; priorities are
    /// random, and at a few random points the one that runs gets the lowest.
    /// Finds faults that need few preemptions with a known probability:
    /// "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs"
    /// (Burckhardt and others, ASPLOS 2010), section 2.
    priorities
};

struct schedule_options {
    std::uint64_t seed = 1;
    scheduling how = scheduling::random;
    unsigned switch_percent = 25;  ///< random: points that ask who goes on
    unsigned atomic_percent = 100; ///< accesses of atomics that are points
    /// Nobody is preempted but at atomics: reaches deeper into what works
    /// without locks.
    bool only_atomics = false;
    unsigned spurious_percent = 3; ///< waits that end without being notified
    unsigned changes = 3;          ///< priorities: how often they change,
    std::uint64_t expected_steps = 2000; ///< within about so many points
    std::uint64_t max_steps = 5'000'000; ///< more of them are a livelock
    bool quiet = false; ///< says nothing on stderr when the threads are stuck

    /// Both ways to choose, and many and few switches, by turns.
    static schedule_options varied(std::uint64_t seed) noexcept {
        constexpr unsigned switches[]{50, 25, 10, 3, 1};
        constexpr std::uint64_t lengths[]{300, 3000, 30000};
        detail::split_mix random(seed ^ 0x5eed);
        schedule_options o;
        o.seed = seed;
        if (random.percent(33))
            o.how = scheduling::priorities;
        o.switch_percent = switches[random.below(std::size(switches))];
        o.atomic_percent = random.percent(50) ? 100 : 20;
        o.only_atomics = random.percent(25);
        o.changes = static_cast<unsigned>(1 + random.below(8));
        o.expected_steps = lengths[random.below(std::size(lengths))];
        return o;
    }
};

/// What happened: equal for equal seeds and programs.
struct schedule_trace {
    std::uint64_t steps = 0;   ///< points that threads came to
    std::uint64_t choices = 0; ///< of these, where another thread went on
    std::uint64_t hash = 0;    ///< of all points and choices, in order
    std::chrono::nanoseconds waited{0}; ///< how far the clock was moved

    friend bool operator==(schedule_trace const&,
                           schedule_trace const&) = default;
};

/// All threads wait for one another, or none gets anywhere. Tells the seed,
/// and who waits for what.
class schedule_failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace numstore::testing
