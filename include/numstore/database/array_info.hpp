// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace numstore {

/// What `list` tells of an array.
struct array_info {
    std::string name;
    std::string element;           ///< as `element_type::to_string` has it
    std::uint64_t size = 0;        ///< elements
    std::uint64_t bytes = 0;       ///< of all elements
    std::uint64_t stored_bytes = 0; ///< of its pages at the last checkpoint
};

} // namespace numstore
