// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/array_view.hpp>
#include <numstore/array/attributes.hpp>
#include <numstore/array/element.hpp>
#include <numstore/array/element_bytes.hpp>
#include <numstore/array/field.hpp>
#include <numstore/array/index_list.hpp>
#include <numstore/array/position.hpp>
#include <numstore/array/run_range.hpp>
#include <numstore/array/slice.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/database/snapshot.hpp>
#include <numstore/rope/element_search.hpp>
#include <numstore/rope/rope_tree.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace numstore {

/// The reading half of an array: what a snapshot gives, and the base of
/// `array`. Reads see the last durable version, or that of the snapshot or
/// transaction, and take no lock that a writer holds. Every call can throw
/// closed, forked, not_found (the array was dropped), snapshot_expired (it was
/// revoked), corrupt and io.
/// Thread-safe, but inside a transaction.
template <class T, class Policies>
class const_array {
public:
    using value_type = T;

    explicit const_array(detail::array_ref<Policies> ref)
        : ref_(std::move(ref)) {
        static_assert(detail::fits_page_size<T, Policies::page_size>);
    }

    const_array in(basic_snapshot<Policies> const& snap) const {
        return const_array(ref_.in(snap.pin()));
    }

    /// O(1).
    std::uint64_t size() const { return ref_.size(); }
    bool empty() const { return size() == 0; }

    // single elements; O(log n). Throw out_of_range. What they give cannot be
    // assigned to: see array::set.

    template <integer P>
    detail::read_only_value<T> operator[](P pos) const {
        return at(pos);
    }
    template <integer P>
    detail::read_only_value<T> at(P pos) const {
        auto const at = detail::to_count(pos, "position");
        return ref_.read([&](detail::rope_root const& r, auto& pages) {
            detail::check_range(at, 1, r.size);
            // What a transaction has changed it may change again.
            if (ref_.in_transaction() == nullptr)
                if (auto const* const here = detail::find_element(
                        pages, shape, r, at))
                    return detail::load_element<T>(here);
            T value;
            read_range(r, pages, at, std::span<T>(&value, 1));
            return value;
        });
    }
    detail::read_only_value<T> front() const { return at(0u); }
    detail::read_only_value<T> back() const {
        return ref_.read([&](detail::rope_root const& r, auto& pages) {
            if (r.empty())
                detail::raise(errc::out_of_range, "back of an empty array");
            T value;
            read_range(r, pages, r.size - 1, std::span<T>(&value, 1));
            return value;
        });
    }

    // many elements into the caller's memory

    /// Fills all of `out` with the elements from `pos` on. Throws
    /// out_of_range if there are fewer.
    template <integer P>
    void read(P pos, std::span<T> out) const {
        read_all(detail::to_count(pos, "position"), out);
    }
    template <integer P>
    void read(P pos, std::vector<bool>& out) const
        requires std::same_as<T, bool>
    {
        detail::element_buffer<T> stored(out.size());
        read_all(detail::to_count(pos, "position"), std::span(stored));
        std::copy(stored.begin(), stored.end(), out.begin());
    }

    /// What the slice selects, to the front of `out`; gives how many. Throws
    /// size_mismatch if `out` is too small.
    template <slicing S>
    std::uint64_t read(S const& s, std::span<T> out) const {
        return ref_.read([&](detail::rope_root const& r, auto& pages) {
            auto const what = detail::resolve(s, r.size);
            require_room(what.count, out.size());
            require_readable(r, pages, what);
            read_slice(r, pages, what,
                       out.first(static_cast<std::size_t>(what.count)));
            return what.count;
        });
    }
    template <slicing S>
    std::uint64_t read(S const& s, std::vector<bool>& out) const
        requires std::same_as<T, bool>
    {
        detail::element_buffer<T> const stored =
            ref_.read([&](detail::rope_root const& r, auto& pages) {
                auto const what = detail::resolve(s, r.size);
                require_room(what.count, out.size());
                return read_buffer(r, pages, what);
            });
        std::copy(stored.begin(), stored.end(), out.begin());
        return stored.size();
    }

    std::vector<T> to_vector() const { return to_vector(all); }

    template <slicing S>
    std::vector<T> to_vector(S const& s) const {
        return ref_.read([&](detail::rope_root const& r, auto& pages) {
            return detail::to_values<T>(
                read_buffer(r, pages, detail::resolve(s, r.size)));
        });
    }

    /// The elements at these positions, in the order given; each leaf is
    /// read once. Throws out_of_range.
    template <index_range I>
    std::vector<T> gather(I&& indices) const {
        return detail::reporting_no_memory([&] {
            detail::index_list const list(indices, detail::any_size);
            detail::element_buffer<T> stored(list.size());
            gather_sorted(list, std::span(stored));
            return detail::to_values<T>(std::move(stored));
        });
    }
    /// To the front of `out`. Throws size_mismatch if it is too small. Where
    /// a page is damaged, others may have been read before.
    template <index_range I>
    void gather(I&& indices, std::span<T> out) const {
        detail::reporting_no_memory([&] {
            detail::index_list const list(indices, detail::any_size);
            require_room(list.size(), out.size());
            gather_sorted(list, out.first(list.size()));
        });
    }
    template <index_range I>
    void gather(I&& indices, std::vector<bool>& out) const
        requires std::same_as<T, bool>
    {
        detail::index_list const list(indices, detail::any_size);
        require_room(list.size(), out.size());
        detail::element_buffer<T> stored(list.size());
        gather_sorted(list, std::span(stored));
        std::copy(stored.begin(), stored.end(), out.begin());
    }

    // views: see array_view

    array_view<T, every<1>, Policies> view() const { return view(all); }

