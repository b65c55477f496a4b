// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/format/inner_page.hpp>

#include <cstring>
#include <limits>
#include <string_view>

BOOST_AUTO_TEST_SUITE(format_inner_page)

namespace format = numstore::format;

namespace {

using page = format::inner_page<512>;

page three_children() {
    page p;
    std::memset(static_cast<void*>(&p), 0, sizeof p);
    p.magic = format::inner_page_magic;
    p.level = 2;
    p.children = 3;
    for (std::uint32_t i = 0; i != 3; ++i) {
        p.counts[i] = 10 + i;
        p.places[i] = 100 + i;
        p.checksums[i] = 7;
    }
    return p;
}

std::string_view fault(page const& p, unsigned level = 2,
                       std::uint64_t count = 33) {
    char const* const text = format::fault_of(p, level, count);
    return text == nullptr ? std::string_view() : text;
}

} // namespace

BOOST_AUTO_TEST_CASE(bytes_are_where_the_format_says) {
    page const p = three_children();
    unsigned char raw[sizeof p];
    std::memcpy(raw, &p, sizeof p);
    BOOST_TEST(std::memcmp(raw, "nsri", 4) == 0);
    BOOST_TEST(raw[4] == 2);
    BOOST_TEST(raw[8] == 3);
    BOOST_TEST(raw[16] == 10);
    BOOST_TEST(raw[16 + 8 * 20] == 100);
    BOOST_TEST(raw[16 + 16 * 20] == 7);
}

BOOST_AUTO_TEST_CASE(capacity_fills_the_page) {
    BOOST_TEST(format::inner_page<512>::capacity == 20u);
    BOOST_TEST(format::inner_page<4096>::capacity == 170u);
    BOOST_TEST(format::inner_page<16384>::capacity == 682u);
    BOOST_TEST(format::inner_page<1048576>::capacity == 43690u);
}

BOOST_AUTO_TEST_CASE(a_sound_page_has_no_fault) {
    BOOST_TEST(fault(three_children()) == "");
}

BOOST_AUTO_TEST_CASE(each_field_is_checked) {
    auto const broken = [](auto&& change) {
        page p = three_children();
        change(p);
        return fault(p);
    };
    BOOST_TEST(broken([](page& p) { p.magic = 1; }) == "is not an inner node");
    BOOST_TEST(broken([](page& p) { p.level = 1; })
               == "is an inner node of another level");
    BOOST_TEST(broken([](page& p) { p.reserved[1] = 1; })
               == "has bits set that must be zero");
    BOOST_TEST(broken([](page& p) { p.reserved_too = 1; })
               == "has bits set that must be zero");
    BOOST_TEST(broken([](page& p) { p.children = 0; })
               == "has an impossible number of children");
    BOOST_TEST(broken([](page& p) { p.children = 21; })
               == "has an impossible number of children");
    BOOST_TEST(broken([](page& p) { p.children = 4; })
               == "has a child without elements");
    BOOST_TEST(broken([](page& p) { p.counts[1] = 12; })
               == "has counts that do not add up");
    BOOST_TEST(broken([](page& p) {
                   p.counts[1] = std::numeric_limits<std::uint64_t>::max();
               })
               == "has counts that overflow");
}

BOOST_AUTO_TEST_SUITE_END()
