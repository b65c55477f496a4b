// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/nd/tile_map.hpp>
#include <numstore/rope/selection.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Elements of one tile, ascending, and where the caller's buffer has each.
struct tile_run {
    std::uint64_t first;
    std::uint64_t stride;
    std::uint64_t count;
    std::uint64_t index;
    std::uint64_t index_step; ///< modulo 2^64: may be negative

    bool is_plain() const noexcept {
        return count == 1 || (stride == 1 && index_step == 1);
    }
};

/// What is taken of one axis, ascending: first, first + step, ..., or a list
/// of positions, of which the caller's buffer has the i-th at order[i].
struct tile_choice {
    std::uint64_t first = 0;
    std::uint64_t step = 1;
    std::uint64_t count = 1;
    std::uint64_t index = 0;      ///< of the first, in the caller's buffer
    std::uint64_t index_step = 0; ///< modulo 2^64
    std::span<std::uint64_t const> list{};
    std::span<std::uint64_t const> order{}; ///< empty: as they are

    std::uint64_t at(std::uint64_t i) const noexcept {
        return list.empty() ? first + i * step
                            : list[static_cast<std::size_t>(i)];
    }
    std::uint64_t index_of(std::uint64_t i) const noexcept {
        return index
               + (order.empty() ? i : order[static_cast<std::size_t>(i)])
                     * index_step;
    }
    /// How many from the i-th on are before `end`.
    std::uint64_t before(std::uint64_t end, std::uint64_t i) const noexcept {
        if (list.empty())
            return std::min(count - i, (end - 1 - at(i)) / step + 1);
        auto const from = list.begin() + static_cast<std::ptrdiff_t>(i);
        return static_cast<std::uint64_t>(
            std::lower_bound(from, list.end(), end) - from);
    }
};

using tile_choices = std::vector<tile_choice>;

/// What a layout of the array in order takes of each of its axes.
template <class Layout>
tile_choices choices_of(tile_map const& map, Layout const& layout) {
    tile_choices all(map.rank());
    if (layout.size() == 0) {
        all[0].count = 0;
        return all;
    }
    std::uint64_t rest = layout.first();
    for (std::size_t k = 0; k != map.rank(); ++k) {
        all[k].first = rest / map[k].row_major;
        rest %= map[k].row_major;
    }
    std::uint64_t inner = 1;
    for (std::size_t v = Layout::rank(); v-- != 0;) {
        std::uint64_t const n = layout.extent(v);
        if (n == 1)
            continue;
        auto const apart = strided_selection::magnitude(layout.stride(v));
        std::size_t k = 0; // steps stay within their axis
        while (map[k].row_major > apart || map[k].extent == 1)
            ++k;
        tile_choice& c = all[k];
        c.count = n;
        c.step = apart / map[k].row_major;
        c.index_step = inner;
        if (layout.stride(v) < 0) {
            c.first -= (n - 1) * c.step;
            c.index = (n - 1) * inner;
            c.index_step = std::uint64_t{0} - inner;
        }
        inner *= n;
    }
    return all;
}

/// All of the array, one behind the other in the buffer, but for one axis.
inline tile_choices choices_along(tile_map const& map, std::size_t axis,
                                  tile_choice one) {
    tile_choices all(map.rank());
    std::uint64_t inner = 1;
    for (std::size_t k = map.rank(); k-- != 0;) {
        all[k].count = map[k].extent;
        if (k == axis)
            all[k] = one;
        all[k].index_step = inner;
        inner *= all[k].count;
    }
    return all;
}

/// Calls f(run) for all elements of the choices, tile by tile, in the order
/// in which they are stored.
template <class F>
class tile_walk {
public:
    tile_walk(tile_map const& map, std::span<tile_choice const> choices,
              F& f) noexcept
        : map_(map), choices_(choices), f_(f) {}

    void operator()() {
        for (tile_choice const& c : choices_)
            if (c.count == 0)
                return;
        tiles(0, 0);
    }

private:
    struct part {
        std::uint64_t first; ///< of what is chosen
        std::uint64_t count;
        std::uint64_t origin; ///< of the tile
    };

    void tiles(std::size_t k, std::uint64_t base) {
        if (k == map_.rank())
            return elements(base);
        tile_choice const& c = choices_[k];
        tile_map::axis const& a = map_[k];
        for (std::uint64_t i = 0; i != c.count;) {
            std::uint64_t const tile = c.at(i) / a.tile;
            std::uint64_t const origin = tile * a.tile;
            std::uint64_t const n = c.before(origin + a.tile, i);
            parts_[k] = {i, n, origin};
            tiles(k + 1, base + tile * a.apart);
            i += n;
        }
    }

