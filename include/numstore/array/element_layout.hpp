// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element_traits.hpp>
#include <numstore/array/field_count.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/format/wide_integer.hpp>

#include <boost/describe/bases.hpp>
#include <boost/describe/members.hpp>

#include <algorithm>
#include <array>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

namespace numstore::detail {

/// What the library knows of T as an element: undefined for types that are
/// none. Work on bytes, which need no alignment:
///
/// | member               | meaning                                        |
/// |----------------------|------------------------------------------------|
/// | `type()`             | its description                                |
/// | `stored_bytes`       | what one takes on disk                         |
/// | `alignment`          | of what is on disk                             |
/// | `in_place`           | a T lies in memory as it does on disk, but for |
/// |                      | padding                                        |
/// | `total`              | any bytes are a value, once bools are 0 or 1   |
/// | `valid(p)`           | the stored bytes are a value, each bool 0 or 1 |
///
/// in place also
///
/// | `value_bytes`        | bytes that are not padding                     |
/// | `has_bool`           | there is a bool in it                          |
/// | `copy(to, from)`     | copies them, leaves padding alone              |
/// | `normalize_bools(p)` | makes each bool 0 or 1                         |
///
/// and not in place
///
/// | `store(to, value)`   | to bytes that are zero                         |
/// | `load(value, p)`     | from bytes that are valid                      |
template <class T>
struct element_layout;

/// T has a layout, as it is or as a member.
template <class T>
concept described_element = requires { element_layout<T>::stored_bytes; };

/// Stores a value to bytes that are zero.
template <described_element T>
void store_part(std::byte* to, T const& value) {
    if constexpr (element_layout<T>::in_place)
        element_layout<T>::copy(to, reinterpret_cast<std::byte const*>(&value));
    else
        element_layout<T>::store(to, value);
}

/// Loads a value from valid bytes.
template <described_element T>
void load_part(T& value, std::byte const* from) {
    if constexpr (element_layout<T>::in_place)
        std::memcpy(static_cast<void*>(&value), from, sizeof(T));
    else
        element_layout<T>::load(value, from);
}

/// Integers by width and signedness, enums by their underlying type.
template <class T>
consteval element_kind integer_kind() noexcept {
    constexpr auto base = static_cast<int>(
        std::is_signed_v<T> ? element_kind::i8 : element_kind::u8);
    constexpr int power = sizeof(T) == 1   ? 0
                          : sizeof(T) == 2 ? 1
                          : sizeof(T) == 4 ? 2
                                           : 3;
    return static_cast<element_kind>(base + power);
}

template <class T, element_kind Kind>
struct scalar_layout {
    static_assert(sizeof(T) == scalar(Kind).size);
    static constexpr std::size_t stored_bytes = sizeof(T);
    static constexpr std::size_t alignment = alignof(T);
    static constexpr std::size_t value_bytes = sizeof(T);
    static constexpr bool in_place = true;
    static constexpr bool total = true;
    static constexpr bool has_bool = Kind == element_kind::boolean;

    static element_type type() { return element_type(Kind); }
    static void copy(std::byte* to, std::byte const* from) noexcept {
        std::memcpy(to, from, sizeof(T));
    }
    static void normalize_bools(std::byte* p) noexcept {
        if constexpr (has_bool)
            *p = std::byte{*p != std::byte{0}};
    }
    static bool valid(std::byte const* p) noexcept {
        return !has_bool || *p <= std::byte{1};
    }
};

template <>
struct element_layout<bool> : scalar_layout<bool, element_kind::boolean> {};
template <>
struct element_layout<float> : scalar_layout<float, element_kind::f32> {};
template <>
struct element_layout<double> : scalar_layout<double, element_kind::f64> {};
template <>
struct element_layout<std::byte>
    : scalar_layout<std::byte, element_kind::byte> {};
template <>
struct element_layout<std::complex<float>>
    : scalar_layout<std::complex<float>, element_kind::c64> {};
template <>
struct element_layout<std::complex<double>>
    : scalar_layout<std::complex<double>, element_kind::c128> {};
template <>
struct element_layout<int128> : scalar_layout<int128, element_kind::i128> {};
template <>
struct element_layout<uint128> : scalar_layout<uint128, element_kind::u128> {};

template <std::integral T>
    requires(sizeof(T) <= 8 && !std::is_const_v<T> && !std::is_volatile_v<T>)
struct element_layout<T> : scalar_layout<T, integer_kind<T>()> {};

template <class T>
    requires(std::is_enum_v<T> && !std::is_const_v<T> && !std::is_volatile_v<T>
             && !has_element_traits<T>)
struct element_layout<T> : element_layout<std::underlying_type_t<T>> {};

/// A type of the user's, stored as another element.
template <class T>
    requires(has_element_traits<T>
             && described_element<typename element_traits<T>::stored_type>)
struct element_layout<T> {
    using stored = typename element_traits<T>::stored_type;
    using part = element_layout<stored>;
    static constexpr std::size_t stored_bytes = part::stored_bytes;
    static constexpr std::size_t alignment = part::alignment;
    static constexpr bool in_place = false;
    static constexpr bool total = false;

