// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/element.hpp>
#include <numstore/array/float16.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

BOOST_AUTO_TEST_SUITE(array_float16)

using namespace numstore;

namespace {

std::uint16_t half(float f) { return float16(f).bits(); }
std::uint16_t brain(float f) { return bfloat16(f).bits(); }

} // namespace

BOOST_AUTO_TEST_CASE(known_values) {
    BOOST_TEST(half(0.0f) == 0x0000);
    BOOST_TEST(half(-0.0f) == 0x8000);
    BOOST_TEST(half(1.0f) == 0x3c00);
    BOOST_TEST(half(-2.0f) == 0xc000);
    BOOST_TEST(half(65504.0f) == 0x7bff);
    BOOST_TEST(half(65519.99f) == 0x7bff);
    BOOST_TEST(half(65520.0f) == 0x7c00);
    BOOST_TEST(half(std::numeric_limits<float>::infinity()) == 0x7c00);
    BOOST_TEST(half(0x1p-24f) == 0x0001);
    BOOST_TEST(half(0x1p-25f) == 0x0000);
    BOOST_TEST(half(0x1.000002p-25f) == 0x0001);
    BOOST_TEST(half(0x1.ff8p-15f) == 0x03ff);
    BOOST_TEST(half(0x1p-14f) == 0x0400);
    BOOST_TEST(half(1.0f + 0x1p-11f) == 0x3c00);
    BOOST_TEST(half(1.0f + 3 * 0x1p-11f) == 0x3c02);
    BOOST_TEST(std::isnan(static_cast<float>(float16(NAN))));
    BOOST_TEST(brain(1.0f) == 0x3f80);
    BOOST_TEST(brain(1.0f + 0x1p-8f) == 0x3f80);
    BOOST_TEST(brain(1.0f + 3 * 0x1p-8f) == 0x3f82);
    BOOST_TEST(brain(std::numeric_limits<float>::max()) == 0x7f80);
    BOOST_TEST(std::isnan(static_cast<float>(bfloat16(NAN))));
}

BOOST_AUTO_TEST_CASE(every_value_comes_back) {
    for (std::uint32_t i = 0; i != 65536; ++i) {
        auto const bits = static_cast<std::uint16_t>(i);
        float const h = float16::from_bits(bits);
        if (std::isnan(h))
            BOOST_REQUIRE(std::isnan(static_cast<float>(float16(h))));
        else
            BOOST_REQUIRE(half(h) == bits);
        float const b = bfloat16::from_bits(bits);
        if (std::isnan(b))
            BOOST_REQUIRE(std::isnan(static_cast<float>(bfloat16(b))));
        else
            BOOST_REQUIRE(brain(b) == bits);
    }
}

/// The nearest of two neighbours, found by distance.
BOOST_AUTO_TEST_CASE(rounding_is_to_nearest) {
    for (std::uint32_t i = 0; i != 0x7bff; ++i) {
        float const low = float16::from_bits(static_cast<std::uint16_t>(i));
        float const high =
            float16::from_bits(static_cast<std::uint16_t>(i + 1));
        float const middle = low + (high - low) / 2;
        auto const even = static_cast<std::uint16_t>(i + i % 2);
        BOOST_REQUIRE(half(middle) == even);
        BOOST_REQUIRE(half(std::nextafter(middle, 0.0f)) == i);
        BOOST_REQUIRE(half(std::nextafter(middle, 1e9f)) == i + 1);
    }
}

BOOST_AUTO_TEST_CASE(they_are_elements) {
    BOOST_TEST(element_type_of<float16>().to_string() == "f16");
    BOOST_TEST(element_type_of<bfloat16>().to_string() == "bf16");
    static_assert(sizeof(float16) == 2 && sizeof(bfloat16) == 2);
    BOOST_TEST(detail::default_is_zero<float16>());
}

BOOST_AUTO_TEST_SUITE_END()
