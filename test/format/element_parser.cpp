// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/format/element_parser.hpp>

#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(format_element_parser)

using namespace numstore;

namespace {

std::string round_trip(std::string_view text) {
    auto const t = element_type::parse(text);
    BOOST_TEST((element_type::parse(t.to_string()) == t));
    return t.to_string();
}

/// What the error says; empty if there is none.
std::string fault(std::string_view text) {
    try {
        element_type::parse(text);
    } catch (error const& e) {
        BOOST_TEST((e.code() == errc::invalid_argument));
        return e.what();
    }
    return {};
}

bool says(std::string_view text, std::string_view what) {
    return fault(text).find(what) != std::string::npos;
}

/// Under a sanitizer fewer texts show the same.
#ifndef NUMSTORE_TEST_THINNED
constexpr int texts = 20'000;
#else
constexpr int texts = 4000;
#endif

} // namespace

BOOST_AUTO_TEST_CASE(texts_come_back) {
    for (auto text : {"bool",
                      "i8",
                      "i16",
                      "i32",
                      "i64",
                      "u8",
                      "u16",
                      "u32",
                      "u64",
                      "f32",
                      "f64",
                      "c64",
                      "c128",
                      "byte",
                      "[3]f32",
                      "[2][3]f32",
                      "{t f64, v f32, flags u8}",
                      "{a u8, b f64 @1} %1",
                      "{a u8} #5",
                      "{a [3]{x c64, y bool}, b byte @50} %64",
                      "{größe f32}",
                      "{a f32, b f64} #24",
                      "{f32 f32, bool bool}",
                      "f16",
                      "bf16",
                      "i128",
                      "u128",
                      "chars(8)",
                      "text(1)",
                      "text(255)",
                      "text(256)",
                      "text(65535)",
                      "?f64",
                      "??[2]?u8",
                      "(u8)",
                      "(f64 | i32 | text(20))",
                      "?(bool | {a i128, b ?chars(3)})",
                      "{text text(3), chars ?u8, x (u8 | u8)}"})
        BOOST_TEST(round_trip(text) == text);
}

BOOST_AUTO_TEST_CASE(spelling_is_free_and_the_text_is_not) {
    BOOST_TEST(round_trip(" { t\tf64 ,v f32 @ 8\n, flags u8 } # 16 % 8 ")
               == "{t f64, v f32, flags u8}");
    BOOST_TEST(round_trip("{b u8 @8, a f64 @0}") == "{a f64, b u8}");
    BOOST_TEST(round_trip("{b u8 @8, a f64 @0}#16") == "{a f64, b u8}");
    BOOST_TEST(round_trip("[ 2 ] u8") == "[2]u8");
    BOOST_TEST(round_trip("? ( f32|text ( 3 ) )") == "?(f32 | text(3))");
}

BOOST_AUTO_TEST_CASE(layout_is_that_of_c) {
    auto const t = element_type::parse("{a u8, b [2]u16, c c128, d bool}");
    BOOST_TEST(t.members()[1].offset == 2u);
    BOOST_TEST(t.members()[2].offset == 8u);
    BOOST_TEST(t.members()[3].offset == 24u);
    BOOST_TEST(t.size() == 32u);
    BOOST_TEST(t.alignment() == 8u);
}

