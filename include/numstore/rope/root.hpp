// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/frame.hpp>

#include <cstdint>
#include <utility>

namespace numstore::detail {

/// An array's tree as a value: a strong reference to its root node, which is
/// a leaf or a hole at height 0. Cheap to copy; an array without elements
/// has no node. The frames of a root that others may read are never changed.
struct rope_root {
    child_ref node{};
    std::uint8_t height = 0;
    std::uint64_t size = 0;

    bool empty() const noexcept { return size == 0; }
    /// The same tree, in memory: there is nothing to copy.
    bool is(rope_root const& other) const noexcept {
        return node.node() != nullptr && node.node() == other.node.node()
               && height == other.height && size == other.size;
    }
    /// Nothing but zeros that take no space.
    bool is_hole() const noexcept {
        return size != 0 && height == 0 && node.is_hole();
    }
};

} // namespace numstore::detail
