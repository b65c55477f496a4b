// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element.hpp>
#include <numstore/array/element_bytes.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/nd/extents.hpp>
#include <numstore/nd/grid.hpp>
#include <numstore/nd/tile_map.hpp>
#include <numstore/nd/tile_runs.hpp>
#include <numstore/rope/blocks.hpp>
#include <numstore/rope/element_search.hpp>
#include <numstore/rope/kernels.hpp>
#include <numstore/rope/selection.hpp>
#include <numstore/rope/transfer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace numstore::detail {

/// Elements of a filled array are stored XOR its fill value: turns one into
/// the other. Without a fill value there is nothing to do. With `Size`, that
/// of an element, in vectors.
template <std::size_t Size = std::dynamic_extent>
void apply_fill(std::span<std::byte const> fill,
                std::span<std::byte> elements) noexcept {
    if (fill.empty())
        return;
    auto const change = [&](auto const& value) {
        for (std::size_t at = 0; at != elements.size(); at += value.size())
            for (std::size_t i = 0; i != value.size(); ++i)
                elements[at + i] ^= value[i];
    };
    if constexpr (Size == std::dynamic_extent) {
        change(fill);
    } else {
        std::array<std::byte, Size> value;
        std::copy_n(fill.begin(), Size, value.begin());
        change(value);
    }
}

/// What an array's version has as extents. Throws type_mismatch if these are
/// others than the static ones, corrupt if they are not its elements.
template <class Extents>
std::array<std::uint64_t, Extents::rank()>
shape_of_version(array_state const& state, std::uint64_t size,
                 dimensions_ptr const& dimensions) {
    std::array<std::uint64_t, Extents::rank()> shape{};
    if constexpr (Extents::rank() == 1) {
        shape[0] = size;
    } else {
        if (dimensions == nullptr || dimensions->size() != Extents::rank())
            raise(errc::corrupt, state.name + ": has no shape");
        std::copy(dimensions->begin(), dimensions->end(), shape.begin());
    }
    if (stored_elements(state.form.tile, shape) != size)
        raise(errc::corrupt, state.name + ": the shape is not its elements");
    for (std::size_t k = 0; k != Extents::rank(); ++k)
        if (Extents::static_extent(k) != dynamic
            && Extents::static_extent(k) != shape[k])
            raise(errc::type_mismatch,
                  state.name + ": axis " + std::to_string(k)
                      + " has extent " + std::to_string(shape[k])
                      + ", and was to be opened with "
                      + std::to_string(Extents::static_extent(k)));
    return shape;
}

/// A version of an array with axes that stays readable.
template <class Policies>
struct nd_version {
    pinned_root<Policies> at;
    std::vector<std::byte> fill;
    tile_map map{};
};

/// Puts the rows of a sorted list where the caller wants each.
template <std::size_t Size>
struct ordered_block_reader {
    std::byte* out;
    std::span<std::uint64_t const> order; ///< empty: as they are

    void operator()(std::byte const* leaf,
                    block_selection::group const& g) const noexcept {
        g.each([&](std::uint64_t at, std::uint64_t n, std::uint64_t index) {
            std::uint64_t const row = index / g.block;
            std::uint64_t const to =
                order.empty()
                    ? index
                    : order[static_cast<std::size_t>(row)] * g.block
                          + index % g.block;
            auto const bytes = static_cast<std::size_t>(n) * Size;
            if (leaf == nullptr)
                std::memset(out + to * Size, 0, bytes);
            else
                std::memcpy(out + to * Size, leaf + at * Size, bytes);
        });
    }
};

/// Reads from one version of an array with axes. `steady`: it is one that
/// nobody changes any more, so that its directory of leaves may serve.
template <class T, class Policies>
class nd_source {
public:
    using pages = pager<Policies>;

    /// What is given must outlive it.
    nd_source(rope_root const& root, pages& from,
              std::span<std::byte const> fill, tile_map const& map,
              bool steady) noexcept
        : nodes_(from, leaf), root_(&root), fill_(fill), map_(&map),
          steady_(steady) {}
    explicit nd_source(nd_version<Policies> const& v) noexcept
        : nd_source(v.at.root, v.at.pin->pages(), v.fill, v.map, true) {}

    /// Elements one behind the other, as if there were no tiles: along the
    /// last axis, or whole rows.
    template <class U>
    void read(std::uint64_t pos, std::span<U> out) const {
        fill_elements<T>(
            out, [&](std::span<std::byte> bytes) { read_at(pos, bytes); });
    }

    T element(std::uint64_t pos) const {
        if (steady_ && fill_.empty() && !map_->has_tiles())
            if (std::byte const* const at = find_element(
                    nodes_.pages(), nodes_.shape(), *root_, pos))
                return load_element<T>(at);
        std::array<std::byte, element_bytes> stored;
        read_at(pos, stored);
        return load_element<T>(stored.data());
    }

    /// All elements of a layout, of which this is the grid, in its order.
    template <class Layout, class U>
    void read(Layout const& layout, grid<Layout::rank()> const& g,
              std::span<U> out) const {
        fill_elements<T>(out, [&](std::span<std::byte> bytes) {
            read_stored(layout, g, bytes);
        });
    }

