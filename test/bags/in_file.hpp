// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "small_sizes.hpp"

#include <numstore/instances.hpp>

namespace bags {

struct in_file : numstore::default_policies {
    using storage = numstore::file_storage;
    using tuning = small_sizes<page_size>;
};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::in_file)
