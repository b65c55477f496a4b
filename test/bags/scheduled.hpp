// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/instances.hpp>
#include <numstore/testing/planted_faults.hpp>
#include <numstore/testing/scheduled_threading.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <cstddef>
#include <cstdint>

namespace bags {

/// Its threads are scheduled, and mistakes can be planted.
struct scheduled : numstore::default_policies {
    static constexpr std::size_t page_size = 512;
    using storage = numstore::testing::simulated_storage;
    using threading = numstore::testing::scheduled_threading;
    using clock = numstore::testing::manual_clock;
    using faults = numstore::testing::planted_faults;
    struct tuning : numstore::default_tuning {
        static constexpr std::uint64_t reserve_bytes = 16384;
        static constexpr std::uint64_t growth_bytes = 16384;
        static constexpr std::uint64_t max_growth_bytes = 65536;
        static constexpr std::uint64_t log_segment_bytes = 8192;
        static constexpr std::uint64_t max_log_segment_bytes = 32768;
        static constexpr std::uint64_t bulk_bytes = 1024;
    };
};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::scheduled)
