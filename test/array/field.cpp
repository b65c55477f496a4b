// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "array_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/array/field.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_field)

using namespace array_test;
using ns::field;

namespace {

struct labelled : point {
    std::int16_t label = 0;
};
BOOST_DESCRIBE_STRUCT(labelled, (point), (label))

template <auto Member>
concept names_a_field = requires { field<Member>{}; };
static_assert(names_a_field<&sample::v> && names_a_field<&labelled::x>);
static_assert(!names_a_field<5> && !names_a_field<&database::close>);

/// The member of every element, through the view and by itself.
template <auto Member, class T, class S>
void check_field(array<T> const& t, std::vector<T> const& v, S const& s) {
    using member = ns::detail::field_type<Member>;
    std::vector<member> expected;
    for (auto const p : python_slice(ns::slice(s), v.size()))
        expected.push_back(v[p].*Member);
    auto const view = t.view(field<Member>{}, s);
    static_assert(std::ranges::random_access_range<decltype(view)>);
    static_assert(std::ranges::sized_range<decltype(view)>);
    static_assert(
        std::same_as<std::ranges::range_value_t<decltype(view)>, member>);
    BOOST_REQUIRE(std::ranges::equal(view, expected));
    BOOST_REQUIRE((view.to_vector() == expected));
    BOOST_REQUIRE(std::ranges::equal(
        view | std::views::reverse, expected | std::views::reverse));
    for (std::size_t i = 0; i < expected.size(); i += 13)
        BOOST_REQUIRE(view[i] == expected[i]);
}

template <auto Member, class T>
void check_slices(array<T> const& t, std::vector<T> const& v) {
    check_field<Member>(t, v, ns::all);
    check_field<Member>(t, v, ns::every<3, 2>{});
    check_field<Member>(t, v, ns::slice{.start = 40, .step = 7});
    check_field<Member>(t, v, ns::slice{.step = -1});
    check_field<Member>(t, v, ns::slice{.stop = 3, .step = -11});
    check_field<Member>(t, v, ns::slice{.start = 9, .stop = 9});
}

} // namespace

BOOST_AUTO_TEST_CASE(offsets_and_types) {
    using ns::detail::field_offset;
    using ns::detail::field_type;
    BOOST_TEST((field_offset<sample, &sample::t>()) == offsetof(sample, t));
    BOOST_TEST((field_offset<sample, &sample::v>()) == offsetof(sample, v));
    BOOST_TEST((field_offset<nested, &nested::shade>())
               == offsetof(nested, shade));
    BOOST_TEST((field_offset<labelled, &labelled::z>()) == 8u);
    BOOST_TEST((field_offset<labelled, &labelled::label>()) == 12u);
    static_assert(std::same_as<field_type<&sample::v>, float>);
    static_assert(std::same_as<field_type<&nested::first>, sample>);
}

BOOST_FIXTURE_TEST_CASE(members_of_every_kind, fixture) {
    auto s = db.create<sample>("sample");
    auto const samples = values<sample>(3000);
    s.append(samples);
    check_slices<&sample::t>(s, samples);
    check_slices<&sample::v>(s, samples);
    check_slices<&sample::flags>(s, samples);
    auto n = db.create<nested>("nested");
    auto const many = values<nested>(500);
    n.append(many);
    check_slices<&nested::valid>(n, many);
    check_slices<&nested::first>(n, many);
    check_slices<&nested::code>(n, many);
    check_slices<&nested::more>(n, many);
    check_slices<&nested::shade>(n, many);
}

BOOST_FIXTURE_TEST_CASE(members_of_a_base, fixture) {
    auto t = db.create<labelled>("t");
    std::vector<labelled> v(400);
    for (std::size_t i = 0; i != v.size(); ++i) {
        static_cast<point&>(v[i]) = value<point>(i);
        v[i].label = static_cast<std::int16_t>(i);
    }
    t.append(v);
    auto const x = t.view(field<&labelled::x>{});
    auto const label = t.view(field<&labelled::label>{}, ns::slice{.step = -1});
    BOOST_TEST(std::ranges::equal(x, v, {}, {}, &labelled::x));
    BOOST_TEST(std::ranges::equal(label, v | std::views::reverse, {}, {},
                                  &labelled::label));
}

BOOST_FIXTURE_TEST_CASE(a_field_keeps_its_version, fixture) {
    auto t = db.create<sample>("t");
    auto const v = values<sample>(2000);
    t.append(v);
    auto const volts = t.view(field<&sample::v>{});
    auto const snap = db.snapshot();
    t.write(0, std::vector<sample>(2000));
    db.checkpoint();
    auto const old = t.in(snap).view(field<&sample::v>{});
    auto const now = t.view(field<&sample::v>{});
    BOOST_TEST(std::ranges::equal(volts, v, {}, {}, &sample::v));
    BOOST_TEST(std::ranges::equal(old, volts));
    BOOST_TEST(std::ranges::count(now, 0.f) == 2000);
    BOOST_TEST(std::ranges::max(volts) == v.back().v);
}

BOOST_FIXTURE_TEST_CASE(fields_of_holes, fixture) {
    auto t = db.create<point>("t");
    t.resize(5000);
    t.set(4000, {1, 2, 3});
    auto const y = t.view(field<&point::y>{});
    BOOST_TEST(std::ranges::count(y, 0.f) == 4999);
    BOOST_TEST(y[4000] == 2.f);
}

BOOST_AUTO_TEST_SUITE_END()
