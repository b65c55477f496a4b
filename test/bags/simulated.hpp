// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../faults/spared_storage.hpp"
#include "small_sizes.hpp"

#include <numstore/instances.hpp>

#include <cstddef>

namespace bags {

template <std::size_t PageSize>
struct simulated : numstore::default_policies {
    static constexpr std::size_t page_size = PageSize;
    using storage = faults_test::spared_storage;
    using tuning = small_sizes<PageSize>;
};

} // namespace bags
