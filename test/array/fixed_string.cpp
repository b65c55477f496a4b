// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/element.hpp>
#include <numstore/array/fixed_string.hpp>

#include <cstddef>
#include <string>

BOOST_AUTO_TEST_SUITE(array_fixed_string)

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

} // namespace

BOOST_AUTO_TEST_CASE(bytes_come_back) {
    using text = fixed_string<4>;
    BOOST_TEST(text().empty());
    BOOST_TEST(text("abcd").view() == "abcd");
    BOOST_TEST(text("\xff\xfe").size() == 2u);
    BOOST_TEST(text(std::string("a\0b", 3)).size() == 3u);
    BOOST_TEST((text("ab") < text("abc") && text("ab") == "ab"));
    BOOST_TEST(element_type_of<text>().to_string() == "chars(4)");
    BOOST_TEST(sizeof(text) == 4u);
}

BOOST_AUTO_TEST_CASE(nothing_is_cut) {
    BOOST_TEST(refuses([] { fixed_string<4>("abcde"); }));
    BOOST_TEST(refuses([] { fixed_string<4>(std::string("a\0", 2)); }));
}

BOOST_AUTO_TEST_SUITE_END()
