// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/nd/extents.hpp>

#include <array>
#include <cstdint>

BOOST_AUTO_TEST_SUITE(nd_extents)

namespace {

namespace ns = numstore;
using images = ns::extents<ns::dynamic, 256, 256>;

static_assert(images::rank() == 3 && images::rank_dynamic() == 1);
static_assert(images::static_extent(0) == ns::dynamic
              && images::static_extent(2) == 256);
static_assert(ns::dextents<8>::rank_dynamic() == 8);
static_assert(images{7}.extent(0) == 7 && images{7}.extent(1) == 256);
static_assert(images{7, 256, 256} == images{7});
static_assert(images{7} == ns::dextents<3>{7, 256, 256});
static_assert(!(images{7} == ns::dextents<2>{7, 256}));
static_assert(images{}.extent(0) == 0);

} // namespace

BOOST_AUTO_TEST_CASE(wrong_extents_are_refused) {
    BOOST_CHECK_THROW((images{7, 256, 255}), ns::error);
    BOOST_CHECK_THROW((images{-1}), ns::error);
    BOOST_CHECK_THROW((ns::nd_index<2>{1, -1}), ns::error);
}

BOOST_AUTO_TEST_CASE(they_come_from_arrays_of_numbers) {
    std::array<std::uint64_t, 3> const all{9, 256, 256};
    std::array<std::uint64_t, 1> const first{9};
    BOOST_TEST((images(all) == images(first)));
    BOOST_TEST((images(all).values() == all));
}

BOOST_AUTO_TEST_SUITE_END()
