// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element_bytes.hpp>
#include <numstore/array/index_list.hpp>
#include <numstore/array/slice.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/database/array_state.hpp>
#include <numstore/database/committer.hpp>
#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/function_ref.hpp>
#include <numstore/nd/grid.hpp>
#include <numstore/nd/tiling.hpp>
#include <numstore/rope/blocks.hpp>
#include <numstore/rope/selection.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace numstore::detail {

/// f(writer that may resize): several records as one change.
template <class Policies>
void change_as_one(array_ref<Policies> const& array,
                   function_ref<void(array_writer<Policies>&)> f) {
    reporting_no_memory([&] {
        committer<Policies>(array.owner())
            .as_one(array.in_transaction(), [&](auto const& t) {
                array.in(t).change(
                    [&](array_writer<Policies>& w) { f(w.resizing()); });
            });
    });
}

/// An axis among the others: `outer` times there are `extent` planes of
/// `inner` neighbouring elements.
struct axis_frame {
    axis_frame() = default;

    template <std::size_t Rank>
    axis_frame(std::array<std::uint64_t, Rank> const& shape, std::size_t axis)
        : extent(shape[axis]) {
        for (std::size_t k = 0; k != axis; ++k)
            outer *= shape[k];
        for (std::size_t k = axis + 1; k != Rank; ++k)
            inner *= shape[k];
    }

    /// How many positions of the axis so many elements are. Throws
    /// size_mismatch unless they are whole ones.
    std::uint64_t planes_in(std::uint64_t elements) const {
        if (elements == 0)
            return 0;
        std::uint64_t const each = outer * inner;
        if (each == 0 || elements % each != 0)
            raise(errc::size_mismatch,
                  std::to_string(elements)
                      + " values, where each position of the axis has "
                      + std::to_string(each));
        return elements / each;
    }

    block_places places(std::uint64_t pos) const noexcept {
        return {pos * inner, extent * inner, outer};
    }

    std::uint64_t outer = 1;
    std::uint64_t extent = 0;
    std::uint64_t inner = 1;
};

/// Throws invalid_argument.
inline std::uint64_t grown(std::uint64_t extent, std::uint64_t by) {
    std::uint64_t to = 0;
    if (!add(extent, by, to))
        raise(errc::invalid_argument, "an axis would be too long");
    return to;
}

template <std::size_t Rank>
dimensions_ptr make_dimensions(std::array<std::uint64_t, Rank> const& shape) {
    return std::make_shared<std::vector<std::uint64_t> const>(shape.begin(),
                                                              shape.end());
}

template <class T>
format::array_shape form_of(std::size_t rank, T const& fill,
                            tiling const* tile) {
    format::array_shape form;
    form.rank = static_cast<std::uint8_t>(rank);
    if (tile != nullptr) {
        if (tile->rank() != rank)
            raise(errc::invalid_argument,
                  "tiles of " + std::to_string(tile->rank())
                      + " axes for an array of " + std::to_string(rank));
        form.layout = format::tiled;
        form.tile = tile->extents();
    }
    if (!is_stored_as_zero(fill)) {
        form.layout =
            tile == nullptr ? format::in_order_filled : format::tiled_filled;
        form.fill.resize(stored_bytes<T>);
        store_element(fill, form.fill.data());
    }
    return form;
}

/// `n` planes before position `pos`; zeros where there are no bytes.
template <class Writer>
void insert_planes(Writer& w, axis_frame const& f, std::uint64_t pos,
                   std::uint64_t n, std::span<std::byte const> bytes) {
    if (pos > f.extent)
        raise(errc::out_of_range, "insert before position "
                                      + std::to_string(pos) + " of "
                                      + std::to_string(f.extent));
    grown(f.extent, n);
    std::uint64_t block = 0;
    std::uint64_t all = 0;
    if (!multiply(n, f.inner, block) || !multiply(block, f.outer, all))
        raise(errc::invalid_argument, "an array would be too large");
    if (all == 0)
        return;
    if (bytes.empty())
        w.insert_zero_blocks(f.places(pos), block);
    else if (f.outer == 1)
        w.insert(pos * f.inner, bytes);
    else
        w.insert_blocks(f.places(pos), block, bytes);
}

/// Precondition: they exist.
template <class Writer>
void erase_planes(Writer& w, axis_frame const& f, std::uint64_t pos,
                  std::uint64_t n) {
    if (n * f.inner * f.outer != 0)
        w.erase_blocks(f.places(pos), n * f.inner);
}

