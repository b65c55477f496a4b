// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/position.hpp>
#include <numstore/error.hpp>
#include <numstore/format/attribute.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace numstore {
namespace detail {

template <class T>
concept attribute_float = std::same_as<T, float> || std::same_as<T, double>;

template <class T>
concept text_like = std::convertible_to<T const&, std::string_view>;

template <class T>
concept attribute_scalar =
    std::same_as<T, bool> || integer<T> || attribute_float<T> || text_like<T>;

template <class R>
concept attribute_list =
    std::ranges::input_range<R> && !text_like<std::remove_cvref_t<R>>
    && attribute_scalar<std::ranges::range_value_t<R>>;

/// How a scalar is kept in an attribute.
template <attribute_scalar T>
using stored_scalar = std::conditional_t<
    std::same_as<T, bool>, bool,
    std::conditional_t<
        integer<T>, std::int64_t,
        std::conditional_t<attribute_float<T>, double, std::string>>>;

template <attribute_scalar T>
stored_scalar<T> to_stored(T const& value) {
    if constexpr (integer<T>) {
        constexpr auto most = std::numeric_limits<std::int64_t>::max();
        if (value > 0
            && static_cast<std::uint64_t>(value) > std::uint64_t{most})
            raise(errc::out_of_range,
                  "attribute: " + std::to_string(value)
                      + " does not fit in 64 bits with a sign");
        return static_cast<std::int64_t>(value);
    } else if constexpr (text_like<T>) {
        return std::string(std::string_view(value));
    } else {
        return value;
    }
}

template <attribute_scalar T>
T from_stored(stored_scalar<T> const& value) {
    if constexpr (integer<T>) {
        T const narrow = static_cast<T>(value);
        bool const same_sign = (narrow < T{0}) == (value < 0);
        if (static_cast<std::int64_t>(narrow) != value || !same_sign)
            raise(errc::out_of_range,
                  "attribute: " + std::to_string(value)
                      + " does not fit in the integer type asked for");
        return narrow;
    } else {
        return static_cast<T>(value);
    }
}

inline constexpr std::array<char const*, std::variant_size_v<attribute_value>>
    attribute_kind_names{"bool",           "int64",         "double",
                         "string",         "list of bool",  "list of int64",
                         "list of double", "list of string"};

/// The alternative Stored. Throws type_mismatch.
template <class Stored>
Stored const& attribute_alternative(attribute_value const& value) {
    if (auto const* const held = std::get_if<Stored>(&value))
        return *held;
    raise(errc::type_mismatch,
          std::string("attribute: it holds ")
              + attribute_kind_names[value.index()] + ", not "
              + attribute_kind_names[attribute_value(Stored{}).index()]);
}

template <class T>
struct vector_traits {
    static constexpr bool is_vector = false;
};
template <class E, class Allocator>
struct vector_traits<std::vector<E, Allocator>> {
    static constexpr bool is_vector = true;
    using value_type = E;
};

/// A scalar that owns what it holds.
template <class T>
concept owned_scalar =
    attribute_scalar<T> && (!text_like<T> || std::same_as<T, std::string>);

template <class T>
concept owned_list = vector_traits<T>::is_vector
                     && owned_scalar<typename vector_traits<T>::value_type>;

} // namespace detail

/// What an attribute can be set to: an `attribute_value`, a bool, integer,
/// float, double or text, or a range of these.
template <class T>
concept attribute_source =
    std::same_as<std::remove_cvref_t<T>, attribute_value>
    || detail::attribute_scalar<std::decay_t<T>> || detail::attribute_list<T>;

/// What an attribute can be read as: an `attribute_value`, a bool, integer,
/// float, double or `std::string`, or a `std::vector` of these.
template <class T>
concept attribute_target = std::same_as<T, attribute_value>
                           || detail::owned_scalar<T> || detail::owned_list<T>;

/// The value that an attribute gets. Throws out_of_range for an integer
/// above the largest `std::int64_t`.
template <attribute_source T>
attribute_value to_attribute(T&& value) {
    if constexpr (std::same_as<std::remove_cvref_t<T>, attribute_value>) {
        return std::forward<T>(value);
    } else if constexpr (detail::attribute_scalar<std::decay_t<T>>) {
        return detail::to_stored<std::decay_t<T>>(value);
    } else {
        using scalar = std::ranges::range_value_t<T>;
        std::vector<detail::stored_scalar<scalar>> list;
        for (auto&& e : value)
            list.push_back(
                detail::to_stored<scalar>(static_cast<scalar const&>(e)));
        return list;
    }
}

/// The value of an attribute as a T. Throws type_mismatch where it is of
/// another kind, and out_of_range for an integer that T cannot hold; a double
/// is rounded to float.
template <attribute_target T>
T attribute_cast(attribute_value const& value) {
    if constexpr (std::same_as<T, attribute_value>) {
        return value;
    } else if constexpr (detail::owned_scalar<T>) {
        return detail::from_stored<T>(
            detail::attribute_alternative<detail::stored_scalar<T>>(value));
    } else {
        using scalar = typename T::value_type;
        using stored = detail::stored_scalar<scalar>;
        T list;
        for (auto const& e :
             detail::attribute_alternative<std::vector<stored>>(value))
            list.push_back(detail::from_stored<scalar>(e));
        return list;
    }
}

} // namespace numstore
