// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/element_type.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace numstore {

/// What `list` tells of an array.
struct array_info {
    std::string name;
    element_type element;
    std::uint64_t size = 0;         ///< elements
    std::uint64_t bytes = 0;        ///< of all elements
    std::uint64_t stored_bytes = 0; ///< of its pages at the last checkpoint
    std::vector<std::uint64_t> shape{}; ///< the extent of each axis
};

} // namespace numstore
