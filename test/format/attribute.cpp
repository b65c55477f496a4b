// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/format/attribute.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <random>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(format_attribute)

using namespace numstore;

namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> out;
    for (int v : values)
        out.push_back(static_cast<std::byte>(v));
    return out;
}

bool corrupt(std::vector<std::byte> const& encoded) {
    try {
        format::decode_attribute(encoded);
    } catch (error const& e) {
        return e.code() == errc::corrupt;
    }
    return false;
}

bool refused(attribute_value const& value) {
    try {
        format::encode_attribute(value);
    } catch (error const& e) {
        return e.code() == errc::invalid_argument;
    }
    return false;
}

std::vector<attribute_value> examples() {
    return {true,
            false,
            std::int64_t{-5},
            std::numeric_limits<std::int64_t>::min(),
            1.5,
            -0.0,
            std::numeric_limits<double>::infinity(),
            std::string(),
            std::string("größe\n"),
            std::vector<bool>{true, false, true},
            std::vector<std::int64_t>{},
            std::vector<std::int64_t>(300, 7),
            std::vector<double>{1, 2, 3},
            std::vector<std::string>{"a", "", "degC"}};
}

/// Under a sanitizer fewer bytes show the same.
#ifndef NUMSTORE_TEST_THINNED
constexpr int many = 10'000;
#else
constexpr int many = 2000;
#endif

} // namespace

BOOST_AUTO_TEST_CASE(values_come_back) {
    for (auto const& value : examples())
        BOOST_TEST((format::decode_attribute(format::encode_attribute(value))
                    == value));
    auto const nan = format::decode_attribute(
        format::encode_attribute(std::numeric_limits<double>::quiet_NaN()));
    BOOST_TEST(std::isnan(std::get<double>(nan)));
}

BOOST_AUTO_TEST_CASE(bytes_are_fixed) {
    auto const encoded = [](attribute_value const& v) {
        return format::encode_attribute(v);
    };
    BOOST_TEST((encoded(true) == bytes({0, 1})));
    BOOST_TEST((encoded(std::int64_t{-2})
                == bytes({1, 254, 255, 255, 255, 255, 255, 255, 255})));
    BOOST_TEST((encoded(1.0) == bytes({2, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f})));
    BOOST_TEST((encoded(std::string("ab")) == bytes({3, 'a', 'b'})));
    BOOST_TEST(
        (encoded(std::vector<bool>{false, true}) == bytes({4, 2, 0, 1})));
    BOOST_TEST((encoded(std::vector<std::string>{"a", ""})
                == bytes({7, 2, 1, 'a', 0})));
}

BOOST_AUTO_TEST_CASE(limits) {
    constexpr std::size_t most = format::max_attribute_bytes;
    BOOST_TEST(!refused(std::string(most - 1, 'x')));
    BOOST_TEST(refused(std::string(most, 'x')));
    BOOST_TEST(refused(std::vector<double>(most / 8)));
    BOOST_TEST(refused(std::vector<std::string>(most)));
    BOOST_TEST(refused(std::string("\xff")));
    BOOST_TEST(refused(std::vector<std::string>{"a", "\xc0\x80"}));
}

BOOST_AUTO_TEST_CASE(damaged_bytes) {
    BOOST_TEST(corrupt({}));
    BOOST_TEST(corrupt(bytes({8})));
    BOOST_TEST(corrupt(bytes({255, 0})));
    BOOST_TEST(corrupt(bytes({0})));
    BOOST_TEST(corrupt(bytes({0, 2})));
    BOOST_TEST(corrupt(bytes({0, 1, 0})));
    BOOST_TEST(corrupt(bytes({1, 0, 0})));
    BOOST_TEST(corrupt(bytes({3, 0xff})));
    BOOST_TEST(corrupt(bytes({4, 1, 2})));
    BOOST_TEST(corrupt(bytes({5, 0xff, 0xff, 0xff, 0xff, 0x0f})));
    BOOST_TEST(corrupt(bytes({7, 1, 1, 0xff})));
    BOOST_TEST(corrupt(bytes({7, 1, 5, 'a'})));
    BOOST_TEST(corrupt(
        std::vector<std::byte>(format::max_attribute_bytes + 1, std::byte{3})));
}

BOOST_AUTO_TEST_CASE(any_bytes_are_a_value_or_an_error) {
    char const* const given = std::getenv("NUMSTORE_SEED");
    auto const seed =
        given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < many; ++i) {
        std::vector<std::byte> encoded(random() % 24);
        for (auto& b : encoded)
            b = static_cast<std::byte>(random() % 3 ? random() % 10
                                                    : random() % 256);
        try {
            auto const value = format::decode_attribute(encoded);
            BOOST_REQUIRE((format::encode_attribute(value) == encoded));
        } catch (error const& e) {
            BOOST_REQUIRE((e.code() == errc::corrupt));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