    template <slicing S>
    array_view<T, S, Policies> view(S const& s) const {
        auto pinned = ref_.pin();
        auto const what = detail::resolve(s, pinned.root.size);
        return array_view<T, S, Policies>(
            {std::move(pinned), what.first, what.count, what.step, 0});
    }

    /// One member of every element, or of those that `s` selects.
    template <auto Member>
    auto view(field<Member>) const {
        return view(field<Member>{}, all);
    }
    template <auto Member, slicing S>
    auto view(field<Member>, S const& s) const {
        auto pinned = ref_.pin();
        auto const what = detail::resolve(s, pinned.root.size);
        return array_view<detail::field_type<Member>, S, Policies>(
            {std::move(pinned), what.first, what.count, what.step,
             detail::field_offset<T, Member>()});
    }

    // runs: see run_range

    run_range<T, Policies> chunks() const {
        auto pinned = ref_.pin();
        std::uint64_t const n = pinned.root.size;
        return {std::move(pinned), 0, n};
    }
    /// Throws out_of_range.
    template <integer P, integer N>
    run_range<T, Policies> chunks(P pos, N count) const {
        auto const first = detail::to_count(pos, "position");
        auto const n = detail::to_count(count, "count");
        auto pinned = ref_.pin();
        detail::check_range(first, n, pinned.root.size);
        return {std::move(pinned), first, n};
    }
    /// Throws invalid_argument unless the step is 1.
    template <slicing S>
    run_range<T, Policies> chunks(S const& s) const {
        auto pinned = ref_.pin();
        auto const what = detail::resolve(s, pinned.root.size);
        if (what.step != 1)
            detail::raise(errc::invalid_argument,
                          "chunks of a slice with step "
                              + std::to_string(what.step));
        return {std::move(pinned), what.first, what.count};
    }

    /// Its attributes: small values by name, kept with the array.
    attribute_map<Policies> attributes() const {
        return attribute_map<Policies>(ref_);
    }

    /// For numstore's own use.
    detail::array_ref<Policies> const& ref() const noexcept { return ref_; }

protected:
    /// What one element takes on disk.
    static constexpr std::size_t element_bytes = detail::stored_bytes<T>;

    using element = detail::fixed_element<element_bytes>;

    static constexpr detail::leaf_shape shape =
        detail::leaf_shape_of(element_bytes, Policies::page_size);

    static detail::node_source<Policies>
    source(detail::pager<Policies>& pages) noexcept {
        return {pages, shape};
    }
    static detail::group_reader<element>
    reader(std::span<std::byte> out) noexcept {
        return {{}, out.data()};
    }

    static void require_room(std::uint64_t count, std::size_t room) {
        if (count > room)
            detail::raise(errc::size_mismatch,
                          std::to_string(count) + " elements, and room for "
                              + std::to_string(room));
    }

    template <class U>
    static void read_range(detail::rope_root const& r,
                           detail::pager<Policies>& pages, std::uint64_t pos,
                           std::span<U> out) {
        detail::fill_elements<T>(out, [&](std::span<std::byte> bytes) {
            detail::read_range(source(pages), r, pos, element{}, bytes);
        });
    }

    /// Before memory of the caller's is filled, which is so all or nothing.
    static void require_readable(detail::rope_root const& r,
                                 detail::pager<Policies>& pages,
                                 selection const& what) {
        if (!detail::in_place<T> || what.count == 0)
            return;
        if (what.step == 1)
            detail::require_readable(
                source(pages), r,
                detail::range_selection(what.first, what.count));
        else
            detail::require_readable(source(pages), r,
                                     detail::strided_selection(
                                         what.first, what.step, what.count));
    }

    template <class U>
    void read_all(std::uint64_t pos, std::span<U> out) const {
        ref_.read([&](detail::rope_root const& r, auto& pages) {
            detail::check_range(pos, out.size(), r.size);
            detail::fill_elements<T>(out, [&](std::span<std::byte> bytes) {
                // What a transaction has changed it may change again.
                if (ref_.in_transaction() == nullptr
                    && detail::read_fast(source(pages), r, pos, bytes))
                    return;
                require_readable(r, pages, selection{pos, out.size(), 1});
                detail::read_range(source(pages), r, pos, element{}, bytes);
            });
        });
    }

    template <class U>
    static void read_slice(detail::rope_root const& r,
                           detail::pager<Policies>& pages,
                           selection const& what, std::span<U> out) {
        if (what.count == 0)
            return;
        detail::fill_elements<T>(out, [&](std::span<std::byte> bytes) {
            if (what.step == 1)
                detail::read_range(source(pages), r, what.first, element{},
                                   bytes);
            else
                detail::visit_leaves(source(pages), r,
                                     detail::strided_selection(
                                         what.first, what.step, what.count),
                                     reader(bytes));
        });
    }

    static detail::element_buffer<T>
    read_buffer(detail::rope_root const& r, detail::pager<Policies>& pages,
                selection const& what) {
        using buffer = detail::element_buffer<T>;
        auto out = detail::allocate_values<buffer>(what.count);
        read_slice(r, pages, what, std::span(out));
        return out;
    }

    template <class U>
    void gather_sorted(detail::index_list const& list,
                       std::span<U> out) const {
        detail::fill_elements<T>(out, [&](std::span<std::byte> bytes) {
            ref_.read([&](detail::rope_root const& r, auto& pages) {
                detail::check_positions(list.positions(), r.size, false);
                detail::visit_leaves(
                    source(pages), r,
                    detail::indexed_selection(list.positions(), list.order()),
                    reader(bytes));
            });
        });
    }

    detail::array_ref<Policies> ref_;
};

} // namespace numstore
