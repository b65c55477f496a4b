// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "array_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/array/array_view.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <numeric>
#include <optional>
#include <ranges>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_array_view)

using namespace array_test;

namespace {

template <class T, class Slice = ns::every<1>>
using view_of = ns::array_view<T, Slice, policies>;

template <class V>
concept is_lazy_array =
    std::ranges::random_access_range<V> && std::ranges::sized_range<V>
    && std::ranges::common_range<V> && std::ranges::view<V>
    && std::random_access_iterator<std::ranges::iterator_t<V const>>
    && std::same_as<std::ranges::range_reference_t<V>,
                    std::ranges::range_value_t<V>>;
static_assert(is_lazy_array<view_of<float>>);
static_assert(is_lazy_array<view_of<bool, ns::slice>>);
static_assert(is_lazy_array<view_of<sample, ns::every<2, 1>>>);
static_assert(!std::ranges::borrowed_range<view_of<float>>);

struct view_fixture : fixture {
    array<std::int32_t> t = db.create<std::int32_t>("t");
    std::vector<std::int32_t> v = values<std::int32_t>(3001);
    view_fixture() { t.append(v); }
};

/// Walks through a view in all ways that its iterators know.
template <class V, class T>
void check_iterators(V const& view, std::vector<T> const& expected) {
    BOOST_REQUIRE(view.size() == expected.size());
    BOOST_REQUIRE(view.empty() == expected.empty());
    BOOST_REQUIRE(std::ranges::equal(view, expected));
    BOOST_REQUIRE((view.to_vector() == expected));
    auto const n = static_cast<std::int64_t>(expected.size());
    auto const first = view.begin();
    auto const last = view.end();
    BOOST_REQUIRE(last - first == n);
    BOOST_REQUIRE(first - last == -n);
    BOOST_REQUIRE(
        (first + n == last && last - n == first && n + first == last));
    auto back = last;
    for (std::int64_t i = n; i-- != 0;) {
        BOOST_REQUIRE((back > first && back-- <= last));
        BOOST_REQUIRE(*back == expected[static_cast<std::size_t>(i)]);
    }
    BOOST_REQUIRE(back == first);
    auto jump = first;
    for (std::int64_t i = 0, step = 1; n != 0 && i < 200; ++i) {
        step = (step * 31 + 7) % n;
        std::int64_t const at = jump - first;
        std::int64_t const to = (at + step) % n;
        if (i % 3 == 0)
            jump += to - at;
        else
            jump -= at - to;
        T const value = expected[static_cast<std::size_t>(to)];
        BOOST_REQUIRE(*jump == value);
        BOOST_REQUIRE(jump[0] == value);
        BOOST_REQUIRE(first[to] == value);
        BOOST_REQUIRE(view[static_cast<std::uint64_t>(to)] == value);
        BOOST_REQUIRE(view.at(static_cast<std::uint64_t>(to)) == value);
        auto copy = jump;
        BOOST_REQUIRE((copy++ == jump && copy > jump && *jump == value));
        BOOST_REQUIRE(((copy <=> jump) > 0 && jump != copy));
        if (copy != last)
            BOOST_REQUIRE(*copy == expected[static_cast<std::size_t>(to) + 1]);
    }
    if (n != 0)
        BOOST_REQUIRE((view.front() == expected.front()
                       && view.back() == expected.back()));
}

/// All slices that leave elements of several leaves, of few, and of none.
template <class T>
void check_slices(array<T> const& t, std::vector<T> const& v) {
    using bound = std::optional<std::int64_t>;
    auto const n = static_cast<std::int64_t>(v.size());
    for (bound const start : {bound{}, bound{0}, bound{17}, bound{-5}})
        for (bound const stop : {bound{}, bound{n / 2}, bound{-1}})
            for (std::int64_t const step : {1, 2, 7, 1000, -1, -3, -1000}) {
                ns::slice const s{.start = start, .stop = stop, .step = step};
                check_iterators(t.view(s),
                                selected(v, python_slice(s, v.size())));
            }
    check_iterators(t.view(), v);
    check_iterators(t.view(ns::every<2>{}),
                    selected(v, python_slice({.step = 2}, v.size())));
    check_iterators(
        t.view(ns::every<131, 7>{}),
        selected(v, python_slice({.start = 7, .step = 131}, v.size())));
    check_iterators(t.view(ns::every<1, 100000>{}), std::vector<T>{});
}

} // namespace

