// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/attributes.hpp>
#include <numstore/array/element.hpp>
#include <numstore/array/element_bytes.hpp>
#include <numstore/array/index_list.hpp>
#include <numstore/array/position.hpp>
#include <numstore/array/slice.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/database/names.hpp>
#include <numstore/database/snapshot.hpp>
#include <numstore/fwd.hpp>
#include <numstore/nd/extents.hpp>
#include <numstore/nd/grid.hpp>
#include <numstore/nd/layout.hpp>
#include <numstore/nd/nd_read.hpp>
#include <numstore/nd/nd_reader.hpp>
#include <numstore/nd/nd_view.hpp>
#include <numstore/nd/row_batches.hpp>
#include <numstore/nd/tile_map.hpp>
#include <numstore/nd/tiling.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace numstore {

/// The reading half of an array with axes: what a snapshot gives, and the base
/// of `nd_array`. Elements are in order, the last axis fastest, and are stored
/// so unless the array has tiles. A row is what stands behind one position of
/// axis 0. Reads see the last durable version, or that of the snapshot or
/// transaction, and take no lock that a writer holds. Every call can throw
/// closed, forked, not_found (the array was dropped), type_mismatch (a static
/// extent was changed by others), corrupt and io. Thread-safe, but inside a
/// transaction.
template <class T, class Extents, class Policies>
class const_nd_array {
public:
    using value_type = T;
    using extents_type = Extents;
    using index = nd_index<Extents::rank()>;

    explicit const_nd_array(detail::array_ref<Policies> ref)
        : ref_(std::move(ref)) {
        static_assert(detail::fits_page_size<T, Policies::page_size>);
    }

    const_nd_array in(basic_snapshot<Policies> const& snap) const {
        return const_nd_array(ref_.in(snap.pin()));
    }

    static constexpr std::size_t rank() noexcept { return Extents::rank(); }

    /// O(1).
    Extents shape() const {
        return read_version([](auto const& at) { return Extents(at.shape); });
    }
    /// Throws out_of_range if there is no such axis.
    std::uint64_t extent(std::size_t axis) const {
        require_axis(axis);
        return shape().extent(axis);
    }
    std::uint64_t size() const {
        if (ref_.state().form.tile.empty())
            return ref_.size();
        return read_version(
            [](auto const& at) { return product(at.shape, 0, rank()); });
    }
    bool empty() const { return size() == 0; }

    /// One element. O(log n). Throws out_of_range. What it gives cannot be
    /// assigned to: see nd_array::set.
    template <integer... I>
        requires(sizeof...(I) == Extents::rank())
    detail::read_only_value<T> operator()(I... i) const {
        return at(index(i...));
    }
    detail::read_only_value<T> at(index const& i) const {
        return read_version([&](auto const& at) {
            auto const whole = detail::make_row_major<Extents>(at.shape);
            whole.check(i.at);
            return at.source.element(whole.position(i.at));
        });
    }

    /// The elements from this one on along the last axis, as many as fill
    /// `out`. Throws out_of_range if the axis ends before.
    void read_from(index const& i, std::span<T> out) const {
        constexpr std::size_t last = Extents::rank() - 1;
        read_version([&](auto const& at) {
            auto const whole = detail::make_row_major<Extents>(at.shape);
            if (!out.empty())
                whole.check(i.at);
            if (out.size() > at.shape[last] - std::min(i.at[last],
                                                       at.shape[last]))
                detail::raise_beyond_axis(i.at[last] + out.size() - 1, last,
                                          at.shape[last]);
            at.source.read(whole.position(i.at), out);
        });
    }

    /// What the slices select, one for each axis, to the front of `out`, as
    /// `nd_view::read`. Without slices all of it.
    template <axis_slice... S>
    std::uint64_t read(std::span<T> out, S const&... s) const {
        return read_slices(
            [&](auto const& at, auto const& layout, auto const& g) {
                detail::require_room_for(g.size(), out.size());
                at.source.read(
                    layout, g, out.first(static_cast<std::size_t>(g.size())));
                return g.size();
            },
            s...);
    }
    template <axis_slice... S>
    std::vector<T> to_vector(S const&... s) const {
        return read_slices(
            [](auto const& at, auto const& layout, auto const& g) {
                auto out = detail::allocate_values<detail::element_buffer<T>>(
                    g.size());
                at.source.read(layout, g, std::span(out));
                return detail::to_values<T>(std::move(out));
            },
            s...);
    }

