// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/pager/node_pages.hpp>

BOOST_AUTO_TEST_SUITE(pager_node_pages)

using numstore::detail::node_pages;

BOOST_AUTO_TEST_CASE(nodes_of_one_page_need_no_run) {
    node_pages all;
    all.add(1, 5);
    all.add(1);
    BOOST_TEST(all.pages == 6u);
    BOOST_TEST(all.runs == 0u);
    BOOST_TEST(all.longest == 1u);
    BOOST_TEST(all.runs_of_longest() == 6u);
}

BOOST_AUTO_TEST_CASE(nodes_of_one_length_need_a_run_each) {
    node_pages all;
    all.add(7, 100);
    BOOST_TEST(all.runs_of_longest() == 100u);
    BOOST_TEST(all.with(8).runs_of_longest() == 102u);
}

/// Many short ones do not need a long run each.
BOOST_AUTO_TEST_CASE(nodes_of_several_lengths_share_runs) {
    node_pages all;
    all.add(118, 4);
    all.add(7, 1000);
    BOOST_TEST(all.runs == 1004u);
    BOOST_TEST(all.longest == 118u);
    BOOST_TEST(all.runs_of_longest() == 2 * (4 * 118 + 7000) / 118 + 1u);
}

BOOST_AUTO_TEST_SUITE_END()