/// The selected positions of an axis.
template <class Writer>
void erase_planes(Writer& w, axis_frame const& f, selection const& what) {
    if (what.count == 0 || f.outer * f.inner == 0)
        return;
    auto const step = strided_selection::magnitude(what.step);
    std::uint64_t const low =
        what.step < 0 ? what.first - (what.count - 1) * step : what.first;
    if (what.count == 1 || step == 1)
        return erase_planes(w, f, low, what.count);
    if (f.outer == 1 || what.count * step == f.extent)
        return w.erase_blocks({low * f.inner, step * f.inner,
                               f.outer * what.count}, // alike in all of them
                              f.inner);
    constexpr std::uint64_t most = std::uint64_t{1} << 18;
    std::uint64_t const some = std::max<std::uint64_t>(1, most / what.count);
    std::vector<std::uint64_t> list;
    for (std::uint64_t end = f.outer; end != 0;) { // places before it stay
        std::uint64_t const begin = end - std::min(end, some);
        list.clear();
        for (std::uint64_t o = begin; o != end; ++o)
            for (std::uint64_t i = 0; i != what.count; ++i)
                list.push_back((o * f.extent + low + i * step) * f.inner);
        w.erase_blocks(block_places(list), f.inner);
        end = begin;
    }
}

template <class Writer>
void resize_axis(Writer& w, axis_frame const& f, std::uint64_t to) {
    if (to < f.extent)
        erase_planes(w, f, to, f.extent - to);
    else if (to > f.extent)
        insert_planes(w, f, f.extent, to - f.extent, {});
}

/// Overwrites the elements of a layout. Throws size_mismatch.
template <std::size_t Size, class Writer, class Layout>
void write_grid(Writer& w, Layout const& layout,
                std::span<std::byte const> bytes) {
    grid<Layout::rank()> const g(layout);
    require_same_size(bytes.size() / Size, g.size());
    std::vector<std::byte> turned;
    if (g.any_flipped()) {
        turned.assign(bytes.begin(), bytes.end());
        reverse_axes(g, turned);
        bytes = turned;
    }
    auto const part = [&](std::uint64_t index, std::uint64_t n) {
        return bytes.subspan(static_cast<std::size_t>(index) * Size,
                             static_cast<std::size_t>(n) * Size);
    };
    g.each_pass(
        [&](block_places const& at, std::uint64_t block, std::uint64_t index) {
            if (at.count() == 1)
                w.write(at[0], part(index, block));
            else
                w.write_blocks(at, block, part(index, block * at.count()));
        },
        [&](std::uint64_t first, std::uint64_t stride, std::uint64_t count,
            std::uint64_t index) {
            w.write(first, static_cast<std::int64_t>(stride),
                    part(index, count));
        });
}

// rows by lists of positions

inline std::vector<std::uint64_t>
row_places(std::span<std::uint64_t const> rows, std::uint64_t row) {
    std::vector<std::uint64_t> places(rows.begin(), rows.end());
    for (std::uint64_t& p : places)
        p *= row;
    return places;
}

/// Rows in the order of a list's positions, in `buffer` if that is another.
inline std::span<std::byte const>
sorted_rows(index_list const& list, std::span<std::byte const> bytes,
            std::size_t row_bytes, std::vector<std::byte>& buffer) {
    if (list.order().empty())
        return bytes;
    buffer.resize(bytes.size());
    for (std::size_t i = 0; i != list.size(); ++i)
        std::memcpy(buffer.data() + i * row_bytes,
                    bytes.data()
                        + static_cast<std::size_t>(list.order()[i])
                              * row_bytes,
                    row_bytes);
    return buffer;
}

template <std::size_t Size>
void require_rows(index_list const& list, axis_frame const& f,
                  std::span<std::byte const> bytes) {
    std::uint64_t n = 0;
    if (!multiply(list.size(), f.inner, n) || bytes.size() / Size != n)
        raise(errc::size_mismatch,
              std::to_string(bytes.size() / Size) + " values for "
                  + std::to_string(list.size()) + " rows of "
                  + std::to_string(f.inner));
}

template <std::size_t Size, class Writer>
void scatter_rows(Writer& w, axis_frame const& f, index_list const& list,
                  std::span<std::byte const> bytes) {
    require_rows<Size>(list, f, bytes);
    check_positions(list.positions(), f.extent, true);
    if (bytes.empty())
        return;
    std::vector<std::byte> buffer;
    auto const sorted = sorted_rows(
        list, bytes, static_cast<std::size_t>(f.inner) * Size, buffer);
    auto const places = row_places(list.positions(), f.inner);
    w.write_blocks(block_places(places), f.inner, sorted);
}

template <std::size_t Size, class Writer>
void insert_rows(Writer& w, axis_frame const& f, index_list const& list,
                 std::span<std::byte const> bytes) {
    require_rows<Size>(list, f, bytes);
    if (!list.empty() && list.positions().back() > f.extent)
        raise_out_of_range(list.positions().back(), f.extent);
    if (bytes.empty())
        return;
    std::vector<std::byte> buffer;
    auto const sorted = sorted_rows(
        list, bytes, static_cast<std::size_t>(f.inner) * Size, buffer);
    auto const places = row_places(list.positions(), f.inner);
    w.insert_blocks(block_places(places), f.inner, sorted);
}

template <class Writer>
void erase_rows(Writer& w, axis_frame const& f,
                std::span<std::uint64_t const> rows) {
    check_positions(rows, f.extent, true);
    if (rows.empty() || f.inner == 0)
        return;
    auto const places = row_places(rows, f.inner);
    w.erase_blocks(block_places(places), f.inner);
}

} // namespace numstore::detail
