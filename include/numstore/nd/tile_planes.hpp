// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/nd/tile_map.hpp>
#include <numstore/nd/tile_output.hpp>
#include <numstore/rope/blocks.hpp>
#include <numstore/rope/survey.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace numstore::detail {

/// Positions of an axis that move together: `count` from `from` on to `to`.
struct plane_move {
    std::uint64_t from;
    std::uint64_t to;
    std::uint64_t count;
};

/// Moves positions of one axis among the tiles that are there, one plane of
/// tiles after the other: of each a tile is read, built anew and, if it has
/// become another, written. Tiles that are holes, where it comes from and
/// where it goes, cost nothing.
template <std::size_t Size, class Writer>
class tile_planes {
public:
    tile_planes(Writer& w, tile_map const& map, std::size_t axis) noexcept
        : w_(w),
          out_(w),
          map_(map),
          tile_(map[axis].tile),
          tiles_(map[axis].tiles),
          inner_(map[axis].within) {
        for (std::size_t k = 0; k != axis; ++k) {
            outer_tiles_ *= map[k].tiles;
            outer_ *= map[k].tile;
        }
        inner_tiles_ = map[axis].apart / map.volume();
    }

    /// Positions [begin, end) become what the moves bring there, and zero
    /// where they bring nothing. The moves ascend, and all go down, or, where
    /// `up`, all go up.
    void move(std::uint64_t begin, std::uint64_t end,
              std::span<plane_move const> moves, bool up) {
        if (begin >= end || outer_tiles_ * inner_tiles_ == 0)
            return;
        std::uint64_t const first = begin / tile_;
        std::uint64_t const last = (end - 1) / tile_;
        for (std::uint64_t i = 0; i <= last - first; ++i) {
            std::uint64_t const plane = up ? last - i : first + i;
            begin_ = std::max(begin, plane * tile_);
            end_ = std::min(end, (plane + 1) * tile_);
            cut(moves);
            rebuild(plane);
        }
    }

private:
    /// One plane of tiles, and up to where its tiles are known to be stored.
    struct source {
        std::uint64_t plane;
        std::uint64_t stored_from = 0;
        std::uint64_t stored_to = 0;
    };

    std::uint64_t count() const noexcept { return end_ - begin_; }
    /// Where a plane has the tile that is the i-th of all planes' tiles.
    std::uint64_t place(std::uint64_t plane, std::uint64_t i) const noexcept {
        return ((i / inner_tiles_ * tiles_ + plane) * inner_tiles_
                + i % inner_tiles_)
               * map_.volume();
    }

    /// The moves into [begin_, end_), none of them from two tiles.
    void cut(std::span<plane_move const> moves) {
        cuts_.clear();
        auto m = std::partition_point(moves.begin(), moves.end(),
                                      [&](plane_move const& one) {
                                          return one.to + one.count <= begin_;
                                      });
        for (; m != moves.end() && m->to < end_; ++m) {
            std::uint64_t to = std::max(m->to, begin_);
            std::uint64_t const stop = std::min(m->to + m->count, end_);
            while (to < stop) {
                std::uint64_t const from = to - m->to + m->from;
                std::uint64_t const n =
                    std::min(stop - to, tile_ - from % tile_);
                cuts_.push_back({from, to, n});
                to += n;
            }
        }
    }

    void rebuild(std::uint64_t plane) {
        std::vector<source> sources{{plane}};
        for (plane_move const& c : cuts_)
            if (c.from / tile_ != sources.back().plane)
                sources.push_back({c.from / tile_});
        std::uint64_t const all = outer_tiles_ * inner_tiles_;
        for (std::uint64_t i = 0; i != all; ++i) {
            std::uint64_t next = all;
            for (source& s : sources)
                next = std::min(next, next_stored(s, i));
            if (next == all)
                break;
            i = next;
            rebuild_tile(plane, i);
        }
        out_.flush();
    }

    /// The next tile of a plane, from the i-th on, that may not be a hole.
    std::uint64_t next_stored(source& s, std::uint64_t i) {
        std::uint64_t const all = outer_tiles_ * inner_tiles_;
        std::uint64_t const volume = map_.volume();
        while (i != all) {
            std::uint64_t const at = place(s.plane, i);
            if (at + volume > s.stored_from && at < s.stored_to)
                return i;
            auto const here = range_survey(w_.rope().nodes())(
                w_.rope().root(), at, survey_elements);
            if (!here.hole) {
                s.stored_from = at;
                s.stored_to = at + here.elements;
                return i;
            }
            std::uint64_t const end = at + here.elements; // of the hole
            if (end < at + volume)
                return i;
            i = std::max(i + 1, first_behind(s.plane, end / volume));
        }
        return all;
    }

    /// Which of a plane's tiles is the first that is not before tile `t`.
    std::uint64_t first_behind(std::uint64_t plane,
                               std::uint64_t t) const noexcept {
        std::uint64_t const outer = t / inner_tiles_ / tiles_;
        std::uint64_t const p = t / inner_tiles_ % tiles_;
        if (p == plane)
            return outer * inner_tiles_ + t % inner_tiles_;
        return (p < plane ? outer : outer + 1) * inner_tiles_;
    }

    void rebuild_tile(std::uint64_t plane, std::uint64_t i) {
        std::uint64_t const at =
            place(plane, i) + (begin_ - plane * tile_) * inner_;
        read(at, count(), old_);
        fresh_.assign(old_.size(), std::byte{0});
        auto const width = static_cast<std::size_t>(count() * inner_) * Size;
        for (plane_move const& c : cuts_) {
            std::uint64_t const from = c.from / tile_;
            read(place(from, i) + (c.from - from * tile_) * inner_, c.count,
                 part_);
            auto const n = static_cast<std::size_t>(c.count * inner_) * Size;
            std::size_t const shift =
                static_cast<std::size_t>((c.to - begin_) * inner_) * Size;
            for (std::size_t o = 0; o * n != part_.size(); ++o)
                std::memcpy(fresh_.data() + o * width + shift,
                            part_.data() + o * n, n);
        }
        if (fresh_ == old_)
            return;
        std::uint64_t const block = count() * inner_;
        for (std::uint64_t o = 0; o != outer_; ++o)
            out_.add(at + o * tile_ * inner_,
                     fresh_.data() + static_cast<std::size_t>(o) * width,
                     block);
    }

    /// `n` positions of a tile, of which the first stands at `at`.
    void read(std::uint64_t at, std::uint64_t n, std::vector<std::byte>& to) {
        std::uint64_t const block = n * inner_;
        to.resize(static_cast<std::size_t>(block * outer_) * Size);
        w_.rope().read_blocks(block_places(at, tile_ * inner_, outer_), block,
                              to);
    }

    static constexpr std::uint64_t survey_elements = std::uint64_t{1} << 20;

    Writer& w_;
    tile_output<Size, Writer> out_;
    tile_map const& map_;
    std::uint64_t tile_;
    std::uint64_t tiles_;
    std::uint64_t inner_;     ///< elements behind a position, in a tile
    std::uint64_t outer_ = 1; ///< times that a tile has it
    std::uint64_t outer_tiles_ = 1;
    std::uint64_t inner_tiles_;
    std::uint64_t begin_ = 0; ///< of what becomes new, in this plane
    std::uint64_t end_ = 0;
    std::vector<plane_move> cuts_{};
    std::vector<std::byte> old_{};
    std::vector<std::byte> fresh_{};
    std::vector<std::byte> part_{};
};

} // namespace numstore::detail
