// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "array_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/array/attributes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_attributes)

using namespace array_test;
using std::string;

namespace {

struct attribute_fixture : fixture {
    array<float> t = db.create<float>("t");
};

template <class V>
concept is_attribute =
    requires(ns::attribute_map<policies> m, V v) { m.set("key", v); };
static_assert(is_attribute<bool> && is_attribute<char const*>);
static_assert(is_attribute<std::list<short>> && is_attribute<double>);
static_assert(!is_attribute<void*> && !is_attribute<std::map<int, int>>);

/// Comes back as it was set.
template <class V>
void check(array<float>& t, V const& v) {
    auto attributes = t.attributes();
    attributes.set("key", v);
    BOOST_TEST((attributes.get<V>("key") == v));
    BOOST_TEST((attributes.get_if<V>("key") == v));
    BOOST_TEST((attributes.get<ns::attribute_value>("key")
                == ns::to_attribute(v)));
    BOOST_TEST(attributes.contains("key"));
}

} // namespace

BOOST_FIXTURE_TEST_CASE(values_of_every_kind, attribute_fixture) {
    check(t, true);
    check(t, false);
    check(t, -7);
    check(t, 'c');
    check(t, std::uint8_t{255});
    check(t, INT64_MIN);
    check(t, INT64_MAX);
    check(t, 1.5f);
    check(t, -0.1);
    check(t, std::numeric_limits<double>::infinity());
    check(t, string());
    check(t, string("\xc2\xb0" "C"));
    check(t, string("a\0b", 3));
    check(t, std::vector<bool>{true, false});
    check(t, std::vector<int>{});
    check(t, std::vector<std::int64_t>{1, -2});
    check(t, std::vector<double>{0.5});
    check(t, std::vector<float>{0.25f});
    check(t, std::vector<string>{"", "two"});
    check(t, ns::attribute_value(std::vector<double>{1, 2}));
}

BOOST_FIXTURE_TEST_CASE(sources_of_values, attribute_fixture) {
    auto a = t.attributes();
    a.set("text", "abc");
    a.set("view", std::string_view("abc"));
    a.set("list", std::list<short>{1, 2});
    a.set("array", std::array{0.5f});
    char const* const names[]{"x", "y"};
    a.set("names", names);
    BOOST_TEST(a.get<string>("text") == "abc");
    BOOST_TEST(a.get<string>("view") == "abc");
    BOOST_TEST((a.get<std::vector<int>>("list") == std::vector{1, 2}));
    BOOST_TEST((a.get<std::vector<double>>("array") == std::vector{0.5}));
    BOOST_TEST((a.get<std::vector<string>>("names")
                == std::vector<string>{"x", "y"}));
}

BOOST_FIXTURE_TEST_CASE(kinds_and_ranges_are_checked, attribute_fixture) {
    auto a = t.attributes();
    a.set("n", 300);
    a.set("s", "x");
    BOOST_TEST(fails(errc::out_of_range, [&] { a.get<std::int8_t>("n"); }));
    BOOST_TEST(fails(errc::type_mismatch, [&] { a.get<double>("n"); }));
    BOOST_TEST(fails(errc::type_mismatch, [&] { a.get<string>("n"); }));
    BOOST_TEST(fails(errc::type_mismatch, [&] { a.get_if<bool>("s"); }));
    BOOST_TEST(
        fails(errc::type_mismatch, [&] { a.get<std::vector<int>>("n"); }));
    BOOST_TEST(fails(errc::out_of_range, [&] { a.set("n", UINT64_MAX); }));
    BOOST_TEST(a.get<int>("n") == 300);
    BOOST_TEST(fails(errc::not_found, [&] { a.get<int>("none"); }));
    BOOST_TEST(!a.get_if<int>("none").has_value());
    BOOST_TEST(!a.contains("none"));
}

