// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element_layout.hpp>
#include <numstore/error.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/rope/kernels.hpp>
#include <numstore/rope/leaf_shape.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

namespace numstore {

/// A type whose values an array can hold: bool, integers of up to 128 bits,
/// enums, float, double, `float16`, `bfloat16`, `std::complex` of float and
/// double, `std::byte`, `tiny_text`, `fixed_string`, `std::array` of elements,
/// `nullable` and `std::variant` of them, structs that Boost.Describe
/// describes, with their bases, all of whose members are elements or arrays of
/// such, and types with `element_traits`. A struct of numbers and such is
/// trivially copyable.
template <class T>
concept element =
    std::semiregular<T> && detail::described_element<T> && alignof(T) <= 64
    && (std::is_trivially_copyable_v<T>
        || !detail::element_layout<T>::in_place);

static_assert(element<bool> && element<float> && element<std::byte>);
static_assert(element<std::complex<double>>);
static_assert(element<std::array<std::array<int, 3>, 2>>);
static_assert(!element<long double> && !element<void*>);

/// The description of T, as the catalogue holds it.
template <element T>
element_type element_type_of() {
    return detail::element_layout<T>::type();
}

namespace detail {

/// Bytes that are stored for a T.
template <element T>
inline constexpr std::size_t stored_bytes = element_layout<T>::stored_bytes;

/// A T lies in memory as it is stored, but for padding.
template <element T>
inline constexpr bool in_place = element_layout<T>::in_place;

/// There is more to storing a T than copying it.
template <element T>
consteval bool needs_storing() noexcept {
    if constexpr (in_place<T>)
        return element_layout<T>::value_bytes != sizeof(T);
    else
        return true;
}
template <element T>
inline constexpr bool has_padding = needs_storing<T>();

/// Writes what is stored for a value to stored_bytes<T> bytes: padding is
/// zero. Throws what the type's own `store` throws.
template <element T>
void store_element(T const& value, std::byte* out) noexcept(in_place<T>) {
    if constexpr (!has_padding<T>) {
        std::memcpy(out, &value, sizeof(T));
    } else {
        std::memset(out, 0, stored_bytes<T>);
        store_part(out, value);
    }
}

/// Makes elements of what may be any bytes: after this they can be read as T.
template <element T>
void normalize_bools(std::byte* elements, std::size_t n) noexcept {
    if constexpr (element_layout<T>::has_bool)
        for (std::size_t i = 0; i != n; ++i)
            element_layout<T>::normalize_bools(elements + i * sizeof(T));
}

/// Are these the stored bytes of values, each bool 0 or 1?
template <element T>
bool valid_elements(std::byte const* elements, std::size_t n) {
    bool valid = true;
    if constexpr (requires {
                      requires element_layout<T>::total
                                   && !element_layout<T>::has_bool;
                  })
        return true;
    for (std::size_t i = 0; i != n; ++i)
        valid &= element_layout<T>::valid(elements + i * stored_bytes<T>);
    return valid;
}

[[noreturn]] inline void raise_no_value() {
    raise(errc::corrupt, "what is stored is no value of the element type");
}

/// Makes elements of bytes that were read: bools 0 or 1, the rest checked.
/// Throws corrupt where that fails, and then all are zeros, as which every
/// such type has a value.
template <element T>
void accept_elements(std::byte* elements, std::size_t n) {
    normalize_bools<T>(elements, n);
    if constexpr (!element_layout<T>::total) {
        if (!valid_elements<T>(elements, n)) {
            std::memset(elements, 0, n * sizeof(T));
            raise_no_value();
        }
    }
}

/// Makes sure that bytes that were read are stored values. Throws corrupt.
template <element T>
void accept_stored(std::span<std::byte> bytes) {
    if constexpr (in_place<T>)
        accept_elements<T>(bytes.data(), bytes.size() / stored_bytes<T>);
    else if (!valid_elements<T>(bytes.data(), bytes.size() / stored_bytes<T>))
        raise_no_value();
}

/// The value that is stored in stored_bytes<T> bytes. Throws corrupt if it is
/// none.
template <element T>
T load_element(std::byte const* bytes) noexcept(element_layout<T>::total) {
    T value;
    if constexpr (std::same_as<T, bool>) {
        value = *bytes != std::byte{0};
    } else if constexpr (in_place<T>) {
        std::memcpy(static_cast<void*>(&value), bytes, sizeof(T));
        accept_elements<T>(reinterpret_cast<std::byte*>(&value), 1);
    } else {
        if (!valid_elements<T>(bytes, 1))
            raise_no_value();
        load_part(value, bytes);
    }
    return value;
}

/// n values from their stored bytes. Throws corrupt, before it changes any.
template <element T>
void load_elements(T* values, std::byte const* bytes, std::size_t n) {
    if (!valid_elements<T>(bytes, n))
        raise_no_value();
    for (std::size_t i = 0; i != n; ++i)
        load_part(values[i], bytes + i * stored_bytes<T>);
}

/// The type's text in the catalogue and its size, for layers that know of no
/// C++ type.
template <class T>
struct element_description {
    static_assert(element<T>, "not an element type: see numstore::element");
    static constexpr std::uint32_t size = stored_bytes<T>;
    static std::string const& text() {
        static std::string const stored = element_type_of<T>().to_string();
        return stored;
    }
};

/// Is T{} stored as zeros, which take no space as a hole?
template <element T>
bool default_is_zero() noexcept(in_place<T>) {
    if constexpr (in_place<T> && std::is_trivially_default_constructible_v<T>) {
        return true;
    } else {
        std::byte stored[stored_bytes<T>];
        store_element(T{}, stored);
        return std::all_of(stored, stored + stored_bytes<T>,
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
    page_size_for_element<PageSize, page_size_needed(stored_bytes<T>)>::value;

} // namespace detail
} // namespace numstore
