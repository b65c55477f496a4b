// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/tiny_text.hpp>
#include <numstore/array/variant.hpp>
#include <numstore/format/element_parser.hpp>
#include <numstore/format/element_text.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_variant)

using namespace numstore;

namespace {

using cell = std::variant<std::int16_t, double, tiny_text<3>>;

template <class T>
std::vector<std::byte> stored(T const& value) {
    std::vector<std::byte> bytes(detail::stored_bytes<T>, std::byte{0xee});
    detail::store_element(value, bytes.data());
    return bytes;
}

} // namespace

BOOST_AUTO_TEST_CASE(layout_is_our_own) {
    auto const type = element_type_of<cell>();
    BOOST_TEST(type.to_string() == "(i16 | f64 | text(3))");
    BOOST_TEST((element_type::parse(type.to_string()) == type));
    BOOST_TEST(type.size() == 16u);
    BOOST_TEST(type.tag_offset() == 8u);
    auto bytes = stored(cell(std::int16_t{0x102}));
    std::vector<std::byte> expected(16);
    expected[0] = std::byte{2};
    expected[1] = std::byte{1};
    BOOST_TEST((bytes == expected));
    bytes = stored(cell(tiny_text<3>("a")));
    expected.assign(16, std::byte{0});
    expected[0] = std::byte{1};
    expected[1] = std::byte{'a'};
    expected[8] = std::byte{2};
    BOOST_TEST((bytes == expected));
    using small = std::variant<std::uint8_t, bool>;
    BOOST_TEST(detail::stored_bytes<small> == 2u);
    BOOST_TEST(element_type_of<small>().size() == 2u);
}

BOOST_AUTO_TEST_CASE(values_come_back) {
    for (cell const& c :
         {cell(), cell(std::int16_t{-5}), cell(2.5), cell(tiny_text<3>("xyz"))})
        BOOST_TEST((detail::load_element<cell>(stored(c).data()) == c));
    std::array<cell, 2> const two{cell(1.5), cell(tiny_text<3>())};
    using pair = std::array<cell, 2>;
    BOOST_TEST((detail::load_element<pair>(stored(two).data()) == two));
    auto const type = element_type_of<pair>();
    BOOST_TEST(to_string(type, stored(two).data()) == "[1.5, \"\"]");
}

BOOST_AUTO_TEST_CASE(hostile_bytes_are_corrupt) {
    auto const type = element_type_of<cell>();
    for (cell const& c : {cell(), cell(2.5), cell(tiny_text<3>("xyz"))})
        for (std::size_t at = 0; at != 16; ++at)
            for (int value = 0; value != 256; ++value) {
                auto bytes = stored(c);
                bytes[at] = static_cast<std::byte>(value);
                bool loaded = true;
                try {
                    auto const v = detail::load_element<cell>(bytes.data());
                    BOOST_REQUIRE((stored(v) == bytes));
                } catch (error const& e) {
                    BOOST_REQUIRE((e.code() == errc::corrupt));
                    loaded = false;
                }
                BOOST_REQUIRE(loaded == type.valid(bytes.data()));
            }
}

BOOST_AUTO_TEST_SUITE_END()
