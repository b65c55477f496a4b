// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/policies.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace bags {

/// Of small devices.
template <std::size_t PageSize>
struct small_sizes : numstore::default_tuning {
    static constexpr std::uint64_t reserve_bytes =
        std::max<std::uint64_t>(16384, 16 * PageSize);
    static constexpr std::uint64_t growth_bytes = reserve_bytes;
    static constexpr std::uint64_t max_growth_bytes =
        std::max<std::uint64_t>(1 << 20, 256 * PageSize);
    static constexpr std::uint64_t log_segment_bytes =
        std::max<std::uint64_t>(8192, PageSize);
    static constexpr std::uint64_t max_log_segment_bytes = 65536;
};

} // namespace bags
