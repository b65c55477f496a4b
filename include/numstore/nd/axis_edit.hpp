// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/index_list.hpp>
#include <numstore/array/slice.hpp>
#include <numstore/nd/layout.hpp>
#include <numstore/nd/nd_write.hpp>
#include <numstore/nd/tile_edit.hpp>
#include <numstore/nd/tile_map.hpp>
#include <numstore/nd/tile_output.hpp>
#include <numstore/nd/tile_runs.hpp>
#include <numstore/rope/selection.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace numstore::detail {

/// Changes an array along one axis, whatever its layout. Positions that are
/// said to exist are to be checked before.
template <std::size_t Size, class Writer>
class axis_edit {
    using bytes = std::span<std::byte const>;
    using tiles = tile_edit<Size, Writer>;

public:
    template <std::size_t Rank>
    axis_edit(Writer& w, std::span<std::uint64_t const> tile,
              std::array<std::uint64_t, Rank> const& shape, std::size_t axis)
        : w_(w),
          tile_(tile),
          shape_(shape.begin(), shape.end()),
          axis_(axis),
          frame_(shape, axis) {}

    axis_frame const& frame() const noexcept { return frame_; }

    /// The fill value where there are no values.
    void insert(std::uint64_t pos, std::uint64_t n, bytes values) {
        if (tile_.empty())
            insert_planes(w_, frame_, pos, n, values);
        else
            in_tiles().insert(pos, n, values);
    }
    void erase(std::uint64_t pos, std::uint64_t n) {
        if (tile_.empty())
            erase_planes(w_, frame_, pos, n);
        else
            in_tiles().erase(pos, n);
    }
    void erase(selection const& what) {
        if (tile_.empty())
            return erase_planes(w_, frame_, what);
        if (what.count == 0)
            return;
        auto const step = strided_selection::magnitude(what.step);
        std::uint64_t const low =
            what.step < 0 ? what.first - (what.count - 1) * step : what.first;
        if (what.count == 1 || step == 1)
            return in_tiles().erase(low, what.count);
        std::vector<std::uint64_t> gone;
        for (std::uint64_t i = 0; i != what.count; ++i)
            gone.push_back(low + i * step);
        in_tiles().erase_at(gone);
    }
    void resize(std::uint64_t to) {
        if (tile_.empty())
            resize_axis(w_, frame_, to);
        else
            in_tiles().resize(to);
    }

    // axis 0

    void write_rows(std::uint64_t pos, std::uint64_t n, bytes values) {
        if (!tile_.empty())
            in_tiles().write(values, {.first = pos, .count = n});
        else if (n != 0)
            w_.write(pos * frame_.inner, values);
    }
    void write_rows(index_list const& rows, bytes values) {
        if (tile_.empty())
            return scatter_rows<Size>(w_, frame_, rows, values);
        require_rows<Size>(rows, frame_, values);
        check_positions(rows.positions(), frame_.extent, true);
        in_tiles().write(values, {.count = rows.size(),
                                  .list = rows.positions(),
                                  .order = rows.order()});
    }
    void insert_rows(index_list const& rows, bytes values) {
        if (tile_.empty())
            return detail::insert_rows<Size>(w_, frame_, rows, values);
        require_rows<Size>(rows, frame_, values);
        if (!rows.empty() && rows.positions().back() > frame_.extent)
            raise_out_of_range(rows.positions().back(), frame_.extent);
        in_tiles().insert_at(rows, values);
    }
    void erase_rows(index_list const& rows) {
        if (tile_.empty())
            return detail::erase_rows(w_, frame_, rows.positions());
        check_positions(rows.positions(), frame_.extent, true);
        in_tiles().erase_at(rows.positions());
    }

private:
    tiles in_tiles() const { return tiles(w_, tile_, shape_, axis_); }

    Writer& w_;
    std::span<std::uint64_t const> tile_;
    std::vector<std::uint64_t> shape_;
    std::size_t axis_;
    axis_frame frame_;
};

/// Overwrites the elements of a layout of an array of this shape. Throws
/// size_mismatch.
template <std::size_t Size, class Writer, class Layout>
void write_layout(Writer& w, std::span<std::uint64_t const> tile,
                  std::span<std::uint64_t const> shape, Layout const& layout,
                  std::span<std::byte const> bytes) {
    if (tile.empty())
        return write_grid<Size>(w, layout, bytes);
    require_same_size(bytes.size() / Size, layout.size());
    tile_map const map(tile, shape);
    write_tiles<Size>(w, map, choices_of(map, layout), bytes);
}

} // namespace numstore::detail
