// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/format/utf8.hpp>

#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(format_utf8)

using namespace numstore;
using namespace std::string_view_literals;

namespace {

std::string encoded(char32_t c) {
    auto const byte = [](char32_t v) { return static_cast<char>(v); };
    auto const tail = [&](unsigned shift) {
        return byte(0x80 | (c >> shift & 0x3f));
    };
    if (c < 0x80)
        return {byte(c)};
    if (c < 0x800)
        return {byte(0xc0 | c >> 6), tail(0)};
    if (c < 0x10000)
        return {byte(0xe0 | c >> 12), tail(6), tail(0)};
    return {byte(0xf0 | c >> 18), tail(12), tail(6), tail(0)};
}

} // namespace

BOOST_AUTO_TEST_CASE(every_code_point_comes_back) {
    int wrong = 0;
    for (char32_t c = 0; c < 0x110100; ++c) {
        auto const text = encoded(c);
        auto const got = detail::decode_utf8(text, 0);
        bool const legal = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        if (legal ? got.value != c || got.bytes != text.size() : got.bytes != 0)
            ++wrong;
    }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(malformed_texts_are_found_where_they_break) {
    auto const npos = std::string_view::npos;
    BOOST_TEST(detail::find_malformed_utf8("") == npos);
    BOOST_TEST(detail::find_malformed_utf8("größe \xf0\x9f\x8c\x8d") == npos);
    BOOST_TEST(detail::find_malformed_utf8("a\xc0\x80") == 1u);
    BOOST_TEST(detail::find_malformed_utf8("\xe0\x80\x80") == 0u);
    BOOST_TEST(detail::find_malformed_utf8("\xf0\x80\x80\x80") == 0u);
    BOOST_TEST(detail::find_malformed_utf8("ab\xed\xa0\x80") == 2u);
    BOOST_TEST(detail::find_malformed_utf8("ab\xe2\x82") == 2u);
    BOOST_TEST(detail::find_malformed_utf8("\x80") == 0u);
    BOOST_TEST(detail::find_malformed_utf8("\xff") == 0u);
}

BOOST_AUTO_TEST_CASE(quoted_texts_are_printable_and_short) {
    BOOST_TEST(detail::quoted("größe") == "\"größe\"");
    BOOST_TEST(detail::quoted("a\n\xff"sv) == "\"a\\x0a\\xff\"");
    BOOST_TEST(detail::quoted("\0"sv) == "\"\\x00\"");
    BOOST_TEST(detail::quoted(std::string(5000, 'x'))
               == '"' + std::string(80, 'x') + "...\"");
}

BOOST_AUTO_TEST_SUITE_END()
