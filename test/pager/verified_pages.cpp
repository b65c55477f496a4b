// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/verified_pages.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <memory>

BOOST_AUTO_TEST_SUITE(pager_verified_pages)

using numstore::page_no;
using numstore::detail::verified_pages;

BOOST_AUTO_TEST_CASE(what_was_set_and_nothing_else) {
    auto const pages = std::make_unique<verified_pages>();
    BOOST_TEST(!pages->test(page_no{70}));
    pages->set(page_no{60}, 10);
    for (std::uint64_t i = 0; i != 200; ++i)
        BOOST_TEST(pages->test(page_no{i}) == (i >= 60 && i < 70));
    pages->set(page_no{80}, 1);
    BOOST_TEST(pages->test(page_no{80}));
    BOOST_TEST(pages->test(page_no{69}));
}

BOOST_AUTO_TEST_CASE(pages_past_the_last_are_never_remembered) {
    constexpr std::uint64_t end = std::uint64_t{1} << 31;
    auto const pages = std::make_unique<verified_pages>();
    pages->set(page_no{end - 1}, 3);
    BOOST_TEST(pages->test(page_no{end - 1}));
    BOOST_TEST(!pages->test(page_no{end}));
    BOOST_TEST(!pages->test(page_no{end + 1}));
    BOOST_TEST(!pages->test(page_no{~std::uint64_t{0}}));
}

BOOST_AUTO_TEST_SUITE_END()
