// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/policies.hpp>

#include <cstddef>
#include <cstdint>

namespace faults_test {

/// Small pages and segments, so that little data has everything.
template <std::size_t PageSize>
struct small_sizes : numstore::default_tuning {
    static constexpr std::uint64_t reserve_bytes = 16 * PageSize;
    static constexpr std::uint64_t growth_bytes = 16 * PageSize;
    static constexpr std::uint64_t max_growth_bytes = 256 * PageSize;
    static constexpr std::uint64_t log_segment_bytes =
        PageSize < 8192 ? 8192 : PageSize;
    static constexpr std::uint64_t max_log_segment_bytes = 65536;
};

} // namespace faults_test
