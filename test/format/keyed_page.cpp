// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/error.hpp>
#include <numstore/format/keyed_page.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(format_keyed_page)

using namespace numstore;
using format::keyed_child_fields;
using format::keyed_page_builder;
using format::keyed_page_header;
using format::keyed_page_reader;

namespace {

using bytes = std::vector<std::byte>;

bytes leaf(std::vector<std::string_view> const& keys) {
    bytes out;
    keyed_page_builder b(out, 0);
    for (auto const key : keys)
        b.entry(key, format::as_bytes("value"));
    b.finish();
    return out;
}

using children = std::vector<std::pair<std::string_view, keyed_child_fields>>;

bytes inner(children const& list) {
    bytes out;
    keyed_page_builder b(out, 1);
    for (auto const& [key, fields] : list)
        b.child(key, fields);
    b.finish();
    return out;
}

/// Reads all of a page. Throws corrupt.
std::string text_of(bytes const& page) {
    keyed_page_reader in(page, "page");
    std::string text;
    for (std::uint32_t i = 0; i != in.items(); ++i) {
        if (in.level() == 0) {
            auto const e = in.entry();
            text += std::string(e.key) + '='
                    + std::string(format::as_text(e.value)) + ' ';
        } else {
            auto const c = in.child();
            text += std::string(c.key) + '@'
                    + std::to_string(to_integer(c.fields.place)) + ' ';
        }
    }
    in.finish();
    return text;
}

bool refused(bytes const& page, std::string const& why) {
    try {
        text_of(page);
        return false;
    } catch (error const& e) {
        return e.code() == errc::corrupt
               && std::string(e.what()).find(why) != std::string::npos;
    }
}

template <class Change>
bool refused_with(Change change, std::string const& why) {
    bytes page = leaf({"a", "b"});
    keyed_page_header h;
    std::memcpy(&h, page.data(), sizeof h);
    change(h);
    std::memcpy(page.data(), &h, sizeof h);
    return refused(page, why);
}

keyed_child_fields const child{page_no{40}, 1, 2, 3};

} // namespace

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
    BOOST_TEST(text_of(leaf({"a", "b"})) == "a=value b=value ");
    BOOST_TEST(text_of(leaf({"", "b"})) == "=value b=value ");
    BOOST_TEST(text_of(inner({{"", child}, {"m", child}})) == "@40 m@40 ");
    bytes padded = leaf({"a"});
    padded.resize(4096);
    BOOST_TEST(text_of(padded) == "a=value ");
}

BOOST_AUTO_TEST_CASE(impossible_heads_are_refused) {
    BOOST_TEST(refused(bytes(23), "end too early"));
    BOOST_TEST(refused_with([](auto& h) { h.magic = 1; }, "not a page"));
    BOOST_TEST(refused_with([](auto& h) { h.bytes = 23; }, "the length"));
    BOOST_TEST(refused_with([](auto& h) { h.bytes = 9999; }, "the length"));
    BOOST_TEST(refused_with([](auto& h) { h.items = 0; }, "number of items"));
    BOOST_TEST(refused_with([](auto& h) { h.items = 99; }, "number of items"));
    BOOST_TEST(refused_with([](auto& h) { h.level = 1; }, "number of items"));
    BOOST_TEST(refused_with([](auto& h) { h.items = 1; }, "after the end"));
    BOOST_TEST(refused_with([](auto& h) { h.count = 3; }, "do not add up"));
}

BOOST_AUTO_TEST_CASE(keys_ascend) {
    BOOST_TEST(refused(leaf({"b", "a"}), "not in order"));
    BOOST_TEST(refused(leaf({"a", "a"}), "not in order"));
    BOOST_TEST(refused(inner({{"a", child}}), "not in order"));
    BOOST_TEST(refused(inner({{"", child}, {"", child}}), "not in order"));
    BOOST_TEST(refused(inner({{"", child}, {"b", child}, {"a", child}}),
                       "not in order"));
}

BOOST_AUTO_TEST_CASE(keys_and_values_have_bounds) {
    std::string const longest(format::max_key_bytes, 'k');
    BOOST_TEST(text_of(leaf({longest})) == longest + "=value ");
    BOOST_TEST(refused(leaf({longest + "k"}), "a key is too long"));
    bytes page;
    keyed_page_builder b(page, 0);
    b.entry("k", bytes(format::max_value_bytes + 1));
    b.finish();
    BOOST_TEST(refused(page, "a value is too long"));
}

BOOST_AUTO_TEST_CASE(impossible_children_are_refused) {
    auto const with = [](auto change, std::string const& why) {
        keyed_child_fields c = child;
        change(c);
        return refused(inner({{"", child}, {"m", c}}), why);
    };
    BOOST_TEST(with([](auto& c) { c.place = no_page; }, "a child is empty"));
    BOOST_TEST(with([](auto& c) { c.pages = 0; }, "a child is empty"));
    BOOST_TEST(with([](auto& c) { c.count = 0; }, "a child is empty"));
    BOOST_TEST(with([](auto& c) { c.count = UINT64_MAX; }, "too large"));
}

BOOST_AUTO_TEST_SUITE_END()
