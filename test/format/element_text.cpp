// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/format/element_parser.hpp>
#include <numstore/format/element_text.hpp>

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(format_element_text)

using namespace numstore;

namespace {

template <class T>
std::string shown(std::string_view type, T const& value) {
    auto const t = element_type::parse(type);
    BOOST_REQUIRE(t.size() == sizeof value);
    return to_string(t, reinterpret_cast<std::byte const*>(&value));
}

} // namespace

BOOST_AUTO_TEST_CASE(scalars) {
    BOOST_TEST(shown("bool", true) == "true");
    BOOST_TEST(shown("bool", std::uint8_t{7}) == "true");
    BOOST_TEST(shown("bool", false) == "false");
    BOOST_TEST(shown("i8", std::int8_t{-128}) == "-128");
    BOOST_TEST(shown("u8", std::uint8_t{65}) == "65");
    BOOST_TEST(shown("i16", std::int16_t{-300}) == "-300");
    BOOST_TEST(shown("u16", std::uint16_t{65535}) == "65535");
    BOOST_TEST(shown("i32", std::int32_t{-70000}) == "-70000");
    BOOST_TEST(shown("u32", std::uint32_t{4000000000}) == "4000000000");
    BOOST_TEST(shown("i64", std::numeric_limits<std::int64_t>::min())
               == "-9223372036854775808");
    BOOST_TEST(shown("u64", UINT64_MAX) == "18446744073709551615");
    BOOST_TEST(shown("byte", std::byte{0x1f}) == "0x1f");
}

BOOST_AUTO_TEST_CASE(floats_have_the_fewest_digits) {
    BOOST_TEST(shown("f32", 0.1f) == "0.1");
    BOOST_TEST(shown("f64", 0.1) == "0.1");
    BOOST_TEST(shown("f64", 2.0) == "2");
    BOOST_TEST(shown("f64", 1.0 / 3) == "0.3333333333333333");
    BOOST_TEST(shown("f64", -0.0) == "-0");
    BOOST_TEST(shown("f64", std::numeric_limits<double>::max())
               == "1.7976931348623157e+308");
    BOOST_TEST(shown("f32", std::numeric_limits<float>::infinity()) == "inf");
    BOOST_TEST(shown("c64", std::complex<float>(1, -2.5f)) == "(1,-2.5)");
    BOOST_TEST(shown("c128", std::complex<double>(0, 1)) == "(0,1)");
}

BOOST_AUTO_TEST_CASE(halves_have_the_fewest_digits) {
    BOOST_TEST(shown("f16", std::uint16_t{0x2e66}) == "0.1");
    BOOST_TEST(shown("f16", std::uint16_t{0x7bff}) == "65500");
    BOOST_TEST(shown("f16", std::uint16_t{0x0001}) == "6e-08");
    BOOST_TEST(shown("f16", std::uint16_t{0xfc00}) == "-inf");
    BOOST_TEST(shown("f16", std::uint16_t{0x7e00}) == "nan");
    BOOST_TEST(shown("bf16", std::uint16_t{0x4049}) == "3.14");
}

BOOST_AUTO_TEST_CASE(wide_integers) {
    auto const all = ~numstore::uint128{0};
    BOOST_TEST(shown("u128", all)
               == "340282366920938463463374607431768211455");
    BOOST_TEST(shown("i128", all) == "-1");
    BOOST_TEST(shown("i128", numstore::uint128{1} << 127)
               == "-170141183460469231731687303715884105728");
    BOOST_TEST(shown("u128", numstore::uint128{0}) == "0");
}

BOOST_AUTO_TEST_CASE(texts_and_cells) {
    BOOST_TEST(shown("chars(4)", std::array{'a', '"', '\0', '\0'})
               == "\"a\\\"\"");
    BOOST_TEST(shown("text(3)", std::array{'\2', 'a', '\n', '\0'})
               == "\"a\\n\"");
    BOOST_TEST(shown("text(3)", std::array{'\4', 'a', 'b', 'c'})
               == "invalid");
    BOOST_TEST(shown("text(3)", std::array{'\1', '\xff', '\0', '\0'})
               == "invalid");
    BOOST_TEST(shown("?u8", std::array{'\7', '\1'}) == "7");
    BOOST_TEST(shown("?u8", std::array{'\0', '\0'}) == "absent");
    BOOST_TEST(shown("?u8", std::array{'\0', '\2'}) == "null");
    BOOST_TEST(shown("?u8", std::array{'\0', '\3'}) == "invalid");
    BOOST_TEST(shown("(u8 | bool)", std::array{'\1', '\1'}) == "true");
    BOOST_TEST(shown("(u8 | bool)", std::array{'\1', '\2'}) == "invalid");
}

BOOST_AUTO_TEST_CASE(arrays_and_structs) {
    std::uint16_t const numbers[2][3] = {{1, 2, 3}, {4, 5, 6}};
    BOOST_TEST(shown("[2][3]u16", numbers) == "[[1, 2, 3], [4, 5, 6]]");
    struct {
        double t = 1.5;
        float v = 2;
        bool set[2] = {true, false};
    } const sample;
    BOOST_TEST(shown("{t f64, v f32, set [2]bool}", sample)
               == "{t: 1.5, v: 2, set: [true, false]}");
}

BOOST_AUTO_TEST_SUITE_END()
