// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/format/element_parser.hpp>
#include <numstore/format/element_text.hpp>
#include <numstore/format/element_value.hpp>

#include <cstddef>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(format_element_value)

using namespace numstore;

namespace {

bool refused(std::string_view type, std::string_view text) {
    try {
        parse_element(element_type::parse(type), text);
    } catch (error const& e) {
        return e.code() == errc::invalid_argument;
    }
    return false;
}

} // namespace

BOOST_AUTO_TEST_CASE(texts_come_back) {
    for (auto const& [type, text] :
         {std::pair("bool", "true"),
          {"i8", "-128"},
          {"u64", "18446744073709551615"},
          {"i128", "-170141183460469231731687303715884105728"},
          {"f16", "0.1"},
          {"bf16", "-inf"},
          {"f64", "1.7976931348623157e+308"},
          {"c64", "(1,-2.5)"},
          {"byte", "0x1f"},
          {"chars(3)", "\"a\\xff\""},
          {"text(9)", "\"a\\\"\\\\\\n\\x01,]\""},
          {"?f32", "null"},
          {"?f32", "absent"},
          {"?f32", "nan"},
          {"[2][2]u8", "[[1, 2], [3, 4]]"},
          {"{a u8, b ?text(3), c [2]c64}",
           "{a: 1, b: \"\", c: [(1,2), (3,4)]}"},
          {"(u8 | text(4) | {x f32})", "\"u8\""},
          {"(u8 | text(4) | {x f32})", "{x: 0.5}"},
          {"(u8 | f32)", "300"}}) {
        auto const t = element_type::parse(type);
        auto const bytes = parse_element(t, text);
        BOOST_TEST(t.valid(bytes.data()));
        BOOST_TEST(to_string(t, bytes.data()) == text);
    }
    auto const t = element_type::parse("{a u8, b [2]f32}");
    BOOST_TEST((parse_element(t, " { a :1,b:[ 2 ,+3 ] } ")
                == parse_element(t, "{a: 1, b: [2, 3]}")));
}

BOOST_AUTO_TEST_CASE(what_is_no_value) {
    BOOST_TEST(refused("u8", ""));
    BOOST_TEST(refused("u8", "256"));
    BOOST_TEST(refused("u8", "1 2"));
    BOOST_TEST(refused("u8", "nullx"));
    BOOST_TEST(refused("?u8", "nullx"));
    BOOST_TEST(refused("c64", "(1,2"));
    BOOST_TEST(refused("c64", "(1"));
    BOOST_TEST(refused("[2]u8", "[1]"));
    BOOST_TEST(refused("[2]u8", "[1, 2, 3]"));
    BOOST_TEST(refused("{a u8, b u8}", "{a: 1}"));
    BOOST_TEST(refused("{a u8, b u8}", "{b: 1, a: 2}"));
    BOOST_TEST(refused("text(3)", "\"abcd\""));
    BOOST_TEST(refused("text(3)", "\"abc"));
    BOOST_TEST(refused("text(3)", "\"\\q\""));
    BOOST_TEST(refused("text(3)", "\"\\x1\""));
    BOOST_TEST(refused("text(3)", "\"\\x0g\""));
    BOOST_TEST(refused("text(3)", "\"\\x-1\""));
    BOOST_TEST(refused("text(3)", "\"\\xff\""));
    BOOST_TEST(refused("text(3)", "\"\\"));
    BOOST_TEST(refused("chars(3)", "\"a\\x00\""));
    BOOST_TEST(refused("(u8 | bool)", "\"x\""));
    BOOST_TEST(refused("u128", "340282366920938463463374607431768211456"));
    BOOST_TEST(refused("i128", "170141183460469231731687303715884105728"));
}

/// What is shown of any value is read as that value.
BOOST_AUTO_TEST_CASE(random_values) {
    char const* const given = std::getenv("NUMSTORE_SEED");
    auto const seed =
        given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
    std::mt19937_64 random(seed);
    auto const t = element_type::parse(
        "{a ?{x i8, y u32}, b (text(5) | ?[2]u16 | bool), c text(2), d bool, "
        "e f16, f bf16, g i128, h f64, i byte, j chars(2)}");
    int values = 0;
    for (int i = 0; i != 3000; ++i) {
        std::vector<std::byte> value(t.size());
        for (std::size_t at = 0; at != value.size(); ++at)
            value[at] =
                static_cast<std::byte>(at < 40 ? random() % 4 : random() % 256);
        t.normalize(value.data());
        std::string const shown = to_string(t, value.data());
        if (!t.valid(value.data()) || shown.find("nan") != std::string::npos)
            continue;
        BOOST_REQUIRE((parse_element(t, shown) == value));
        ++values;
    }
    BOOST_TEST(values > 100);
}

BOOST_AUTO_TEST_SUITE_END()
