// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/error.hpp>
#include <numstore/format/sharing_table.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <random>
#include <vector>

BOOST_AUTO_TEST_SUITE(format_sharing_table)

using namespace numstore;
using format::shared_pages;

namespace {

std::vector<std::byte> encoded(std::vector<shared_pages> const& table) {
    std::vector<std::byte> bytes;
    format::encode_sharing_table(table, bytes);
    return bytes;
}

bool refused(std::vector<std::byte> const& bytes) {
    try {
        format::decode_sharing_table(bytes, page_no{32}, page_no{1000});
        return false;
    } catch (error const& e) {
        return e.code() == errc::corrupt;
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
    std::vector<shared_pages> const table{{{page_no{32}, 1}, 1},
                                          {{page_no{33}, 900}, 70000},
                                          {{page_no{999}, 1}, 2}};
    BOOST_TEST((format::decode_sharing_table(encoded(table), page_no{32},
                                             page_no{1000})
                == table));
    BOOST_TEST(
        format::decode_sharing_table(encoded({}), page_no{32}, page_no{1000})
            .empty());
}

BOOST_AUTO_TEST_CASE(impossible_tables_are_refused) {
    BOOST_TEST(refused(encoded({{{page_no{31}, 1}, 1}})));
    BOOST_TEST(refused(encoded({{{page_no{999}, 2}, 1}})));
    BOOST_TEST(refused(encoded({{{page_no{50}, 0}, 1}})));
    BOOST_TEST(refused(encoded({{{page_no{50}, 1}, 0}})));
    BOOST_TEST(refused(encoded({{{page_no{50}, 1}, 1ull << 32}})));
    BOOST_TEST(refused({}));
}

BOOST_AUTO_TEST_CASE(damaged_bytes_are_read_or_refused) {
    auto const good = encoded({{{page_no{40}, 3}, 1}, {{page_no{50}, 9}, 5}});
    std::mt19937 random(1);
    for (int i = 0; i != 20000; ++i) {
        auto bytes = good;
        bytes[random() % bytes.size()] = static_cast<std::byte>(random());
        if (random() % 4 == 0)
            bytes.resize(random() % bytes.size());
        refused(bytes);
    }
}

BOOST_AUTO_TEST_SUITE_END()
