// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "array_script.hpp"
#include "cells.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(array_scripts_of_cells)

using namespace array_test;

namespace {

using cells = boost::mpl::list<ns::int128, name_or_null, ns::nullable<sample>,
                               any_cell, reading, record>;

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(random_scripts, T, cells) {
    auto random = random_source();
    for (int i = 0; i != 2; ++i) {
        fixture f;
        array_script<T>(f.db, random()).run(40);
        BOOST_TEST(f.db.verify().ok());
    }
}

BOOST_AUTO_TEST_SUITE_END()