BOOST_AUTO_TEST_CASE(what_was_expected_is_said) {
    BOOST_TEST(says("", "expected a type"));
    BOOST_TEST(says("f33", "\"f33\": expected a type"));
    BOOST_TEST(says("f33", "at byte 0"));
    BOOST_TEST(says("f32 x", "expected nothing more at byte 4"));
    BOOST_TEST(says("[", "expected a number at byte 1"));
    BOOST_TEST(says("[-1]u8", "expected a number at byte 1"));
    BOOST_TEST(says("[3", "expected ] at byte 2"));
    BOOST_TEST(says("[0]u8", "no elements"));
    BOOST_TEST(says("[99999999999999999999]u8", "a smaller number"));
    BOOST_TEST(says("[4000000000]f64", "256 MiB"));
    BOOST_TEST(says("{}", "the name of a member at byte 1"));
    BOOST_TEST(says("{a f32,}", "the name of a member at byte 7"));
    BOOST_TEST(says("{a f32", "expected , or } at byte 6"));
    BOOST_TEST(says("{a f32, a u8}", "\"a\" is there twice"));
    BOOST_TEST(says("{a f32, b u8 @2}", "\"b\" overlaps another"));
    BOOST_TEST(says("{a f32} #3", "\"a\" does not lie in the struct"));
    BOOST_TEST(says("{a f32} #0", "\"a\" does not lie in the struct"));
    BOOST_TEST(says("{a f32} %0", "an alignment above 0"));
    BOOST_TEST(says("{a f32} %3", "an alignment of 3"));
    BOOST_TEST(says("{a u8 @4294967295}", "256 MiB"));
    BOOST_TEST(says("\xff", "\"\\xff\""));
    BOOST_TEST(says("text", "expected ( at byte 4"));
    BOOST_TEST(says("text(3", "expected ) at byte 6"));
    BOOST_TEST(says("text(0)", "a text of no bytes"));
    BOOST_TEST(says("text(65536)", "more than 65535 bytes"));
    BOOST_TEST(says("chars(0)", "a text of no bytes"));
    BOOST_TEST(says("chars(4000000000)", "256 MiB"));
    BOOST_TEST(says("()", "expected a type"));
    BOOST_TEST(says("(u8 | )", "expected a type"));
    BOOST_TEST(says("(u8, u8)", "expected | or ) at byte 3"));
    BOOST_TEST(says("?", "expected a type"));
    std::string many = "(u8";
    for (int i = 1; i != 256; ++i)
        many += " | u8";
    BOOST_TEST(says(many + ")", "a variant of 256 types"));
}

BOOST_AUTO_TEST_CASE(depth_and_length_are_bounded) {
    auto const nested = [](std::size_t n, std::string_view open,
                           std::string_view close) {
        std::string text;
        for (std::size_t i = 0; i < n; ++i)
            text += open;
        text += "u8";
        for (std::size_t i = 0; i < n; ++i)
            text += close;
        return text;
    };
    BOOST_TEST(fault(nested(31, "[1]", "")) == "");
    BOOST_TEST(says(nested(32, "[1]", ""), "no deeper nesting"));
    BOOST_TEST(says(nested(20000, "[1]", ""), "no deeper nesting"));
    BOOST_TEST(fault(nested(31, "{a ", "}")) == "");
    BOOST_TEST(fault(nested(31, "?", "")) == "");
    BOOST_TEST(says(nested(32, "?", ""), "no deeper nesting"));
    BOOST_TEST(says(nested(20000, "(", ")"), "no deeper nesting"));
    BOOST_TEST(says(nested(15000, "{a ", "}"), "no deeper nesting"));
    BOOST_TEST(says(std::string(70000, ' '), "64 KiB"));
}

BOOST_AUTO_TEST_CASE(any_text_is_a_type_or_an_error) {
    char const* const given = std::getenv("NUMSTORE_SEED");
    auto const seed =
        given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
    std::mt19937_64 random(seed);
    std::string_view const words[] = {
        "{",          "}",    "[",     "]",       ",",  "@",   "#",  "%", " ",
        "f32",        "u8 ",  "bool",  "a",       "b ", "c ",  "1",  "2", "16",
        "4294967295", "\xff", "{a u8", ", b f64", "}",  "[3]", "u16",
        "?",          "(",    " | ",   ")",       "text(", "chars(2)",
        "i128",       "f16"};
    int types = 0;
    for (int i = 0; i < texts; ++i) {
        std::string text;
        for (auto n = random() % 12 + 1; n != 0; --n)
            text += words[random() % std::size(words)];
        try {
            auto const t = element_type::parse(text);
            auto const again = element_type::parse(t.to_string());
            BOOST_REQUIRE((again == t));
            BOOST_REQUIRE(again.to_string() == t.to_string());
            ++types;
        } catch (error const& e) {
            BOOST_REQUIRE((e.code() == errc::invalid_argument));
        }
    }
    BOOST_TEST(types > texts / 200);
}

BOOST_AUTO_TEST_SUITE_END()
