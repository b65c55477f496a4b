// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/slice.hpp>

#include <boost/multiprecision/cpp_int.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <ostream>
#include <random>
#include <type_traits>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_slice)

namespace ns = numstore;

namespace {

using bound = std::optional<std::int64_t>;
using wide = boost::multiprecision::int128_t;

/// What CPython's PySlice_Unpack and PySlice_AdjustIndices do, in integers
/// that do not overflow.
ns::selection python(bound start, bound stop, std::int64_t step,
                     std::uint64_t size) {
    wide const n = size;
    wide const by = step;
    auto const adjust = [&](wide v) -> wide {
        if (v < 0)
            v += n;
        wide const low = by < 0 ? -1 : 0;
        wide const high = by < 0 ? wide(n - 1) : n;
        return std::clamp(v, low, high);
    };
    wide const front = by < 0 ? wide(n - 1) : wide(0);
    wide const back = by < 0 ? wide(-1) : n;
    wide const first = start ? adjust(*start) : front;
    wide const last = stop ? adjust(*stop) : back;
    wide count = 0;
    if (by > 0 && first < last)
        count = (last - first - 1) / by + 1;
    if (by < 0 && last < first)
        count = (first - last - 1) / -by + 1;
    if (count == 0)
        return {0, 0, step};
    return {static_cast<std::uint64_t>(first),
            static_cast<std::uint64_t>(count), step};
}

template <class S>
concept from_three = requires { S{1, 2, 3}; };
template <class S>
concept from_two = requires { S{1, 2}; };
template <class S>
concept from_one = requires { S{1}; };
template <class S>
concept from_empty_braces = requires { S{{}, 1, 2}; };
template <class S>
concept from_nothing = requires { S{}; };

std::vector<int> picked(ns::slice const& s, int size) {
    std::vector<int> list;
    auto const found = s.resolve(static_cast<std::uint64_t>(size));
    for (std::uint64_t i = 0; i != found.count; ++i)
        list.push_back(static_cast<int>(found[i]));
    return list;
}

using list = std::vector<int>;

} // namespace

BOOST_AUTO_TEST_CASE(only_designators_make_a_slice) {
    static_assert(std::is_aggregate_v<ns::slice>);
    static_assert(from_nothing<ns::slice>);
    static_assert(!from_one<ns::slice> && !from_two<ns::slice>);
    static_assert(!from_three<ns::slice> && !from_empty_braces<ns::slice>);

    std::size_t const start = 3;
    short const step = -2;
    ns::slice const s{.start = start, .step = step};
    BOOST_TEST(*s.start == 3);
    BOOST_TEST(!s.stop.has_value());
    BOOST_TEST(*s.step == -2);
    ns::slice copy{s};
    BOOST_TEST((copy == s));
    copy.stop = 1;
    BOOST_TEST((copy != s));
}

BOOST_AUTO_TEST_CASE(as_in_python) {
    BOOST_TEST(picked({}, 3) == (list{0, 1, 2}));
    BOOST_TEST(picked({.start = 1}, 3) == (list{1, 2}));
    BOOST_TEST(picked({.stop = -1}, 3) == (list{0, 1}));
    BOOST_TEST(picked({.start = -2}, 3) == (list{1, 2}));
    BOOST_TEST(picked({.start = -9, .stop = 9}, 3) == (list{0, 1, 2}));
    BOOST_TEST(picked({.start = 2, .stop = 1}, 3) == list{});
    BOOST_TEST(picked({.start = 1, .stop = 1}, 3) == list{});
    BOOST_TEST(picked({.start = 3}, 3) == list{});
    BOOST_TEST(picked({.step = 2}, 5) == (list{0, 2, 4}));
    BOOST_TEST(picked({.step = -1}, 3) == (list{2, 1, 0}));
    BOOST_TEST(picked({.stop = 0, .step = -1}, 3) == (list{2, 1}));
    BOOST_TEST(picked({.start = 9, .stop = -9, .step = -2}, 4) == (list{3, 1}));
    BOOST_TEST(picked({.start = 1, .stop = -1, .step = -1}, 3) == list{});
    BOOST_TEST(picked({.step = INT64_MIN}, 3) == list{2});
    BOOST_TEST(picked({.step = INT64_MAX}, 3) == list{0});
    BOOST_TEST(picked({}, 0) == list{});
    BOOST_TEST(picked({.step = -1}, 0) == list{});
}

