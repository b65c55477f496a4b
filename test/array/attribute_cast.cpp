// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/attribute_cast.hpp>

#include <array>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_attribute_cast)

using namespace numstore;

namespace {

template <class Stored, class T>
bool becomes(T&& value, Stored const& expected) {
    return to_attribute(std::forward<T>(value)) == attribute_value(expected);
}

template <class Call>
bool fails(errc expected, Call call) {
    try {
        call();
    } catch (error const& e) {
        return e.code() == expected;
    }
    return false;
}

using integers = std::vector<std::int64_t>;

} // namespace

BOOST_AUTO_TEST_CASE(scalars_are_stored_in_the_widest_type) {
    BOOST_TEST(becomes(true, true));
    BOOST_TEST(becomes(5, std::int64_t{5}));
    BOOST_TEST(becomes(std::uint8_t{5}, std::int64_t{5}));
    BOOST_TEST(becomes(std::uint64_t{INT64_MAX}, std::int64_t{INT64_MAX}));
    BOOST_TEST(becomes(1.5f, 1.5));
    BOOST_TEST(becomes("degC", std::string("degC")));
    BOOST_TEST(becomes(std::string_view("degC"), std::string("degC")));
    BOOST_TEST(becomes(std::string("degC"), std::string("degC")));
    BOOST_TEST(becomes(attribute_value(2.0), 2.0));
    BOOST_TEST(fails(errc::out_of_range, [] { to_attribute(UINT64_MAX); }));
}

BOOST_AUTO_TEST_CASE(ranges_are_stored_as_lists) {
    BOOST_TEST(becomes(std::vector<int>{1, 2}, integers{1, 2}));
    BOOST_TEST(becomes(std::vector<bool>{true}, std::vector<bool>{true}));
    BOOST_TEST(becomes(std::array<float, 2>{1, 2}, std::vector<double>{1, 2}));
    BOOST_TEST(
        becomes(std::list<std::string>{"a"}, std::vector<std::string>{"a"}));
    BOOST_TEST(becomes(std::vector<char const*>{"a", "b"},
                       std::vector<std::string>{"a", "b"}));
    int const plain[] = {3, 4};
    BOOST_TEST(becomes(plain, integers{3, 4}));
    BOOST_TEST(becomes(std::span<int const>(plain), integers{3, 4}));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_stored_does_not_compile) {
    static_assert(!attribute_source<void*> && !attribute_source<long double>);
    static_assert(!attribute_source<std::vector<std::vector<int>>>);
    static_assert(!attribute_target<std::string_view>);
    static_assert(!attribute_target<char const*>);
    static_assert(!attribute_target<std::vector<std::string_view>>);
}

BOOST_AUTO_TEST_CASE(values_are_read_as_what_they_are) {
    BOOST_TEST(attribute_cast<std::string>(std::string("degC")) == "degC");
    BOOST_TEST(attribute_cast<double>(1.5) == 1.5);
    BOOST_TEST(attribute_cast<float>(1.5) == 1.5f);
    BOOST_TEST(attribute_cast<bool>(true));
    BOOST_TEST(attribute_cast<int>(std::int64_t{-7}) == -7);
    BOOST_TEST(attribute_cast<std::vector<short>>(integers{1, 2}).at(1) == 2);
    BOOST_TEST(
        attribute_cast<std::vector<bool>>(std::vector<bool>{true}).at(0));
    BOOST_TEST((attribute_cast<attribute_value>(1.5) == attribute_value(1.5)));
}

BOOST_AUTO_TEST_CASE(other_kinds_are_mismatches) {
    attribute_value const five = std::int64_t{5};
    auto const mismatch = [&](auto call) {
        return fails(errc::type_mismatch, call);
    };
    BOOST_TEST(mismatch([&] { attribute_cast<double>(five); }));
    BOOST_TEST(mismatch([&] { attribute_cast<bool>(five); }));
    BOOST_TEST(mismatch([&] { attribute_cast<std::string>(five); }));
    BOOST_TEST(mismatch([&] { attribute_cast<std::vector<int>>(five); }));
    BOOST_TEST(mismatch([] { attribute_cast<int>(true); }));
    BOOST_CHECK_EXCEPTION(attribute_cast<double>(five), error, [](auto& e) {
        return std::string(e.what()).find("holds int64, not double")
               != std::string::npos;
    });
}

BOOST_AUTO_TEST_CASE(integers_must_fit) {
    auto const range = [](auto call) {
        return fails(errc::out_of_range, call);
    };
    attribute_value const minus = std::int64_t{-1};
    attribute_value const large = std::int64_t{256};
    BOOST_TEST(range([&] { attribute_cast<std::uint8_t>(large); }));
    BOOST_TEST(range([&] { attribute_cast<signed char>(large); }));
    BOOST_TEST(range([&] { attribute_cast<std::uint64_t>(minus); }));
    BOOST_TEST(range([&] { attribute_cast<unsigned>(minus); }));
    BOOST_TEST(range(
        [] { attribute_cast<std::vector<std::uint8_t>>(integers{1, 300}); }));
    BOOST_TEST(attribute_cast<std::uint16_t>(large) == 256);
}

BOOST_AUTO_TEST_SUITE_END()