    void elements(std::uint64_t base) {
        std::size_t run = map_.rank() - 1;
        std::uint64_t index = 0;
        for (; run != 0 && parts_[run].count == 1; --run)
            step_into(run, parts_[run].first, base, index);
        inner(0, run, base, index);
    }

    void step_into(std::size_t k, std::uint64_t i, std::uint64_t& at,
                   std::uint64_t& index) const noexcept {
        at += (choices_[k].at(i) - parts_[k].origin) * map_[k].within;
        index += choices_[k].index_of(i);
    }

    void inner(std::size_t k, std::size_t run, std::uint64_t at,
               std::uint64_t index) {
        tile_choice const& c = choices_[k];
        part const& p = parts_[k];
        bool const whole = k == run && c.list.empty();
        for (std::uint64_t i = p.first; i != p.first + p.count; ++i) {
            std::uint64_t here = at;
            std::uint64_t there = index;
            step_into(k, i, here, there);
            if (whole)
                return f_(tile_run{here, c.step * map_[k].within, p.count,
                                   there, c.index_step});
            if (k == run)
                f_(tile_run{here, 1, 1, there, 1});
            else
                inner(k + 1, run, here, there);
        }
    }

    tile_map const& map_;
    std::span<tile_choice const> choices_;
    F& f_;
    std::array<part, 32> parts_{};
};

template <class F>
void each_tile_run(tile_map const& map, std::span<tile_choice const> choices,
                   F&& f) {
    tile_walk<std::remove_reference_t<F>>(map, choices, f)();
}

/// Runs as a selection.
class tile_run_selection {
public:
    struct group {
        std::span<tile_run const> runs;
        std::uint64_t from;  ///< elements of the first run that are done
        std::uint64_t to;    ///< elements of the last that belong to it
        std::uint64_t first; ///< of the leaf

        /// f(offset in the leaf, run) for the part of each run.
        template <class F>
        void each(F&& f) const {
            for (std::size_t i = 0; i != runs.size(); ++i) {
                tile_run r = runs[i];
                if (i + 1 == runs.size())
                    r.count = to;
                if (i == 0) {
                    r.count -= from;
                    r.first += from * r.stride;
                    r.index += from * r.index_step;
                }
                f(r.first - first, r);
            }
        }
    };

    explicit tile_run_selection(std::span<tile_run const> runs) noexcept
        : runs_(runs) {}

    bool done() const noexcept { return next_ == runs_.size(); }
    std::uint64_t position() const noexcept {
        return runs_[next_].first + taken_ * runs_[next_].stride;
    }

    /// The elements in a leaf, which are then done. Precondition: the leaf
    /// holds `position()`.
    group take(std::uint64_t first, std::uint64_t count) noexcept {
        std::uint64_t const end = first + count;
        std::size_t const begin = next_;
        std::size_t last = next_;
        group g{{}, taken_, 0, first};
        while (!done() && position() < end) {
            tile_run const& r = runs_[next_];
            last = next_;
            taken_ += std::min(r.count - taken_,
                               (end - 1 - position()) / r.stride + 1);
            g.to = taken_;
            if (taken_ != r.count)
                break;
            ++next_;
            taken_ = 0;
        }
        g.runs = runs_.subspan(begin, last - begin + 1);
        return g;
    }

private:
    std::span<tile_run const> runs_;
    std::size_t next_ = 0;
    std::uint64_t taken_ = 0; ///< of that run
};

/// Copies runs from a leaf to the caller's buffer.
template <std::size_t Size>
struct tile_run_reader {
    std::byte* out;

    void operator()(std::byte const* leaf,
                    tile_run_selection::group const& g) const noexcept {
        g.each([&](std::uint64_t at, tile_run const& r) {
            if (r.is_plain()) {
                auto const n = static_cast<std::size_t>(r.count) * Size;
                if (leaf == nullptr)
                    std::memset(out + r.index * Size, 0, n);
                else
                    std::memcpy(out + r.index * Size, leaf + at * Size, n);
                return;
            }
            for (std::uint64_t i = 0; i != r.count; ++i) {
                std::byte* const to = out + (r.index + i * r.index_step) * Size;
                if (leaf == nullptr)
                    std::memset(to, 0, Size);
                else
                    std::memcpy(to, leaf + (at + i * r.stride) * Size, Size);
            }
        });
    }
};

} // namespace numstore::detail
