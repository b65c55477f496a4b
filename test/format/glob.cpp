// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/format/glob.hpp>

#include <random>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(format_glob)

using namespace numstore;
using detail::glob_matches;

namespace {

/// The definition, which takes exponential time.
bool reference(std::string_view pattern, std::string_view name) {
    if (pattern.empty())
        return name.empty();
    if (pattern[0] == '*')
        return reference(pattern.substr(1), name)
               || (!name.empty() && reference(pattern, name.substr(1)));
    return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0])
           && reference(pattern.substr(1), name.substr(1));
}

} // namespace

BOOST_AUTO_TEST_CASE(patterns) {
    BOOST_TEST(glob_matches("boiler/*", "boiler/temperature"));
    BOOST_TEST(glob_matches("boiler*", "boiler/a/b"));
    BOOST_TEST(glob_matches("*", ""));
    BOOST_TEST(glob_matches("**a", "xa"));
    BOOST_TEST(glob_matches("", ""));
    BOOST_TEST(!glob_matches("", "a"));
    BOOST_TEST(!glob_matches("a", ""));
    BOOST_TEST(!glob_matches("?", ""));
    BOOST_TEST(!glob_matches("boiler/*", "boiler"));
    BOOST_TEST(glob_matches("[a]", "[a]"));
}

BOOST_AUTO_TEST_CASE(a_question_mark_is_one_code_point) {
    BOOST_TEST(glob_matches("gr??e", "größe"));
    BOOST_TEST(!glob_matches("gr????e", "größe"));
    BOOST_TEST(glob_matches("*?e", "\xf0\x9f\x8c\x8d"
                                   "e"));
    BOOST_TEST(!glob_matches("*??e", "\xf0\x9f\x8c\x8d"
                                     "e"));
}

BOOST_AUTO_TEST_CASE(prefixes) {
    BOOST_TEST(detail::glob_prefix("boiler/*x") == "boiler/");
    BOOST_TEST(detail::glob_prefix("a?*") == "a");
    BOOST_TEST(detail::glob_prefix("abc") == "abc");
    BOOST_TEST(detail::glob_prefix("") == "");
}

BOOST_AUTO_TEST_CASE(agrees_with_the_definition) {
    std::mt19937 random(1);
    auto const text = [&](std::string_view letters, std::size_t most) {
        std::string s(random() % (most + 1), ' ');
        for (char& c : s)
            c = letters[random() % letters.size()];
        return s;
    };
    int wrong = 0;
    for (int i = 0; i < 100000; ++i) {
        auto const pattern = text("ab*?", 7);
        auto const name = text("ab", 8);
        if (glob_matches(pattern, name) != reference(pattern, name))
            ++wrong;
    }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(a_hostile_pattern_takes_no_exponential_time) {
    std::string pattern;
    for (int i = 0; i < 500; ++i)
        pattern += "*a";
    BOOST_TEST(!glob_matches(pattern + 'b', std::string(1024, 'a')));
}

BOOST_AUTO_TEST_SUITE_END()
