// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/simulated_512.hpp"
#include "array_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/array/run_range.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_run_range)

using namespace array_test;

namespace {

using runs_of_float = ns::run_range<float, policies>;
static_assert(std::ranges::input_range<runs_of_float>);
static_assert(std::ranges::view<runs_of_float>);
static_assert(std::same_as<std::ranges::range_value_t<runs_of_float>,
                           std::span<float const>>);

/// What the runs hold; none is empty, and all are aligned.
template <class T>
std::vector<T> joined(ns::run_range<T, policies> const& runs) {
    std::vector<T> all;
    for (std::span<T const> const run : runs) {
        BOOST_REQUIRE(!run.empty());
        auto const at = reinterpret_cast<std::uintptr_t>(run.data());
        BOOST_REQUIRE(at % alignof(T) == 0);
        all.insert(all.end(), run.begin(), run.end());
    }
    return all;
}

template <class T>
void check_runs(database& db, char const* name, std::size_t n) {
    auto t = db.create<T>(name);
    auto const v = values<T>(n);
    t.append(v);
    t.insert(n / 2, values<T>(7));
    t.erase(n / 2, 7);
    BOOST_TEST((joined(t.chunks()) == v));
    BOOST_TEST((joined(t.chunks(0, n)) == v));
    BOOST_TEST(joined(t.chunks(n, 0)).empty());
    BOOST_TEST((joined(t.chunks(5, n - 9))
                == std::vector<T>(v.begin() + 5, v.end() - 4)));
    ns::slice const s{.start = 3, .stop = -2};
    BOOST_TEST((joined(t.chunks(s))
                == std::vector<T>(v.begin() + 3, v.end() - 2)));
    BOOST_TEST((joined(t.chunks(ns::all)) == v));
}

/// Opens an array of bytes as one of another type.
struct reopened : array_test::const_array<std::uint8_t> {
    using base = array_test::const_array<std::uint8_t>;
    explicit reopened(base const& b) : base(b) {}
    template <class T>
    auto as() const {
        return array_test::const_array<T>(this->ref_);
    }
};

/// Pages are read into a cache, and not many fit.
using cached = bags::simulated_512;

} // namespace

BOOST_AUTO_TEST_CASE(copies_of_an_iterator_are_independent) {
    ns::basic_database<cached> db(ns::testing::simulated_storage(512),
                                  {.cache_bytes = 1});
    auto t = db.create<std::uint32_t>("t");
    auto const v = values<std::uint32_t>(20000);
    t.append(v);
    db.checkpoint();
    auto const runs = t.chunks();
    std::vector<std::uint32_t> seen;
    for (auto i = runs.begin(); i != runs.end();) {
        auto copy = i;
        i = runs.begin();
        for (int k = 0; k != 20 && i != runs.end(); ++k)
            ++i;
        i = copy;
        ++i;
        auto const run = *copy;
        seen.insert(seen.end(), run.begin(), run.end());
    }
    BOOST_TEST((seen == v));
    BOOST_TEST((t.view().to_vector() == v));
    BOOST_TEST(std::ranges::equal(t.chunks() | std::views::join, v));
}

BOOST_FIXTURE_TEST_CASE(runs_of_every_kind, fixture) {
    check_runs<bool>(db, "bool", 3000);
    check_runs<std::uint8_t>(db, "u8", 3000);
    check_runs<double>(db, "f64", 3000);
    check_runs<point>(db, "point", 3000);
    check_runs<nested>(db, "nested", 300);
    check_runs<large>(db, "large", 20);
}

BOOST_FIXTURE_TEST_CASE(bounds_of_runs, fixture) {
    auto t = db.create<float>("t");
    BOOST_TEST(joined(t.chunks()).empty());
    BOOST_TEST((t.chunks().begin() == t.chunks().end()));
    t.append(values<float>(1000));
    BOOST_TEST(fails(errc::out_of_range, [&] { t.chunks(0, 1001); }));
    BOOST_TEST(fails(errc::out_of_range, [&] { t.chunks(1001, 0); }));
    BOOST_TEST(
        fails(errc::out_of_range, [&] { t.chunks(500, UINT64_MAX); }));
    auto const invalid = errc::invalid_argument;
    BOOST_TEST(fails(invalid, [&] { t.chunks(ns::slice{.step = 2}); }));
    BOOST_TEST(fails(invalid, [&] { t.chunks(ns::slice{.step = -1}); }));
    BOOST_TEST(fails(invalid, [&] { t.chunks(ns::every<2>{}); }));
    BOOST_TEST(joined(t.chunks(ns::slice{.start = 5, .stop = 2})).empty());
    BOOST_TEST(joined(t.chunks(ns::every<1, 990>{})).size() == 10u);
}

