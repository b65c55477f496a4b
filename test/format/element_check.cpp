// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/format/element_check.hpp>
#include <numstore/format/element_parser.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <random>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(format_element_check)

using namespace numstore;

namespace {

using bytes = std::vector<std::byte>;

bytes of(std::initializer_list<int> values) {
    bytes all;
    for (int const v : values)
        all.push_back(static_cast<std::byte>(v));
    return all;
}

bytes normal(std::string_view type, bytes value) {
    element_type::parse(type).normalize(value.data());
    return value;
}

bool valid(std::string_view type, bytes const& value) {
    auto const t = element_type::parse(type);
    BOOST_REQUIRE(t.size() == value.size());
    return t.valid(value.data());
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_not_used_becomes_zero) {
    BOOST_TEST((normal("text(3)", of({1, 'a', 9, 9})) == of({1, 'a', 0, 0})));
    BOOST_TEST((normal("text(3)", of({4, 'a', 9, 9})) == of({4, 'a', 9, 9})));
    BOOST_TEST((normal("?u16", of({7, 8, 1, 9})) == of({7, 8, 1, 0})));
    BOOST_TEST((normal("?u16", of({7, 8, 2, 9})) == of({0, 0, 2, 0})));
    BOOST_TEST((normal("?u16", of({7, 8, 0, 9})) == of({0, 0, 0, 0})));
    BOOST_TEST((normal("?bool", of({7, 1})) == of({1, 1})));
    BOOST_TEST((normal("(u16 | bool)", of({7, 8, 1, 9})) == of({1, 0, 1, 0})));
    BOOST_TEST((normal("(u16 | bool)", of({7, 8, 0, 9})) == of({7, 8, 0, 0})));
}

BOOST_AUTO_TEST_CASE(what_is_a_value) {
    BOOST_TEST(valid("text(3)", of({2, 'a', 'b', 0})));
    BOOST_TEST(!valid("text(3)", of({2, 'a', 'b', 'c'})));
    BOOST_TEST(!valid("text(3)", of({4, 'a', 'b', 'c'})));
    BOOST_TEST(!valid("text(3)", of({1, 0x80, 0, 0})));
    BOOST_TEST(valid("?u8", of({0, 0})));
    BOOST_TEST(valid("?u8", of({9, 1})));
    BOOST_TEST(valid("?u8", of({0, 2})));
    BOOST_TEST(!valid("?u8", of({1, 0})));
    BOOST_TEST(!valid("?u8", of({1, 2})));
    BOOST_TEST(!valid("?u8", of({0, 3})));
    BOOST_TEST(valid("(u16 | u8)", of({9, 0, 1, 0})));
    BOOST_TEST(!valid("(u16 | u8)", of({9, 9, 1, 0})));
    BOOST_TEST(!valid("(u16 | u8)", of({9, 9, 2, 0})));
    BOOST_TEST(!valid("(u16 | u8)", of({9, 9, 0, 1})));
    BOOST_TEST(valid("[2]?u8", of({0, 0, 9, 1})));
    BOOST_TEST(!valid("[2]?u8", of({0, 0, 9, 2})));
    BOOST_TEST(!valid("{a u8, b text(1)}", of({9, 2, 0})));
    BOOST_TEST(valid("{a bool, b u16}", of({7, 7, 7, 7})));
}

BOOST_AUTO_TEST_CASE(zeros_are_a_value_of_every_type) {
    for (auto const* type : {"bool", "text(300)", "?text(3)", "(text(2) | f64)",
                             "{a ?i128, b [3](u8 | chars(2))}"}) {
        auto const t = element_type::parse(type);
        BOOST_TEST(t.valid(bytes(t.size()).data()));
    }
}

BOOST_AUTO_TEST_CASE(normal_is_normal) {
    char const* const given = std::getenv("NUMSTORE_SEED");
    auto const seed =
        given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
    std::mt19937_64 random(seed);
    auto const t = element_type::parse(
        "{a ?{x u8, y u32}, b (bool | text(5) | ?[2]u16), c text(2), d bool}");
    int values = 0;
    for (int i = 0; i != 5000; ++i) {
        bytes value(t.size());
        for (auto& b : value)
            b = static_cast<std::byte>(random() % 4);
        t.normalize(value.data());
        bytes once = value;
        t.normalize(once.data());
        BOOST_REQUIRE((once == value));
        values += t.valid(value.data()) ? 1 : 0;
    }
    BOOST_TEST(values > 500);
    BOOST_TEST(values < 4500);
}

BOOST_AUTO_TEST_SUITE_END()
