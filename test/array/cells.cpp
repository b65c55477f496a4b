// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "cells.hpp"
#include "array_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_cells)

using namespace array_test;
using ns::element_type;

namespace {

/// Puts bytes where the array of T has its element 1, as a program or a disk
/// might that knows of no types.
template <class T>
array<T> with_bytes(database& db, std::vector<std::byte> const& bytes) {
    constexpr std::size_t n = ns::detail::stored_bytes<T>;
    BOOST_REQUIRE(bytes.size() == n);
    auto raw = db.create<std::array<std::byte, n>>(
        "bytes " + std::to_string(db.list().size()));
    std::array<std::byte, n> element{};
    raw.push_back(element);
    std::memcpy(element.data(), bytes.data(), n);
    raw.push_back(element);
    return array<T>(raw.ref());
}

template <class T>
void refuses(database& db, std::vector<std::byte> const& bytes) {
    auto t = with_bytes<T>(db, bytes);
    auto const bad = errc::corrupt;
    BOOST_TEST((t[0] == T{}));
    BOOST_TEST(fails(bad, [&] { t[1]; }));
    BOOST_TEST(fails(bad, [&] { t.back(); }));
    BOOST_TEST(fails(bad, [&] { t.to_vector(); }));
    BOOST_TEST(fails(bad, [&] { t.view()[1]; }));
    BOOST_TEST(fails(bad, [&] { t.gather(std::vector{1, 0}); }));
    if constexpr (ns::detail::in_place<T>)
        BOOST_TEST(fails(bad, [&] { t.chunks().begin(); }));
    std::vector<T> out(2, value<T>(2));
    BOOST_TEST(fails(bad, [&] { t.read(0, out); }));
    for (T const& v : out) // whatever it is, it is a value
        BOOST_TEST((v == T{} || v == value<T>(2)));
    BOOST_TEST(fails(bad, [&] { t.extract(ns::all); }));
    BOOST_TEST(t.size() == 2u);
    t.erase(1, 1);
    BOOST_TEST((t.to_vector() == std::vector<T>{T{}}));
}

template <class T>
std::vector<std::byte> stored(T const& value) {
    std::vector<std::byte> bytes(ns::detail::stored_bytes<T>);
    ns::detail::store_element(value, bytes.data());
    return bytes;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(the_catalogue_knows_them, fixture) {
    db.create<record>("r");
    BOOST_TEST(db.open_any("r").type().to_string()
               == "{checked bool, what (i32 | f64 | text(11) | "
                  "{t f64, v f32, flags u8} | bool), total ?i128, "
                  "labels [2]text(30), cost i64}");
    BOOST_TEST(db.open<record>("r").empty());
    db.create<ns::nullable<float>>("n");
    BOOST_TEST(fails(errc::type_mismatch, [&] { db.open<float>("n"); }));
    BOOST_TEST(fails(errc::type_mismatch,
                     [&] { db.open<ns::nullable<double>>("n"); }));
    db.create<ns::tiny_text<9>>("t");
    BOOST_TEST(
        fails(errc::type_mismatch, [&] { db.open<ns::tiny_text<8>>("t"); }));
    BOOST_TEST(fails(errc::type_mismatch,
                     [&] { db.open<ns::fixed_string<10>>("t"); }));
    db.create<std::variant<int, float>>("v");
    BOOST_TEST(fails(errc::type_mismatch,
                     [&] { db.open<std::variant<float, int>>("v"); }));
}

BOOST_FIXTURE_TEST_CASE(nothing_takes_no_space, fixture) {
    auto t = db.create<name_or_null>("t");
    t.resize(1'000'000);
    BOOST_TEST((t[999'999] == ns::absent));
    t.set(5, ns::null);
    t.set(7, "");
    t.set(8, "seven");
    auto const v = t.to_vector(ns::slice{.start = 4, .stop = 9});
    BOOST_TEST((v
                == std::vector<name_or_null>{ns::absent, ns::null, ns::absent,
                                             "", "seven"}));
    db.checkpoint();
    BOOST_TEST(db.stats().file_bytes < 4'000'000u);
}

BOOST_FIXTURE_TEST_CASE(a_null_leaves_no_trace, fixture) {
    auto t = db.create<ns::nullable<std::uint64_t>>("t");
    t.append({0x1122334455667788u, 2u});
    t.set(0, ns::null);
    auto const bytes = db.open_any("t").read(ns::slice{.stop = 1});
    std::vector<std::byte> expected(16);
    expected[8] = std::byte{2};
    BOOST_TEST((bytes == expected));
}

BOOST_FIXTURE_TEST_CASE(bytes_that_are_no_value, fixture) {
    auto text = stored(name_or_null("abc"));
    text[0] = std::byte{21};
    refuses<name_or_null>(db, text);
    text = stored(name_or_null("abc"));
    text[1] = std::byte{0xff};
    refuses<name_or_null>(db, text);
    auto cell = stored(number_or_null(1.5));
    cell[8] = std::byte{3};
    refuses<number_or_null>(db, cell);
    cell[8] = std::byte{2};
    refuses<number_or_null>(db, cell);
    auto either = stored(any_cell(2.5));
    either[16] = std::byte{5};
    refuses<any_cell>(db, either);
    refuses<price>(db, stored(std::int64_t{-1}));
    auto whole = stored(value<record>(2));
    whole[0] = std::byte{2};
    refuses<record>(db, whole);
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(any_array_shows_and_checks, fixture) {
    auto x = db.create_any("x", element_type::parse("?text(3)"));
    x.append(stored(ns::nullable<ns::tiny_text<3>>("ab")));
    x.append(stored(ns::nullable<ns::tiny_text<3>>(ns::null)));
    BOOST_TEST(x.to_string(0) == "\"ab\"");
    BOOST_TEST(x.to_string(1) == "null");
    auto bytes = x.read(ns::slice{.stop = 1});
    bytes[0] = std::byte{200};
    BOOST_TEST(fails(errc::invalid_argument, [&] { x.append(bytes); }));
    BOOST_TEST(fails(errc::invalid_argument,
                     [&] { x.write(ns::slice{.stop = 1}, bytes); }));
    BOOST_TEST(x.size() == 2u);
    auto t = with_bytes<ns::nullable<ns::tiny_text<3>>>(db, bytes);
    BOOST_TEST((x.as<ns::nullable<ns::tiny_text<3>>>()[0] == "ab"));
    BOOST_TEST(t.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_failed_conversion_changes_nothing, fixture) {
    auto t = db.create<label>("t");
    t.append({{"one"}, {"two"}});
    std::vector<label> const some{{"fine"}, {std::string(31, 'x')}};
    BOOST_TEST(fails(errc::invalid_argument, [&] { t.append(some); }));
    BOOST_TEST(fails(errc::invalid_argument, [&] { t.insert(1, some); }));
    BOOST_TEST(fails(errc::invalid_argument, [&] { t.write(0, some); }));
    BOOST_TEST(fails(errc::invalid_argument, [&] { t.set(0, some[1]); }));
    BOOST_TEST((t.to_vector() == std::vector<label>{{"one"}, {"two"}}));
}

BOOST_AUTO_TEST_SUITE_END()