BOOST_FIXTURE_TEST_CASE(the_names_of_views, view_fixture) {
    static_assert(std::same_as<decltype(t.view()), view_of<std::int32_t>>);
    static_assert(std::same_as<decltype(t.view(ns::every<2, 1>{})),
                               view_of<std::int32_t, ns::every<2, 1>>>);
    static_assert(std::same_as<decltype(t.view(ns::slice{})),
                               view_of<std::int32_t, ns::slice>>);
    static_assert(std::same_as<decltype(t.view(ns::all)),
                               decltype(t.in(db.snapshot()).view())>);
}

BOOST_FIXTURE_TEST_CASE(iterators_of_every_slice, fixture) {
    auto const check = [&]<class T>(std::type_identity<T>, char const* name) {
        auto t = db.create<T>(name);
        auto const v = values<T>(2000);
        t.append(v);
        check_slices<T>(t, v);
    };
    check(std::type_identity<float>{}, "float");
    check(std::type_identity<bool>{}, "bool");
    check(std::type_identity<point>{}, "point");
}

BOOST_FIXTURE_TEST_CASE(an_empty_view, fixture) {
    auto t = db.create<float>("t");
    check_iterators(t.view(), std::vector<float>{});
    BOOST_TEST(fails(errc::out_of_range, [&] { t.view().at(0); }));
    BOOST_TEST(fails(errc::out_of_range, [&] { t.view().front(); }));
    BOOST_TEST(fails(errc::out_of_range, [&] { t.view().back(); }));
    BOOST_TEST(
        fails(errc::invalid_argument, [&] { t.view(ns::slice{.step = 0}); }));
    view_of<float> const none;
    BOOST_TEST(none.size() == 0u);
    BOOST_TEST((none.begin() == none.end()));
    BOOST_TEST(none.to_vector().empty());
    std::ranges::iterator_t<view_of<float>> const nowhere{};
    BOOST_TEST((nowhere == none.end()));
}

BOOST_FIXTURE_TEST_CASE(algorithms, view_fixture) {
    auto const all = t.view();
    BOOST_TEST(fails(errc::out_of_range, [&] { all.at(3001); }));
    BOOST_TEST(std::accumulate(all.begin(), all.end(), 0LL)
               == std::accumulate(v.begin(), v.end(), 0LL));
    BOOST_TEST(std::ranges::is_sorted(all));
    BOOST_TEST(std::ranges::is_sorted(t.view(ns::slice{.step = -3}),
                                      std::ranges::greater{}));
    BOOST_TEST((std::ranges::lower_bound(all, v[1234]) - all.begin() == 1234));
    BOOST_TEST(*std::ranges::upper_bound(all, v[77]) == v[78]);
    BOOST_TEST(std::ranges::binary_search(t.view(ns::every<2>{}), v[100]));
    BOOST_TEST(!std::ranges::binary_search(t.view(ns::every<2>{}), v[101]));
    BOOST_TEST((std::ranges::find(all, v[3000]) - all.begin() == 3000));
    BOOST_TEST((std::ranges::find(all, -5) == all.end()));
    BOOST_TEST(std::ranges::max(all) == v.back());
    BOOST_TEST(std::ranges::count_if(all, [](int i) { return i % 2 == 0; })
               == std::ranges::count_if(v, [](int i) { return i % 2 == 0; }));
    BOOST_TEST(std::ranges::equal(all | std::views::reverse,
                                  t.view(ns::slice{.step = -1})));
    BOOST_TEST(std::ranges::equal(t.view() | std::views::drop(10)
                                      | std::views::take(5),
                                  t.view(ns::slice{.start = 10, .stop = 15})));
    BOOST_TEST(std::ranges::equal(
        t.view(ns::every<2, 1>{})
            | std::views::transform([](int i) { return i * 2; }),
        t.view(ns::slice{.start = 1, .step = 2}), {}, {},
        [](int i) { return i * 2; }));
    auto const left = t.view(ns::every<2>{});
    auto const right = t.view(ns::every<2, 1>{});
    BOOST_TEST(std::inner_product(right.begin(), right.end(), left.begin(), 0LL,
                                  std::plus<>{}, std::minus<>{})
               == 3 * 1500);
    std::vector<std::int32_t> sorted(3001);
    std::ranges::partial_sort_copy(t.view(ns::slice{.step = -1}), sorted);
    BOOST_TEST((sorted == v));
    BOOST_TEST((std::vector<std::int32_t>(all.begin(), all.end()) == v));
    BOOST_TEST(all.front() == v.front());
    BOOST_TEST(all[3000] == v.back());
}

