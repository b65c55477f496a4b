// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

namespace numstore {

/// Number of a page in the file: page n starts at byte n * page_size. Page 0
/// holds a superblock, so 0 is free to mean "no page": a hole of zeros.
enum class page_no : std::uint64_t {};

/// Log sequence number: a position in the log's address space, in bytes. It
/// never goes back, over all generations of the log.
enum class lsn : std::uint64_t {};

inline constexpr page_no no_page{0};

constexpr std::uint64_t to_integer(page_no n) noexcept {
    return static_cast<std::uint64_t>(n);
}
constexpr std::uint64_t to_integer(lsn n) noexcept {
    return static_cast<std::uint64_t>(n);
}
constexpr page_no operator+(page_no n, std::uint64_t k) noexcept {
    return page_no{to_integer(n) + k};
}
constexpr lsn operator+(lsn n, std::uint64_t k) noexcept {
    return lsn{to_integer(n) + k};
}
constexpr std::uint64_t operator-(lsn a, lsn b) noexcept {
    return to_integer(a) - to_integer(b);
}

/// A run of neighbouring pages.
struct extent {
    page_no first{};
    std::uint64_t pages{};

    constexpr page_no end() const noexcept { return first + pages; }
    friend constexpr bool operator==(extent const&, extent const&) = default;
};

namespace detail {

constexpr bool is_power_of_two(std::uint64_t n) noexcept {
    return std::has_single_bit(n);
}

/// The smallest multiple of `unit` that is not below `n`.
constexpr std::uint64_t round_up(std::uint64_t n, std::uint64_t unit) noexcept {
    return (n + unit - 1) / unit * unit;
}

constexpr std::uint64_t round_down(std::uint64_t n,
                                   std::uint64_t unit) noexcept {
    return n / unit * unit;
}

/// Room for `n` more, with what a vector that grows one by one costs: O(1)
/// each. Throws bad_alloc.
template <class Vector>
constexpr void reserve_more(Vector& v, std::size_t n) {
    if (v.capacity() - v.size() < n)
        v.reserve(v.size() + (n < v.size() ? v.size() : n));
}

/// True and sets `out` unless a * b does not fit.
constexpr bool multiply(std::uint64_t a, std::uint64_t b,
                        std::uint64_t& out) noexcept {
    return !__builtin_mul_overflow(a, b, &out);
}

/// True and sets `out` unless a + b does not fit.
constexpr bool add(std::uint64_t a, std::uint64_t b,
                   std::uint64_t& out) noexcept {
    return !__builtin_add_overflow(a, b, &out);
}

} // namespace detail
} // namespace numstore
