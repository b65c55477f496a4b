// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/page_cache.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>

using numstore::page_no;
using numstore::detail::cached_leaf;
using numstore::detail::cached_leaf_ptr;
using cache = numstore::detail::page_cache<numstore::default_policies>;

namespace {

constexpr std::size_t leaf_bytes = 512;

void put(cache& c, std::uint64_t first) {
    c.insert(page_no{first}, cached_leaf_ptr(new cached_leaf(leaf_bytes)));
}

} // namespace

BOOST_AUTO_TEST_SUITE(pager_page_cache)

BOOST_AUTO_TEST_CASE(the_least_recently_used_leave_first) {
    constexpr std::uint64_t budget = 64 * leaf_bytes;
    cache c(budget);
    put(c, 1);
    auto const pinned = c.find(page_no{1});
    for (std::uint64_t i = 2; i != 2000; ++i) {
        put(c, i);
        BOOST_REQUIRE(c.find(page_no{1}) == pinned);
        BOOST_REQUIRE_LE(c.bytes(), budget);
    }
    BOOST_TEST(c.bytes() > budget / 2);
    BOOST_TEST(c.find(page_no{2}) == nullptr);
    BOOST_TEST(c.find(page_no{1999}) != nullptr);
}

BOOST_AUTO_TEST_CASE(forgotten_leaves_take_no_room) {
    cache c(std::uint64_t{1} << 20);
    for (std::uint64_t i = 1; i != 101; ++i)
        put(c, i);
    put(c, 100); // is there already
    BOOST_TEST(c.bytes() == 100 * leaf_bytes);
    c.forget(page_no{11}, 200);
    BOOST_TEST(c.bytes() == 10 * leaf_bytes);
    BOOST_TEST(c.find(page_no{10}) != nullptr);
    BOOST_TEST(c.find(page_no{11}) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
