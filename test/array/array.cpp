// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "array_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/array/array.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <list>
#include <ranges>
#include <span>
#include <sstream>
#include <stdexcept>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_array)

using namespace array_test;

namespace {

struct reading {
    float v = -1;
    bool valid = true;
    friend bool operator==(reading const&, reading const&) = default;
};
BOOST_DESCRIBE_STRUCT(reading, (), (v, valid))

struct int_fixture : fixture {
    array<int> t = db.create<int>("t");
    std::vector<int> v = values<int>(2000);

    int_fixture() { t.append(v); }

    /// The call throws the error, outside and inside a transaction, and
    /// changes nothing.
    template <class Call>
    void refuses(errc expected, Call call) {
        BOOST_TEST(fails(expected, [&] { call(t); }));
        BOOST_TEST((t.to_vector() == v));
        auto tx = db.begin();
        auto inside = t.in(tx);
        inside.push_back(1);
        BOOST_TEST(fails(expected, [&] { call(inside); }));
        BOOST_TEST(inside.size() == v.size() + 1);
        BOOST_TEST(inside.back() == 1);
        tx.rollback();
        BOOST_TEST((t.to_vector() == v));
    }
};

/// Gives `n` numbers, and then throws.
auto throwing(std::uint64_t n) {
    return std::views::iota(std::uint64_t{0}, n + 1)
           | std::views::transform([n](std::uint64_t i) {
                 if (i == n)
                     throw std::runtime_error("the range ends here");
                 return static_cast<int>(i);
             });
}

template <class A>
concept assigns_to_elements = requires(A a) { a[5] = 1; };
template <class A>
concept takes_bool_positions = requires(A a) { a.erase(true, 1); };
template <class A, class V>
concept appends = requires(A a, V v) { a.append(v); };

} // namespace

BOOST_AUTO_TEST_CASE(what_does_not_compile) {
    static_assert(!assigns_to_elements<array<float>>);
    static_assert(!assigns_to_elements<array<std::array<int, 2>>>);
    static_assert(!takes_bool_positions<array<float>>);
    static_assert(appends<array<float>, std::vector<double>>);
    static_assert(!appends<array<float>, std::vector<std::string>>);
    static_assert(!appends<array<float>, float>);
    static_assert(std::copyable<array<float>>);
    static_assert(std::same_as<array<float>::value_type, float>);
}

BOOST_FIXTURE_TEST_CASE(values_from_any_range, fixture) {
    auto t = db.create<double>("t");
    std::vector<double> m;
    auto const same = [&](std::vector<double> const& more) {
        m.insert(m.end(), more.begin(), more.end());
        BOOST_TEST((t.to_vector() == m));
    };
    std::vector<double> const v{1, 2};
    double const plain[]{3, 4};
    t.append(v);
    same({1, 2});
    t.append(plain);
    same({3, 4});
    t.append({5, 6.5});
    same({5, 6.5});
    t.append(std::array<double, 2>{7, 8});
    same({7, 8});
    t.append(std::span(v).first(1));
    same({1});
    t.append(std::vector<int>{-1});
    same({-1});
    t.append(std::deque<float>{0.5f});
    same({0.5});
    t.append(std::vector<bool>{true, false});
    same({1, 0});
    t.append(std::vector<double>{});
    t.append(std::initializer_list<double>{});
    same({});
    std::istringstream text("9 10.25");
    t.append(std::ranges::istream_view<double>(text));
    same({9, 10.25});
    t.append(t.view(ns::slice{.stop = 2, .step = -4}));
    same(selected(m, python_slice({.stop = 2, .step = -4}, m.size())));
    t.append(v | std::views::reverse);
    same({2, 1});
    t.insert(0, std::list<short>{3});
    m.insert(m.begin(), 3.0);
    same({});
    t.write(1, std::list<int>{40, 41});
    m[1] = 40;
    m[2] = 41;
    same({});
    t.write(ns::slice{.stop = -3, .step = -1}, {70, 71});
    m[m.size() - 1] = 70;
    m[m.size() - 2] = 71;
    same({});
    t.scatter(std::list<short>{4, 2}, {90, 91});
    m[4] = 90;
    m[2] = 91;
    same({});
    t.scatter(std::views::iota(0, 2), std::deque<int>{6, 7});
    m[0] = 6;
    m[1] = 7;
    same({});
    t.assign(std::vector<char>{3});
    BOOST_TEST((t.to_vector() == std::vector<double>{3}));
    t.assign({1, 2, 3});
    BOOST_TEST((t.to_vector() == std::vector<double>{1, 2, 3}));
}

