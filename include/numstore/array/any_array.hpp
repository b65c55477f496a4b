// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/array.hpp>
#include <numstore/array/attributes.hpp>
#include <numstore/array/element_bytes.hpp>
#include <numstore/array/position.hpp>
#include <numstore/array/slice.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/error.hpp>
#include <numstore/format/element_check.hpp>
#include <numstore/format/element_parser.hpp>
#include <numstore/format/element_text.hpp>
#include <numstore/format/element_type.hpp>

#include <complex>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace numstore {

/// An array whose element type is known at run time only: bytes in and out,
/// elements as text, and `visit` for the types of numbers. Atomic, durable
/// and thread-safe as `array`.
template <class Policies>
class basic_any_array {
    using writer = typename detail::array_ref<Policies>::writer;

public:
    explicit basic_any_array(detail::array_ref<Policies> ref)
        : ref_(std::move(ref)), type_(detail::reporting_no_memory([&] {
              return element_type::parse(ref_.state().element);
          })) {}

    /// For numstore's own use: of this type.
    basic_any_array(detail::array_ref<Policies> ref,
                    element_type type) noexcept
        : ref_(std::move(ref)), type_(std::move(type)) {}

    basic_any_array in(basic_transaction<Policies>& tx) const {
        return basic_any_array(ref_.in(tx.shared_state()));
    }

    element_type const& type() const noexcept { return type_; }
    std::uint64_t size() const { return ref_.size(); }
    bool empty() const { return size() == 0; }

    array_info info() const {
        return detail::reporting_no_memory([&]() -> array_info {
            std::uint64_t const n = size();
            auto const entry =
                detail::names<Policies>(ref_.shared_engine(),
                                        ref_.in_transaction(),
                                        ref_.in_snapshot())
                    .describe(ref_.state().id);
            return {entry.name, type_, n, n * type_.size(),
                    detail::stored_bytes_of<Policies>(entry, n),
                    dimensions_of(n)};
        });
    }

    attribute_map<Policies> attributes() const {
        return attribute_map<Policies>(ref_);
    }

    /// The stored bytes of what the slice selects.
    template <slicing S = every<1>>
    std::vector<std::byte> read(S const& s = {}) const {
        return ref_.read([&](detail::rope_root const& r, auto& pages) {
            auto const what = detail::resolve(s, r.size);
            auto out = detail::allocate_values<std::vector<std::byte>>(
                what.count * type_.size());
            if (what.count != 0)
                tree(pages, r).read_strided(what.first, what.step, out);
            return out;
        });
    }

    /// Overwrites what the slice selects. Throws size_mismatch unless there
    /// are as many elements.
    template <slicing S>
    void write(S const& s, std::span<std::byte const> bytes) {
        auto const stored = normalized(bytes);
        ref_.change([&](writer& w) {
            auto const what = detail::resolve(s, w.size());
            detail::require_same_size(stored.size() / type_.size(), what.count);
            if (what.count != 0)
                w.reporting().write(what.first, what.step, stored);
        });
    }

    /// Whole elements before element `pos`. Throws out_of_range,
    /// size_mismatch, and invalid_argument where bytes are no value.
    template <integer P>
    void insert(P pos, std::span<std::byte const> bytes) {
        auto const at = detail::to_count(pos, "position");
        auto const stored = normalized(bytes);
        ref_.change([&](writer& w) {
            detail::check_range(at, 0, w.size());
            if (!stored.empty())
                w.reporting().insert(at, stored);
        });
    }
    void append(std::span<std::byte const> bytes) {
        auto const stored = normalized(bytes);
        ref_.change([&](writer& w) {
            if (!stored.empty())
                w.reporting().insert(w.size(), stored);
        });
    }

