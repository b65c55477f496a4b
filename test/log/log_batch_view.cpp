// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/log/log_batch_view.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <initializer_list>
#include <vector>

BOOST_AUTO_TEST_SUITE(log_log_batch_view)

using numstore::detail::has_valid_records;

namespace {

std::vector<std::byte> body(std::initializer_list<int> values) {
    std::vector<std::byte> b;
    for (int const v : values)
        b.push_back(std::byte(v));
    return b;
}

} // namespace

/// A checksum is not validation: lengths may be forged behind a good one.
BOOST_AUTO_TEST_CASE(records_fill_their_batch_exactly) {
    auto const two = body({2, 0, 0, 0, 7, 7, 1, 0, 0, 0, 8});
    BOOST_TEST(has_valid_records(two, 2));
    BOOST_TEST(!has_valid_records(two, 1));
    BOOST_TEST(!has_valid_records(two, 3));
    BOOST_TEST(has_valid_records({}, 0));
    BOOST_TEST(!has_valid_records({}, 1));
    BOOST_TEST(!has_valid_records(body({1, 0, 0}), 1));
    BOOST_TEST(!has_valid_records(body({0, 0, 0, 0}), 1));
    BOOST_TEST(!has_valid_records(body({0, 0, 0, 0, 0}), 1));
    BOOST_TEST(!has_valid_records(body({2, 0, 0, 0, 7}), 1));
    BOOST_TEST(!has_valid_records(body({1, 0, 0, 1, 7}), 1));
}

BOOST_AUTO_TEST_SUITE_END()
