// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// Elements that are looked for again and again, in arrays that change.
#include "../bags/memory_512.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_power_loss.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_random_access)

namespace {

namespace ns = numstore;
using random_source = ns::detail::split_mix;
using database = ns::basic_database<bags::memory_512>;

template <class Range>
auto place(Range& v, std::size_t i) {
    return v.begin() + static_cast<std::ptrdiff_t>(i);
}

template <class T>
T value(std::uint64_t n) {
    if constexpr (std::is_arithmetic_v<T>) {
        return static_cast<T>(n % 100);
    } else {
        T v{};
        v.fill(static_cast<std::uint8_t>(n % 100));
        return v;
    }
}

template <class T>
std::vector<T> values(random_source& random, std::size_t n) {
    std::vector<T> v;
    for (std::size_t i = 0; i != n; ++i)
        v.push_back(value<T>(random.below(1000)));
    return v;
}

/// Elements, short ranges, and a view, more often than it takes to make a
/// directory.
template <class Array, class T>
void look(Array const& a, std::vector<T> const& wanted,
          random_source& random) {
    BOOST_REQUIRE(a.size() == wanted.size());
    if (wanted.empty())
        return;
    std::size_t const n = wanted.size();
    auto const view = a.view();
    std::array<T, 40> out{};
    for (int i = 0; i != 150; ++i) {
        std::size_t const at = random.below(n);
        BOOST_REQUIRE((T(a[at]) == wanted[at]));
        BOOST_REQUIRE((view[at] == wanted[at]));
        std::size_t const length = 1 + random.below(std::min(n, out.size()));
        std::size_t const from = random.below(n - length + 1);
        a.read(from, std::span(out).first(length));
        BOOST_REQUIRE(std::equal(out.begin(), place(out, length),
                                 place(wanted, from)));
    }
}

template <class T>
void edit(ns::array<T, bags::memory_512>& a, std::vector<T>& v,
          random_source& random) {
    std::size_t const n = v.size();
    std::size_t const at = random.below(n + 1);
    switch (random.below(6)) {
    case 0:
    case 1: {
        auto const more =
            values<T>(random, 1 + random.below(random.percent(30) ? 900 : 9));
        a.insert(at, more);
        v.insert(place(v, at), more.begin(), more.end());
        break;
    }
    case 2: {
        std::size_t const gone = random.below(n - at + 1) / 3;
        a.erase(at, gone);
        v.erase(place(v, at), place(v, at + gone));
        break;
    }
    case 3: {
        auto const other = values<T>(
            random, random.below(std::min<std::size_t>(n - at + 1, 300)));
        a.write(at, other);
        std::copy(other.begin(), other.end(), place(v, at));
        break;
    }
    case 4:
        a.resize(n + random.below(2000));
        v.resize(a.size());
        break;
    default:
        if (n != 0) {
            a.set(at % n, value<T>(7));
            v[at % n] = value<T>(7);
        }
    }
}

template <class T>
void run(std::uint64_t seed) {
    random_source random(seed);
    database db(ns::memory_storage{}, {.durability = ns::durability::none});
    auto a = db.create<T>("a");
    std::vector<T> v;
    for (int i = 0; i != 60; ++i) {
        edit(a, v, random);
        if (random.percent(30))
            db.checkpoint();
        look(a, v, random);
        auto const snapshot = db.snapshot();
        auto const before = v;
        ns::basic_transaction<bags::memory_512> tx = db.begin();
        auto mine = a.in(tx);
        edit(mine, v, random);
        look(mine, v, random);
        edit(mine, v, random); // in nodes that have just been read
        look(mine, v, random);
        look(a.in(snapshot), before, random);
        if (random.percent(50)) {
            tx.commit();
        } else {
            tx.rollback();
            v = before;
        }
        if (v.size() > 9000) {
            a.erase(2000, v.size() - 2500);
            v.erase(place(v, 2000), place(v, v.size() - 500));
        }
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(elements_are_found_where_they_are) {
    for (std::uint64_t seed = 1; seed != 4; ++seed)
        BOOST_TEST_CONTEXT("seed " << seed) {
            run<std::int32_t>(seed);
            run<std::array<std::uint8_t, 24>>(seed);
            run<bool>(seed);
        }
}

/// One run, whatever the size, and little memory for each leaf.
BOOST_AUTO_TEST_CASE(a_directory_is_counted) {
    database db;
    auto a = db.create<std::int32_t>("a");
    random_source random(1);
    auto const v = values<std::int32_t>(random, 100'000);
    a.append(v);
    db.checkpoint();
    auto const before = db.stats().cache_bytes;
    for (int i = 0; i != 2000; ++i)
        BOOST_REQUIRE(a[i] == v[std::size_t(i)]);
    auto const after = db.stats().cache_bytes;
    BOOST_TEST(after > before);
    BOOST_TEST(after < before + 1000 + 8 * (v.size() / 100)); // 8 a leaf
}

BOOST_AUTO_TEST_SUITE_END()