BOOST_FIXTURE_TEST_CASE(bools_from_vectors_of_bool, fixture) {
    auto t = db.create<bool>("t");
    std::vector<bool> const v{true, false, true};
    t.append(v);
    t.insert(1, v);
    t.write(2, v);
    t.push_back(true);
    t.set(0, false);
    BOOST_TEST(
        (t.to_vector()
         == std::vector<bool>{false, true, true, false, true, true, true}));
    t.scatter(std::vector{6, 1}, std::vector<bool>{false, false});
    BOOST_TEST(!t[6]);
    BOOST_TEST(!t[1]);
    BOOST_TEST((t.extract(ns::every<2>{})
                == std::vector<bool>{false, true, true, false}));
    BOOST_TEST((t.to_vector() == std::vector<bool>{false, false, true}));
    t.resize(5, true);
    t.resize(6);
    BOOST_TEST((t.to_vector()
                == std::vector<bool>{false, false, true, true, true, false}));
    t.assign(v);
    BOOST_TEST((t.view().to_vector() == v));
}

BOOST_FIXTURE_TEST_CASE(positions_are_checked, int_fixture) {
    for (auto const bad :
         {std::int64_t{-1}, std::int64_t{2002}, INT64_MAX, INT64_MIN}) {
        auto const out = errc::out_of_range;
        refuses(out, [&](auto& a) { a.insert(bad, {1}); });
        refuses(out, [&](auto& a) { a.insert(bad, std::list{1}); });
        refuses(out, [&](auto& a) { a.insert(bad, std::vector<int>{}); });
        refuses(out, [&](auto& a) { a.insert(bad, a); });
        refuses(out, [&](auto& a) { a.insert(bad, a, ns::every<7>{}); });
        refuses(out, [&](auto& a) { a.write(bad, {1}); });
        refuses(out, [&](auto& a) { a.set(bad, 1); });
        refuses(out, [&](auto& a) { a.erase(bad, 1); });
        refuses(out, [&](auto& a) { a.erase(0, bad); });
        refuses(out, [&](auto& a) { a.erase_at(std::vector{bad}); });
        refuses(out, [&](auto& a) { a.scatter(std::vector{bad}, {1}); });
        refuses(out, [&](auto& a) { a.gather(std::vector{bad}); });
    }
    refuses(errc::out_of_range, [](auto& a) { a.resize(-1); });
    refuses(errc::out_of_range, [](auto& a) { a.resize(-1, 5); });
    refuses(errc::out_of_range, [](auto& a) { a.write(2000, {1, 2}); });
    refuses(errc::out_of_range, [](auto& a) { a.erase(1500, 502); });
    refuses(errc::out_of_range, [](auto& a) { a.erase(UINT64_MAX, 2); });
    refuses(errc::out_of_range, [](auto& a) { a.write(UINT64_MAX, {1, 2}); });
    auto none = db.create<int>("none");
    BOOST_TEST(fails(errc::out_of_range, [&] { none.pop_back(); }));
    BOOST_TEST(fails(errc::out_of_range, [&] { none.erase(0, 1); }));
    BOOST_CHECK_NO_THROW(none.erase(0, 0));
    BOOST_CHECK_NO_THROW(none.clear());
    BOOST_CHECK_NO_THROW(none.write(0, std::vector<int>{}));
    BOOST_CHECK_NO_THROW(none.insert(0, none));
    BOOST_TEST(none.erase(ns::all) == 0u);
}

