// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/position.hpp>
#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace numstore {

/// A tiled layout: the extent of a tile along each axis. An array that has
/// one stores tile by tile, so that what is near along any axis is near in
/// the file. Two axes or more, and 2^20 elements a tile at most: throws
/// invalid_argument, and out_of_range for a negative extent.
class tiling {
public:
    template <integer... I>
        requires(sizeof...(I) >= 2 && sizeof...(I) <= 32)
    explicit tiling(I... extents)
        : tiling(detail::reporting_no_memory([&] {
              return std::vector<std::uint64_t>{
                  detail::to_count(extents, "extent")...};
          })) {}

    explicit tiling(std::vector<std::uint64_t> extents)
        : extents_(std::move(extents)) {
        if (!detail::is_tile(format::tiled, extents_.size(), extents_))
            detail::raise(errc::invalid_argument,
                          "tiles of 1 to "
                              + std::to_string(format::max_tile_elements)
                              + " elements along 2 to 32 axes are possible");
    }

    std::size_t rank() const noexcept { return extents_.size(); }
    std::vector<std::uint64_t> const& extents() const noexcept {
        return extents_;
    }
    friend bool operator==(tiling const&, tiling const&) = default;

private:
    std::vector<std::uint64_t> extents_;
};

/// The same, checked when the program is compiled: `tiled<64, 64>{}`.
template <std::uint64_t... E>
struct tiled {
    static_assert(sizeof...(E) >= 2 && sizeof...(E) <= 32,
                  "a tile has 2 to 32 axes");
    static_assert(((E != 0 && E <= format::max_tile_elements) && ...),
                  "a tile has 1 to 2^20 elements");

    operator tiling() const { return tiling(E...); }
};

} // namespace numstore
