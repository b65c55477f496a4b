// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/format/element_text.hpp>
#include <numstore/format/element_value.hpp>
#include <numstore/io/raw.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(io_raw)

using namespace io_test;

namespace {

collector read(std::vector<std::byte> const& bytes,
               io::raw_format const& format) {
    collector c;
    io::read_raw(io::memory_source(bytes, "test"), format, c,
                 {.buffer_bytes = 7});
    return c;
}

std::vector<std::byte> written(collector const& c, std::endian order) {
    provider source(c);
    io::memory_sink out;
    io::write_raw(source, out, order, {.buffer_bytes = 100});
    return out.bytes();
}

} // namespace

BOOST_AUTO_TEST_CASE(every_number_turns_around) {
    auto const type = ns::element_type::parse(
        "{a i16, b [2]f32, c c64, d ?u32, e text(300), f (u8 | i64), "
        "g chars(3), h bool}");
    auto const one = ns::parse_element(
        type, "{a: 258, b: [1, -2], c: (3,4), d: 7, e: \"text\", "
              "f: -5, g: \"xyz\", h: true}");
    auto const big = written(read(one, {.element = type}), std::endian::big);
    BOOST_TEST((big[0] == std::byte{1} && big[1] == std::byte{2}));
    BOOST_TEST((big != one));
    auto const back = read(big, {.element = type, .order = std::endian::big});
    BOOST_TEST((back.bytes == one));
    BOOST_TEST((written(back, std::endian::little) == one));
}

BOOST_AUTO_TEST_CASE(places_and_counts) {
    auto const u16 = ns::element_type::parse("u16");
    auto const bytes = bytes_of(std::string("\1\0\2\0\3\0\4", 7));
    auto const some = read(bytes, {.element = u16, .offset = 2, .count = 2});
    BOOST_TEST((some.as<std::uint16_t>() == std::vector<std::uint16_t>{2, 3}));
    BOOST_TEST((read(bytes, {.element = u16, .offset = 7}).what.shape
                == std::vector<std::uint64_t>{0}));
    BOOST_TEST(
        fails(errc::size_mismatch, [&] { read(bytes, {.element = u16}); }));
    BOOST_TEST(fails(errc::corrupt,
                     [&] { read(bytes, {.element = u16, .offset = 8}); }));
    BOOST_TEST(fails(errc::corrupt,
                     [&] { read(bytes, {.element = u16, .count = 4}); }));
    BOOST_TEST(fails(errc::corrupt, [&] {
        read(bytes, {.element = u16, .count = UINT64_MAX - 1});
    }));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_value) {
    auto const text = ns::element_type::parse("text(3)");
    auto const good = bytes_of("\1azz");
    auto const c = read(good, {.element = text});
    BOOST_TEST(to_string(text, c.bytes.data()) == "\"a\"");
    BOOST_TEST((c.bytes[2] == std::byte{0}));
    BOOST_TEST(fault([&] {
                   read(bytes_of("\1azz\4abc"), {.element = text});
               }).find("element 1 is no value of text(3)")
               != std::string::npos);
    BOOST_TEST(fails(errc::corrupt, [&] {
        read(bytes_of("\2a\xff"
                      "z"),
             {.element = text});
    }));
}

BOOST_AUTO_TEST_SUITE_END()