BOOST_FIXTURE_TEST_CASE(counts_must_match, int_fixture) {
    auto const size = errc::size_mismatch;
    refuses(size, [](auto& a) { a.write(ns::all, {1, 2}); });
    refuses(size, [](auto& a) { a.write(ns::every<1000>{}, {1}); });
    refuses(size, [](auto& a) {
        a.write(ns::slice{.start = 5, .stop = 2, .step = -1}, {1, 2, 3, 4});
    });
    refuses(size,
            [](auto& a) { a.write(ns::slice{.start = 7, .stop = 7}, {1}); });
    refuses(size, [](auto& a) { a.scatter(std::vector{1, 2}, {1}); });
    refuses(size, [](auto& a) { a.scatter(std::vector<int>{}, {1}); });
    auto const invalid = errc::invalid_argument;
    refuses(invalid,
            [](auto& a) { a.scatter(std::vector{2, 1, 2}, {1, 2, 3}); });
    refuses(invalid, [](auto& a) { a.erase_at(std::list{1, 7, 1}); });
    refuses(invalid, [](auto& a) { a.erase(ns::slice{.step = 0}); });
    refuses(invalid, [](auto& a) { a.extract(ns::slice{.step = 0}); });
    refuses(invalid, [](auto& a) { a.write(ns::slice{.step = 0}, {1}); });
    refuses(invalid, [](auto& a) { a.insert(0, a, ns::slice{.step = 0}); });
}

BOOST_FIXTURE_TEST_CASE(a_selection_of_nothing_changes_nothing, int_fixture) {
    auto const commits = db.stats().commits;
    ns::slice const nothing{.start = 10, .stop = 10};
    BOOST_TEST(t.erase(nothing) == 0u);
    BOOST_TEST(t.extract(nothing).empty());
    t.write(nothing, std::vector<int>{});
    t.erase_at(std::vector<int>{});
    t.scatter(std::vector<int>{}, std::vector<int>{});
    t.append(std::vector<int>{});
    t.insert(7, t, nothing);
    t.erase(7, 0);
    t.resize(2000);
    BOOST_TEST((t.to_vector() == v));
    BOOST_TEST(db.stats().commits == commits);
}

