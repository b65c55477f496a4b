// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../faults/spared_storage.hpp"
#include "stepping_threading.hpp"

#include <numstore/instances.hpp>
#include <numstore/testing/planted_faults.hpp>

#include <cstddef>
#include <cstdint>

namespace bags {

/// Short scripts meet what large databases do.
struct small_device : numstore::default_tuning {
    static constexpr std::uint64_t reserve_bytes = 16384;
    static constexpr std::uint64_t growth_bytes = 16384;
    static constexpr std::uint64_t max_growth_bytes = std::uint64_t{1} << 20;
    static constexpr std::uint64_t log_segment_bytes = 8192;
    static constexpr std::uint64_t max_log_segment_bytes = 65536;
    static constexpr std::uint64_t bulk_bytes = 2048;
    static constexpr std::size_t reclaimed_nodes = 2;
};

/// All that tests may want to do to a database, beside what it does by itself.
template <std::size_t PageSize>
struct simulated : numstore::default_policies {
    static constexpr std::size_t page_size = PageSize;
    using storage = faults_test::spared_storage;
    using threading = stepping_threading;
    using tuning = small_device;
    using faults = numstore::testing::planted_faults;
};

} // namespace bags
