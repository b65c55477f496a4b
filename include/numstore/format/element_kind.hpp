// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace numstore {

/// What an element is. The values are stable.
enum class element_kind : std::uint8_t {
    boolean,
    i8,
    i16,
    i32,
    i64,
    u8,
    u16,
    u32,
    u64,
    f32,
    f64,
    c64,  ///< two f32: real, imaginary
    c128, ///< two f64
    byte,
    array,     ///< a fixed number of elements of one type
    structure, ///< named members
    f16,       ///< IEEE 754 binary16
    bf16,      ///< the upper half of an f32
    i128,
    u128,
    chars,    ///< a fixed number of bytes, shorter texts end in zeros
    text,     ///< UTF-8 of up to a fixed number of bytes
    nullable, ///< a value, null, or nothing yet
    variant   ///< a value of one of several types
};

namespace detail {

/// Name, size and alignment of the kinds that have no parts, by kind.
struct scalar_kind {
    std::string_view name;
    std::uint8_t size;
    std::uint8_t alignment;
};

/// An array and a struct are none, and have no name here.
inline constexpr std::array<scalar_kind, 20> scalar_kinds{{
    {"bool", 1, 1},  {"i8", 1, 1},   {"i16", 2, 2},    {"i32", 4, 4},
    {"i64", 8, 8},   {"u8", 1, 1},   {"u16", 2, 2},    {"u32", 4, 4},
    {"u64", 8, 8},   {"f32", 4, 4},  {"f64", 8, 8},    {"c64", 8, 4},
    {"c128", 16, 8}, {"byte", 1, 1}, {"", 0, 0},       {"", 0, 0},
    {"f16", 2, 2},   {"bf16", 2, 2}, {"i128", 16, 16}, {"u128", 16, 16},
}};

constexpr bool is_scalar(element_kind kind) noexcept {
    auto const k = static_cast<std::size_t>(kind);
    return k < scalar_kinds.size() && scalar_kinds[k].size != 0;
}

constexpr scalar_kind const& scalar(element_kind kind) noexcept {
    return scalar_kinds[static_cast<std::size_t>(kind)];
}

/// Bounds on a type, which hold for every `element_type`: what recursion over
/// it may need, how large an element is (256 of the largest pages), and how
/// long its text can be.
inline constexpr unsigned max_element_depth = 32;
inline constexpr std::uint64_t max_element_bytes = std::uint64_t{1} << 28;
inline constexpr std::uint64_t max_element_alignment = 4096;
inline constexpr std::uint64_t max_element_text = std::uint64_t{1} << 16;
inline constexpr std::uint64_t max_text_bytes = 65535;
inline constexpr std::size_t max_alternatives = 255;

/// Bytes in front of a text of at most `n` bytes that hold its length.
constexpr std::size_t text_prefix(std::uint64_t n) noexcept {
    return n <= 255 ? 1 : 2;
}

} // namespace detail

} // namespace numstore
