// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/index_list.hpp>
#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/nd/nd_write.hpp>
#include <numstore/nd/tile_map.hpp>
#include <numstore/nd/tile_output.hpp>
#include <numstore/nd/tile_planes.hpp>
#include <numstore/nd/tile_runs.hpp>
#include <numstore/rope/selection.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace numstore::detail {

/// Changes a tiled array along one axis. Whole planes of tiles are spliced in
/// or out; what is left, less than a tile, moves the positions behind it from
/// tile to tile. What tiles have beyond the extents stays zero, so that
/// growing into it writes nothing.
template <std::size_t Size, class Writer>
class tile_edit {
public:
    tile_edit(Writer& w, std::span<std::uint64_t const> tile,
              std::span<std::uint64_t const> shape, std::size_t axis)
        : w_(w),
          sizes_(tile),
          shape_(shape.begin(), shape.end()),
          axis_(axis),
          tile_(tile[axis]),
          map_(sizes_, shape_) {}

    /// Zeros where there are no bytes. Throws out_of_range, invalid_argument.
    void insert(std::uint64_t pos, std::uint64_t n,
                std::span<std::byte const> bytes) {
        std::uint64_t const old = extent();
        if (pos > old)
            raise(errc::out_of_range, "insert before position "
                                          + std::to_string(pos) + " of "
                                          + std::to_string(old));
        require_countable(n);
        std::uint64_t const whole = pos == old ? 0 : n / tile_ * tile_;
        if (whole != 0)
            splice_in(pos, whole);
        if (n != whole) {
            resize_to(old + n);
            if (pos != old)
                move_up(pos + whole,
                        {plane_move{pos + whole, pos + n, old - pos}});
        }
        if (!bytes.empty())
            write(bytes, {.first = pos, .count = n});
    }

    /// Precondition: they exist.
    void erase(std::uint64_t pos, std::uint64_t n) {
        std::uint64_t const old = extent();
        if (n == 0)
            return;
        if (pos + n == old)
            return cut_to(pos);
        std::uint64_t const whole = n / tile_ * tile_;
        if (whole != 0)
            splice_out(pos, whole);
        if (n != whole)
            move_down(pos, {plane_move{pos + n - whole, pos, old - pos - n}},
                      old - n);
    }

    void resize(std::uint64_t to) {
        if (to < extent())
            cut_to(to);
        else
            insert(extent(), to - extent(), {});
    }

    /// Positions that ascend; all but these stay, in one pass.
    void erase_at(std::span<std::uint64_t const> gone) {
        if (gone.empty())
            return;
        std::vector<plane_move> moves;
        std::uint64_t const old = extent();
        for (std::size_t i = 0; i != gone.size(); ++i) {
            std::uint64_t const from = gone[i] + 1;
            std::uint64_t const end = i + 1 == gone.size() ? old : gone[i + 1];
            if (from != end)
                moves.push_back({from, from - i - 1, end - from});
        }
        move_down(gone[0], moves, old - gone.size());
    }

    /// A position before each of those that ascend, as they are before all of
    /// it; `list` says where the bytes have it. In one pass.
    void insert_at(index_list const& list, std::span<std::byte const> bytes) {
        auto const at = list.positions();
        if (at.empty())
            return;
        std::uint64_t const old = extent();
        require_countable(at.size());
        resize_to(old + at.size());
        std::vector<plane_move> moves;
        std::vector<std::uint64_t> fresh;
        for (std::size_t i = 0; i != at.size(); ++i) {
            fresh.push_back(at[i] + i);
            std::uint64_t const end = i + 1 == at.size() ? old : at[i + 1];
            if (at[i] != end)
                moves.push_back({at[i], at[i] + i + 1, end - at[i]});
        }
        move_up(at[0], moves);
        write(bytes,
              {.count = fresh.size(), .list = fresh, .order = list.order()});
    }

    /// Overwrites what is chosen of the axis, and all of the others.
    void write(std::span<std::byte const> bytes, tile_choice const& what) {
        if (!bytes.empty())
            write_tiles<Size>(w_, map_, choices_along(map_, axis_, what),
                              bytes);
    }

private:
    std::uint64_t extent() const noexcept { return shape_[axis_]; }
    std::uint64_t tiles() const noexcept { return map_[axis_].tiles; }

    void require_countable(std::uint64_t more) const {
        auto to = shape_;
        to[axis_] = grown(to[axis_], more);
        if (to[axis_] > UINT64_MAX - tile_ || !stored_elements(sizes_, to))
            raise(errc::invalid_argument, "an array would be too large");
    }

    void set_extent(std::uint64_t to) {
        shape_[axis_] = to;
        map_ = tile_map(sizes_, shape_);
    }

    /// The axis among the others, in planes of tiles.
    axis_frame frame() const {
        axis_frame f;
        f.extent = tiles();
        for (std::size_t k = 0; k != axis_; ++k)
            f.outer *= map_[k].tiles;
        f.inner = map_[axis_].apart;
        return f;
    }
    void insert_tiles(std::uint64_t before, std::uint64_t n) {
        insert_planes(w_, frame(), before, n, {});
    }
    void erase_tiles(std::uint64_t from, std::uint64_t n) {
        erase_planes(w_, frame(), from, n);
    }

    /// At the end, where what is cut off is zero already.
    void resize_to(std::uint64_t to) {
        std::uint64_t const needed = (to + tile_ - 1) / tile_;
        if (needed > tiles())
            insert_tiles(tiles(), needed - tiles());
        else if (needed < tiles())
            erase_tiles(needed, tiles() - needed);
        set_extent(to);
    }

    void cut_to(std::uint64_t to) {
        std::uint64_t const kept = (to + tile_ - 1) / tile_ * tile_;
        move(to, std::min(kept, extent()), {}, false);
        resize_to(to);
    }

    /// A number of whole planes of tiles before `pos`, all zeros.
    void splice_in(std::uint64_t pos, std::uint64_t n) {
        std::uint64_t const begin = pos / tile_ * tile_;
        insert_tiles(pos / tile_, n / tile_);
        set_extent(extent() + n);
        if (pos != begin) // what is in front of it in its tile comes back
            move(begin, pos + n, {plane_move{begin + n, begin, pos - begin}},
                 false);
    }
    /// The same away. Precondition: more follows.
    void splice_out(std::uint64_t pos, std::uint64_t n) {
        std::uint64_t const begin = pos / tile_ * tile_;
        if (pos != begin)
            move(begin + n, pos + n,
                 {plane_move{begin, begin + n, pos - begin}}, true);
        erase_tiles(pos / tile_, n / tile_);
        set_extent(extent() - n);
    }

    void move_up(std::uint64_t begin, std::vector<plane_move> const& moves) {
        move(begin, extent(), moves, true);
    }
    void move_down(std::uint64_t begin, std::vector<plane_move> const& moves,
                   std::uint64_t to) {
        move(begin, extent(), moves, false);
        resize_to(to);
    }
    void move(std::uint64_t begin, std::uint64_t end,
              std::vector<plane_move> const& moves, bool up) {
        tile_planes<Size, Writer>(w_, map_, axis_).move(begin, end, moves, up);
    }

    Writer& w_;
    std::span<std::uint64_t const> sizes_;
    std::vector<std::uint64_t> shape_;
    std::size_t axis_;
    std::uint64_t tile_;
    tile_map map_;
};

} // namespace numstore::detail
