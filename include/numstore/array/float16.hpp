// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element_layout.hpp>
#include <numstore/format/half.hpp>

#include <bit>
#include <cstdint>

namespace numstore {

/// A number stored in two bytes as IEEE 754 binary16: 11 bits of precision,
/// up to 65504. Turns into a float exactly, and calculates as one; made from
/// one it is rounded to nearest, ties to even, and what is too large becomes
/// infinite.
class float16 {
public:
    float16() = default;
    constexpr float16(float value) noexcept
        : bits_(detail::float_to_half(value)) {}
    constexpr operator float() const noexcept {
        return detail::half_to_float(bits_);
    }

    static constexpr float16 from_bits(std::uint16_t bits) noexcept {
        return std::bit_cast<float16>(bits);
    }
    constexpr std::uint16_t bits() const noexcept { return bits_; }

private:
    std::uint16_t bits_;
};

/// As `float16`, but the upper half of a float: 8 bits of precision, and the
/// range of a float.
class bfloat16 {
public:
    bfloat16() = default;
    constexpr bfloat16(float value) noexcept
        : bits_(detail::float_to_bfloat(value)) {}
    constexpr operator float() const noexcept {
        return detail::bfloat_to_float(bits_);
    }

    static constexpr bfloat16 from_bits(std::uint16_t bits) noexcept {
        return std::bit_cast<bfloat16>(bits);
    }
    constexpr std::uint16_t bits() const noexcept { return bits_; }

private:
    std::uint16_t bits_;
};

namespace detail {

template <>
struct element_layout<float16> : scalar_layout<float16, element_kind::f16> {};
template <>
struct element_layout<bfloat16> : scalar_layout<bfloat16, element_kind::bf16> {
};

} // namespace detail
} // namespace numstore
