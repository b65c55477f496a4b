// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/element.hpp>
#include <numstore/format/element_parser.hpp>

#include <boost/describe/class.hpp>

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_element)

using namespace numstore;

namespace {

struct sample {
    double t;
    float v;
    std::uint8_t flags;
};
BOOST_DESCRIBE_STRUCT(sample, (), (t, v, flags))

struct with_default {
    int a = 7;
    bool b = false;
};
BOOST_DESCRIBE_STRUCT(with_default, (), (a, b))

struct with_zero_default {
    int a = 0;
    std::complex<float> c;
    char d = 0;
};
BOOST_DESCRIBE_STRUCT(with_zero_default, (), (a, c, d))

struct alignas(128) far_apart {
    int a;
};
BOOST_DESCRIBE_STRUCT(far_apart, (), (a))

enum class colour : std::uint16_t { red };
enum plain { one };
enum class truth : bool { no, yes };

using image = std::array<std::array<std::uint8_t, 256>, 256>;

template <class T>
std::string text() {
    auto const t = element_type_of<T>();
    BOOST_TEST(t.size() == sizeof(T));
    BOOST_TEST((element_type::parse(t.to_string()) == t));
    return t;
}

} // namespace

BOOST_AUTO_TEST_CASE(which_types_are_elements) {
    static_assert(element<sample> && element<with_default> && element<image>);
    static_assert(element<colour> && element<plain> && element<truth>);
    static_assert(!element<float const> && !element<float&>);
    static_assert(!element<int[3]> && !element<std::string>);
    static_assert(!element<far_apart>);
    BOOST_TEST(element<std::byte>);
}

BOOST_AUTO_TEST_CASE(descriptions) {
    BOOST_TEST(text<bool>() == "bool");
    BOOST_TEST(text<char>() == (std::is_signed_v<char> ? "i8" : "u8"));
    BOOST_TEST(text<signed char>() == "i8");
    BOOST_TEST(text<unsigned char>() == "u8");
    BOOST_TEST(text<short>() == "i16");
    BOOST_TEST(text<unsigned>() == "u32");
    BOOST_TEST(text<long long>() == "i64");
    BOOST_TEST(text<unsigned long>() == (sizeof(long) == 8 ? "u64" : "u32"));
    BOOST_TEST(text<char16_t>() == "u16");
    BOOST_TEST(text<colour>() == "u16");
    BOOST_TEST(text<truth>() == "bool");
    BOOST_TEST(text<float>() == "f32");
    BOOST_TEST(text<double>() == "f64");
    BOOST_TEST(text<std::complex<float>>() == "c64");
    BOOST_TEST(text<std::complex<double>>() == "c128");
    BOOST_TEST(text<std::byte>() == "byte");
    BOOST_TEST(text<image>() == "[256][256]u8");
    BOOST_TEST(text<sample>() == "{t f64, v f32, flags u8}");
    BOOST_TEST((text<std::array<sample, 2>>())
               == "[2]{t f64, v f32, flags u8}");
}

BOOST_AUTO_TEST_CASE(padding_is_stored_as_zero) {
    static_assert(detail::has_padding<sample>);
    static_assert(!detail::has_padding<double>);
    static_assert(!detail::has_padding<image>);
    sample values[2];
    std::memset(static_cast<void*>(values), 0xff, sizeof values);
    values[0] = values[1] = {1.5, 2.5f, 3};
    std::vector<std::byte> stored(sizeof values, std::byte{0xee});
    for (std::size_t at : {0u, 16u}) {
        detail::store_element(values[at / 16], stored.data() + at);
        BOOST_TEST((stored[at + 13] == std::byte{0}));
        BOOST_TEST((stored[at + 15] == std::byte{0}));
        auto const back = detail::load_element<sample>(stored.data() + at);
        BOOST_TEST(back.t == 1.5);
        BOOST_TEST(back.v == 2.5f);
        BOOST_TEST(back.flags == 3);
    }
}

BOOST_AUTO_TEST_CASE(any_bytes_can_be_loaded) {
    std::vector<std::byte> const bytes(64, std::byte{2});
    BOOST_TEST(detail::load_element<bool>(bytes.data()));
    BOOST_TEST((detail::load_element<truth>(bytes.data()) == truth::yes));
    BOOST_TEST(detail::load_element<with_default>(bytes.data()).b);
    BOOST_TEST((detail::load_element<std::array<bool, 3>>(bytes.data())[2]));
}

BOOST_AUTO_TEST_CASE(which_defaults_are_zeros) {
    BOOST_TEST(detail::default_is_zero<float>());
    BOOST_TEST(detail::default_is_zero<sample>());
    BOOST_TEST(detail::default_is_zero<std::complex<double>>());
    BOOST_TEST(detail::default_is_zero<with_zero_default>());
    BOOST_TEST(!detail::default_is_zero<with_default>());
    BOOST_TEST((!detail::default_is_zero<std::array<with_default, 2>>()));
}

BOOST_AUTO_TEST_CASE(page_sizes_that_elements_need) {
    static_assert(detail::page_size_needed(1) == 512);
    static_assert(detail::page_size_needed(512 * 256) == 512);
    static_assert(detail::page_size_needed(512 * 256 + 1) == 1024);
    static_assert(detail::page_size_needed(300000) == 2048);
    static_assert(detail::fits_page_size<image, 512>);
    BOOST_TEST((detail::fits_page_size<double, 16384>));
}

BOOST_AUTO_TEST_SUITE_END()