BOOST_FIXTURE_TEST_CASE(runs_are_long, fixture) {
    auto t = db.create<float>("t");
    t.append(values<float>(100000));
    db.checkpoint();
    std::size_t runs = 0;
    for (auto const run : t.chunks())
        runs += run.empty() ? 0 : 1;
    BOOST_TEST(runs <= 100000u / 64);
    auto const at = t.chunks(70000, 10).begin();
    BOOST_TEST((*at).front() == value<float>(70000));
}

BOOST_FIXTURE_TEST_CASE(runs_keep_their_version, fixture) {
    auto t = db.create<float>("t");
    t.append(values<float>(5000));
    for (int at = 0; at < 5000; at += 400)
        t.insert(at, {0.f});
    auto const v = t.to_vector();
    auto const runs = t.chunks();
    auto const snap = db.snapshot();
    std::vector<float> seen;
    for (std::span<float const> const run : db.open<float>("t").chunks()) {
        seen.insert(seen.end(), run.begin(), run.end());
        t.erase(0, 10);
        t.write(0, {-1.f});
        db.checkpoint();
        BOOST_REQUIRE((std::equal(run.begin(), run.end(), seen.end()
                                  - static_cast<std::ptrdiff_t>(run.size()))));
    }
    BOOST_TEST(t.size() < v.size() - 50);
    BOOST_TEST((seen == v));
    BOOST_TEST((joined(runs) == v));
    BOOST_TEST((joined(t.in(snap).chunks()) == v));
    BOOST_TEST(t.front() == -1.f);
    auto tx = db.begin();
    auto inside = t.in(tx);
    inside.assign(v);
    auto const old = inside.chunks();
    inside.clear();
    BOOST_TEST((joined(old) == v));
    BOOST_TEST(joined(inside.chunks()).empty());
}

BOOST_FIXTURE_TEST_CASE(runs_as_a_range, fixture) {
    auto t = db.create<int>("t");
    t.append(values<int>(5000));
    auto flat = t.chunks() | std::views::join;
    std::int64_t sum = 0;
    for (int const i : flat)
        sum += i;
    BOOST_TEST(sum == 3 * std::int64_t{4999} * 2500 + 5000);
    t.insert(700, {1});
    auto const runs = t.chunks();
    auto i = runs.begin();
    auto moved = std::move(i);
    BOOST_TEST((*moved).front() == value<int>(0));
    moved++;
    BOOST_TEST((*moved).size() > 0u);
    BOOST_TEST((moved != runs.end()));
}

BOOST_FIXTURE_TEST_CASE(runs_of_holes_are_zeros, fixture) {
    auto t = db.create<std::uint32_t>("t");
    t.append({1, 2});
    t.resize(1 << 20);
    t.push_back(3);
    std::uint64_t n = 0;
    std::uint64_t sum = 0;
    for (auto const run : t.chunks()) {
        BOOST_REQUIRE(!run.empty());
        n += run.size();
        for (auto const i : run)
            sum += i;
    }
    BOOST_TEST(n == (1u << 20) + 1);
    BOOST_TEST(sum == 6u);
}

BOOST_FIXTURE_TEST_CASE(bytes_that_are_no_bools, fixture) {
    auto t = db.create<std::uint8_t>("t");
    t.resize(3000, 1);
    t.set(2999, 2);
    auto const b = reopened(t).as<bool>();
    std::vector<bool> const all(3000, true);
    BOOST_TEST((b.to_vector() == all));
    BOOST_TEST((b.view().to_vector() == all));
    BOOST_TEST(b.back());
    bool two[2];
    b.read(2998, two);
    std::uint8_t raw = 0;
    std::memcpy(&raw, &two[1], 1);
    BOOST_TEST(raw == 1u);
    b.read(ns::slice{.start = -1}, two);
    std::memcpy(&raw, &two[0], 1);
    BOOST_TEST(raw == 1u);
    b.gather(std::vector{2999, 5}, two);
    std::memcpy(&raw, &two[0], 1);
    BOOST_TEST(raw == 1u);
    BOOST_TEST(joined(b.chunks(0, 100)).size() == 100u);
    BOOST_TEST(fails(errc::corrupt, [&] { joined(b.chunks()); }));
}

BOOST_AUTO_TEST_SUITE_END()
