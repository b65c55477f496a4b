// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_script.hpp"

BOOST_AUTO_TEST_SUITE(rope_tree_large_pages)

using bag = rope_test::policies<16384, true>;

BOOST_AUTO_TEST_CASE(bytes) { rope_test::run_scripts<1, bag>(120, 60); }
BOOST_AUTO_TEST_CASE(words) { rope_test::run_scripts<4, bag>(120, 60); }
BOOST_AUTO_TEST_CASE(triples) { rope_test::run_scripts<12, bag>(120, 60); }
BOOST_AUTO_TEST_CASE(records) { rope_test::run_scripts<24, bag>(120, 60); }
BOOST_AUTO_TEST_CASE(blocks) { rope_test::run_scripts<4096, bag>(120, 60); }

BOOST_AUTO_TEST_SUITE_END()
