// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "small_sizes.hpp"

#include <numstore/instances.hpp>

#include <cstddef>

namespace bags {

/// Of a mapped file.
struct small_pages : numstore::default_policies {
    static constexpr std::size_t page_size = 512;
    using tuning = small_sizes<page_size>;
};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::small_pages)
