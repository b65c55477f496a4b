// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>

namespace numstore {

/// What positions and counts are given as: any integer type but bool.
template <class I>
concept integer = std::integral<I> && !std::same_as<std::remove_cv_t<I>, bool>;

namespace detail {

[[noreturn]] inline void raise_negative(char const* what, std::int64_t value) {
    raise(errc::out_of_range,
          std::string("a negative ") + what + ": " + std::to_string(value));
}

/// The value as a 64-bit count of elements. Throws out_of_range, calling it
/// `what`, if it is negative.
template <integer I>
constexpr std::uint64_t to_count(I value, char const* what) {
    if constexpr (std::signed_integral<I>)
        if (value < 0)
            raise_negative(what, static_cast<std::int64_t>(value));
    return static_cast<std::uint64_t>(value);
}

/// The position of an element, from any integer type but bool: the parameter
/// of functions that are no templates. Throws out_of_range if negative.
class position_argument {
public:
    template <integer I>
    constexpr position_argument(I value)
        : value_(to_count(value, "position")) {}

    constexpr std::uint64_t value() const noexcept { return value_; }

private:
    std::uint64_t value_;
};

/// A number of elements, in the same way.
class count_argument {
public:
    template <integer I>
    constexpr count_argument(I value) : value_(to_count(value, "count")) {}

    constexpr std::uint64_t value() const noexcept { return value_; }

private:
    std::uint64_t value_;
};

} // namespace detail
} // namespace numstore