BOOST_FIXTURE_TEST_CASE(a_range_that_throws_changes_nothing, int_fixture) {
    auto const check = [&](array<int>& a, std::size_t size) {
        for (std::uint64_t const n : {0u, 10u, 1500000u}) {
            BOOST_CHECK_THROW(a.append(throwing(n)), std::runtime_error);
            BOOST_CHECK_THROW(a.insert(5, throwing(n)), std::runtime_error);
            BOOST_CHECK_THROW(a.write(5, throwing(n)), std::runtime_error);
            BOOST_CHECK_THROW(a.assign(throwing(n)), std::runtime_error);
        }
        BOOST_TEST(a.size() == size);
    };
    check(t, 2000);
    BOOST_TEST((t.to_vector() == v));
    auto tx = db.begin();
    auto inside = t.in(tx);
    inside.insert(0, {-5});
    check(inside, 2001);
    tx.commit();
    BOOST_TEST(t.front() == -5);
    BOOST_TEST(std::ranges::equal(t.view(ns::slice{.start = 1}), v));
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(long_ranges_go_in_pieces, int_fixture) {
    auto const many = std::views::iota(0, 2500000);
    std::uint64_t const commits = db.stats().commits;
    t.insert(1000, many | std::views::transform([](int i) { return i; }));
    BOOST_TEST(db.stats().commits == commits + 1);
    BOOST_TEST(t.size() == 2502000u);
    BOOST_TEST(std::ranges::equal(
        t.view(ns::slice{.start = 1000, .stop = 2501000}), many));
    BOOST_TEST(t[999] == v[999]);
    BOOST_TEST(t.back() == v.back());
    t.write(1, std::list<int>(1200000, 8));
    BOOST_TEST(t[1200000] == 8);
    BOOST_TEST(t[1200001] == 1199001);
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(an_array_into_itself, int_fixture) {
    t.insert(1000, t);
    auto m = v;
    m.insert(m.begin() + 1000, v.begin(), v.end());
    BOOST_TEST((t.to_vector() == m));
    t.assign(t.view(ns::slice{.step = -2}));
    m = selected(m, python_slice({.step = -2}, m.size()));
    BOOST_TEST((t.to_vector() == m));
    t.write(0, t.view(ns::slice{.step = -1}));
    std::ranges::reverse(m);
    BOOST_TEST((t.to_vector() == m));
    t.insert(t.size(), db.open<int>("t"), ns::every<100, 5>{});
    BOOST_TEST(t.size() == m.size() + 20);
    auto tx = db.begin();
    auto inside = t.in(tx);
    inside.assign(inside.view(ns::slice{.stop = 10}));
    inside.insert(inside.size(), inside);
    inside.append(inside.view());
    inside.insert(0, t, ns::slice{.start = -1});
    BOOST_TEST(inside.size() == 41u);
    tx.commit();
    BOOST_TEST(t[40] == m[9]);
}

BOOST_FIXTURE_TEST_CASE(arrays_of_another_type_convert, int_fixture) {
    auto d = db.create<double>("d");
    d.append(t.view());
    d.insert(0, t.view(ns::every<1000>{}));
    BOOST_TEST(d.size() == 2002u);
    BOOST_TEST(d[1] == v[1000]);
    BOOST_TEST(d.back() == v.back());
}

BOOST_FIXTURE_TEST_CASE(growth_by_zeros_takes_no_space, fixture) {
    auto t = db.create<std::uint64_t>("t");
    t.append({1, 2, 3});
    db.checkpoint();
    auto const before = db.stats();
    t.resize(std::uint64_t{1} << 40);
    db.checkpoint();
    BOOST_TEST(db.stats().file_bytes <= before.file_bytes + (1 << 20));
    BOOST_TEST(t.size() == std::uint64_t{1} << 40);
    BOOST_TEST(t.back() == 0u);
    t.set((std::uint64_t{1} << 40) - 7, 77);
    BOOST_TEST(t.at((std::uint64_t{1} << 40) - 7) == 77u);
    BOOST_TEST((t.gather(std::vector<std::uint64_t>{1, std::uint64_t{1} << 39})
                == std::vector<std::uint64_t>{2, 0}));
    t.erase(5, (std::uint64_t{1} << 40) - 20);
    BOOST_TEST((t.to_vector()
                == std::vector<std::uint64_t>{1, 2, 3, 0,  0, 0, 0, 0, 0, 0,
                                              0, 0, 0, 77, 0, 0, 0, 0, 0, 0}));
    BOOST_TEST(fails(errc::out_of_range, [&] { t[20]; }));
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(growth_past_the_largest_array, fixture) {
    auto t = db.create<std::uint64_t>("t");
    t.append({1});
    auto const check = [&](auto call) {
        bool thrown = false;
        try {
            call();
        } catch (ns::error const&) {
            thrown = true;
        }
        BOOST_TEST(thrown);
        BOOST_TEST(t.size() == 1u);
    };
    check([&] { t.resize(UINT64_MAX); });
    check([&] { t.resize(UINT64_MAX, 9); });
    check([&] { t.resize(UINT64_MAX / 8 + 1); });
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(growth_by_values_that_are_not_zero, fixture) {
    auto t = db.create<reading>("t");
    t.resize(3);
    BOOST_TEST((t[2] == reading{}));
    BOOST_TEST((t.at(0) == reading{-1, true}));
    t.resize(700, {4, false});
    BOOST_TEST((t.back() == reading{4, false}));
    t.resize(702);
    BOOST_TEST((t.back() == reading{}));
    t.resize(2000, {0, false});
    BOOST_TEST((t.back() == reading{0, false}));
    t.resize(2);
    BOOST_TEST((t.to_vector() == std::vector<reading>(2)));
}

BOOST_FIXTURE_TEST_CASE(padding_is_stored_as_zero, fixture) {
    static_assert(sizeof(sample) == 16);
    auto t = db.create<sample>("t");
    alignas(sample) std::array<std::byte, 5 * sizeof(sample)> memory;
    memory.fill(std::byte{0xee});
    std::vector<sample> dirty(5);
    std::memcpy(static_cast<void*>(dirty.data()), memory.data(), memory.size());
    for (std::size_t i = 0; i != 5; ++i) {
        dirty[i].t = 1;
        dirty[i].v = 2;
        dirty[i].flags = 3;
    }
    t.append(dirty);
    t.insert(1, dirty);
    t.push_back(dirty[0]);
    t.set(0, dirty[1]);
    t.write(ns::every<3>{}, std::span(dirty).first(4));
    t.scatter(std::vector{2, 1}, std::span(dirty).first(2));
    t.resize(500, dirty[2]);
    auto const stored = db.open_any("t").read();
    BOOST_REQUIRE(stored.size() == 500 * sizeof(sample));
    bool clean = true;
    for (std::size_t i = 0; i != 500; ++i)
        for (std::size_t k = 13; k != 16; ++k)
            clean &= stored[i * 16 + k] == std::byte{0};
    BOOST_TEST(clean);
    BOOST_TEST((t.to_vector() == std::vector<sample>(500, sample{1, 2, 3})));
}

BOOST_FIXTURE_TEST_CASE(erasing_backwards, int_fixture) {
    BOOST_TEST((t.extract(ns::slice{.start = -1, .stop = -4, .step = -1})
                == std::vector{v[1999], v[1998], v[1997]}));
    BOOST_TEST(t.erase(ns::slice{.step = -2}) == 999u);
    BOOST_TEST(t.size() == 998u);
    BOOST_TEST(t.front() == v[1]);
    BOOST_TEST(t.erase(ns::every<2, 1>{}) == 499u);
    BOOST_TEST(t[1] == v[5]);
    BOOST_TEST((t.extract(ns::all).size() == 499u));
    BOOST_TEST(t.empty());
}

BOOST_FIXTURE_TEST_CASE(savepoints_and_rollback, int_fixture) {
    auto tx = db.begin();
    auto inside = t.in(tx);
    inside.insert(100, {7, 8});
    auto const mark = tx.savepoint();
    inside.erase(0, 10);
    inside.assign({1});
    tx.rollback_to(mark);
    BOOST_TEST(inside.size() == 2002u);
    BOOST_TEST(inside[101] == 8);
    BOOST_TEST(fails(errc::would_deadlock, [&] { t.push_back(1); }));
    BOOST_TEST(fails(errc::would_deadlock, [&] { t.assign({1}); }));
    BOOST_TEST((t.to_vector() == v));
    tx.commit();
    BOOST_TEST(t.size() == 2002u);
    BOOST_TEST(fails(errc::transaction_ended, [&] { inside.push_back(1); }));
    BOOST_TEST(fails(errc::transaction_ended, [&] { inside.assign({1}); }));
    BOOST_TEST(fails(errc::transaction_ended, [&] { t.in(tx).clear(); }));
}

BOOST_FIXTURE_TEST_CASE(an_array_that_was_dropped, int_fixture) {
    db.drop("t");
    BOOST_TEST(fails(errc::not_found, [&] { t.push_back(1); }));
    BOOST_TEST(fails(errc::not_found, [&] { t.assign({1}); }));
    BOOST_TEST(fails(errc::not_found, [&] { t.erase(ns::all); }));
    BOOST_TEST(fails(errc::not_found, [&] { t.to_vector(); }));
    auto again = db.create<int>("t");
    BOOST_TEST(again.empty());
    BOOST_TEST(fails(errc::not_found, [&] { t.size(); }));
}

BOOST_FIXTURE_TEST_CASE(handles_of_another_database, int_fixture) {
    database other;
    auto tx = other.begin();
    BOOST_TEST(fails(errc::invalid_argument, [&] { t.in(tx); }));
    auto const snap = other.snapshot();
    BOOST_TEST(fails(errc::invalid_argument, [&] { t.in(snap); }));
    auto theirs = other.create<int>("copy");
    theirs.insert(0, t, ns::slice{.step = -1});
    BOOST_TEST(theirs.back() == v.front());
    BOOST_TEST(theirs.size() == 2000u);
}

BOOST_FIXTURE_TEST_CASE(free_functions, fixture) {
    ns::create<float>(db, "x").append({1, 2});
    BOOST_TEST(ns::open<float>(db, "x").size() == 2u);
    BOOST_TEST(fails(errc::already_exists, [&] { ns::create<int>(db, "x"); }));
    BOOST_TEST(fails(errc::type_mismatch, [&] { ns::open<int>(db, "x"); }));
    BOOST_TEST(fails(errc::not_found, [&] { ns::open<int>(db, "y"); }));
}

BOOST_AUTO_TEST_SUITE_END()
