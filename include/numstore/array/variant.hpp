// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element.hpp>
#include <numstore/error.hpp>
#include <numstore/format/element_check.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

namespace numstore::detail {

/// `std::variant` of elements. How one lies in memory is the standard
/// library's own business; stored is the alternative, zeros up to the longest
/// one, and a byte that says which it is. Zeros are the first alternative.
template <class... T>
    requires(sizeof...(T) != 0 && sizeof...(T) <= max_alternatives
             && (described_element<T> && ...))
struct element_layout<std::variant<T...>> {
    using value_type = std::variant<T...>;
    static constexpr std::size_t longest =
        std::max({element_layout<T>::stored_bytes...});
    static constexpr std::size_t alignment =
        std::max({element_layout<T>::alignment...});
    static constexpr std::size_t stored_bytes =
        round_up(longest + 1, alignment);
    static constexpr bool in_place = false;
    static constexpr bool total = false;

    static element_type type() {
        std::vector<element_type> alternatives;
        (alternatives.push_back(element_layout<T>::type()), ...);
        return element_type::variant(std::move(alternatives));
    }

    static void store(std::byte* to, value_type const& value) {
        if (value.valueless_by_exception())
            raise(errc::invalid_argument, "a variant without a value");
        std::visit([&]<class V>(V const& held) { store_element<V>(held, to); },
                   value);
        to[longest] = static_cast<std::byte>(value.index());
    }

    static void load(value_type& value, std::byte const* p) {
        load_one(value, p, std::index_sequence_for<T...>{});
    }

    static bool valid(std::byte const* p) {
        return valid_one(p, std::index_sequence_for<T...>{})
               && all_zero(p + longest + 1, stored_bytes - longest - 1);
    }

private:
    static std::size_t tag(std::byte const* p) noexcept {
        return std::to_integer<std::size_t>(p[longest]);
    }

    template <std::size_t... I>
    static void load_one(value_type& value, std::byte const* p,
                         std::index_sequence<I...>) {
        ((tag(p) == I ? load_as<I>(value, p) : void()), ...);
    }
    template <std::size_t I>
    static void load_as(value_type& value, std::byte const* p) {
        std::variant_alternative_t<I, value_type> held;
        load_part(held, p);
        value.template emplace<I>(std::move(held));
    }

    template <std::size_t... I>
    static bool valid_one(std::byte const* p, std::index_sequence<I...>) {
        return ((tag(p) == I && valid_as<T>(p)) || ...);
    }
    template <class V>
    static bool valid_as(std::byte const* p) {
        using part = element_layout<V>;
        constexpr std::size_t used = part::stored_bytes;
        return part::valid(p) && all_zero(p + used, longest - used);
    }
};

static_assert(element<std::variant<int, double>>);

} // namespace numstore::detail
