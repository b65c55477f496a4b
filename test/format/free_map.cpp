// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/error.hpp>
#include <numstore/format/free_map.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(format_free_map)

using namespace numstore;
using format::free_map;

namespace {

std::vector<std::byte> encoded(free_map const& map) {
    std::vector<std::byte> bytes;
    format::encode_free_map(map, bytes);
    return bytes;
}

/// Of a file whose data pages are [32, 1000).
free_map decoded(std::vector<std::byte> const& bytes) {
    return format::decode_free_map(bytes, page_no{32}, page_no{1000});
}

bool refused(std::vector<std::byte> const& bytes, std::string const& why) {
    try {
        decoded(bytes);
        return false;
    } catch (error const& e) {
        return e.code() == errc::corrupt
               && std::string(e.what()).find(why) != std::string::npos;
    }
}

/// A list of one extent, and one without any.
std::vector<std::byte> raw(std::uint64_t gap, std::uint64_t pages,
                           std::uint64_t count = 1) {
    std::vector<std::byte> bytes;
    format::byte_writer w(bytes);
    w.u64(count);
    w.varint(gap);
    w.varint(pages);
    w.u64(0);
    return bytes;
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
    free_map const map{{{page_no{32}, 8}, {page_no{50}, 1}, {page_no{990}, 10}},
                       {{page_no{40}, 10}, {page_no{60}, 1}}};
    BOOST_TEST((decoded(encoded(map)) == map));
    BOOST_TEST(encoded(map).size() <= format::free_map_bound(5));
    BOOST_TEST((decoded(encoded({})) == free_map{}));
    free_map const other{map.next, map.free};
    BOOST_TEST((decoded(encoded(other)) == other));
}

BOOST_AUTO_TEST_CASE(impossible_extents_are_refused) {
    std::string const outside = "outside of the file";
    BOOST_TEST(decoded(raw(32, 968)).free.size() == 1U);
    BOOST_TEST(refused(raw(31, 1), outside));
    BOOST_TEST(refused(raw(1001, 0), outside));
    BOOST_TEST(refused(raw(32, 969), outside));
    BOOST_TEST(refused(raw(UINT64_MAX, 1), outside));
    BOOST_TEST(refused(raw(32, UINT64_MAX), outside));
    BOOST_TEST(refused(raw(32, 0), "an extent is empty"));
    BOOST_TEST(refused(raw(32, 1, UINT64_MAX), "more extents than bytes"));
    auto longer = raw(32, 1);
    longer.push_back(std::byte{0});
    BOOST_TEST(refused(longer, "after the end"));
}

BOOST_AUTO_TEST_CASE(a_page_is_in_one_list) {
    std::string const both = "a page is in both lists";
    BOOST_TEST(refused(
        encoded({{{page_no{40}, 10}}, {{page_no{49}, 1}}}), both));
    BOOST_TEST(refused(
        encoded({{{page_no{32}, 1}, {page_no{45}, 1}}, {{page_no{40}, 9}}}),
        both));
}

BOOST_AUTO_TEST_SUITE_END()
