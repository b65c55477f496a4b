// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../faults/small_sizes.hpp"
#include "../faults/spared_storage.hpp"

#include <numstore/instances.hpp>

#include <cstddef>

namespace bags {

/// On devices whose memory does not run out.
struct spared_512 : numstore::default_policies {
    static constexpr std::size_t page_size = 512;
    using storage = faults_test::spared_storage;
    using tuning = faults_test::small_sizes<512>;
};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::spared_512)
