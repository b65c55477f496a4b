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

/// Copies `count` elements but for first, first + step, ..., `n` of them, to
/// neighbouring places. Returns how many those are. One pass.
/// Precondition: step > 0, and all n positions are below count.
template <rope_element E, kernel_stride Step>
std::size_t copy_between_strided(E element, std::byte const* src,
                                 std::size_t count, std::size_t first,
                                 Step step, std::size_t n,
                                 std::byte* dst) noexcept {
    std::size_t const head = n == 0 ? count : first;
    std::memcpy(dst, src, head * element.size());
    if (n == 0)
        return count;
    auto const between = static_cast<std::size_t>(std::ptrdiff_t{step}) - 1;
    assert(first + (n - 1) * (between + 1) < count);
    with_fixed_element(element, [&](auto e) {
        constexpr std::size_t worth_a_call = 64;
        std::size_t const gap = between * e.size();
        std::byte* to = dst + head * e.size();
        std::byte const* from = src + (head + 1) * e.size();
        if (between == 1) {
            for (std::size_t i = 0; i != n - 1; ++i) // in vectors
                std::memcpy(to + i * e.size(), from + 2 * i * e.size(),
                            e.size());
            to += (n - 1) * e.size();
            from += 2 * (n - 1) * e.size();
        } else if (gap >= worth_a_call) {
            for (std::size_t i = 1; i != n; ++i) {
                std::memcpy(to, from, gap);
                to += gap;
                from += gap + e.size();
            }
        } else {
            for (std::size_t i = 1; i != n; ++i) {
                for (std::size_t k = 0; k != between; ++k)
                    std::memcpy(to + k * e.size(), from + k * e.size(),
                                e.size());
                to += gap;
                from += gap + e.size();
            }
        }
        std::memcpy(to, from,
                    static_cast<std::size_t>(src + count * e.size() - from));
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

/// Copies `count` elements but for those at `positions`, counted from an
/// origin of `base` at `src`, to neighbouring places. Returns how many those
/// are. Precondition: positions ascend strictly.
template <rope_element E, std::unsigned_integral Index>
std::size_t copy_between_indexed(E element, std::byte const* src,
                                 std::size_t count, std::uint64_t base,
                                 std::span<Index const> positions,
                                 std::byte* dst) noexcept {
    std::size_t const size = element.size();
    std::size_t from = 0;
    auto const copy = [&](std::size_t end) {
        std::memcpy(dst, src + from * size, (end - from) * size);
        dst += (end - from) * size;
    };
    for (Index const p : positions) {
        auto const removed = static_cast<std::size_t>(p - base);
        copy(removed);
        from = removed + 1;
    }
    copy(count);
    return count - positions.size();
}

} // namespace numstore::detail
