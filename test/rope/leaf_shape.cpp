// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/rope/leaf_shape.hpp>

#include <cstdint>

BOOST_AUTO_TEST_SUITE(rope_leaf_shape)

using numstore::detail::leaf_shape;
using numstore::detail::leaf_shape_of;

BOOST_AUTO_TEST_CASE(known_shapes) {
    auto const pages = [](std::uint64_t size, std::size_t page) {
        return leaf_shape_of(size, page).pages;
    };
    BOOST_TEST(pages(1, 512) == 1u);
    BOOST_TEST(pages(8, 16384) == 1u);
    BOOST_TEST(pages(12, 512) == 3u);
    BOOST_TEST(pages(24, 16384) == 3u);
    BOOST_TEST(pages(4096, 512) == 32u);
    BOOST_TEST(pages(4096, 4096) == 4u);
    BOOST_TEST(pages(65536, 16384) == 16u);
    BOOST_TEST(pages(1000, 16384) == 3u);
}

BOOST_AUTO_TEST_CASE(every_shape_keeps_the_rules) {
    for (std::size_t page : {512u, 4096u, 16384u, 65536u, 1048576u}) {
        std::uint64_t const most = 256 * std::uint64_t{page};
        for (std::uint64_t size = 1; size <= most; size += 1 + size / 9) {
            leaf_shape const s = leaf_shape_of(size, page);
            BOOST_TEST_CONTEXT("element " << size << ", page " << page) {
                BOOST_REQUIRE_EQUAL(s.page_bytes, s.pages * page);
                BOOST_REQUIRE_EQUAL(s.capacity, s.page_bytes / size);
                BOOST_REQUIRE_GE(s.capacity, 4u);
                std::uint64_t const waste = s.page_bytes - s.full_bytes();
                BOOST_REQUIRE_LT(waste * 100, s.page_bytes);
                BOOST_REQUIRE_LE(s.pages, 4 * 256u + 100);
            }
        }
    }
}

/// 25 pages hold four of these elements and waste just 1 %.
BOOST_AUTO_TEST_CASE(less_than_a_hundredth_is_wasted) {
    leaf_shape const s = leaf_shape_of(25344, 4096);
    BOOST_TEST(s.pages > 25u);
    BOOST_TEST((s.page_bytes - s.full_bytes()) * 100 < s.page_bytes);
}

BOOST_AUTO_TEST_CASE(sizes_are_bounded_in_bytes) {
    BOOST_TEST(leaf_shape_of(1, 512).max_size() == ~std::uint64_t{0} / 2);
    BOOST_TEST(leaf_shape_of(8, 512).max_size() == ~std::uint64_t{0} / 16);
}

BOOST_AUTO_TEST_SUITE_END()
