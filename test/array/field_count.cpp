// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/field_count.hpp>

#include <boost/describe/class.hpp>

#include <array>
#include <complex>

BOOST_AUTO_TEST_SUITE(array_field_count)

namespace {

struct inner {
    int a;
    float b[2];
};
BOOST_DESCRIBE_STRUCT(inner, (), (a, b))

struct whole : inner {
    std::complex<double> c;
    std::array<inner, 2> d;
    inner e[2];
    bool f;
};
BOOST_DESCRIBE_STRUCT(whole, (inner), (c, d, e, f))

struct partial {
    std::complex<double> c;
    std::array<inner, 2> d;
    float e[3];
};
BOOST_DESCRIBE_STRUCT(partial, (), (c, e))

struct without_base : inner {
    int z;
};
BOOST_DESCRIBE_STRUCT(without_base, (), (z))

struct with_defaults {
    int a = 1;
    int b = 2;
};
BOOST_DESCRIBE_STRUCT(with_defaults, (), (a))

} // namespace

BOOST_AUTO_TEST_CASE(members_that_are_left_out_are_noticed) {
    using numstore::detail::describes_all_fields;
    static_assert(describes_all_fields<inner>);
    static_assert(describes_all_fields<whole>);
    static_assert(!describes_all_fields<partial>);
    static_assert(!describes_all_fields<without_base>);
    static_assert(!describes_all_fields<with_defaults>);
    BOOST_TEST(numstore::detail::initializer_count<int[2][3]>() == 6u);
}

BOOST_AUTO_TEST_SUITE_END()
