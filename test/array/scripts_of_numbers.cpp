// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "array_script.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <complex>
#include <cstddef>
#include <cstdint>

BOOST_AUTO_TEST_SUITE(array_scripts_of_numbers)

using namespace array_test;

namespace {

#ifdef NUMSTORE_TEST_THINNED
using numbers = boost::mpl::list<bool, std::int8_t, std::uint64_t, float,
                                 yes_no, std::complex<double>>;
#else
using numbers = boost::mpl::list<bool, char, std::int8_t, std::uint16_t,
                                 std::int32_t, std::uint64_t, float, double,
                                 std::byte, colour, yes_no, level,
                                 std::complex<float>, std::complex<double>>;
#endif

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(random_scripts, T, numbers) {
    auto random = random_source();
    for (int i = 0; i != 6; ++i) {
        fixture f;
        array_script<T>(f.db, random()).run(60);
    }
}

BOOST_AUTO_TEST_SUITE_END()
