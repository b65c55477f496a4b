// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element_traits.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/rope/kernels.hpp>
#include <numstore/rope/leaf_shape.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace numstore {

/// A type whose values an array can hold: bool, integers of up to 64 bits,
/// enums, float, double, `std::complex` of these, `std::byte`, `std::array`
/// of elements, and trivially copyable structs that Boost.Describe describes,
/// with their bases, all of whose members are elements or arrays of such.
template <class T>
concept element = std::semiregular<T> && std::is_trivially_copyable_v<T>
                  && detail::described_element<T> && alignof(T) <= 64;

static_assert(element<bool> && element<float> && element<std::byte>);
static_assert(element<std::complex<double>>);
static_assert(element<std::array<std::array<int, 3>, 2>>);
static_assert(!element<long double> && !element<void*>);

/// The description of T, as the catalogue holds it.
template <element T>
element_type element_type_of() {
    return detail::element_traits<T>::type();
}

namespace detail {

/// A T has bytes that belong to no member.
template <element T>
inline constexpr bool has_padding = element_traits<T>::value_bytes != sizeof(T);

/// Writes what is stored for a value to sizeof(T) bytes: padding is zero.
template <element T>
void store_element(T const& value, std::byte* out) noexcept {
    if constexpr (!has_padding<T>) {
        std::memcpy(out, &value, sizeof(T));
    } else {
        std::memset(out, 0, sizeof(T));
        element_traits<T>::copy(out,
                                reinterpret_cast<std::byte const*>(&value));
    }
}

/// Makes elements of what may be any bytes: after this they can be read as T.
template <element T>
void normalize_bools(std::byte* elements, std::size_t n) noexcept {
    if constexpr (element_traits<T>::has_bool)
        for (std::size_t i = 0; i != n; ++i)
            element_traits<T>::normalize_bools(elements + i * sizeof(T));
}

/// Could these bytes be read as T where they lie?
template <element T>
bool valid_bools(std::byte const* elements, std::size_t n) noexcept {
    bool valid = true;
    if constexpr (element_traits<T>::has_bool)
        for (std::size_t i = 0; i != n; ++i)
            valid &= element_traits<T>::valid_bools(elements + i * sizeof(T));
    return valid;
}

/// The value that is stored in sizeof(T) bytes.
template <element T>
T load_element(std::byte const* bytes) noexcept {
    T value;
    if constexpr (std::same_as<T, bool>) {
        value = *bytes != std::byte{0};
    } else {
        std::memcpy(static_cast<void*>(&value), bytes, sizeof(T));
        normalize_bools<T>(reinterpret_cast<std::byte*>(&value), 1);
    }
    return value;
}

/// The type's text in the catalogue and its size, for layers that know of no
/// C++ type.
template <class T>
struct element_description {
    static_assert(element<T>, "not an element type: see numstore::element");
    static constexpr std::uint32_t size = sizeof(T);
    static std::string const& text() {
        static std::string const stored = element_type_of<T>().to_string();
        return stored;
    }
};

/// Is T{} stored as zeros, which take no space as a hole?
template <element T>
bool default_is_zero() noexcept {
    if constexpr (std::is_trivially_default_constructible_v<T>) {
        return true;
    } else {
        std::byte stored[sizeof(T)];
        store_element(T{}, stored);
        return std::all_of(stored, stored + sizeof(T),
                           [](std::byte b) { return b == std::byte{0}; });
    }
}

/// Fails to compile, and then names both sizes, where an element is too large
/// for a page size.
template <std::size_t PageSize, std::size_t NeededPageSize>
struct page_size_for_element {
    static_assert(NeededPageSize <= PageSize,
                  "the element is too large for this page_size: the second "
                  "number is the page_size that it needs");
    static constexpr bool value = true;
};

/// The smallest page size that allows an element of this size.
constexpr std::size_t page_size_needed(std::size_t element_size) noexcept {
    constexpr std::size_t smallest = 512;
    return std::max(smallest,
                    std::bit_ceil((element_size - 1) / max_element_pages + 1));
}

/// True, or no program: arrays of T fit in pages of this size.
template <element T, std::size_t PageSize>
inline constexpr bool fits_page_size =
    page_size_for_element<PageSize, page_size_needed(sizeof(T))>::value;

} // namespace detail
} // namespace numstore
