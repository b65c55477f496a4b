// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "array_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/array/any_array.hpp>

#include <algorithm>
#include <array>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_any_array)

using namespace array_test;
using ns::element_type;

namespace {

/// The stored bytes of values.
template <class T>
std::vector<std::byte> bytes(std::vector<T> const& v) {
    std::vector<std::byte> all(v.size() * sizeof(T));
    for (std::size_t i = 0; i != v.size(); ++i)
        ns::detail::store_element<T>(v[i], all.data() + i * sizeof(T));
    return all;
}

/// One script on an array of T and on one of which only bytes are known.
template <class T>
void check_bytes(database& db, std::mt19937_64& random) {
    auto const type = ns::element_type_of<T>();
    auto const name = type.to_string();
    auto typed = db.create<T>("typed " + name);
    typed.append(values<T>(400));
    auto any = db.create_any("any " + name, type);
    any.append(bytes(values<T>(400)));
    for (int i = 0; i != 60; ++i) {
        std::size_t const n = typed.size();
        auto const s = random_slice(random, n);
        auto const p = python_slice(s, n);
        auto const at = static_cast<std::size_t>(random() % (n + 1));
        auto const v = values<T>(random() % 60, random() % 1000);
        switch (random() % 5) {
        case 0:
            typed.insert(at, v);
            any.insert(at, bytes(v));
            break;
        case 1:
            typed.append(v);
            any.append(bytes(v));
            break;
        case 2: {
            auto const some = values<T>(p.size(), 77);
            typed.write(s, some);
            any.write(s, bytes(some));
            break;
        }
        case 3:
            if (p.size() < 100)
                BOOST_REQUIRE(typed.erase(s) == any.erase(s));
            break;
        default: {
            auto const count = (n - at) / 8;
            typed.erase(at, count);
            any.erase(at, count);
        }
        }
        auto const r = random_slice(random, typed.size());
        BOOST_REQUIRE(any.size() == typed.size());
        BOOST_REQUIRE((any.read() == bytes(typed.to_vector())));
        BOOST_REQUIRE((any.read(r) == bytes(typed.to_vector(r))));
    }
    BOOST_TEST((any.read(ns::every<3>{})
                == bytes(typed.to_vector(ns::every<3>{}))));
    BOOST_TEST((any.template as<T>().to_vector() == typed.to_vector()));
}

struct any_fixture : fixture {
    array<float> t = db.create<float>("t");
    any_fixture() { t.append({1, 2, 3, 4, 5}); }
};

template <class T>
void check_visit(database& db) {
    auto const name = ns::element_type_of<T>().to_string();
    db.create<T>(name).append(values<T>(9));
    int calls = 0;
    db.open_any(name).visit([&](auto const& a) {
        using found = typename std::remove_cvref_t<decltype(a)>::value_type;
        ++calls;
        BOOST_TEST((std::same_as<found, T>));
        if constexpr (std::same_as<found, T>)
            BOOST_TEST((a.to_vector() == values<T>(9)));
    });
    BOOST_TEST(calls == 1);
}

} // namespace

