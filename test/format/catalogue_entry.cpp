// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(format_catalogue_entry)

using namespace numstore;
using format::catalogue_entry;
using format::root_kind;

namespace {

catalogue_entry good() {
    catalogue_entry e;
    e.id = 300;
    e.name = "boiler/t";
    e.element = "f64";
    e.element_size = 8;
    e.size = 1000;
    e.root.kind = root_kind::tree;
    e.root.height = 2;
    e.root.place = page_no{77};
    e.root.checksum = 99;
    e.attributes = {{"a", {std::byte{1}}}, {"b", {}}};
    return e;
}

std::vector<std::byte> encoded(catalogue_entry const& e) {
    std::vector<std::byte> bytes;
    format::encode_catalogue_entry(e, bytes);
    return bytes;
}

/// Why the bytes are refused; empty if they are not.
std::string refusal(std::vector<std::byte> const& bytes) {
    try {
        format::decode_catalogue_entry(bytes);
        return {};
    } catch (error const& e) {
        return e.code() == errc::corrupt ? e.what() : "?";
    }
}

template <class Change>
bool refused(Change change, std::string const& why) {
    catalogue_entry e = good();
    change(e);
    return refusal(encoded(e)).find(why) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
    auto e = good();
    BOOST_TEST((format::decode_catalogue_entry(encoded(e)) == e));
    e.shape = {3, 0, {10, 10, 10}};
    e.root = {};
    e.root.kind = root_kind::inline_bytes;
    e.root.elements.resize(8000);
    BOOST_TEST((format::decode_catalogue_entry(encoded(e)) == e));
    e.root = {};
    e.size = 0;
    e.shape.dimensions = {10, 0, 10};
    BOOST_TEST((format::decode_catalogue_entry(encoded(e)) == e));
}

/// What is stored is whole tiles.
BOOST_AUTO_TEST_CASE(tiles_are_read_back_and_checked) {
    auto e = good();
    e.root = {};
    e.root.kind = root_kind::inline_bytes;
    e.size = 2 * 8 * 2 * 6;
    e.root.elements.resize(static_cast<std::size_t>(e.size * e.element_size));
    e.shape = {2, format::tiled, {9, 11}, {}, {8, 6}};
    BOOST_TEST((format::decode_catalogue_entry(encoded(e)) == e));
    e.shape.layout = format::tiled_filled;
    e.shape.fill.resize(e.element_size);
    BOOST_TEST((format::decode_catalogue_entry(encoded(e)) == e));
    auto const wrong = [&](auto&& change, char const* why) {
        auto other = e;
        change(other.shape);
        return refusal(encoded(other)).find(why) != std::string::npos;
    };
    BOOST_TEST(
        wrong([](auto& s) { s.dimensions = {17, 11}; }, "dimensions and size"));
    BOOST_TEST(wrong([](auto& s) { s.tile = {8, 0}; }, "tile"));
    BOOST_TEST(wrong([](auto& s) { s.tile = {1u << 20, 2}; }, "tile"));
    BOOST_TEST(wrong([](auto& s) { s.tile = {1ull << 63, 4}; }, "tile"));
    BOOST_TEST(
        wrong([](auto& s) { s = {1, format::tiled, {}, {}, {8}}; }, "tile"));
}

BOOST_AUTO_TEST_CASE(ids_are_eight_bytes) {
    auto const id = format::encode_array_id(0x1234);
    BOOST_TEST(format::decode_array_id(id) == 0x1234U);
    BOOST_CHECK_THROW(format::decode_array_id(std::span(id).first(7)), error);
    BOOST_CHECK_THROW(
        format::decode_array_id(std::vector<std::byte>(9)), error);
}

BOOST_AUTO_TEST_CASE(impossible_entries_are_refused) {
    BOOST_TEST(refused([](auto& e) { e.id = 0; }, "id is zero"));
    BOOST_TEST(refused([](auto& e) { e.flags = 1; }, "flag is unknown"));
    BOOST_TEST(refused([](auto& e) { e.name.clear(); }, "length of the name"));
    BOOST_TEST(refused([](auto& e) { e.name.assign(1025, 'n'); },
                       "length of the name"));
    BOOST_TEST(refused([](auto& e) { e.element_size = 0; }, "element size"));
    BOOST_TEST(refused([](auto& e) { e.shape.rank = 0; }, "rank"));
    BOOST_TEST(refused([](auto& e) { e.shape.rank = 33; }, "rank"));
    BOOST_TEST(refused([](auto& e) { e.shape.layout = 4; }, "layout"));
    BOOST_TEST(refused([](auto& e) { e.shape.layout = 1; }, "fill value"));
    BOOST_TEST(refused([](auto& e) { e.shape = {2, 0, {e.size, 2}}; },
                       "dimensions and size"));
    BOOST_TEST(refused(
        [](auto& e) {
            e.shape = {3, 0, {1ull << 32, 1ull << 32, e.size}};
        },
        "dimensions and size"));
    BOOST_TEST(refused([](auto& e) { e.attributes = {{"b", {}}, {"a", {}}}; },
                       "not in order"));
    BOOST_TEST(refused([](auto& e) { e.attributes = {{"a", {}}, {"a", {}}}; },
                       "not in order"));
    auto bytes = encoded(good());
    bytes.push_back(std::byte{0});
    BOOST_TEST(refusal(bytes).find("after the end") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_element_size_of_more_than_32_bits_is_refused) {
    std::vector<std::byte> bytes;
    format::byte_writer w(bytes);
    w.varint(1);
    w.varint(0);
    w.text("n");
    w.text("f64");
    w.varint(std::uint64_t{1} << 32);
    BOOST_TEST(refusal(bytes).find("element size") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(impossible_roots_are_refused) {
    BOOST_TEST(refused([](auto& e) { e.size = UINT64_MAX / 7; }, "the size"));
    BOOST_TEST(refused([](auto& e) { e.root.kind = root_kind{3}; }, "kind of"));
    BOOST_TEST(refused([](auto& e) { e.size = 0; }, "do not match"));
    BOOST_TEST(
        refused([](auto& e) { e.root.kind = root_kind::empty; }, "not match"));
    BOOST_TEST(refused(
        [](auto& e) {
            e.root.kind = root_kind::inline_bytes;
            e.root.elements.resize(7999);
        },
        "size and elements"));
    BOOST_TEST(refused([](auto& e) { e.root.height = 65; }, "too high"));
    BOOST_TEST(refused([](auto& e) { e.root.place = no_page; }, "a hole"));
}

BOOST_AUTO_TEST_CASE(an_entry_that_ends_anywhere_is_refused) {
    auto const bytes = encoded(good());
    for (std::size_t n = 0; n != bytes.size(); ++n)
        BOOST_TEST(!refusal({bytes.begin(), bytes.begin() + std::ptrdiff_t(n)})
                        .empty());
}

BOOST_AUTO_TEST_SUITE_END()
