// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

namespace numstore::detail {

/// The bits of IEEE 754 binary16 as a float, exactly.
constexpr float half_to_float(std::uint16_t half) noexcept {
    std::uint32_t const sign = (half & 0x8000u) << 16;
    std::uint32_t const exponent = half >> 10 & 0x1fu;
    std::uint32_t const fraction = half & 0x3ffu;
    if (exponent == 0x1f)
        return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) {
        // Zero and subnormals: a whole number of units of 2^-24.
        float const small = static_cast<float>(fraction) * 0x1p-24f;
        return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(small));
    }
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

/// Cuts `drop` low bits off, rounding to nearest, ties to even.
constexpr std::uint32_t round_off(std::uint32_t n, unsigned drop) noexcept {
    std::uint32_t const kept = n >> drop;
    std::uint32_t const rest = n & ((std::uint32_t{1} << drop) - 1);
    std::uint32_t const tie = std::uint32_t{1} << (drop - 1);
    return kept + (rest > tie || (rest == tie && (kept & 1) != 0) ? 1 : 0);
}

/// Rounds to nearest, ties to even; too large becomes infinite, and a NaN
/// stays one, quiet, with the upper bits of its payload.
constexpr std::uint16_t float_to_half(float value) noexcept {
    std::uint32_t const bits = std::bit_cast<std::uint32_t>(value);
    std::uint32_t const sign = bits >> 16 & 0x8000u;
    std::uint32_t const rest = bits & 0x7fffffffu;
    std::uint32_t half = 0;
    if (rest > 0x7f800000u)
        half = 0x7e00u | (rest >> 13 & 0x1ffu);
    else if (rest >= 0x477ff000u)
        half = 0x7c00u;
    else if (rest >= 0x38800000u)
        half = round_off(rest - 0x38000000u, 13);
    else if (rest >= 0x33000000u)
        half = round_off((rest & 0x7fffffu) | 0x800000u, 126 - (rest >> 23));
    return static_cast<std::uint16_t>(sign | half);
}

constexpr float bfloat_to_float(std::uint16_t bits) noexcept {
    return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

/// As `float_to_half` does.
constexpr std::uint16_t float_to_bfloat(float value) noexcept {
    std::uint32_t const bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
    return static_cast<std::uint16_t>(round_off(bits, 16));
}

} // namespace numstore::detail