    /// Throws out_of_range.
    template <integer P, integer N>
    void erase(P pos, N count) {
        auto const at = detail::to_count(pos, "position");
        auto const n = detail::to_count(count, "count");
        ref_.change([&](writer& w) {
            detail::check_range(at, n, w.size());
            if (n != 0)
                w.erase(at, n);
        });
    }
    template <slicing S>
    std::uint64_t erase(S const& s) {
        return ref_.change([&](writer& w) {
            auto const what = detail::resolve(s, w.size());
            if (what.count != 0)
                w.reporting().erase(what.first, what.step, what.count);
            return what.count;
        });
    }

    /// Element `pos` as people read it. Throws out_of_range, and corrupt
    /// where what is stored is no value.
    template <integer P>
    std::string to_string(P pos) const {
        auto const at = detail::to_count(pos, "position");
        return detail::reporting_no_memory([&] {
            std::vector<std::byte> bytes(type_.size());
            ref_.read([&](detail::rope_root const& r, auto& pages) {
                tree(pages, r).read(at, bytes);
            });
            if (!type_.valid(bytes.data()))
                detail::raise_no_value();
            return numstore::to_string(type_, bytes.data());
        });
    }

    /// The array as one of T. Throws type_mismatch.
    template <element T>
    array<T, Policies> as() const {
        if (type_ != element_type_of<T>())
            detail::raise(errc::type_mismatch, ref_.state().name
                                                   + ": has elements of type "
                                                   + type_.to_string());
        return array<T, Policies>(ref_);
    }

    /// f(array of the element type), for bool, integers of up to 64 bits,
    /// float, double, complex numbers and bytes. Throws type_mismatch for
    /// others.
    template <class F>
    void visit(F&& f) const {
        bool const found =
            try_visit<bool, std::int8_t, std::int16_t, std::int32_t,
                      std::int64_t, std::uint8_t, std::uint16_t, std::uint32_t,
                      std::uint64_t, float, double, std::complex<float>,
                      std::complex<double>, std::byte>(f);
        if (!found)
            detail::raise(errc::type_mismatch,
                          ref_.state().name + ": elements of type "
                              + type_.to_string()
                              + " have no type that visit knows");
    }

    /// For numstore's own use.
    detail::array_ref<Policies> const& ref() const noexcept { return ref_; }

private:
    std::vector<std::uint64_t> dimensions_of(std::uint64_t n) const {
        return ref_.read([&](auto const&, auto&,
                             detail::dimensions_ptr const& dimensions) {
            return dimensions == nullptr ? std::vector<std::uint64_t>{n}
                                         : *dimensions;
        });
    }

    using tree_type = detail::rope_tree<detail::dynamic_element, Policies>;

    tree_type tree(detail::pager<Policies>& pages,
                   detail::rope_root const& r) const {
        return tree_type(pages, detail::dynamic_element{type_.size()}, r);
    }

    std::vector<std::byte> normalized(std::span<std::byte const> bytes) const {
        return detail::reporting_no_memory(
            [&] { return normalized_copy(bytes); });
    }
    std::vector<std::byte>
    normalized_copy(std::span<std::byte const> bytes) const {
        if (bytes.size() % type_.size() != 0)
            detail::raise(errc::size_mismatch,
                          std::to_string(bytes.size())
                              + " bytes are not whole elements of "
                              + std::to_string(type_.size()) + " bytes");
        std::vector<std::byte> stored(bytes.begin(), bytes.end());
        for (std::size_t at = 0; at != stored.size(); at += type_.size()) {
            type_.normalize(stored.data() + at);
            if (!type_.valid(stored.data() + at))
                detail::raise(errc::invalid_argument,
                              "the bytes of element "
                                  + std::to_string(at / type_.size())
                                  + " are no value of "
                                  + type_.to_string());
        }
        return stored;
    }

    template <class... T, class F>
    bool try_visit(F& f) const {
        return ((type_ == element_type_of<T>()
                 && (f(array<T, Policies>(ref_)), true))
                || ...);
    }

    detail::array_ref<Policies> ref_;
    element_type type_;
};

} // namespace numstore
