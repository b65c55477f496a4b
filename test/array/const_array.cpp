// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "array_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/array/const_array.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <list>
#include <ranges>
#include <span>
#include <sstream>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_const_array)

using namespace array_test;

namespace {

template <class P>
void check_position_type(array<std::int32_t> const& t) {
    std::vector<std::int32_t> out(2);
    t.read(P{100}, out);
    BOOST_TEST(out[0] == t[P{100}]);
    BOOST_TEST(t.at(P{100}) == value<std::int32_t>(100));
    std::vector<P> const indices{P{7}, P{3}, P{3}};
    BOOST_TEST((t.gather(indices)
                == std::vector<std::int32_t>{value<std::int32_t>(7),
                                             value<std::int32_t>(3),
                                             value<std::int32_t>(3)}));
    if constexpr (std::signed_integral<P>) {
        BOOST_TEST(fails(errc::out_of_range, [&] { t.at(P{-1}); }));
        BOOST_TEST(fails(errc::out_of_range, [&] { t.read(P{-1}, out); }));
        BOOST_TEST(fails(errc::out_of_range,
                         [&] { t.gather(std::vector<P>{P{-1}}); }));
        BOOST_TEST(fails(errc::out_of_range, [&] { t.chunks(P{-1}, P{1}); }));
        BOOST_TEST(fails(errc::out_of_range, [&] { t.chunks(P{1}, P{-1}); }));
    }
}

template <class P>
concept is_position = requires(array<float> const& a, P pos) {
    a.at(pos);
    a[pos];
};

/// Has a call that changes an array.
template <class A>
concept changes = requires(A a) { a.append({1.f}); } || requires(A a) {
    a.set(0, 1.f);
} || requires(A a) { a.clear(); } || requires(A a) { a.erase(0, 1); };

} // namespace

BOOST_FIXTURE_TEST_CASE(single_elements, fixture) {
    auto t = db.create<std::int32_t>("t");
    BOOST_TEST(t.empty());
    BOOST_TEST(fails(errc::out_of_range, [&] { t.front(); }));
    BOOST_TEST(fails(errc::out_of_range, [&] { t.back(); }));
    BOOST_TEST(fails(errc::out_of_range, [&] { t[0]; }));
    t.append(values<std::int32_t>(10000));
    BOOST_TEST(!t.empty());
    BOOST_TEST(t.size() == 10000u);
    BOOST_TEST(t.front() == value<std::int32_t>(0));
    BOOST_TEST(t.back() == value<std::int32_t>(9999));
    for (int i = 0; i < 10000; i += 37)
        BOOST_TEST(t[i] == value<std::int32_t>(static_cast<unsigned>(i)));
    BOOST_TEST(fails(errc::out_of_range, [&] { t.at(10000); }));
    BOOST_TEST(fails(errc::out_of_range, [&] { t[UINT64_MAX]; }));
}

BOOST_FIXTURE_TEST_CASE(any_integer_is_a_position, fixture) {
    auto t = db.create<std::int32_t>("t");
    t.append(values<std::int32_t>(1000));
    check_position_type<char>(t);
    check_position_type<signed char>(t);
    check_position_type<unsigned char>(t);
    check_position_type<short>(t);
    check_position_type<unsigned short>(t);
    check_position_type<int>(t);
    check_position_type<unsigned>(t);
    check_position_type<long>(t);
    check_position_type<unsigned long>(t);
    check_position_type<long long>(t);
    check_position_type<unsigned long long>(t);
    check_position_type<char16_t>(t);
    static_assert(is_position<unsigned long>);
    static_assert(!is_position<bool> && !is_position<double>);
}

BOOST_FIXTURE_TEST_CASE(reads_fill_all_or_nothing, fixture) {
    auto t = db.create<std::int32_t>("t");
    auto const v = values<std::int32_t>(3000);
    t.append(v);
    std::vector<std::int32_t> out(500, -7);
    auto const untouched = out;
    for (std::size_t const pos : {0u, 1u, 127u, 128u, 2500u}) {
        t.read(pos, out);
        BOOST_TEST(std::ranges::equal(out, std::span(v).subspan(pos, 500)));
    }
    out = untouched;
    BOOST_TEST(fails(errc::out_of_range, [&] { t.read(2501, out); }));
    BOOST_TEST(fails(errc::out_of_range, [&] { t.read(UINT64_MAX, out); }));
    BOOST_TEST((out == untouched));
    BOOST_CHECK_NO_THROW(t.read(3000, std::span<std::int32_t>{}));
    BOOST_TEST(fails(errc::out_of_range,
                     [&] { t.read(3001, std::span<std::int32_t>{}); }));
    std::array<std::int32_t, 3> three{};
    t.read(5, three);
    BOOST_TEST(three[2] == v[7]);
    std::int32_t plain[2];
    t.read(9, plain);
    BOOST_TEST(plain[1] == v[10]);

    out = untouched;
    ns::slice const last{.start = -3};
    BOOST_TEST(t.read(last, out) == 3u);
    BOOST_TEST(out[2] == v[2999]);
    BOOST_TEST(out[3] == -7);
    out = untouched;
    BOOST_TEST(fails(errc::size_mismatch, [&] { t.read(ns::all, out); }));
    BOOST_TEST((out == untouched));
    BOOST_TEST(t.read(ns::every<6>{}, out) == 500u);
    BOOST_TEST(out[499] == v[2994]);
}

