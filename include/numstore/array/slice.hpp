// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/position.hpp>
#include <numstore/error.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

namespace numstore {

/// The elements that a slice selects from an array of a known size: `count`
/// of them, at first, first + step, ... `Step` is `std::int64_t`, or a
/// `std::integral_constant` where the step is known at compile time. `first`
/// is 0 where nothing is selected.
template <class Step>
struct basic_selection {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    [[no_unique_address]] Step step{};

    constexpr bool empty() const noexcept { return count == 0; }

    /// The position of the i-th. Precondition: i < count.
    constexpr std::uint64_t operator[](std::uint64_t i) const noexcept {
        return first + i * static_cast<std::uint64_t>(std::int64_t{step});
    }
    constexpr bool is_contiguous() const noexcept {
        return std::int64_t{step} == 1 || count <= 1;
    }
    friend constexpr bool operator==(basic_selection const& a,
                                     basic_selection const& b) noexcept {
        return a.first == b.first && a.count == b.count
               && std::int64_t{a.step} == std::int64_t{b.step};
    }
};

using selection = basic_selection<std::int64_t>;

namespace detail {

/// Cannot be made from braces: what stands first in an aggregate keeps
/// values without a name from filling it.
class designators_only {
public:
    struct key {};
    explicit constexpr designators_only(key) noexcept {}
    friend constexpr bool operator==(designators_only,
                                     designators_only) noexcept = default;
};

constexpr std::uint64_t magnitude(std::int64_t v) noexcept {
    auto const bits = static_cast<std::uint64_t>(v);
    return v < 0 ? 0 - bits : bits;
}

/// The position that a slice bound stands for, clamped to [0, size].
constexpr std::uint64_t clamp_bound(std::int64_t bound,
                                    std::uint64_t size) noexcept {
    std::uint64_t const m = magnitude(bound);
    if (bound < 0)
        return m > size ? 0 : size - m;
    return std::min(m, size);
}

/// For negative steps: one more than the position, so that the place in front
/// of the first element is 0; clamped to [0, size].
constexpr std::uint64_t clamp_bound_behind(std::int64_t bound,
                                           std::uint64_t size) noexcept {
    std::uint64_t const m = magnitude(bound);
    if (bound < 0)
        return m > size ? 0 : size - m + 1;
    return m < size ? m + 1 : size;
}

/// How many of every step-th position there are in [0, span).
constexpr std::uint64_t strides_in(std::uint64_t span,
                                   std::uint64_t step) noexcept {
    return span == 0 ? 0 : (span - 1) / step + 1;
}

} // namespace detail

/// Which elements of an array: from `start` to before `stop`, every `step`-th,
/// as in Python. A negative bound counts from the end; bounds are clamped to
/// the array; without `start` and `stop` it is all of it. Use designators:
///
///     ns::slice s{.start = 10, .stop = -10, .step = 3};
///     ns::slice reversed{.step = -1};
struct slice {
    /// Of no meaning: slice{10, 20} does not compile for it.
    detail::designators_only only_designators{detail::designators_only::key{}};
    std::optional<std::int64_t> start = std::nullopt;
    std::optional<std::int64_t> stop = std::nullopt;
    std::optional<std::int64_t> step = std::nullopt;

    /// The elements that it selects from `size` elements. Throws
    /// invalid_argument for a step of 0.
    constexpr selection resolve(std::uint64_t size) const {
        std::int64_t const by = step.value_or(1);
        if (by == 0)
            detail::raise(errc::invalid_argument, "slice: a step of 0");
        std::uint64_t const stride = detail::magnitude(by);
        std::uint64_t from = 0;
        std::uint64_t n = 0;
        if (by > 0) {
            from = start ? detail::clamp_bound(*start, size) : 0;
            auto const to = stop ? detail::clamp_bound(*stop, size) : size;
            n = from < to ? detail::strides_in(to - from, stride) : 0;
        } else {
            auto const behind =
                start ? detail::clamp_bound_behind(*start, size) : size;
            auto const to = stop ? detail::clamp_bound_behind(*stop, size) : 0;
            n = behind > to ? detail::strides_in(behind - to, stride) : 0;
            from = behind - 1; // only read where n > 0
        }
        return {n == 0 ? 0 : from, n, by};
    }

    friend constexpr bool operator==(slice const&, slice const&) = default;
};

/// Every N-th element from element `Offset` on: a slice whose step is known
/// when the program is compiled.
template <std::int64_t N, std::int64_t Offset = 0>
    requires(N > 0 && Offset >= 0)
struct every {
    using step_type = std::integral_constant<std::int64_t, N>;
    static constexpr step_type step{};

    static constexpr basic_selection<step_type>
    resolve(std::uint64_t size) noexcept {
        constexpr auto first = static_cast<std::uint64_t>(Offset);
        if (first >= size)
            return {};
        return {first, detail::strides_in(size - first, N), {}};
    }

    constexpr operator slice() const noexcept {
        return {.start = Offset, .step = N};
    }
};

/// Every element.
inline constexpr every<1> all{};

/// Something that selects elements of an array: `slice`, `every`, `all`, or a
/// type with such a `resolve`.
template <class S>
concept slicing = std::copyable<S> && requires(S const s, std::uint64_t size) {
    { s.resolve(size).first } -> std::convertible_to<std::uint64_t>;
    { s.resolve(size).count } -> std::convertible_to<std::uint64_t>;
    { s.resolve(size).step } -> std::convertible_to<std::int64_t>;
};

namespace detail {

/// What a slice selects, with its step at run time.
template <slicing S>
constexpr selection resolve(S const& s, std::uint64_t size) {
    auto const what = s.resolve(size);
    return {what.first, what.count, std::int64_t{what.step}};
}

} // namespace detail

static_assert(slicing<slice>);
static_assert(slicing<every<2, 1>>);

} // namespace numstore