    /// `view(all, every<2>{}, 5)`: see nd_view. Without slices all of it.
    template <axis_slice... S>
    auto view(S const&... s) const {
        auto at = ref_.pin();
        auto const shape = shape_of(at);
        auto const whole = detail::make_row_major<Extents>(shape);
        auto pinned = version(std::move(at), shape);
        auto const everything =
            nd_view<T, std::remove_const_t<decltype(whole)>, Policies>(
                std::move(pinned), whole);
        if constexpr (sizeof...(S) == 0)
            return everything;
        else
            return everything.view(s...);
    }

    /// For many single elements: see nd_reader.
    nd_reader<T, Extents, Policies> reader() const {
        auto at = ref_.pin();
        auto const shape = shape_of(at);
        return {version(std::move(at), shape), Extents(shape)};
    }

    // rows

    /// Elements of one row.
    std::uint64_t row_size() const {
        return read_version([](auto const& at) { return row_of(at.shape); });
    }

    /// The rows at these positions of axis 0, in any order, as often as they
    /// are given, to the front of `out`; gives how many elements. Each leaf is
    /// read once. Throws out_of_range, size_mismatch if `out` is too small.
    template <index_range I>
    std::uint64_t gather_rows(I&& rows, std::span<T> out) const {
        return detail::reporting_no_memory([&] {
            detail::index_list const list(rows, detail::any_size);
            return read_version([&](auto const& at) {
                std::uint64_t const n = elements_of(list.size(), at.shape);
                detail::require_room_for(n, out.size());
                read_rows(at, list, out.first(static_cast<std::size_t>(n)));
                return n;
            });
        });
    }
    template <index_range I>
    std::vector<T> gather_rows(I&& rows) const {
        return detail::reporting_no_memory([&] {
            detail::index_list const list(rows, detail::any_size);
            return read_version([&](auto const& at) {
                auto out =
                    detail::allocate_values<detail::element_buffer<T>>(
                        elements_of(list.size(), at.shape));
                read_rows(at, list, std::span(out));
                return detail::to_values<T>(std::move(out));
            });
        });
    }

    /// The rows for which `mask`, one bool for each, is true. Throws
    /// size_mismatch.
    template <std::ranges::input_range M>
    std::vector<T> rows_where(M&& mask) const {
        std::vector<std::uint64_t> rows;
        std::uint64_t n = 0;
        detail::reporting_no_memory([&] {
            for (bool const wanted : mask) {
                if (wanted)
                    rows.push_back(n);
                ++n;
            }
        });
        return detail::reporting_no_memory([&] {
            return read_version([&](auto const& at) {
                if (n != at.shape[0])
                    detail::raise(errc::size_mismatch,
                                  "a mask of " + std::to_string(n) + " for "
                                      + std::to_string(at.shape[0])
                                      + " rows");
                auto out =
                    detail::allocate_values<detail::element_buffer<T>>(
                        elements_of(rows.size(), at.shape));
                detail::fill_elements<T>(
                    std::span(out), [&](std::span<std::byte> bytes) {
                        at.source.read_rows(rows, row_of(at.shape), {}, bytes);
                    });
                return detail::to_values<T>(std::move(out));
            });
        });
    }

    /// All rows, so many at a time: see row_batches. Throws invalid_argument
    /// for 0.
    template <integer N>
    row_batches<T, Policies> batches(N rows) const {
        auto const batch = detail::to_count(rows, "count");
        if (batch == 0)
            detail::raise(errc::invalid_argument, "batches of 0 rows");
        auto at = ref_.pin();
        auto const shape = shape_of(at);
        auto pinned = version(std::move(at), shape);
        return {std::move(pinned), shape[0], row_of(shape), batch};
    }

    attribute_map<Policies> attributes() const {
        return attribute_map<Policies>(ref_);
    }

    /// What elements are that have not been written.
    T fill_value() const {
        auto const& fill = ref_.state().form.fill;
        std::array<std::byte, element_bytes> const zeros{};
        return detail::load_element<T>(fill.empty() ? zeros.data()
                                                    : fill.data());
    }

    /// The extents of a tile; nothing if the array is stored in order.
    std::vector<std::uint64_t> const& tile() const noexcept {
        return ref_.state().form.tile;
    }

    /// For numstore's own use.
    detail::array_ref<Policies> const& ref() const noexcept { return ref_; }
    static const_nd_array find(detail::names<Policies> const& in,
                               std::string_view name,
                               tiling const* tile = nullptr) {
        return const_nd_array(find_ref(in, name, tile));
    }

protected:
    using extent_array = std::array<std::uint64_t, Extents::rank()>;

    /// What one element takes on disk.
    static constexpr std::size_t element_bytes = detail::stored_bytes<T>;

    /// One version, while it is read.
    struct version_view {
        extent_array shape;
        detail::nd_source<T, Policies> source;
    };

