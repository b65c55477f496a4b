// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/element.hpp>
#include <numstore/array/element_traits.hpp>
#include <numstore/array/tiny_text.hpp>

#include <boost/describe/class.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

/// A type of another library, and one with memory of its own.
using day = std::chrono::sys_days;
struct label {
    std::string text;
};

struct entry {
    std::uint8_t kind = 0;
    day when;
    std::array<label, 2> labels;
};
BOOST_DESCRIBE_STRUCT(entry, (), (kind, when, labels))

} // namespace

template <>
struct numstore::element_traits<day> {
    using stored_type = std::int32_t;
    static std::int32_t store(day d) {
        return static_cast<std::int32_t>(d.time_since_epoch().count());
    }
    static day load(std::int32_t n) { return day(std::chrono::days(n)); }
    static bool valid(std::int32_t n) { return n > -100'000 && n < 100'000; }
};

template <>
struct numstore::element_traits<label> {
    using stored_type = numstore::tiny_text<6>;
    static stored_type store(label const& l) { return l.text; }
    static label load(stored_type const& s) { return {s.str()}; }
};

BOOST_AUTO_TEST_SUITE(array_element_traits)

using namespace numstore;

BOOST_AUTO_TEST_CASE(own_types_are_elements) {
    static_assert(element<day> && element<label> && element<entry>);
    static_assert(!detail::in_place<day> && !detail::in_place<entry>);
    BOOST_TEST(element_type_of<day>().to_string() == "i32");
    BOOST_TEST(element_type_of<label>().to_string() == "text(6)");
    BOOST_TEST(element_type_of<entry>().to_string()
               == "{kind u8, when i32, labels [2]text(6)}");
    BOOST_TEST(element_type_of<entry>().size() == detail::stored_bytes<entry>);
}

BOOST_AUTO_TEST_CASE(values_come_back) {
    entry const e{7, day(std::chrono::days(-3)), {label{"one"}, label{"two"}}};
    std::vector<std::byte> bytes(detail::stored_bytes<entry>, std::byte{0xee});
    detail::store_element(e, bytes.data());
    BOOST_TEST((bytes[1] == std::byte{0} && bytes[3] == std::byte{0}));
    auto const back = detail::load_element<entry>(bytes.data());
    BOOST_TEST(back.kind == 7);
    BOOST_TEST((back.when == e.when));
    BOOST_TEST(back.labels[1].text == "two");
}

BOOST_AUTO_TEST_CASE(what_is_invalid_is_corrupt) {
    std::int32_t const far = 100'000;
    auto const bytes = std::as_bytes(std::span(&far, 1));
    BOOST_CHECK_EXCEPTION(
        detail::load_element<day>(bytes.data()), error,
        [](error const& e) { return e.code() == errc::corrupt; });
    label const long_label{"seven ch"};
    std::vector<std::byte> room(detail::stored_bytes<label>);
    BOOST_CHECK_EXCEPTION(
        detail::store_element(long_label, room.data()), error,
        [](error const& e) { return e.code() == errc::invalid_argument; });
}

BOOST_AUTO_TEST_SUITE_END()