    static element_type type() { return part::type(); }
    static void store(std::byte* to, T const& value) {
        store_part<stored>(to, element_traits<T>::store(value));
    }
    static void load(T& value, std::byte const* p) {
        value = element_traits<T>::load(stored_value(p));
    }
    static bool valid(std::byte const* p) {
        if constexpr (requires(stored const& s) {
                          { element_traits<T>::valid(s) } -> std::same_as<bool>;
                      })
            return part::valid(p) && element_traits<T>::valid(stored_value(p));
        else
            return part::valid(p);
    }

private:
    static stored stored_value(std::byte const* p) {
        stored s;
        load_part(s, p);
        return s;
    }
};

template <described_element E, std::size_t N>
struct repeated_layout {
    using part = element_layout<E>;
    static constexpr std::size_t step = part::stored_bytes;
    static constexpr std::size_t stored_bytes = N * step;
    static constexpr std::size_t alignment = part::alignment;
    static constexpr bool in_place = part::in_place;
    static constexpr bool total = part::total;

    static element_type type() {
        return element_type::array_of(N, part::type());
    }
    static bool valid(std::byte const* p) {
        bool valid = true;
        for (std::size_t at = 0; at != stored_bytes; at += step)
            valid &= part::valid(p + at);
        return valid;
    }
    template <class Values>
    static void store(std::byte* to, Values const& values) {
        for (std::size_t i = 0; i != N; ++i)
            store_part<E>(to + i * step, values[i]);
    }
    template <class Values>
    static void load(Values& values, std::byte const* p) {
        for (std::size_t i = 0; i != N; ++i)
            load_part<E>(values[i], p + i * step);
    }
};

template <described_element E, std::size_t N>
    requires element_layout<E>::in_place
struct repeated_layout<E, N> {
    using part = element_layout<E>;
    static constexpr std::size_t stored_bytes = N * sizeof(E);
    static constexpr std::size_t alignment = part::alignment;
    static constexpr std::size_t value_bytes = N * part::value_bytes;
    static constexpr bool in_place = true;
    static constexpr bool total = part::total;
    static constexpr bool has_bool = part::has_bool;

    static element_type type() {
        return element_type::array_of(N, part::type());
    }
    static void copy(std::byte* to, std::byte const* from) noexcept {
        if constexpr (value_bytes == N * sizeof(E)) {
            std::memcpy(to, from, value_bytes);
        } else {
            for (std::size_t at = 0; at != N * sizeof(E); at += sizeof(E))
                part::copy(to + at, from + at);
        }
    }
    static void normalize_bools(std::byte* p) noexcept {
        if constexpr (has_bool)
            for (std::size_t at = 0; at != N * sizeof(E); at += sizeof(E))
                part::normalize_bools(p + at);
    }
    static bool valid(std::byte const* p) noexcept {
        bool valid = true;
        if constexpr (has_bool || !total)
            for (std::size_t at = 0; at != N * sizeof(E); at += sizeof(E))
                valid &= part::valid(p + at);
        return valid;
    }
};

template <described_element E, std::size_t N>
    requires(N > 0 && sizeof(std::array<E, N>) == N * sizeof(E))
struct element_layout<std::array<E, N>> : repeated_layout<E, N> {};

template <described_element E, std::size_t N>
struct element_layout<E[N]> : repeated_layout<E, N> {};

template <class T>
using described_members =
    boost::describe::describe_members<T, boost::describe::mod_any_access
                                             | boost::describe::mod_inherited
                                             | boost::describe::mod_hidden>;

/// An object to take the offsets of members from.
template <class T>
inline T const member_probe{};

/// Bytes from the start of a T to a member, or to a base's member.
template <class T, class Pointer>
std::size_t member_offset(Pointer pointer) noexcept {
    auto const& probe = member_probe<T>;
    return static_cast<std::size_t>(
        reinterpret_cast<char const*>(&(probe.*pointer))
        - reinterpret_cast<char const*>(&probe));
}

template <class Descriptor>
using part_layout = element_layout<described_type<Descriptor>>;

template <class T>
consteval void require_all_fields() noexcept {
    static_assert(describes_all_fields<T>,
                  "BOOST_DESCRIBE_STRUCT leaves out a member, whose "
                  "value would not be stored");
}

/// A struct as it lies in memory.
template <class T, class... D>
struct structure_in_place {
    static constexpr std::size_t stored_bytes = sizeof(T);
    static constexpr std::size_t alignment = alignof(T);
    static constexpr std::size_t value_bytes =
        (part_layout<D>::value_bytes + ...);
    static constexpr bool in_place = true;
    static constexpr bool total = (part_layout<D>::total && ...);
    static constexpr bool has_bool = (part_layout<D>::has_bool || ...);

