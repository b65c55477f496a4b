// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/nullable.hpp>
#include <numstore/array/tiny_text.hpp>
#include <numstore/array/variant.hpp>
#include <numstore/format/element_parser.hpp>
#include <numstore/format/element_text.hpp>

#include <boost/describe/class.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_nullable)

using namespace numstore;

namespace {

struct sample {
    double t = 0;
    float v = 0;
    std::uint8_t flags = 0;
    friend bool operator==(sample const&, sample const&) = default;
};
BOOST_DESCRIBE_STRUCT(sample, (), (t, v, flags))

template <class T>
std::vector<std::byte> stored(T const& value) {
    std::vector<std::byte> bytes(detail::stored_bytes<T>, std::byte{0xee});
    detail::store_element(value, bytes.data());
    return bytes;
}

template <class T>
std::string shown(nullable<T> const& n) {
    return to_string(element_type_of<nullable<T>>(), stored(n).data());
}

std::size_t zeros(std::vector<std::byte> const& bytes) {
    return static_cast<std::size_t>(
        std::count(bytes.begin(), bytes.end(), std::byte{0}));
}

} // namespace

BOOST_AUTO_TEST_CASE(zero_nan_null_and_absent_are_distinct) {
    nullable<float> const cells[] = {
        0.0f, std::numeric_limits<float>::quiet_NaN(), null, absent};
    for (auto const& a : cells)
        for (auto const& b : cells) {
            bool const nan = a.has_value() && std::isnan(*a);
            BOOST_TEST((a == b) == (&a == &b && !nan));
            BOOST_TEST((stored(a) == stored(b)) == (&a == &b));
        }
    BOOST_TEST((nullable<float>() == absent));
    BOOST_TEST((cells[2] == null && !(cells[2] == absent)));
    BOOST_TEST(shown(cells[0]) == "0");
    BOOST_TEST(shown(cells[1]) == "nan");
    BOOST_TEST(shown(cells[2]) == "null");
    BOOST_TEST(shown(cells[3]) == "absent");
}

BOOST_AUTO_TEST_CASE(empty_text_is_a_value) {
    using text = nullable<tiny_text<9>>;
    BOOST_TEST(text("").has_value());
    BOOST_TEST(!(text("") == text()));
    BOOST_TEST(!(text("") == text(null)));
    BOOST_TEST(shown(text("")) == "\"\"");
    BOOST_TEST(shown(text("a\"b\\\n\x01")) == R"("a\"b\\\n\x01")");
    BOOST_TEST(text("abc").value().view() == "abc");
}

BOOST_AUTO_TEST_CASE(a_null_keeps_nothing) {
    nullable<std::uint64_t> n = 0x1122334455667788u;
    n = null;
    auto const bytes = stored(n);
    BOOST_TEST(zeros(bytes) == bytes.size() - 1);
    n = absent;
    BOOST_TEST(zeros(stored(n)) == bytes.size());
    BOOST_TEST((detail::default_is_zero<nullable<std::uint64_t>>()));
}

BOOST_AUTO_TEST_CASE(padding_is_zero) {
    nullable<sample> const n = sample{1.5, 2.5f, 3};
    BOOST_TEST(sizeof n == 24u);
    auto const bytes = stored(n);
    for (std::size_t const at : {13u, 14u, 15u, 17u, 23u})
        BOOST_TEST((bytes[at] == std::byte{0}));
    BOOST_TEST((bytes[16] == std::byte{1}));
    BOOST_TEST((detail::load_element<nullable<sample>>(bytes.data()) == n));
}

BOOST_AUTO_TEST_CASE(it_reads_as_an_optional_does) {
    nullable<int> const two = 2;
    nullable<int> const none = null;
    BOOST_TEST(two.value() == 2);
    BOOST_TEST(two.value_or(7) == 2);
    BOOST_TEST(none.value_or(7) == 7);
    BOOST_TEST(!none);
    BOOST_TEST((two.to_optional() == std::optional(2)));
    BOOST_TEST((nullable<int>(std::optional<int>()) == null));
    BOOST_TEST((nullable<int>(std::optional<int>(2)) == two));
    BOOST_CHECK_EXCEPTION(none.value(), error, [](error const& e) {
        return e.code() == errc::not_found;
    });
}

BOOST_AUTO_TEST_CASE(descriptions) {
    using either = nullable<std::variant<bool, double>>;
    BOOST_TEST(element_type_of<nullable<double>>().to_string() == "?f64");
    BOOST_TEST(element_type_of<either>().to_string() == "?(bool | f64)");
    BOOST_TEST(element_type_of<nullable<nullable<sample>>>().to_string()
               == "??{t f64, v f32, flags u8}");
    for (auto const& t :
         {element_type_of<nullable<double>>(), element_type_of<either>(),
          element_type_of<nullable<nullable<sample>>>()})
        BOOST_TEST((element_type::parse(t.to_string()) == t));
    BOOST_TEST(element_type_of<either>().size() == sizeof(either));
}

/// Every value of every byte, beside what the type known at run time says.
BOOST_AUTO_TEST_CASE(hostile_bytes_are_corrupt) {
    using cell = nullable<std::variant<bool, tiny_text<4>>>;
    auto const type = element_type_of<cell>();
    int refused = 0;
    for (cell const& from :
         {cell(true), cell(tiny_text<4>("abc")), cell(null), cell(absent)})
        for (std::size_t at = 0; at != sizeof(cell); ++at)
            for (int value = 0; value != 256; ++value) {
                auto bytes = stored(from);
                bytes[at] = static_cast<std::byte>(value);
                bool loaded = true;
                try {
                    detail::load_element<cell>(bytes.data());
                } catch (error const& e) {
                    BOOST_REQUIRE((e.code() == errc::corrupt));
                    loaded = false;
                    ++refused;
                }
                BOOST_REQUIRE(loaded <= type.valid(bytes.data()));
                type.normalize(bytes.data());
                BOOST_REQUIRE(!to_string(type, bytes.data()).empty());
            }
    BOOST_TEST(refused > 4000);
}

BOOST_AUTO_TEST_SUITE_END()
