// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/element.hpp>
#include <numstore/array/tiny_text.hpp>

#include <cstddef>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_tiny_text)

using namespace numstore;

namespace {

template <class Call>
bool refuses(Call call) {
    try {
        call();
    } catch (error const& e) {
        return e.code() == errc::invalid_argument;
    }
    return false;
}

template <std::size_t N>
std::vector<std::byte> stored(tiny_text<N> const& t) {
    std::vector<std::byte> bytes(sizeof t, std::byte{0xee});
    detail::store_element(t, bytes.data());
    return bytes;
}

bool loads(std::vector<std::byte> const& bytes) {
    try {
        detail::load_element<tiny_text<3>>(bytes.data());
        return true;
    } catch (error const& e) {
        BOOST_TEST((e.code() == errc::corrupt));
        return false;
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(texts_come_back) {
    BOOST_TEST(tiny_text<>().empty());
    BOOST_TEST(tiny_text<5>("abc").view() == "abc");
    BOOST_TEST(tiny_text<5>(std::string("a\0b", 3)).size() == 3u);
    BOOST_TEST((tiny_text<5>("abc") < tiny_text<5>("abd")));
    BOOST_TEST((tiny_text<5>("abc") == "abc"));
    std::string const longest(1000, 'x');
    BOOST_TEST(tiny_text<1000>(longest).str() == longest);
    BOOST_TEST(element_type_of<tiny_text<1000>>().to_string() == "text(1000)");
    BOOST_TEST(element_type_of<tiny_text<>>().to_string() == "text(255)");
    for (std::size_t const n : {254u, 255u, 256u, 257u, 65535u})
        BOOST_TEST(element_type::text(n).extent() == n);
    BOOST_TEST(sizeof(tiny_text<255>) == 256u);
    BOOST_TEST(sizeof(tiny_text<256>) == 258u);
}

BOOST_AUTO_TEST_CASE(nothing_is_cut) {
    BOOST_TEST(tiny_text<4>("\xf0\x9f\x8c\x8a").size() == 4u);
    BOOST_TEST(refuses([] { tiny_text<3>("\xf0\x9f\x8c\x8a"); }));
    BOOST_TEST(refuses([] { tiny_text<3>("abcd"); }));
    BOOST_TEST(refuses([] { tiny_text<>(std::string(256, 'a')); }));
    BOOST_TEST(refuses([] { tiny_text<5>("a\xff"); }));
    BOOST_TEST(refuses([] { tiny_text<5>("\xed\xa0\x80"); }));
    BOOST_TEST(refuses([] { tiny_text<5>("\xc0\x80"); }));
    BOOST_TEST(refuses([] { tiny_text<5>("\xe2\x82"); }));
}

BOOST_AUTO_TEST_CASE(what_was_there_before_is_gone) {
    tiny_text<3> t = "abc";
    t = "z";
    BOOST_TEST((stored(t)
                == std::vector{std::byte{1}, std::byte{'z'}, std::byte{0},
                               std::byte{0}}));
}

BOOST_AUTO_TEST_CASE(hostile_bytes_are_corrupt) {
    auto const bytes = stored(tiny_text<3>("ab"));
    BOOST_TEST(loads(bytes));
    int refused = 0;
    for (std::size_t at = 0; at != 4; ++at)
        for (int value = 0; value != 256; ++value) {
            auto hostile = bytes;
            hostile[at] = static_cast<std::byte>(value);
            bool const fine = at == 0   ? value == 2 || value == 3
                              : at == 3 ? value == 0
                                        : value < 128;
            BOOST_REQUIRE(loads(hostile) == fine);
            refused += fine ? 0 : 1;
        }
    BOOST_TEST(refused == 254 + 255 + 2 * 128);
}

BOOST_AUTO_TEST_SUITE_END()