    static element_type type() {
        require_all_fields<T>();
        std::vector<element_type::member> members;
        members.reserve(sizeof...(D));
        (members.push_back({D::name, offset<D>(), part_layout<D>::type()}),
         ...);
        return element_type::structure(std::move(members), sizeof(T),
                                       alignof(T));
    }
    static void copy(std::byte* to, std::byte const* from) noexcept {
        if constexpr (value_bytes == sizeof(T))
            std::memcpy(to, from, sizeof(T));
        else
            (part_layout<D>::copy(to + offset<D>(), from + offset<D>()), ...);
    }
    static void normalize_bools(std::byte* p) noexcept {
        (part_layout<D>::normalize_bools(p + offset<D>()), ...);
    }
    static bool valid(std::byte const* p) noexcept {
        return (part_layout<D>::valid(p + offset<D>()) && ...);
    }

private:
    template <class Descriptor>
    static std::size_t offset() noexcept {
        return member_offset<T>(Descriptor::pointer);
    }
};

/// A struct some members of which are not in place: what is stored for its
/// members, one after the other, laid out as C does.
template <class T, class... D>
struct structure_apart {
    static constexpr std::array<std::size_t, sizeof...(D) + 1> offsets = [] {
        std::array<std::size_t, sizeof...(D) + 1> at{};
        std::size_t i = 0;
        std::size_t end = 0;
        ((at[i++] = round_up(end, part_layout<D>::alignment),
          end = at[i - 1] + part_layout<D>::stored_bytes),
         ...);
        at[i] = end;
        return at;
    }();
    static constexpr std::size_t alignment =
        std::max({part_layout<D>::alignment...});
    static constexpr std::size_t stored_bytes =
        round_up(offsets.back(), alignment);
    static constexpr bool in_place = false;
    static constexpr bool total = false;

    static element_type type() {
        require_all_fields<T>();
        std::vector<element_type::member> members;
        std::size_t i = 0;
        (members.push_back({D::name, offsets[i++], part_layout<D>::type()}),
         ...);
        return element_type::structure(std::move(members), stored_bytes,
                                       alignment);
    }
    static void store(std::byte* to, T const& value) {
        std::size_t i = 0;
        (store_part<described_type<D>>(to + offsets[i++], value.*D::pointer),
         ...);
    }
    static void load(T& value, std::byte const* p) {
        std::size_t i = 0;
        (load_part<described_type<D>>(value.*D::pointer, p + offsets[i++]),
         ...);
    }
    static bool valid(std::byte const* p) {
        std::size_t i = 0;
        return (part_layout<D>::valid(p + offsets[i++]) && ...);
    }
};

template <class T, class Members = described_members<T>>
struct structure_layout {};

template <class T, template <class...> class List, class... D>
    requires(sizeof...(D) != 0 && (described_element<described_type<D>> && ...))
struct structure_layout<T, List<D...>>
    : std::conditional_t<(part_layout<D>::in_place && ...),
                         std::type_identity<structure_in_place<T, D...>>,
                         std::type_identity<structure_apart<T, D...>>>::type {};

template <class T>
    requires(std::is_class_v<T> && std::default_initializable<T>
             && !has_element_traits<T>
             && boost::describe::has_describe_members<T>::value
             && boost::describe::has_describe_bases<T>::value)
struct element_layout<T> : structure_layout<T> {};

} // namespace numstore::detail