BOOST_FIXTURE_TEST_CASE(slices_are_those_of_python, fixture) {
    for (std::size_t const size : {0u, 1u, 2u, 6u}) {
        auto t = db.create<std::int32_t>("t" + std::to_string(size));
        auto const v = values<std::int32_t>(size);
        t.append(v);
        for (ns::slice const& s : all_slices(size)) {
            auto const expected = selected(v, python_slice(s, size));
            BOOST_REQUIRE((t.to_vector(s) == expected));
            std::vector<std::int32_t> out(size, -1);
            BOOST_REQUIRE(t.read(s, out) == expected.size());
            out.resize(expected.size());
            BOOST_REQUIRE((out == expected));
        }
        BOOST_TEST(fails(errc::invalid_argument,
                         [&] { t.to_vector(ns::slice{.step = 0}); }));
    }
}

BOOST_FIXTURE_TEST_CASE(random_slices_of_deep_trees, fixture) {
    auto random = random_source();
    auto t = db.create<point>("t");
    auto const v = values<point>(5000);
    t.append(v);
    for (int round = 0; round != 300; ++round) {
        auto const s = random_slice(random, v.size());
        auto const positions = python_slice(s, v.size());
        auto const expected = selected(v, positions);
        BOOST_REQUIRE((t.to_vector(s) == expected));
        std::vector<point> out(expected.size());
        BOOST_REQUIRE(t.read(s, out) == expected.size());
        BOOST_REQUIRE((out == expected));
    }
    BOOST_TEST((t.to_vector(ns::every<2>{})
                == selected(v, python_slice({.step = 2}, v.size()))));
    BOOST_TEST(
        (t.to_vector(ns::every<200, 3>{})
         == selected(v, python_slice({.start = 3, .step = 200}, v.size()))));
    BOOST_TEST(t.to_vector(ns::every<2, 5000>{}).empty());
    BOOST_TEST((t.to_vector(ns::all) == v));
    BOOST_TEST((t.to_vector() == v));
}

BOOST_FIXTURE_TEST_CASE(scattered_reads, fixture) {
    auto random = random_source();
    auto t = db.create<std::uint16_t>("t");
    auto const v = values<std::uint16_t>(20000);
    t.append(v);
    for (std::size_t const n : {0u, 1u, 5u, 300u, 5000u}) {
        std::vector<std::size_t> at(n);
        for (auto& p : at)
            p = random() % v.size();
        auto const expected = selected(v, at);
        BOOST_TEST((t.gather(at) == expected));
        std::vector<std::uint16_t> out(n + 2, 9);
        t.gather(at, out);
        BOOST_TEST(out[n] == 9u);
        out.resize(n);
        BOOST_TEST((out == expected));
        std::vector<std::uint16_t> small(n == 0 ? 0 : n - 1);
        if (n != 0)
            BOOST_TEST(
                fails(errc::size_mismatch, [&] { t.gather(at, small); }));
    }
    BOOST_TEST((t.gather(std::list<short>{5, 4})
                == std::vector<std::uint16_t>{v[5], v[4]}));
    BOOST_TEST((t.gather(std::views::iota(7, 9))
                == std::vector<std::uint16_t>{v[7], v[8]}));
    std::istringstream text("19999 0 7");
    BOOST_TEST((t.gather(std::ranges::istream_view<int>(text))
                == std::vector<std::uint16_t>{v[19999], v[0], v[7]}));
    std::uint16_t untouched[2]{1, 2};
    BOOST_TEST(fails(errc::out_of_range, [&] {
        t.gather(std::array<int, 2>{5, 20000}, untouched);
    }));
    BOOST_TEST(untouched[0] == 1u);
}

BOOST_FIXTURE_TEST_CASE(bools_go_to_vectors_of_bool, fixture) {
    auto t = db.create<bool>("t");
    auto const v = values<bool>(5000);
    t.append(v);
    std::vector<bool> out(700);
    t.read(300, out);
    BOOST_TEST((out == std::vector<bool>(v.begin() + 300, v.begin() + 1000)));
    BOOST_TEST(fails(errc::out_of_range, [&] { t.read(4301, out); }));
    bool plain[4];
    t.read(3, plain);
    BOOST_TEST(plain[0] == v[3]);
    BOOST_TEST((t.to_vector() == v));

    ns::slice const s{.start = 2000, .stop = 10, .step = -7};
    auto const expected = selected(v, python_slice(s, v.size()));
    BOOST_TEST((t.to_vector(s) == expected));
    BOOST_TEST(t.read(s, out) == expected.size());
    out.resize(expected.size());
    BOOST_TEST((out == expected));
    out.pop_back();
    BOOST_TEST(fails(errc::size_mismatch, [&] { t.read(s, out); }));

    std::vector<int> const at{4999, 0, 3, 3};
    std::vector<bool> four(4);
    t.gather(at, four);
    BOOST_TEST((four == std::vector<bool>{v[4999], v[0], v[3], v[3]}));
    BOOST_TEST((t.gather(at) == four));
    std::vector<bool> three(3);
    BOOST_TEST(fails(errc::size_mismatch, [&] { t.gather(at, three); }));
}

