// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/instances.hpp>

#include <cstddef>

namespace bags {

/// A few thousand elements make a deep tree.
struct memory_512_no_log : numstore::default_policies {
    static constexpr std::size_t page_size = 512;
    using storage = numstore::memory_storage;
    using logging = numstore::no_log;
};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::memory_512_no_log)
