// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "array_script.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <array>

BOOST_AUTO_TEST_SUITE(array_scripts_of_compounds)

using namespace array_test;

namespace {

#ifdef NUMSTORE_TEST_THINNED
using compounds =
    boost::mpl::list<std::array<bool, 5>, sample, nested, half_page, large>;
#else
using compounds =
    boost::mpl::list<std::array<float, 3>, std::array<bool, 5>, sample, point,
                     nested, std::array<sample, 2>, half_page, large>;
#endif

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(random_scripts, T, compounds) {
    auto random = random_source();
    for (int i = 0; i != 4; ++i) {
        fixture f;
        array_script<T>(f.db, random()).run(40);
    }
}

BOOST_AUTO_TEST_SUITE_END()
