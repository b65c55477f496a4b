// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "array_fixture.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

// Elements that are more than numbers, and values of them.

namespace array_test {

using number_or_null = ns::nullable<double>;
using name_or_null = ns::nullable<ns::tiny_text<20>>;
using any_cell =
    std::variant<std::int32_t, double, ns::tiny_text<11>, sample, bool>;

/// A type of a user's own: private, and negative is invalid on disk.
class price {
public:
    price() = default;
    explicit price(std::int64_t cents) : cents_(cents) {}
    std::int64_t cents() const { return cents_; }
    friend auto operator<=>(price const&, price const&) = default;

private:
    std::int64_t cents_ = 0;
};

/// One that is not trivially copyable.
struct label {
    std::string text;
    friend bool operator==(label const&, label const&) = default;
};

} // namespace array_test

template <>
struct numstore::element_traits<array_test::price> {
    using stored_type = std::int64_t;
    static std::int64_t store(array_test::price const& p) { return p.cents(); }
    static array_test::price load(std::int64_t cents) {
        return array_test::price(cents);
    }
    static bool valid(std::int64_t cents) { return cents >= 0; }
};

template <>
struct numstore::element_traits<array_test::label> {
    using stored_type = numstore::tiny_text<30>;
    static stored_type store(array_test::label const& l) { return l.text; }
    static array_test::label load(stored_type const& s) { return {s.str()}; }
};

namespace array_test {

/// A struct some of whose members are stored in another form than theirs.
struct record {
    bool checked = false;
    any_cell what;
    ns::nullable<ns::int128> total;
    std::array<label, 2> labels;
    price cost;
    friend bool operator==(record const&, record const&) = default;
};
BOOST_DESCRIBE_STRUCT(record, (), (checked, what, total, labels, cost))

/// One that lies in memory as it is stored, but for padding.
struct reading {
    std::uint8_t channel = 0;
    ns::nullable<float> value;
    ns::float16 error{};
    ns::tiny_text<5> unit;
    friend bool operator==(reading const&, reading const&) = default;
};
BOOST_DESCRIBE_STRUCT(reading, (), (channel, value, error, unit))

template <std::size_t N>
struct maker<ns::tiny_text<N>> {
    static ns::tiny_text<N> of(std::uint64_t i) {
        std::string text;
        for (std::uint64_t k = i % (N / 2 + 1); k != 0; --k)
            text += (i + k) % 3 == 0 ? "\xc3\xa9" : "a";
        return text;
    }
};
template <std::size_t N>
struct maker<ns::fixed_string<N>> {
    static ns::fixed_string<N> of(std::uint64_t i) {
        return std::string(i % (N + 1), static_cast<char>('a' + i % 26));
    }
};
template <class T>
struct maker<ns::nullable<T>> {
    static ns::nullable<T> of(std::uint64_t i) {
        if (i % 5 == 1)
            return ns::null;
        if (i % 5 == 3)
            return ns::absent;
        return maker<T>::of(i);
    }
};
template <class... T>
struct maker<std::variant<T...>> {
    using value = std::variant<T...>;
    static value of(std::uint64_t i) {
        value v;
        std::size_t k = 0;
        ((k++ == i % sizeof...(T) ? (v = maker<T>::of(i), 0) : 0), ...);
        return v;
    }
};
template <>
struct maker<ns::float16> {
    static ns::float16 of(std::uint64_t i) {
        return static_cast<float>(i % 4000) / 4;
    }
};
template <>
struct maker<ns::bfloat16> {
    static ns::bfloat16 of(std::uint64_t i) {
        return static_cast<float>(i % 200);
    }
};
template <>
struct maker<price> {
    static price of(std::uint64_t i) { return price(std::int64_t(i)); }
};
template <>
struct maker<label> {
    static label of(std::uint64_t i) { return {"label " + std::to_string(i)}; }
};
template <>
struct maker<record> {
    static record of(std::uint64_t i) {
        return {i % 2 == 0,
                maker<any_cell>::of(i),
                maker<ns::nullable<ns::int128>>::of(i),
                {maker<label>::of(i), maker<label>::of(i + 1)},
                maker<price>::of(i)};
    }
};
template <>
struct maker<reading> {
    static reading of(std::uint64_t i) {
        return {static_cast<std::uint8_t>(i), maker<ns::nullable<float>>::of(i),
                maker<ns::float16>::of(i), maker<ns::tiny_text<5>>::of(i)};
    }
};

} // namespace array_test
