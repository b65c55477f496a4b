// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/instances.hpp>
#include <numstore/testing/manual_clock.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>

namespace bags {

/// The manual clock, or one that stands at zero.
struct manual_clock_or_zero {
    static std::chrono::nanoseconds now() noexcept {
        return at_zero.load(std::memory_order_relaxed)
                   ? std::chrono::nanoseconds{}
                   : numstore::testing::manual_clock::now();
    }
    inline static std::atomic<bool> at_zero{false};
};

/// A few thousand elements make a deep tree.
struct memory_512 : numstore::default_policies {
    static constexpr std::size_t page_size = 512;
    using storage = numstore::memory_storage;
    using clock = manual_clock_or_zero;
};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::memory_512)
