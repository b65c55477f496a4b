// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../bags/memory_512.hpp"

#include <numstore/numstore.hpp>

#include <boost/describe/class.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <random>
#include <type_traits>
#include <vector>

namespace array_test {

namespace ns = numstore;
using ns::errc;

/// The one bag of these tests: in memory, with small pages.
using policies = bags::memory_512;

using database = ns::basic_database<policies>;
using transaction = ns::basic_transaction<policies>;
template <class T>
using array = ns::array<T, policies>;
template <class T>
using const_array = ns::const_array<T, policies>;
using any_array = ns::basic_any_array<policies>;

struct fixture {
    database db;
};

template <class Call>
bool fails(errc expected, Call call) {
    try {
        call();
    } catch (ns::error const& e) {
        if (e.code() == expected)
            return true;
        BOOST_TEST_MESSAGE("another error: " << e.what());
    }
    return false;
}

inline std::mt19937_64 random_source() {
    char const* const given = std::getenv("NUMSTORE_SEED");
    auto const seed =
        given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
    return std::mt19937_64(seed);
}

enum class colour : std::uint8_t { red, green, blue };
enum level : std::int32_t { low = -1, high = 1 };
enum class yes_no : bool { no, yes };

/// Three bytes of padding behind the members.
struct sample {
    double t = 0;
    float v = 0;
    std::uint8_t flags = 0;
    friend bool operator==(sample const&, sample const&) = default;
};
BOOST_DESCRIBE_STRUCT(sample, (), (t, v, flags))

/// Twelve bytes, which do not divide a page.
struct point {
    float x;
    float y;
    float z;
    friend bool operator==(point const&, point const&) = default;
};
BOOST_DESCRIBE_STRUCT(point, (), (x, y, z))

/// Padding in front of, inside and behind members, which have padding too.
struct nested {
    bool valid;
    sample first;
    std::uint16_t code;
    std::array<sample, 2> more;
    colour shade;
    friend bool operator==(nested const&, nested const&) = default;
};
BOOST_DESCRIBE_STRUCT(nested, (), (valid, first, code, more, shade))

using half_page = std::array<std::byte, policies::page_size / 2>;
using large = std::array<std::uint16_t, 700>;

template <class T>
struct maker {
    static T of(std::uint64_t i) {
        if constexpr (std::same_as<T, bool>)
            return i % 3 == 0;
        else if constexpr (std::is_enum_v<T>)
            return static_cast<T>(maker<std::underlying_type_t<T>>::of(i));
        else
            return static_cast<T>(i * 3 + 1);
    }
};
template <class F>
struct maker<std::complex<F>> {
    static std::complex<F> of(std::uint64_t i) {
        return {static_cast<F>(i), -static_cast<F>(i) / 2};
    }
};
template <class E, std::size_t N>
struct maker<std::array<E, N>> {
    static std::array<E, N> of(std::uint64_t i) {
        std::array<E, N> a{};
        for (std::size_t k = 0; k != N; ++k)
            a[k] = maker<E>::of(i + k);
        return a;
    }
};
template <>
struct maker<sample> {
    static sample of(std::uint64_t i) {
        return {static_cast<double>(i), static_cast<float>(i) / 4,
                static_cast<std::uint8_t>(i)};
    }
};
template <>
struct maker<point> {
    static point of(std::uint64_t i) {
        auto const f = static_cast<float>(i);
        return {f, f + 0.5f, -f};
    }
};
template <>
struct maker<nested> {
    static nested of(std::uint64_t i) {
        return {maker<bool>::of(i), maker<sample>::of(i + 1),
                static_cast<std::uint16_t>(i),
                maker<std::array<sample, 2>>::of(i + 2), maker<colour>::of(i)};
    }
};

/// The i-th value of a type: neighbours differ where the type allows it.
template <class T>
T value(std::uint64_t i) {
    return maker<T>::of(i);
}

template <class T>
std::vector<T> values(std::size_t n, std::uint64_t from = 0) {
    std::vector<T> v;
    v.reserve(n);
    for (std::size_t i = 0; i != n; ++i)
        v.push_back(value<T>(from + i));
    return v;
}

/// What a slice selects of `size` elements, as CPython computes it
/// (PySlice_AdjustIndices), one position after the other.
inline std::vector<std::size_t> python_slice(ns::slice const& s,
                                             std::size_t size) {
    auto const length = static_cast<std::int64_t>(size);
    std::int64_t const step = s.step.value_or(1);
    auto const adjust = [&](std::int64_t bound) {
        if (bound < 0) {
            if (bound < -length)
                return std::int64_t{step < 0 ? -1 : 0};
            return bound + length;
        }
        if (bound >= length)
            return step < 0 ? length - 1 : length;
        return bound;
    };
    std::int64_t const start =
        s.start ? adjust(*s.start) : (step < 0 ? length - 1 : 0);
    std::int64_t const stop =
        s.stop ? adjust(*s.stop) : (step < 0 ? -1 : length);
    std::vector<std::size_t> found;
    std::int64_t at = start;
    while (step < 0 ? at > stop : at < stop) {
        found.push_back(static_cast<std::size_t>(at));
        if (step > 0 ? stop - at <= step : stop - at >= step)
            break;
        at += step;
    }
    return found;
}

/// The elements of `v` at these positions.
template <class T>
std::vector<T> selected(std::vector<T> const& v,
                        std::vector<std::size_t> const& positions) {
    std::vector<T> out;
    for (std::size_t const p : positions)
        out.push_back(v[p]);
    return out;
}

/// `v` without the elements at these positions.
template <class T>
std::vector<T> without(std::vector<T> const& v,
                       std::vector<std::size_t> const& positions) {
    std::vector<bool> gone(v.size());
    for (std::size_t const p : positions)
        gone[p] = true;
    std::vector<T> out;
    for (std::size_t i = 0; i != v.size(); ++i)
        if (!gone[i])
            out.push_back(v[i]);
    return out;
}

/// Slices of every kind for an array of `size` elements.
inline std::vector<ns::slice> all_slices(std::size_t size) {
    using bound = std::optional<std::int64_t>;
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    auto const n = static_cast<std::int64_t>(size);
    std::vector<bound> bounds{std::nullopt, least, most};
    for (std::int64_t b = -n - 1; b <= n + 1; ++b)
        bounds.push_back(b);
    std::vector<ns::slice> all;
    for (bound const start : bounds)
        for (bound const stop : bounds)
            for (bound const step :
                 {bound{}, bound{1}, bound{2}, bound{3}, bound{-1}, bound{-2},
                  bound{least}, bound{most}})
                all.push_back({.start = start, .stop = stop, .step = step});
    return all;
}

/// A slice of any kind.
inline ns::slice random_slice(std::mt19937_64& random, std::size_t size) {
    auto const bound = [&]() -> std::optional<std::int64_t> {
        if (random() % 4 == 0)
            return std::nullopt;
        auto const n = static_cast<std::int64_t>(size) + 3;
        return static_cast<std::int64_t>(random()
                                         % static_cast<std::uint64_t>(2 * n))
               - n;
    };
    std::int64_t step = static_cast<std::int64_t>(random() % 9) - 4;
    if (random() % 4 == 0)
        step *= 97;
    if (step == 0)
        return {.start = bound(), .stop = bound()};
    return {.start = bound(), .stop = bound(), .step = step};
}

} // namespace array_test
