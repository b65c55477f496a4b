// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/page_bitmap.hpp>

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(pager_page_bitmap)

using numstore::extent;
using numstore::no_page;
using numstore::page_no;
using numstore::detail::page_bitmap;

BOOST_AUTO_TEST_CASE(pages_used_twice_and_never) {
    page_bitmap bits(300);
    BOOST_TEST((bits.set({page_no{10}, 100}) == no_page));
    BOOST_TEST((bits.set({page_no{120}, 10}) == no_page));
    BOOST_TEST((bits.set({page_no{105}, 20}) == page_no{105}));
    BOOST_TEST((bits.set({page_no{299}, 1}) == no_page));
    std::vector<extent> clear;
    bits.each_clear(page_no{2}, [&](extent e) { clear.push_back(e); });
    BOOST_TEST((clear
                == std::vector<extent>{{page_no{2}, 8}, {page_no{130}, 169}}));
}

BOOST_AUTO_TEST_CASE(all_and_none) {
    page_bitmap bits(128);
    std::vector<extent> clear;
    bits.each_clear(page_no{0}, [&](extent e) { clear.push_back(e); });
    BOOST_TEST((clear == std::vector<extent>{{page_no{0}, 128}}));
    bits.set({page_no{0}, 128});
    clear.clear();
    bits.each_clear(page_no{0}, [&](extent e) { clear.push_back(e); });
    BOOST_TEST(clear.empty());
}

BOOST_AUTO_TEST_SUITE_END()
