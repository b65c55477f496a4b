// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/rope/leaf_shape.hpp>
#include <numstore/rope/root.hpp>

#include <algorithm>
#include <cstdint>

namespace numstore::detail {

/// An array of at most this many bytes lives inside its catalogue entry.
inline constexpr std::uint64_t max_inline_bytes = 512;

/// True if the elements are in memory as one small leaf, which belongs into
/// the catalogue entry. Empty arrays take no page either.
inline bool is_inline(rope_root const& r, leaf_shape const& shape) noexcept {
    if (r.empty())
        return true;
    frame const* const f = r.node.node();
    return r.height == 0 && f != nullptr && f->place() == no_page
           && shape.bytes(r.size)
                  <= std::min(max_inline_bytes, shape.page_bytes / 4);
}

} // namespace numstore::detail
