// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element.hpp>
#include <numstore/array/element_bytes.hpp>
#include <numstore/array/position.hpp>
#include <numstore/array/run_range.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/fwd.hpp>
#include <numstore/nd/extents.hpp>
#include <numstore/nd/grid.hpp>
#include <numstore/nd/layout.hpp>
#include <numstore/nd/nd_read.hpp>
#include <numstore/nd/nd_run.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace numstore {

/// Some of an array with axes, as it was when the view was made: lazy, cheap
/// to copy, elements by value. Extents and strides that the slices and the
/// array's type tell are constants of `Layout`. Owns the version that it
/// reads. Thread-safe.
template <class T, class Layout, class Policies>
class nd_view {
public:
    using value_type = T;
    using extents_type = typename Layout::extents_type;

    /// For numstore's own use.
    nd_view(std::shared_ptr<detail::nd_version<Policies> const> version,
            Layout const& layout)
        : version_(std::move(version)), layout_(layout) {}

    static constexpr std::size_t rank() noexcept { return Layout::rank(); }
    static constexpr std::uint64_t static_extent(std::size_t axis) noexcept {
        return extents_type::static_extent(axis);
    }
    static constexpr std::int64_t static_stride(std::size_t axis) noexcept {
        return Layout::static_stride(axis);
    }
    extents_type const& shape() const noexcept { return layout_.shape(); }
    std::uint64_t extent(std::size_t axis) const noexcept {
        return layout_.extent(axis);
    }
    /// In elements of the array, as if it were stored in order.
    std::int64_t stride(std::size_t axis) const noexcept {
        return layout_.stride(axis);
    }
    std::uint64_t size() const noexcept { return layout_.size(); }
    bool empty() const noexcept { return size() == 0; }

    /// One element. O(log n). Throws out_of_range, corrupt, io.
    template <integer... I>
        requires(sizeof...(I) == Layout::rank())
    detail::read_only_value<T> operator()(I... i) const {
        return at(nd_index<rank()>(i...));
    }
    detail::read_only_value<T> at(nd_index<Layout::rank()> const& i) const {
        layout_.check(i.at);
        return detail::reporting_no_memory(
            [&] { return source().element(layout_.position(i.at)); });
    }

    /// All elements, the last axis fastest, to the front of `out`: whole runs
    /// at a time; each leaf of a run is read once. Gives how many. Throws
    /// size_mismatch if `out` is too small, corrupt, io.
    std::uint64_t read(std::span<T> out) const {
        detail::grid<rank()> const g(layout_);
        detail::require_room_for(g.size(), out.size());
        read_grid(g, out.first(static_cast<std::size_t>(g.size())));
        return g.size();
    }
    std::vector<T> to_vector() const {
        detail::grid<rank()> const g(layout_);
        auto out =
            detail::allocate_values<detail::element_buffer<T>>(g.size());
        read_grid(g, std::span(out));
        return detail::to_values<T>(std::move(out));
    }

    /// A view of this view: one position or slice for each axis.
    template <axis_slice... S>
    auto view(S const&... s) const {
        auto const sliced = detail::slice_layout(layout_, s...);
        return nd_view<T, std::remove_const_t<decltype(sliced)>, Policies>(
            version_, sliced);
    }

    /// All elements one behind the other, without a copy where they lie so,
    /// which they never do in an array with tiles, nor where elements are
    /// stored in another form than they have in memory.
    /// Throws corrupt, io, no_memory.
    nd_run<T, extents_type, Policies> run() const {
        return detail::reporting_no_memory([&] { return make_run(); });
    }

    /// For numstore's own use.
    Layout const& layout() const noexcept { return layout_; }
    /// Fills `out` with what is stored for a part of this layout.
    void read_layout(detail::dynamic_layout<rank()> const& part,
                     std::span<std::byte> out) const {
        detail::reporting_no_memory([&] {
            source().read_stored(part, detail::grid<rank()>(part), out);
            detail::accept_stored<T>(out);
        });
    }

private:
    nd_run<T, extents_type, Policies> make_run() const {
        detail::grid<rank()> const g(layout_);
        if constexpr (detail::in_place<T>) {
            if (g.is_run() && version_->fill.empty()
                && !version_->map.has_tiles()) {
                auto cursor = version_->at.cursor();
                cursor.seek(g.first());
                auto const r = cursor.run(g.size());
                if (r.count == g.size()) {
                    auto const span = detail::as_elements<T>(r.data, r.count);
                    return {std::move(cursor), version_->at.pin, span, shape()};
                }
            }
        }
        auto out =
            detail::allocate_values<detail::element_buffer<T>>(g.size());
        read_grid(g, std::span(out));
        return {std::move(out), shape()};
    }

    template <class U>
    void read_grid(detail::grid<Layout::rank()> const& g,
                   std::span<U> out) const {
        detail::reporting_no_memory(
            [&] { source().read(layout_, g, out); });
    }

    detail::nd_source<T, Policies> source() const noexcept {
        return detail::nd_source<T, Policies>(*version_);
    }

    std::shared_ptr<detail::nd_version<Policies> const> version_;
    Layout layout_;
};

} // namespace numstore
