// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/position.hpp>
#include <numstore/error.hpp>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace numstore {

/// An extent that is known at run time only, and may change.
inline constexpr std::uint64_t dynamic =
    std::numeric_limits<std::uint64_t>::max();

/// How long each axis is, as `std::extents`, always in 64 bits; the last axis
/// varies fastest. What is not `dynamic` is part of the type, and a typed
/// handle never changes it.
template <std::uint64_t... E>
class extents {
    static_assert(sizeof...(E) >= 1 && sizeof...(E) <= 32,
                  "an array has 1 to 32 axes");
    static constexpr std::array<std::uint64_t, sizeof...(E)> fixed{E...};

public:
    static constexpr std::size_t rank() noexcept { return sizeof...(E); }
    static constexpr std::size_t rank_dynamic() noexcept {
        return (std::size_t{0} + ... + std::size_t{E == dynamic});
    }
    static constexpr std::uint64_t static_extent(std::size_t axis) noexcept {
        return fixed[axis];
    }

    /// Dynamic extents are 0.
    constexpr extents() noexcept {
        for (std::size_t k = 0; k != rank(); ++k)
            values_[k] = fixed[k] == dynamic ? 0 : fixed[k];
    }

    /// From the dynamic ones, or from all of them, which must then agree with
    /// the static ones. Throws out_of_range for a negative one,
    /// invalid_argument.
    template <integer... I>
        requires(sizeof...(I) != 0
                 && (sizeof...(I) == rank() || sizeof...(I) == rank_dynamic()))
    constexpr explicit extents(I... given)
        : extents(std::array<std::uint64_t, sizeof...(I)>{
              detail::to_count(given, "extent")...}) {}

    template <std::size_t N>
        requires(N == rank() || N == rank_dynamic())
    constexpr explicit extents(std::array<std::uint64_t, N> const& given)
        : extents() {
        std::size_t next = 0;
        for (std::size_t k = 0; k != rank(); ++k) {
            if (N != rank() && fixed[k] != dynamic)
                continue;
            std::uint64_t const e = given[next++];
            if (fixed[k] != dynamic && fixed[k] != e)
                detail::raise(errc::invalid_argument,
                              "extent " + std::to_string(e) + " for axis "
                                  + std::to_string(k) + " of "
                                  + std::to_string(fixed[k]));
            values_[k] = e;
        }
    }

    /// Precondition: axis < rank().
    constexpr std::uint64_t extent(std::size_t axis) const noexcept {
        assert(axis < rank());
        return values_[axis];
    }
    constexpr std::array<std::uint64_t, rank()> const& values() const noexcept {
        return values_;
    }

    template <std::uint64_t... Other>
    friend constexpr bool operator==(extents const& a,
                                     extents<Other...> const& b) noexcept {
        if constexpr (sizeof...(Other) == rank())
            return a.values() == b.values();
        else
            return false;
    }

private:
    std::array<std::uint64_t, sizeof...(E)> values_{};
};

namespace detail {

/// An axis, counted from 0, from any integer type but bool.
class axis_argument {
public:
    template <integer I>
    constexpr axis_argument(I axis)
        : value_(static_cast<std::size_t>(to_count(axis, "axis"))) {}

    constexpr std::size_t value() const noexcept { return value_; }

private:
    std::size_t value_;
};

template <std::size_t... K>
extents<(static_cast<void>(K), dynamic)...>
all_dynamic(std::index_sequence<K...>);

} // namespace detail

/// Extents of which all are dynamic.
template <std::size_t Rank>
using dextents =
    decltype(detail::all_dynamic(std::make_index_sequence<Rank>()));

/// The position of an element: one integer of any type per axis. Throws
/// out_of_range for a negative one.
template <std::size_t Rank>
struct nd_index {
    template <integer... I>
        requires(sizeof...(I) == Rank)
    constexpr nd_index(I... i) : at{detail::to_count(i, "position")...} {}
    constexpr nd_index(std::array<std::uint64_t, Rank> const& i) noexcept
        : at(i) {}

    std::array<std::uint64_t, Rank> at;
};

} // namespace numstore
