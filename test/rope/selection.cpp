// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/error.hpp>
#include <numstore/rope/selection.hpp>

#include <cstdint>
#include <limits>
#include <vector>

BOOST_AUTO_TEST_SUITE(rope_selection)

namespace detail = numstore::detail;
using numstore::errc;

namespace {

auto code(errc e) {
    return [e](numstore::error const& x) { return x.code() == e; };
}

constexpr std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();

} // namespace

BOOST_AUTO_TEST_CASE(ranges_are_checked_without_overflow) {
    detail::check_range(0, 0, 0);
    detail::check_range(5, 5, 10);
    BOOST_CHECK_EXCEPTION(detail::check_range(6, 5, 10), numstore::error,
                          code(errc::out_of_range));
    BOOST_CHECK_EXCEPTION(detail::check_range(11, 0, 10), numstore::error,
                          code(errc::out_of_range));
    BOOST_CHECK_EXCEPTION(detail::check_range(5, huge, 10), numstore::error,
                          code(errc::out_of_range));
}

BOOST_AUTO_TEST_CASE(strides_are_checked_without_overflow) {
    constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
    detail::check_stride(9, -3, 4, 10);
    detail::check_stride(0, 9, 2, 10);
    detail::check_stride(100, 5, 0, 10);
    detail::check_stride(3, lowest, 1, 10);
    BOOST_CHECK_EXCEPTION(detail::check_stride(0, 0, 1, 10), numstore::error,
                          code(errc::invalid_argument));
    BOOST_CHECK_EXCEPTION(detail::check_stride(9, -3, 5, 10), numstore::error,
                          code(errc::out_of_range));
    BOOST_CHECK_EXCEPTION(detail::check_stride(10, 1, 1, 10), numstore::error,
                          code(errc::out_of_range));
    BOOST_CHECK_EXCEPTION(detail::check_stride(3, lowest, 2, 10),
                          numstore::error, code(errc::out_of_range));
    BOOST_CHECK_EXCEPTION(detail::check_stride(0, 2, huge, 10), numstore::error,
                          code(errc::out_of_range));
}

BOOST_AUTO_TEST_CASE(positions_are_checked) {
    std::vector<std::uint64_t> const twice{1, 1, 4};
    std::vector<std::uint64_t> const unordered{2, 1};
    detail::check_positions({}, 0, true);
    detail::check_positions(twice, 5, false);
    BOOST_CHECK_EXCEPTION(detail::check_positions(twice, 5, true),
                          numstore::error, code(errc::invalid_argument));
    BOOST_CHECK_EXCEPTION(detail::check_positions(unordered, 5, false),
                          numstore::error, code(errc::invalid_argument));
    BOOST_CHECK_EXCEPTION(detail::check_positions(twice, 4, false),
                          numstore::error, code(errc::out_of_range));
}

BOOST_AUTO_TEST_CASE(a_backward_stride_fills_the_buffer_forwards) {
    detail::strided_selection s(9, -2, 5); // 9 7 5 3 1
    BOOST_TEST(s.position() == 1u);
    BOOST_TEST(s.last() == 9u);
    auto const low = s.take(0, 4); // 3 1
    BOOST_TEST(low.count == 2u);
    BOOST_TEST(low.offset == 3u);
    BOOST_TEST(low.lowest == 1u);
    BOOST_TEST(low.stride == -2);
    BOOST_TEST(low.index == 3u);
    BOOST_TEST(s.position() == 5u);
    auto const high = s.take(4, 6); // 9 7 5
    BOOST_TEST(high.count == 3u);
    BOOST_TEST(high.offset == 5u);
    BOOST_TEST(high.index == 0u);
    BOOST_TEST(s.done());
}

BOOST_AUTO_TEST_CASE(indexed_groups_stay_in_their_leaf) {
    std::vector<std::uint64_t> const positions{0, 3, 3, 4, 9};
    std::vector<std::uint64_t> const order{4, 3, 2, 1, 0};
    detail::indexed_selection s(positions, order);
    auto const g = s.take(0, 4);
    BOOST_TEST(g.count == 3u);
    BOOST_TEST(g.order[2] == 2u);
    BOOST_TEST(s.position() == 4u);
    BOOST_TEST(s.take(4, 6).index == 3u);
    BOOST_TEST(s.done());
}

BOOST_AUTO_TEST_SUITE_END()
