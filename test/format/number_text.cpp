// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/format/number_text.hpp>

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>

BOOST_AUTO_TEST_SUITE(format_number_text)

namespace {

/// Where the standard library reads floating point itself: the same value,
/// end and error.
template <class Number, class Bits>
void compare(std::string const& text) {
    char const* const last = text.data() + text.size();
    Number theirs{42};
    Number ours{42};
    auto const expected = std::from_chars(text.data(), last, theirs);
    auto const got =
        numstore::detail::read_floating(text.data(), last, ours);
    BOOST_TEST_CONTEXT('"' << text << '"') {
        BOOST_TEST_REQUIRE((got.ec == expected.ec));
        BOOST_TEST_REQUIRE(got.ptr - text.data() == expected.ptr - text.data());
        BOOST_TEST_REQUIRE(std::bit_cast<Bits>(ours)
                           == std::bit_cast<Bits>(theirs));
    }
}
void compare(std::string const& text) {
    compare<double, std::uint64_t>(text);
    compare<float, std::uint32_t>(text);
}

} // namespace

BOOST_AUTO_TEST_CASE(odd_texts_are_read_as_the_standard_says) {
    for (char const* const text :
         {"",       "-",      "--1",   "+1",     "-+1",   " 1",     "-\t1",
          "1 ",     ".5",     "5.",    ".",      "-.5e1", "1e",     "1e+",
          "1e-2x",  "1.5abc", "0x10",  "-0X1p3", "0x",    "x1",     "inf",
          "-inf",   "INF",    "nan",   "infinity", "in",  "1,5",    "0",
          "-0",     "00012",  "1e999", "-1e999", "1e-999", "5e-324", "1e-45",
          "3.4e38", "1e39",   "1E5",   "1e5"})
        compare(text);
}

BOOST_AUTO_TEST_CASE(numbers_are_read_as_the_standard_library_does) {
    std::mt19937_64 random(1);
    for (int i = 0; i != 20000; ++i) {
        auto const value = std::bit_cast<double>(random());
        char text[64];
        auto const all = std::to_chars(text, text + sizeof text, value);
        compare<double, std::uint64_t>(std::string(text, all.ptr));
        auto const few =
            std::to_chars(text, text + sizeof text,
                          std::bit_cast<float>(
                              static_cast<std::uint32_t>(random())),
                          std::chars_format::general,
                          static_cast<int>(random() % 12) + 1);
        compare<float, std::uint32_t>(std::string(text, few.ptr));
    }
}

BOOST_AUTO_TEST_SUITE_END()