BOOST_FIXTURE_TEST_CASE(bytes_in_and_out, fixture) {
    auto random = random_source();
    check_bytes<bool>(db, random);
    check_bytes<std::uint16_t>(db, random);
    check_bytes<double>(db, random);
    check_bytes<std::complex<float>>(db, random);
    check_bytes<std::array<float, 3>>(db, random);
    check_bytes<sample>(db, random);
    check_bytes<nested>(db, random);
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(what_is_known_of_an_array, any_fixture) {
    auto const x = db.open_any("t");
    BOOST_TEST((x.type() == ns::element_type_of<float>()));
    BOOST_TEST(x.size() == 5u);
    BOOST_TEST(!x.empty());
    auto const info = x.info();
    BOOST_TEST(info.name == "t");
    BOOST_TEST(info.size == 5u);
    BOOST_TEST(info.bytes == 20u);
    BOOST_TEST(info.element.to_string() == "f32");
    auto const s = db.create_any(
        "s", element_type::parse("{t f64, v f32, flags u8}"));
    BOOST_TEST(s.empty());
    BOOST_TEST(s.type().size() == 16u);
    BOOST_TEST(db.open<sample>("s").empty());
    db.rename("t", "u");
    BOOST_TEST(x.info().name == "u");
    auto many = db.create<int>("many");
    many.resize(100000, 4);
    db.checkpoint();
    auto const stored = db.open_any("many").info().stored_bytes;
    BOOST_TEST(stored >= 400000u);
    BOOST_TEST(stored < 480000u);
}

BOOST_FIXTURE_TEST_CASE(elements_as_text, any_fixture) {
    t.push_back(0.1f);
    auto const x = db.open_any("t");
    BOOST_TEST(x.to_string(0) == "1");
    BOOST_TEST(x.to_string(5) == "0.1");
    BOOST_TEST(fails(errc::out_of_range, [&] { x.to_string(6); }));
    BOOST_TEST(fails(errc::out_of_range, [&] { x.to_string(-1); }));
    db.create<sample>("s").append({{1.5, 2, 3}});
    BOOST_TEST(db.open_any("s").to_string(0) == "{t: 1.5, v: 2, flags: 3}");
    db.create<bool>("b").append({true});
    BOOST_TEST(db.open_any("b").to_string(0u) == "true");
    db.create<level>("l").append({low});
    BOOST_TEST(db.open_any("l").to_string(0) == "-1");
}

BOOST_FIXTURE_TEST_CASE(arguments_are_checked, any_fixture) {
    auto x = db.open_any("t");
    std::vector<std::byte> const eight(8);
    std::vector<std::byte> const seven(7);
    auto const size = errc::size_mismatch;
    auto const range = errc::out_of_range;
    BOOST_TEST(fails(size, [&] { x.append(seven); }));
    BOOST_TEST(fails(size, [&] { x.insert(0, seven); }));
    BOOST_TEST(fails(size, [&] { x.write(ns::all, seven); }));
    BOOST_TEST(fails(size, [&] { x.write(ns::all, eight); }));
    BOOST_TEST(fails(range, [&] { x.insert(6, eight); }));
    BOOST_TEST(fails(range, [&] { x.insert(-1, eight); }));
    BOOST_TEST(fails(range, [&] { x.erase(4, 2); }));
    BOOST_TEST(fails(range, [&] { x.erase(0, -1); }));
    BOOST_TEST(fails(errc::invalid_argument,
                     [&] { x.erase(ns::slice{.step = 0}); }));
    BOOST_TEST(fails(errc::type_mismatch, [&] { x.as<int>(); }));
    BOOST_TEST(fails(errc::not_found, [&] { db.open_any("none"); }));
    BOOST_TEST(fails(errc::already_exists, [&] {
        db.create_any("t", element_type::parse("f32"));
    }));
    BOOST_TEST(fails(errc::invalid_argument, [&] {
        db.create_any("large", element_type::parse("[10000000]u8"));
    }));
    BOOST_TEST(!db.contains("large"));
    BOOST_TEST((t.to_vector() == std::vector<float>{1, 2, 3, 4, 5}));
    x.insert(5, std::span<std::byte const>());
    BOOST_TEST(x.erase(ns::slice{.start = 9}) == 0u);
    BOOST_TEST(x.size() == 5u);
}

BOOST_FIXTURE_TEST_CASE(bytes_are_normalized, fixture) {
    auto x = db.create_any("t", ns::element_type_of<nested>());
    std::vector<std::byte> const dirty(3 * sizeof(nested), std::byte{0xff});
    x.append(dirty);
    x.insert(1, dirty);
    x.write(ns::every<4>{}, std::span(dirty).first(2 * sizeof(nested)));
    auto const stored = x.read();
    auto const t = x.as<nested>();
    BOOST_TEST((stored == bytes(t.to_vector())));
    BOOST_TEST(t[0].valid);
    BOOST_TEST(std::count(stored.begin(), stored.end(), std::byte{1}) == 6);
}

BOOST_FIXTURE_TEST_CASE(visits_of_numbers, fixture) {
    check_visit<bool>(db);
    check_visit<std::int8_t>(db);
    check_visit<std::int16_t>(db);
    check_visit<std::int32_t>(db);
    check_visit<std::int64_t>(db);
    check_visit<std::uint8_t>(db);
    check_visit<std::uint16_t>(db);
    check_visit<std::uint32_t>(db);
    check_visit<std::uint64_t>(db);
    check_visit<float>(db);
    check_visit<double>(db);
    check_visit<std::complex<float>>(db);
    check_visit<std::complex<double>>(db);
    check_visit<std::byte>(db);
    db.create<point>("point");
    db.create<std::array<int, 2>>("pair");
    auto const nothing = [](auto const&) { BOOST_ERROR("visited"); };
    for (char const* const name : {"point", "pair"})
        BOOST_TEST(fails(errc::type_mismatch,
                         [&] { db.open_any(name).visit(nothing); }));
}

BOOST_FIXTURE_TEST_CASE(inside_a_transaction, any_fixture) {
    auto x = db.open_any("t");
    auto tx = db.begin();
    auto inside = x.in(tx);
    inside.erase(0, 2);
    auto other = tx.open_any("t");
    other.append(bytes(std::vector<float>{9}));
    BOOST_TEST(inside.size() == 4u);
    BOOST_TEST(inside.info().size == 4u);
    BOOST_TEST(inside.to_string(3) == "9");
    BOOST_TEST(x.size() == 5u);
    auto made = tx.create_any("made", element_type::parse("[2]u8"));
    made.append(std::vector<std::byte>(6));
    made.attributes().set("unit", 1);
    tx.commit();
    BOOST_TEST((t.to_vector() == std::vector<float>{3, 4, 5, 9}));
    using pair = std::array<std::uint8_t, 2>;
    BOOST_TEST(db.open<pair>("made").size() == 3u);
    BOOST_TEST(fails(errc::transaction_ended, [&] { inside.read(); }));
    db.drop("t");
    BOOST_TEST(fails(errc::not_found, [&] { x.info(); }));
    BOOST_TEST(fails(errc::not_found, [&] { x.read(); }));
}

BOOST_AUTO_TEST_SUITE_END()
