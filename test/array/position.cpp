// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/position.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

BOOST_AUTO_TEST_SUITE(array_position)

using namespace numstore;

namespace {

std::uint64_t taken(detail::position_argument p) { return p.value(); }
std::uint64_t counted(detail::count_argument n) { return n.value(); }

} // namespace

BOOST_AUTO_TEST_CASE(any_integer_but_bool) {
    static_assert(integer<int> && integer<char> && integer<std::size_t>);
    static_assert(!integer<bool> && !integer<bool const> && !integer<float>);
    static_assert(!std::is_convertible_v<bool, detail::position_argument>);
    static_assert(!std::is_convertible_v<double, detail::position_argument>);
    BOOST_TEST(taken(5) == 5u);
    BOOST_TEST(taken(static_cast<signed char>(5)) == 5u);
    BOOST_TEST(taken(std::size_t{5}) == 5u);
    BOOST_TEST(taken(UINT64_MAX) == UINT64_MAX);
    BOOST_TEST(counted(INT64_MAX) == std::uint64_t{INT64_MAX});
}

BOOST_AUTO_TEST_CASE(negative_ones_are_out_of_range) {
    auto const what = [](auto call) -> std::string {
        try {
            call();
        } catch (error const& e) {
            BOOST_TEST((e.code() == errc::out_of_range));
            return e.what();
        }
        return {};
    };
    BOOST_TEST(what([] { taken(-3); }).find("a negative position: -3") == 0u);
    BOOST_TEST(what([] { counted(-1); }).find("a negative count: -1") == 0u);
    BOOST_TEST(what([] {
                   taken(std::numeric_limits<std::int64_t>::min());
               }).find("-9223372036854775808")
               != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