BOOST_FIXTURE_TEST_CASE(a_snapshot_sees_what_was, fixture) {
    auto t = db.create<float>("t");
    auto u = db.create<sample>("u");
    t.append(values<float>(40000));
    u.append(values<sample>(300));
    t.attributes().set("unit", "degC");
    auto const snap = db.snapshot();
    const_array<float> const old = t.in(snap);
    auto const old_u = snap.open<sample>("u");

    t.erase(0, 100);
    t.write(ns::every<3>{}, std::vector<float>(13300));
    t.insert(7, values<float>(20000));
    db.checkpoint();
    db.rename("t", "renamed");
    t.clear();
    db.drop("u");
    db.create<double>("u").append({1.0});
    t.attributes().set("unit", "K");
    for (int i = 0; i != 5; ++i) {
        t.append(values<float>(30000));
        db.checkpoint();
    }

    BOOST_TEST((old.to_vector() == values<float>(40000)));
    BOOST_TEST(old.size() == 40000u);
    BOOST_TEST(old.back() == value<float>(39999));
    BOOST_TEST((old_u.to_vector() == values<sample>(300)));
    BOOST_TEST(std::ranges::equal(old.view(), values<float>(40000)));
    BOOST_TEST(old.attributes().get<std::string>("unit") == "degC");
    BOOST_TEST(snap.contains("t"));
    BOOST_TEST(!snap.contains("renamed"));
    BOOST_TEST((snap.open<float>("t").gather(std::vector{3, 1})
                == std::vector{value<float>(3), value<float>(1)}));
    BOOST_TEST(fails(errc::not_found, [&] { snap.open<float>("renamed"); }));
    BOOST_TEST(fails(errc::type_mismatch, [&] { snap.open<double>("u"); }));
    BOOST_TEST(fails(errc::not_found, [&] { u.size(); }));

    auto const later = db.snapshot();
    BOOST_TEST(t.in(later).size() == 150000u);
    BOOST_TEST(old.in(later).size() == 150000u);
    BOOST_TEST(old.in(snap).size() == 40000u);
    BOOST_TEST(later.open<double>("u")[0] == 1.0);
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(a_snapshot_from_before_the_array, fixture) {
    auto const before = db.snapshot();
    auto t = db.create<float>("t");
    t.append({1.f});
    BOOST_TEST(fails(errc::not_found, [&] { t.in(before).size(); }));
    BOOST_TEST(fails(errc::not_found, [&] { before.open<float>("t"); }));
}

BOOST_FIXTURE_TEST_CASE(a_snapshot_cannot_write, fixture) {
    using old = const_array<float>;
    static_assert(changes<array<float>> && !changes<old>);
    static_assert(std::convertible_to<array<float>, old>);
    static_assert(!std::convertible_to<old, array<float>>);
    auto t = db.create<float>("t");
    t.append({1.f});
    auto attributes = t.in(db.snapshot()).attributes();
    BOOST_TEST(fails(errc::read_only, [&] { attributes.set("a", 1); }));
    BOOST_TEST(fails(errc::read_only, [&] { attributes.erase("a"); }));
}

BOOST_FIXTURE_TEST_CASE(reads_in_a_transaction_see_its_writes, fixture) {
    auto t = db.create<int>("t");
    t.append(values<int>(1000));
    auto tx = db.begin();
    auto inside = t.in(tx);
    inside.erase(0, 500);
    inside.push_back(5);
    BOOST_TEST(inside.size() == 501u);
    BOOST_TEST(inside.back() == 5);
    BOOST_TEST(inside.front() == value<int>(500));
    BOOST_TEST(t.size() == 1000u);
    BOOST_TEST(t.front() == value<int>(0));
    tx.commit();
    BOOST_TEST(t.back() == 5);
    BOOST_TEST(fails(errc::transaction_ended, [&] { inside.size(); }));
    BOOST_TEST(fails(errc::transaction_ended, [&] { inside.view(); }));
}

BOOST_FIXTURE_TEST_CASE(a_closed_database, fixture) {
    auto t = db.create<int>("t");
    t.append(values<int>(10000));
    auto const snap = db.snapshot();
    auto const old = t.in(snap);
    auto const v = t.view();
    auto const runs = t.chunks();
    db.close();
    BOOST_TEST(fails(errc::closed, [&] { t.size(); }));
    BOOST_TEST(fails(errc::closed, [&] { t.to_vector(); }));
    BOOST_TEST((old.to_vector() == values<int>(10000)));
    BOOST_TEST(std::ranges::equal(v, values<int>(10000)));
    std::size_t n = 0;
    for (auto const run : runs)
        n += run.size();
    BOOST_TEST(n == 10000u);
}

BOOST_AUTO_TEST_SUITE_END()
