// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace numstore::detail {

/// Where a tiled array has its elements: tiles one behind the other, and the
/// elements of each, both with the last axis fastest. Tiles at the ends are
/// whole; what they have beyond the extents is zero. Without axes: the array
/// has no tiles.
class tile_map {
public:
    struct axis {
        std::uint64_t extent;    ///< of the array
        std::uint64_t tile;      ///< of a tile
        std::uint64_t tiles;     ///< how many there are
        std::uint64_t apart;     ///< from a tile to the next, in elements
        std::uint64_t within;    ///< from a position to the next in a tile
        std::uint64_t row_major; ///< the same if there were no tiles
    };

    tile_map() = default;

    /// Precondition: as many of both; what is stored can be counted.
    tile_map(std::span<std::uint64_t const> tile,
             std::span<std::uint64_t const> shape) {
        assert(tile.empty() || tile.size() == shape.size());
        axes_.resize(tile.size());
        std::uint64_t row_major = 1;
        for (std::size_t k = tile.size(); k-- != 0;) {
            std::uint64_t const n = (shape[k] + tile[k] - 1) / tile[k];
            axes_[k] = {shape[k], tile[k], n, 0, volume_, row_major};
            volume_ *= tile[k];
            row_major *= shape[k];
        }
        std::uint64_t apart = volume_;
        for (std::size_t k = tile.size(); k-- != 0;) {
            axes_[k].apart = apart;
            apart *= axes_[k].tiles;
        }
    }

    bool has_tiles() const noexcept { return !axes_.empty(); }
    std::size_t rank() const noexcept { return axes_.size(); }
    axis const& operator[](std::size_t k) const noexcept { return axes_[k]; }
    /// Elements of a tile.
    std::uint64_t volume() const noexcept { return volume_; }

    /// Where the element stands that has this position in order.
    std::uint64_t place_of(std::uint64_t position) const noexcept {
        std::uint64_t at = 0;
        for (axis const& a : axes_) {
            std::uint64_t const i = position / a.row_major;
            position %= a.row_major;
            at += i / a.tile * a.apart + i % a.tile * a.within;
        }
        return at;
    }

private:
    std::vector<axis> axes_{};
    std::uint64_t volume_ = 1;
};

} // namespace numstore::detail
