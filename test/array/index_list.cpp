// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/index_list.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <random>
#include <ranges>
#include <span>
#include <sstream>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_index_list)

using namespace numstore;
using detail::index_list;
using values = std::vector<std::uint64_t>;

namespace {

values copied(std::span<std::uint64_t const> s) { return {s.begin(), s.end()}; }

template <class Call>
bool fails(errc expected, Call call) {
    try {
        call();
    } catch (error const& e) {
        return e.code() == expected;
    }
    return false;
}

} // namespace

BOOST_AUTO_TEST_CASE(sorted_positions_need_no_order) {
    index_list const list(std::vector<int>{1, 2, 2, 9}, 10);
    BOOST_TEST(copied(list.positions()) == (values{1, 2, 2, 9}));
    BOOST_TEST(list.order().empty());
    BOOST_TEST(index_list(values{}, 0).empty());
}

BOOST_AUTO_TEST_CASE(other_positions_are_sorted) {
    index_list const list(std::vector<short>{400, 3, 77, 3, 0}, 401);
    BOOST_TEST(copied(list.positions()) == (values{0, 3, 3, 77, 400}));
    BOOST_TEST(copied(list.order()) == (values{4, 1, 3, 2, 0}));
}

BOOST_AUTO_TEST_CASE(any_range_of_integers) {
    static_assert(index_range<std::list<char>>);
    static_assert(index_range<std::span<std::int64_t const>>);
    static_assert(!index_range<std::vector<bool>>);
    static_assert(!index_range<std::vector<double>>);
    static_assert(!index_range<int>);
    std::list<unsigned> const linked{7, 5};
    BOOST_TEST(copied(index_list(linked, 8).positions()) == (values{5, 7}));
    std::istringstream text("3 1 2");
    auto input = std::ranges::istream_view<int>(text);
    BOOST_TEST(copied(index_list(input, 4).positions()) == (values{1, 2, 3}));
    auto odd = std::views::iota(0, 10)
               | std::views::filter([](int i) { return i % 2 == 1; });
    BOOST_TEST(index_list(odd, 10).size() == 5u);
}

BOOST_AUTO_TEST_CASE(bad_positions) {
    BOOST_TEST(fails(errc::out_of_range,
                     [] { index_list(std::vector<int>{0, -1}, 5); }));
    BOOST_TEST(fails(errc::out_of_range, [] { index_list(values{0, 5}, 5); }));
    BOOST_TEST(
        fails(errc::out_of_range, [] { index_list(values{UINT64_MAX}, 5); }));
}

BOOST_AUTO_TEST_CASE(order_leads_back) {
    char const* const given = std::getenv("NUMSTORE_SEED");
    auto const seed =
        given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 60; ++round) {
        std::uint64_t const size = (random() >> random() % 60) + 1;
        values given_positions(random() % 2 ? random() % 50 : random() % 9000);
        for (auto& p : given_positions)
            p = random() % size;
        index_list const list(given_positions, size);
        auto const p = list.positions();
        auto const order = list.order();
        BOOST_REQUIRE(std::is_sorted(p.begin(), p.end()));
        BOOST_REQUIRE(p.size() == given_positions.size());
        for (std::size_t i = 0; i != order.size(); ++i) {
            BOOST_REQUIRE(p[i] == given_positions[order[i]]);
            if (i != 0 && p[i] == p[i - 1])
                BOOST_REQUIRE(order[i] > order[i - 1]);
        }
        if (order.empty())
            BOOST_REQUIRE(copied(p) == given_positions);
    }
}

BOOST_AUTO_TEST_SUITE_END()
