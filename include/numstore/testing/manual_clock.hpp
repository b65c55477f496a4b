// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/policies.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace numstore::testing {

/// A clock policy that stands still until a test, or a `schedule` in which
/// nobody can run, moves it. One for the whole process. Thread-safe.
struct manual_clock {
    static std::chrono::nanoseconds now() noexcept {
        return std::chrono::nanoseconds(ticks.load(std::memory_order_seq_cst));
    }
    static void advance(std::chrono::nanoseconds by) noexcept {
        ticks.fetch_add(by.count(), std::memory_order_seq_cst);
    }
    /// Never back: an earlier moment is ignored.
    static void advance_to(std::chrono::nanoseconds moment) noexcept {
        std::int64_t seen = ticks.load(std::memory_order_seq_cst);
        while (seen < moment.count()
               && !ticks.compare_exchange_weak(seen, moment.count(),
                                               std::memory_order_seq_cst)) {
        }
    }

private:
    inline static std::atomic<std::int64_t> ticks{1}; // 0 says "no time"
};
static_assert(clock_policy<manual_clock>);

} // namespace numstore::testing
