// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/format/name.hpp>

#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(format_name)

using namespace numstore;
using namespace std::string_view_literals;

namespace {

/// What is said of a name, without the category's text; empty if nothing.
std::string fault(std::string_view name) {
    try {
        detail::check_name(name);
    } catch (error const& e) {
        BOOST_TEST((e.code() == errc::invalid_argument));
        return e.what();
    }
    return {};
}

bool says(std::string_view name, std::string_view text) {
    return fault(name).find(text) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_CASE(names_of_all_kinds_are_accepted) {
    for (auto name : {"a"sv, "boiler/temperature"sv, "../x"sv, "/"sv, "."sv,
                      " "sv, "größe"sv, "\xf0\x9f\x8c\x8d"sv, "a*?"sv})
        BOOST_TEST(fault(name) == "");
    BOOST_TEST(fault(std::string(1024, 'x')) == "");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said) {
    BOOST_TEST(says("", "is empty"));
    BOOST_TEST(says(std::string(1025, 'x'), "1025 bytes, more than 1024"));
    BOOST_TEST(says("ab\xc3", "not UTF-8 from byte 2"));
    BOOST_TEST(says("a\xed\xa0\x80", "not UTF-8 from byte 1"));
    BOOST_TEST(says("a\0b"sv, "control character at byte 1"));
    BOOST_TEST(says("abc\n", "control character at byte 3"));
    BOOST_TEST(says("\x7f", "control character at byte 0"));
    BOOST_TEST(says("x\xc2\x85", "control character at byte 1"));
    BOOST_TEST(says("a\nb", "array name \"a\\x0ab\""));
}

BOOST_AUTO_TEST_CASE(attribute_keys_follow_the_same_rule) {
    BOOST_CHECK_NO_THROW(detail::check_attribute_key("unit"));
    BOOST_CHECK_THROW(detail::check_attribute_key(""), error);
    BOOST_CHECK_THROW(detail::check_attribute_key("\xff"), error);
}

BOOST_AUTO_TEST_SUITE_END()
