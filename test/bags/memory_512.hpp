// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/instances.hpp>
#include <numstore/testing/manual_clock.hpp>

#include <cstddef>

namespace bags {

struct memory_512 : numstore::default_policies {
    static constexpr std::size_t page_size = 512;
    using storage = numstore::memory_storage;
    using clock = numstore::testing::manual_clock;
};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::memory_512)
