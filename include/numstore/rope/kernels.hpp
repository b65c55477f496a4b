// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

namespace numstore::detail {

/// An element whose size is a constant, so that loops over it fold to loads,
/// stores and vector code.
template <std::size_t Size>
struct fixed_element {
    static_assert(Size != 0);
    static constexpr std::size_t size() noexcept { return Size; }
};

/// An element whose size is known at run time.
struct dynamic_element {
    std::size_t bytes;
    constexpr std::size_t size() const noexcept { return bytes; }
};

/// All that the rope knows of an element: `size()`, its bytes, at least 1.
template <class E>
concept rope_element = std::copyable<E> && requires(E const e) {
    { e.size() } noexcept -> std::same_as<std::size_t>;
};
static_assert(rope_element<fixed_element<4>>);
static_assert(rope_element<dynamic_element>);

/// A distance in elements or bytes: a `std::ptrdiff_t`, or a
/// `std::integral_constant` where it is a constant.
template <class S>
concept kernel_stride = std::convertible_to<S, std::ptrdiff_t>;

/// Calls `f` with the element, as a `fixed_element` where its size is a usual
/// one.
template <rope_element E, class F>
decltype(auto) with_fixed_element(E element, F&& f) {
    if constexpr (std::same_as<E, dynamic_element>) {
        switch (element.size()) {
        case 1: return std::forward<F>(f)(fixed_element<1>{});
        case 2: return std::forward<F>(f)(fixed_element<2>{});
        case 4: return std::forward<F>(f)(fixed_element<4>{});
        case 8: return std::forward<F>(f)(fixed_element<8>{});
        case 16: return std::forward<F>(f)(fixed_element<16>{});
        default: return std::forward<F>(f)(element);
        }
    } else {
        return std::forward<F>(f)(element);
    }
}

// In all kernels source and destination do not overlap, positions are in
// bounds, and bytes need no alignment. A stride may be negative or zero: the
// pointer is that of the element that comes first in the other buffer.

/// Copies n elements that lie `spacing` bytes apart to neighbouring places.
template <rope_element E, kernel_stride Spacing>
void gather_spaced(E element, std::byte const* src, Spacing spacing,
                   std::byte* dst, std::size_t n) noexcept {
    if (n == 0)
        return;
    std::ptrdiff_t const between = spacing;
    if (between == static_cast<std::ptrdiff_t>(element.size())) {
        std::memcpy(dst, src, n * element.size());
        return;
    }
    with_fixed_element(element, [&](auto e) {
        for (std::size_t i = 0; i != n; ++i)
            std::memcpy(dst + i * e.size(),
                        src + static_cast<std::ptrdiff_t>(i) * between,
                        e.size());
    });
}

/// Copies n neighbouring elements to places that are `spacing` bytes apart,
/// and touches nothing between them.
template <rope_element E, kernel_stride Spacing>
void scatter_spaced(E element, std::byte* dst, Spacing spacing,
                    std::byte const* src, std::size_t n) noexcept {
    if (n == 0)
        return;
    std::ptrdiff_t const between = spacing;
    if (between == static_cast<std::ptrdiff_t>(element.size())) {
        std::memcpy(dst, src, n * element.size());
        return;
    }
    with_fixed_element(element, [&](auto e) {
        for (std::size_t i = 0; i != n; ++i)
            std::memcpy(dst + static_cast<std::ptrdiff_t>(i) * between,
                        src + i * e.size(), e.size());
    });
}

/// Copies the elements src[0], src[stride], ... to neighbouring places.
template <rope_element E, kernel_stride Stride>
void gather_strided(E element, std::byte const* src, Stride stride,
                    std::byte* dst, std::size_t n) noexcept {
    auto const bytes = static_cast<std::ptrdiff_t>(element.size());
    gather_spaced(element, src, std::ptrdiff_t{stride} * bytes, dst, n);
}

/// Copies neighbouring elements to dst[0], dst[stride], ...
template <rope_element E, kernel_stride Stride>
void scatter_strided(E element, std::byte* dst, Stride stride,
                     std::byte const* src, std::size_t n) noexcept {
    auto const bytes = static_cast<std::ptrdiff_t>(element.size());
    scatter_spaced(element, dst, std::ptrdiff_t{stride} * bytes, src, n);
}

/// Removes the elements first, first + step, ..., `n` of them, from `count`
/// elements in place: those that stay move down. Returns how many stay. One
/// pass; what is in front of `first` is not touched.
/// Precondition: step > 0, and all n positions are below count.
template <rope_element E, kernel_stride Step>
std::size_t compact_strided(E element, std::byte* data, std::size_t count,
                            std::size_t first, Step step,
                            std::size_t n) noexcept {
    if (n == 0)
        return count;
    auto const between = static_cast<std::size_t>(std::ptrdiff_t{step}) - 1;
    assert(first + (n - 1) * (between + 1) < count);
    with_fixed_element(element, [&](auto e) {
        constexpr std::size_t worth_a_call = 64;
        std::size_t const gap = between * e.size();
        std::byte* to = data + first * e.size();
        std::byte const* from = to + e.size();
        for (std::size_t i = 1; i != n; ++i, from += e.size()) {
            if (gap >= worth_a_call) {
                std::memmove(to, from, gap);
                to += gap;
                from += gap;
                continue;
            }
            for (std::size_t k = 0; k != between; ++k) {
                std::memcpy(to, from, e.size());
                to += e.size();
                from += e.size();
            }
        }
        std::memmove(to, from,
                     static_cast<std::size_t>(data + count * e.size() - from));
    });
    return count - n;
}

/// Copies the elements at `positions`, counted from an origin of `base` at
/// `src`, to the places dst[order[i]], or dst[i] where `order` is empty.
template <rope_element E, std::unsigned_integral Index>
void gather_indexed(E element, std::byte const* src, std::uint64_t base,
                    std::span<Index const> positions,
                    std::span<std::uint64_t const> order,
                    std::byte* dst) noexcept {
    assert(order.empty() || order.size() == positions.size());
    with_fixed_element(element, [&](auto e) {
        auto const at = [&](std::uint64_t i) {
            return static_cast<std::size_t>(i) * e.size();
        };
        if (order.empty()) {
            for (std::size_t i = 0; i != positions.size(); ++i)
                std::memcpy(dst + at(i), src + at(positions[i] - base),
                            e.size());
        } else {
            for (std::size_t i = 0; i != positions.size(); ++i)
                std::memcpy(dst + at(order[i]), src + at(positions[i] - base),
                            e.size());
        }
    });
}

/// Copies the elements at src[order[i]], or src[i] where `order` is empty, to
/// `positions`, counted from an origin of `base` at `dst`.
template <rope_element E, std::unsigned_integral Index>
void scatter_indexed(E element, std::byte* dst, std::uint64_t base,
                     std::span<Index const> positions,
                     std::span<std::uint64_t const> order,
                     std::byte const* src) noexcept {
    assert(order.empty() || order.size() == positions.size());
    with_fixed_element(element, [&](auto e) {
        auto const at = [&](std::uint64_t i) {
            return static_cast<std::size_t>(i) * e.size();
        };
        if (order.empty()) {
            for (std::size_t i = 0; i != positions.size(); ++i)
                std::memcpy(dst + at(positions[i] - base), src + at(i),
                            e.size());
        } else {
            for (std::size_t i = 0; i != positions.size(); ++i)
                std::memcpy(dst + at(positions[i] - base), src + at(order[i]),
                            e.size());
        }
    });
}

/// Removes the elements at `positions`, counted from an origin of `base` at
/// `data`, from `count` elements in place. Returns how many stay.
/// Precondition: positions ascend strictly.
template <rope_element E, std::unsigned_integral Index>
std::size_t compact_indexed(E element, std::byte* data, std::size_t count,
                            std::uint64_t base,
                            std::span<Index const> positions) noexcept {
    if (positions.empty())
        return count;
    std::size_t const size = element.size();
    auto const at = [&](std::size_t i) {
        return static_cast<std::size_t>(positions[i] - base);
    };
    std::byte* to = data + at(0) * size;
    for (std::size_t i = 0; i != positions.size(); ++i) {
        std::size_t const from = at(i) + 1;
        std::size_t const end = i + 1 == positions.size() ? count : at(i + 1);
        std::memmove(to, data + from * size, (end - from) * size);
        to += (end - from) * size;
    }
    return count - positions.size();
}

} // namespace numstore::detail
