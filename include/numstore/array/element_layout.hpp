// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/field_count.hpp>
#include <numstore/format/element_type.hpp>

#include <boost/describe/bases.hpp>
#include <boost/describe/members.hpp>

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
/// | `value_bytes`        | bytes that are not padding                     |
/// | `has_bool`           | there is a bool in it                          |
/// | `copy(to, from)`     | copies them, leaves padding alone              |
/// | `normalize_bools(p)` | makes each bool 0 or 1                         |
/// | `valid_bools(p)`     | each bool is 0 or 1                            |
template <class T>
struct element_traits;

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
struct scalar_traits {
    static_assert(sizeof(T) == scalar(Kind).size);
    static constexpr std::size_t value_bytes = sizeof(T);
    static constexpr bool has_bool = Kind == element_kind::boolean;

    static element_type type() { return element_type(Kind); }
    static void copy(std::byte* to, std::byte const* from) noexcept {
        std::memcpy(to, from, sizeof(T));
    }
    static void normalize_bools(std::byte* p) noexcept {
        if constexpr (has_bool)
            *p = std::byte{*p != std::byte{0}};
    }
    static bool valid_bools(std::byte const* p) noexcept {
        return !has_bool || *p <= std::byte{1};
    }
};

template <>
struct element_traits<bool> : scalar_traits<bool, element_kind::boolean> {};
template <>
struct element_traits<float> : scalar_traits<float, element_kind::f32> {};
template <>
struct element_traits<double> : scalar_traits<double, element_kind::f64> {};
template <>
struct element_traits<std::byte>
    : scalar_traits<std::byte, element_kind::byte> {};
template <>
struct element_traits<std::complex<float>>
    : scalar_traits<std::complex<float>, element_kind::c64> {};
template <>
struct element_traits<std::complex<double>>
    : scalar_traits<std::complex<double>, element_kind::c128> {};

template <std::integral T>
    requires(sizeof(T) <= 8 && !std::is_const_v<T> && !std::is_volatile_v<T>)
struct element_traits<T> : scalar_traits<T, integer_kind<T>()> {};

template <class T>
    requires(std::is_enum_v<T> && !std::is_const_v<T> && !std::is_volatile_v<T>)
struct element_traits<T> : element_traits<std::underlying_type_t<T>> {};

/// T has traits, as it is or as a member.
template <class T>
concept described_element = requires { element_traits<T>::value_bytes; };

template <described_element E, std::size_t N>
struct repeated_traits {
    using part = element_traits<E>;
    static constexpr std::size_t value_bytes = N * part::value_bytes;
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
    static bool valid_bools(std::byte const* p) noexcept {
        bool valid = true;
        if constexpr (has_bool)
            for (std::size_t at = 0; at != N * sizeof(E); at += sizeof(E))
                valid &= part::valid_bools(p + at);
        return valid;
    }
};

template <described_element E, std::size_t N>
    requires(N > 0 && sizeof(std::array<E, N>) == N * sizeof(E))
struct element_traits<std::array<E, N>> : repeated_traits<E, N> {};

template <described_element E, std::size_t N>
struct element_traits<E[N]> : repeated_traits<E, N> {};

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

template <class T, class Members = described_members<T>>
struct structure_traits {};

template <class T, template <class...> class List, class... D>
    requires(sizeof...(D) != 0 && (described_element<described_type<D>> && ...))
struct structure_traits<T, List<D...>> {
    template <class Descriptor>
    using part = element_traits<described_type<Descriptor>>;

    static constexpr std::size_t value_bytes = (part<D>::value_bytes + ...);
    static constexpr bool has_bool = (part<D>::has_bool || ...);

    static element_type type() {
        static_assert(describes_all_fields<T>,
                      "BOOST_DESCRIBE_STRUCT leaves out a member, whose "
                      "value would not be stored");
        std::vector<element_type::member> members;
        members.reserve(sizeof...(D));
        (members.push_back({D::name, offset<D>(), part<D>::type()}), ...);
        return element_type::structure(std::move(members), sizeof(T),
                                       alignof(T));
    }
    static void copy(std::byte* to, std::byte const* from) noexcept {
        if constexpr (value_bytes == sizeof(T))
            std::memcpy(to, from, sizeof(T));
        else
            (part<D>::copy(to + offset<D>(), from + offset<D>()), ...);
    }
    static void normalize_bools(std::byte* p) noexcept {
        (part<D>::normalize_bools(p + offset<D>()), ...);
    }
    static bool valid_bools(std::byte const* p) noexcept {
        return (part<D>::valid_bools(p + offset<D>()) && ...);
    }

private:
    template <class Descriptor>
    static std::size_t offset() noexcept {
        return member_offset<T>(Descriptor::pointer);
    }
};

template <class T>
    requires(std::is_class_v<T> && std::is_trivially_copyable_v<T>
             && std::default_initializable<T>
             && boost::describe::has_describe_members<T>::value
             && boost::describe::has_describe_bases<T>::value)
struct element_traits<T> : structure_traits<T> {};

} // namespace numstore::detail