BOOST_FIXTURE_TEST_CASE(keys, attribute_fixture) {
    auto a = t.attributes();
    auto const invalid = errc::invalid_argument;
    BOOST_TEST(fails(invalid, [&] { a.set("", 1); }));
    BOOST_TEST(fails(invalid, [&] { a.set("\xff", 1); }));
    BOOST_TEST(fails(invalid, [&] { a.set(string(1025, 'x'), 1); }));
    BOOST_TEST(fails(invalid, [&] { a.set("k", "\xff"); }));
    BOOST_TEST(
        fails(invalid, [&] { a.set("k", string((1 << 20) + 1, 'x')); }));
    BOOST_TEST(a.list().empty());
    a.set(string(1024, 'x'), 1);
    a.set("long", string(1000000, 'x'));
    BOOST_TEST(a.get<string>("long").size() == 1000000u);
    BOOST_TEST(a.get<int>(string(1024, 'x')) == 1);
    db.checkpoint();
    BOOST_TEST(a.get<string>("long") == string(1000000, 'x'));
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(a_list_is_sorted, attribute_fixture) {
    auto random = random_source();
    auto a = t.attributes();
    std::map<string, ns::attribute_value> model;
    for (int i = 0; i != 500; ++i) {
        string const key = "k" + std::to_string(random() % 60);
        if (random() % 3 == 0) {
            BOOST_REQUIRE(a.erase(key) == (model.erase(key) == 1));
        } else {
            string const text(random() % 40, 'v');
            a.set(key, text);
            model[key] = text;
        }
        if (random() % 40 == 0)
            db.checkpoint();
    }
    auto const list = a.list();
    BOOST_TEST(std::ranges::equal(list, model, [](auto& x, auto& y) {
        return x.first == y.first && x.second == y.second;
    }));
    BOOST_TEST(!a.erase("none"));
}

BOOST_FIXTURE_TEST_CASE(a_transaction_has_its_own, attribute_fixture) {
    auto a = t.attributes();
    a.set("unit", "degC");
    auto tx = db.begin();
    auto inside = t.in(tx).attributes();
    inside.set("unit", "K");
    inside.set("more", 1);
    auto const mark = tx.savepoint();
    BOOST_TEST(inside.erase("unit"));
    BOOST_TEST(!inside.contains("unit"));
    tx.rollback_to(mark);
    BOOST_TEST(inside.get<string>("unit") == "K");
    BOOST_TEST(a.get<string>("unit") == "degC");
    BOOST_TEST(!a.contains("more"));
    auto const before = db.snapshot();
    tx.commit();
    BOOST_TEST(a.get<string>("unit") == "K");
    BOOST_TEST(t.in(before).attributes().get<string>("unit") == "degC");
    BOOST_TEST(t.in(before).attributes().list().size() == 1u);
    {
        auto other = db.begin();
        t.in(other).attributes().set("unit", "F");
    }
    BOOST_TEST(a.get<string>("unit") == "K");
}

BOOST_FIXTURE_TEST_CASE(they_belong_to_the_array, attribute_fixture) {
    t.append({1.f});
    t.attributes().set("unit", "degC");
    db.clone("t", "copy");
    db.rename("t", "renamed");
    auto copy = db.open<float>("copy");
    copy.attributes().set("unit", "K");
    BOOST_TEST(t.attributes().get<string>("unit") == "degC");
    BOOST_TEST(copy.attributes().get<string>("unit") == "K");
    BOOST_TEST(db.open_any("renamed").attributes().get<string>("unit")
               == "degC");
    auto held = t.attributes();
    db.drop("renamed");
    BOOST_TEST(fails(errc::not_found, [&] { held.get<string>("unit"); }));
    BOOST_TEST(fails(errc::not_found, [&] { held.set("unit", "F"); }));
    BOOST_TEST(fails(errc::not_found, [&] { held.erase("unit"); }));
    BOOST_TEST(db.create<float>("renamed").attributes().list().empty());
    BOOST_TEST(copy.attributes().list().size() == 1u);
    db.close();
    BOOST_TEST(fails(errc::closed, [&] { copy.attributes().list(); }));
}

BOOST_AUTO_TEST_SUITE_END()