    static detail::array_ref<Policies>
    find_ref(detail::names<Policies> const& in, std::string_view name,
             tiling const* tile) {
        auto ref = in.open_nd(name, detail::element_description<T>::text(),
                              Extents::rank());
        if (tile != nullptr && tile->extents() != ref.state().form.tile)
            detail::raise(errc::type_mismatch,
                          std::string(name)
                              + ": its layout is not of these tiles");
        const_nd_array(ref).shape(); // checks it
        return ref;
    }

    static void require_axis(std::size_t axis) {
        if (axis >= rank())
            detail::raise(errc::out_of_range,
                          "axis " + std::to_string(axis) + " of "
                              + std::to_string(rank()));
    }

    /// Elements of axes [from, to).
    static std::uint64_t product(extent_array const& shape, std::size_t from,
                                 std::size_t to) noexcept {
        std::uint64_t n = 1;
        for (std::size_t k = from; k != to; ++k)
            n *= shape[k];
        return n;
    }
    static std::uint64_t row_of(extent_array const& shape) noexcept {
        return product(shape, 1, rank());
    }

    template <class F>
    decltype(auto) read_version(F&& f) const {
        return ref_.read(
            [&](detail::rope_root const& root, auto& pages,
                detail::dimensions_ptr const& dimensions) -> decltype(auto) {
                auto const& form = ref_.state().form;
                auto const shape = detail::shape_of_version<Extents>(
                    ref_.state(), root.size, dimensions);
                detail::tile_map const map(form.tile, shape);
                return f(version_view{shape,
                                      {root, pages, form.fill, map,
                                       ref_.in_transaction() == nullptr}});
            });
    }

    detail::array_ref<Policies> ref_;

private:
    /// f(version, layout, grid of it) for what the slices select: without a
    /// pin, which inside a transaction would make its next change copy what it
    /// has.
    template <class F, axis_slice... S>
    decltype(auto) read_slices(F&& f, S const&... s) const {
        return read_version([&](auto const& at) {
            auto const whole = detail::make_row_major<Extents>(at.shape);
            if constexpr (sizeof...(S) == 0) {
                return f(at, whole, detail::grid<rank()>(whole));
            } else {
                auto const part = detail::slice_layout(whole, s...);
                return f(at, part, detail::grid<decltype(part)::rank()>(part));
            }
        });
    }

    extent_array shape_of(detail::pinned_root<Policies> const& at) const {
        return detail::shape_of_version<Extents>(ref_.state(), at.root.size,
                                                 at.dimensions);
    }
    std::shared_ptr<detail::nd_version<Policies> const>
    version(detail::pinned_root<Policies> at, extent_array const& shape) const {
        return detail::reporting_no_memory([&] {
            auto const& form = ref_.state().form;
            return std::make_shared<detail::nd_version<Policies> const>(
                std::move(at), form.fill, detail::tile_map(form.tile, shape));
        });
    }

    /// Throws no_memory if they cannot be counted.
    static std::uint64_t elements_of(std::uint64_t rows,
                                     extent_array const& shape) {
        std::uint64_t n = 0;
        if (!detail::multiply(rows, row_of(shape), n))
            detail::raise(errc::no_memory, "room for "
                                               + std::to_string(rows)
                                               + " rows");
        return n;
    }

    template <class U>
    static void read_rows(version_view const& at,
                          detail::index_list const& list, std::span<U> out) {
        detail::fill_elements<T>(out, [&](std::span<std::byte> bytes) {
            read_stored_rows(at, list, bytes);
        });
    }

    /// A row that is wanted twice is read once, and copied.
    static void read_stored_rows(version_view const& at,
                                 detail::index_list const& list,
                                 std::span<std::byte> out) {
        detail::check_positions(list.positions(), at.shape[0], false);
        std::uint64_t const row = row_of(at.shape);
        auto const row_bytes = static_cast<std::size_t>(row) * element_bytes;
        std::vector<std::uint64_t> rows;
        std::vector<std::uint64_t> order;
        std::vector<std::size_t> again; // pairs of where it is and goes
        for (std::size_t i = 0; i != list.size(); ++i) {
            std::uint64_t const wanted = list.positions()[i];
            auto const to = static_cast<std::size_t>(
                list.order().empty() ? i : list.order()[i]);
            if (!rows.empty() && rows.back() == wanted && row != 0) {
                again.push_back(static_cast<std::size_t>(order.back()));
                again.push_back(to);
                continue;
            }
            rows.push_back(wanted);
            order.push_back(to);
        }
        at.source.read_rows(rows, row, order, out);
        for (std::size_t i = 0; i != again.size(); i += 2)
            std::memcpy(out.data() + again[i + 1] * row_bytes,
                        out.data() + again[i] * row_bytes, row_bytes);
    }
};

} // namespace numstore