BOOST_AUTO_TEST_CASE(a_step_of_zero) {
    for (std::uint64_t size : {0u, 5u})
        BOOST_CHECK_EXCEPTION(ns::slice{.step = 0}.resolve(size), ns::error,
                              [](auto const& e) {
                                  return e.code() == ns::errc::invalid_argument;
                              });
}

BOOST_AUTO_TEST_CASE(small_ones_all_agree_with_python) {
    std::vector<bound> bounds{std::nullopt};
    for (std::int64_t i = -7; i <= 7; ++i)
        bounds.emplace_back(i);
    int wrong = 0;
    for (std::uint64_t size = 0; size <= 6; ++size)
        for (auto const& start : bounds)
            for (auto const& stop : bounds)
                for (auto const& step : bounds)
                    if (step != 0) {
                        ns::slice const s{
                            .start = start, .stop = stop, .step = step};
                        wrong += s.resolve(size)
                                 != python(start, stop, step.value_or(1), size);
                    }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(large_ones_agree_with_python) {
    char const* const given = std::getenv("NUMSTORE_SEED");
    auto const seed =
        given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
    std::mt19937_64 random(seed);
    std::int64_t const corners[] = {INT64_MIN, INT64_MIN + 1, -1,       0,
                                    1,         INT64_MAX - 1, INT64_MAX};
    auto const any = [&]() -> std::int64_t {
        auto const v = static_cast<std::int64_t>(random());
        switch (random() % 3) {
        case 0: return corners[random() % std::size(corners)];
        case 1: return v >> random() % 64;
        default: return v % 100;
        }
    };
    std::uint64_t const sizes[] = {
        0, 1, std::uint64_t{1} << 63, UINT64_MAX, INT64_MAX, UINT64_MAX - 1};
    for (int i = 0; i < 500000; ++i) {
        bound const start = random() % 4 ? bound(any()) : std::nullopt;
        bound const stop = random() % 4 ? bound(any()) : std::nullopt;
        std::int64_t const step = any();
        std::uint64_t const size = random() % 2
                                       ? sizes[random() % std::size(sizes)]
                                       : random() >> random() % 64;
        if (step == 0)
            continue;
        ns::slice const s{.start = start, .stop = stop, .step = step};
        auto const got = s.resolve(size);
        BOOST_REQUIRE((got == python(start, stop, step, size)));
        if (!got.empty())
            BOOST_REQUIRE(got[got.count - 1] < size);
    }
}

BOOST_AUTO_TEST_CASE(strides_that_are_constants) {
    using left = ns::every<2>;
    using right = ns::every<2, 1>;
    static_assert(ns::slicing<left> && ns::slicing<ns::slice>);
    static_assert(!ns::slicing<int>);
    static_assert(decltype(left::resolve(5).step)::value == 2);
    static_assert(left::resolve(5).count == 3);
    static_assert(right::resolve(5).count == 2);
    static_assert(right::resolve(5)[1] == 3);
    static_assert(right::resolve(1).empty() && left::resolve(0).empty());
    static_assert(ns::all.resolve(7).count == 7);
    static_assert(ns::all.resolve(7).is_contiguous());
    static_assert(ns::every<INT64_MAX>::resolve(UINT64_MAX).count == 3);

    for (std::uint64_t size = 0; size < 20; ++size) {
        auto const constant = ns::every<3, 2>::resolve(size);
        auto const dynamic = ns::slice(ns::every<3, 2>{}).resolve(size);
        BOOST_TEST(constant.first == dynamic.first);
        BOOST_TEST(constant.count == dynamic.count);
        BOOST_TEST(constant.step == dynamic.step);
    }
}

BOOST_AUTO_TEST_SUITE_END()