    /// The same as they are stored, and not checked.
    template <class Layout>
    void read_stored(Layout const& layout, grid<Layout::rank()> const& g,
                     std::span<std::byte> out) const {
        if (map_->has_tiles()) {
            read_tiles(choices_of(*map_, layout), out);
            return apply_fill<element_bytes>(fill_, out);
        }
        g.each_pass(
            [&](block_places const& at, std::uint64_t block,
                std::uint64_t index) {
                if (at.count() == 1)
                    return read_run(at[0], part(out, index, block));
                visit_leaves(nodes_, *root_, block_selection(at, block),
                             reader(out.data() + index * element_bytes));
            },
            [&](std::uint64_t first, std::uint64_t stride,
                std::uint64_t count, std::uint64_t index) {
                visit_leaves(
                    nodes_, *root_,
                    strided_selection(
                        first, static_cast<std::int64_t>(stride), count),
                    reader(out.data() + index * element_bytes));
            });
        reverse_axes(g, out);
        apply_fill<element_bytes>(fill_, out);
    }

    /// Rows that ascend, each of `row` elements, as they are stored and not
    /// checked, where the order says; see `ordered_block_reader`.
    void read_rows(std::span<std::uint64_t const> rows, std::uint64_t row,
                   std::span<std::uint64_t const> order,
                   std::span<std::byte> out) const {
        if (out.empty())
            return;
        if (map_->has_tiles()) {
            read_tiles(
                choices_along(
                    *map_, 0,
                    {.count = rows.size(), .list = rows, .order = order}),
                out);
        } else {
            std::vector<std::uint64_t> places(rows.begin(), rows.end());
            for (std::uint64_t& p : places)
                p *= row;
            block_places const at(places);
            if (!are_apart(at) || !find_rows(at, row, order, out))
                visit_leaves(
                    nodes_, *root_, block_selection(at, row),
                    ordered_block_reader<element_bytes>{out.data(), order});
        }
        apply_fill<element_bytes>(fill_, out);
    }

private:
    static constexpr std::size_t element_bytes = stored_bytes<T>;
    static constexpr leaf_shape leaf =
        leaf_shape_of(element_bytes, Policies::page_size);

    void read_at(std::uint64_t pos, std::span<std::byte> out) const {
        if (out.empty())
            return;
        if (map_->has_tiles())
            read_tiles(range_choices(pos, out.size() / element_bytes), out);
        else
            read_run(pos, out);
        apply_fill<element_bytes>(fill_, out);
    }

    static group_reader<fixed_element<element_bytes>>
    reader(std::byte* out) noexcept {
        return {{}, out};
    }

    /// Are there so few in a leaf that to find each costs less than to walk
    /// to the leaf?
    bool are_apart(block_places const& at) const noexcept {
        constexpr std::uint64_t few = 8;
        return steady_
               && (at[at.count() - 1] - at[0]) / at.count()
                      >= leaf.capacity / few;
    }

    /// False where `read_fast` does not find all of them.
    bool find_rows(block_places const& at, std::uint64_t row,
                   std::span<std::uint64_t const> order,
                   std::span<std::byte> out) const {
        bool all = true;
        for (std::uint64_t i = 0; all && i != at.count(); ++i) {
            std::uint64_t const to =
                order.empty() ? i : order[static_cast<std::size_t>(i)];
            all = read_fast(nodes_, *root_, at[i], part(out, to * row, row));
        }
        return all;
    }

    static std::span<std::byte> part(std::span<std::byte> out,
                                     std::uint64_t index,
                                     std::uint64_t n) noexcept {
        return out.subspan(static_cast<std::size_t>(index) * element_bytes,
                           static_cast<std::size_t>(n) * element_bytes);
    }

    void read_run(std::uint64_t pos, std::span<std::byte> out) const {
        if (out.empty() || (steady_ && read_fast(nodes_, *root_, pos, out)))
            return;
        read_range(nodes_, *root_, pos, fixed_element<element_bytes>{}, out);
    }

    tile_choices range_choices(std::uint64_t pos, std::uint64_t n) const {
        std::size_t const last = map_->rank() - 1;
        std::uint64_t const row = (*map_)[0].row_major;
        if (pos % row == 0 && n % row == 0)
            return choices_along(*map_, 0,
                                 {.first = pos / row, .count = n / row});
        tile_choices all(map_->rank());
        for (std::size_t k = 0; k != last; ++k) {
            all[k].first = pos / (*map_)[k].row_major;
            pos %= (*map_)[k].row_major;
        }
        all[last] = {.first = pos, .count = n, .index_step = 1};
        return all;
    }

    /// Each leaf once for all runs that are gathered together.
    void read_tiles(tile_choices const& choices,
                    std::span<std::byte> out) const {
        std::vector<tile_run> runs;
        auto const flush = [&] {
            visit_leaves(nodes_, *root_, tile_run_selection(runs),
                         tile_run_reader<element_bytes>{out.data()});
            runs.clear();
        };
        each_tile_run(*map_, choices, [&](tile_run const& r) {
            if (runs.size() == most_runs)
                flush();
            runs.push_back(r);
        });
        flush();
    }

    static constexpr std::size_t most_runs = 4096;

    node_source<Policies> nodes_;
    rope_root const* root_;
    std::span<std::byte const> fill_;
    tile_map const* map_;
    bool steady_;
};

inline void require_room_for(std::uint64_t count, std::size_t room) {
    if (count > room)
        raise(errc::size_mismatch, std::to_string(count)
                                       + " elements, and room for "
                                       + std::to_string(room));
}

} // namespace numstore::detail