BOOST_FIXTURE_TEST_CASE(a_view_keeps_its_version, view_fixture) {
    auto const all = t.view();
    auto const backwards = t.view(ns::slice{.step = -5});
    auto const kept = selected(v, python_slice({.step = -5}, v.size()));
    auto i = all.begin() + 100;
    BOOST_TEST(*i == v[100]);
    for (int round = 0; round != 20; ++round) {
        t.erase(ns::every<2>{});
        t.insert(3, values<std::int32_t>(2000, 7));
        t.write(0, values<std::int32_t>(500, 9));
        db.checkpoint();
        BOOST_REQUIRE(*++i == v[static_cast<std::size_t>(101 + round)]);
        BOOST_REQUIRE(std::ranges::equal(all, v));
        BOOST_REQUIRE((backwards.to_vector() == kept));
    }
    db.compact();
    db.drop("t");
    db.checkpoint();
    BOOST_TEST(std::ranges::equal(all, v));
    auto const copy = all;
    db.close();
    BOOST_TEST(std::ranges::equal(copy, v));
    db = database();
    BOOST_TEST((backwards.to_vector() == kept));
}

BOOST_FIXTURE_TEST_CASE(a_view_inside_a_transaction, view_fixture) {
    auto const outside = t.view();
    auto tx = db.begin();
    auto inside = t.in(tx);
    inside.erase(0, 1000);
    auto const first = inside.view();
    inside.write(ns::all, std::vector<std::int32_t>(2001, 5));
    auto const second = inside.view();
    inside.clear();
    std::vector const tail(v.begin() + 1000, v.end());
    BOOST_TEST(std::ranges::equal(outside, v));
    BOOST_TEST(std::ranges::equal(first, tail));
    BOOST_TEST((second.to_vector() == std::vector<std::int32_t>(2001, 5)));
    tx.rollback();
    BOOST_TEST(std::ranges::equal(first, tail));
    BOOST_TEST((second.to_vector() == std::vector<std::int32_t>(2001, 5)));
    BOOST_TEST((t.view().to_vector() == v));
}

/// What it has written to pages already is not used again for others.
BOOST_FIXTURE_TEST_CASE(a_view_of_what_was_undone, view_fixture) {
    auto other = db.create<std::int32_t>("other");
    std::vector<std::int32_t> const bulk(200'000, 5);
    std::vector<std::int32_t> const more(200'000, 6);
    auto tx = db.begin();
    auto const mark = tx.savepoint();
    t.in(tx).append(bulk);
    auto const first = t.in(tx).view();
    tx.rollback_to(mark);
    t.in(tx).insert(0, more);
    auto const second = t.in(tx).view();
    auto const runs = t.in(tx).chunks();
    tx.rollback();
    for (std::int32_t i = 0; i != 3; ++i) {
        other.append(std::vector<std::int32_t>(500'000, 100 + i));
        db.checkpoint();
        db.checkpoint();
    }
    auto wanted = v;
    wanted.insert(wanted.end(), bulk.begin(), bulk.end());
    BOOST_TEST((first.to_vector() == wanted));
    wanted = more;
    wanted.insert(wanted.end(), v.begin(), v.end());
    BOOST_TEST((second.to_vector() == wanted));
    std::vector<std::int32_t> seen;
    for (auto const run : runs)
        seen.insert(seen.end(), run.begin(), run.end());
    BOOST_TEST((seen == wanted));
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(views_of_holes, fixture) {
    auto t = db.create<std::uint16_t>("t");
    t.resize(100000);
    t.set(50000, 7);
    auto const all = t.view();
    BOOST_TEST(std::ranges::count(all, 0) == 99999);
    BOOST_TEST((std::ranges::find(all, 7) - all.begin() == 50000));
    auto const backwards = t.view(ns::slice{.step = -10});
    BOOST_TEST(std::ranges::count(backwards, 0) == 10000);
    BOOST_TEST(std::ranges::count(t.view(ns::every<10>{}), 7) == 1);
    auto const reversed = all | std::views::reverse;
    BOOST_TEST((std::ranges::find(reversed, 7) - reversed.begin() == 49999));
}

BOOST_FIXTURE_TEST_CASE(elements_over_many_pages, fixture) {
    auto t = db.create<large>("t");
    auto const v = values<large>(30);
    t.append(v);
    check_iterators(t.view(), v);
    check_iterators(t.view(ns::slice{.step = -7}),
                    selected(v, python_slice({.step = -7}, 30)));
}

BOOST_AUTO_TEST_SUITE_END()
