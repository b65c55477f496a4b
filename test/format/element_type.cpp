// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/format/element_check.hpp>
#include <numstore/format/element_type.hpp>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(format_element_type)

using namespace numstore;
using kind = element_kind;

namespace {

element_type sample() {
    return element_type::structure({{"t", 0, element_type(kind::f64)},
                                    {"v", 8, element_type(kind::f32)},
                                    {"flags", 12, element_type(kind::u8)}},
                                   16, 8);
}

template <class Call>
bool refuses(Call call, char const* text) {
    try {
        call();
    } catch (error const& e) {
        return e.code() == errc::invalid_argument
               && std::string(e.what()).find(text) != std::string::npos;
    }
    return false;
}

element_type structure(std::vector<element_type::member> members,
                       std::uint64_t size, std::uint64_t alignment = 1) {
    return element_type::structure(std::move(members), size, alignment);
}

} // namespace

BOOST_AUTO_TEST_CASE(scalars) {
    struct row {
        kind k;
        char const* text;
        std::size_t size;
    };
    for (row const& r : std::initializer_list<row>{{kind::boolean, "bool", 1},
                                                   {kind::i8, "i8", 1},
                                                   {kind::i16, "i16", 2},
                                                   {kind::i32, "i32", 4},
                                                   {kind::i64, "i64", 8},
                                                   {kind::u8, "u8", 1},
                                                   {kind::u16, "u16", 2},
                                                   {kind::u32, "u32", 4},
                                                   {kind::u64, "u64", 8},
                                                   {kind::f32, "f32", 4},
                                                   {kind::f64, "f64", 8},
                                                   {kind::c64, "c64", 8},
                                                   {kind::c128, "c128", 16},
                                                   {kind::byte, "byte", 1}}) {
        element_type const t(r.k);
        BOOST_TEST(t.to_string() == r.text);
        BOOST_TEST(t.size() == r.size);
        BOOST_TEST(t.extent() == 1u);
        BOOST_TEST(t.members().empty());
    }
    BOOST_TEST((element_type() == element_type(kind::byte)));
    BOOST_TEST(refuses([] { element_type{kind::array}; }, "without its parts"));
}

BOOST_AUTO_TEST_CASE(arrays) {
    auto const t = element_type::array_of(
        2, element_type::array_of(3, element_type(kind::f32)));
    BOOST_TEST(t == "[2][3]f32");
    BOOST_TEST(t.size() == 24u);
    BOOST_TEST(t.alignment() == 4u);
    BOOST_TEST(t.extent() == 2u);
    BOOST_TEST(t.inner() == "[3]f32");
    BOOST_TEST(
        refuses([] { return element_type::array_of(0, {}); }, "no elements"));
    BOOST_TEST(refuses([] { return element_type::array_of(UINT64_MAX, {}); },
                       "256 MiB"));
    BOOST_TEST(refuses(
        [] {
            return element_type::array_of(UINT64_MAX, element_type(kind::f64));
        },
        "256 MiB"));
    BOOST_TEST(element_type::array_of(std::uint64_t{1} << 28, {}).size()
               == std::size_t{1} << 28);
}

BOOST_AUTO_TEST_CASE(natural_structs_show_no_offsets) {
    auto const t = sample();
    BOOST_TEST(t == "{t f64, v f32, flags u8}");
    BOOST_TEST(t.members().size() == 3u);
    BOOST_TEST(t.members()[1].name == "v");
    BOOST_TEST(t.members()[1].offset == 8u);
    BOOST_TEST(t.members()[1].type == "f32");
}

BOOST_AUTO_TEST_CASE(other_layouts_show_what_differs) {
    element_type const u8(kind::u8);
    element_type const f64(kind::f64);
    BOOST_TEST(structure({{"a", 0, u8}, {"b", 1, f64}}, 9)
               == "{a u8, b f64 @1} %1");
    BOOST_TEST(structure({{"a", 0, u8}, {"b", 8, f64}}, 24, 8)
               == "{a u8, b f64} #24");
    BOOST_TEST(structure({{"a", 4, u8}}, 8, 8) == "{a u8 @4} %8");
    BOOST_TEST(structure({{"b", 8, f64}, {"a", 0, u8}}, 16, 8)
               == "{a u8, b f64}");
}

BOOST_AUTO_TEST_CASE(equality_is_that_of_layouts) {
    BOOST_TEST((sample() == sample()));
    element_type const u8(kind::u8);
    auto const one = structure({{"a", 0, u8}}, 1);
    BOOST_TEST((one != structure({{"b", 0, u8}}, 1)));
    BOOST_TEST((one != structure({{"a", 0, u8}}, 2)));
    BOOST_TEST((one != structure({{"a", 1, u8}}, 2)));
    BOOST_TEST((one != structure({{"a", 0, element_type(kind::i8)}}, 1)));
    BOOST_TEST((one != u8));
}

BOOST_AUTO_TEST_CASE(impossible_structs) {
    element_type const u8(kind::u8);
    element_type const f64(kind::f64);
    BOOST_TEST(refuses([&] { return structure({}, 1); }, "no members"));
    BOOST_TEST(refuses([&] { return structure({{"", 0, u8}}, 1); }, "named"));
    BOOST_TEST(refuses([&] { return structure({{"1", 0, u8}}, 1); }, "named"));
    BOOST_TEST(
        refuses([&] { return structure({{"a b", 0, u8}}, 1); }, "named"));
    BOOST_TEST(
        refuses([&] { return structure({{"a", 1, u8}}, 1); }, "does not lie"));
    BOOST_TEST(refuses([&] { return structure({{"a", UINT64_MAX, f64}}, 8); },
                       "does not lie"));
    BOOST_TEST(
        refuses([&] { return structure({{"a", 0, f64}, {"b", 7, u8}}, 8); },
                "overlaps"));
    BOOST_TEST(refuses(
        [&] { return structure({{"a", 0, u8}, {"a", 1, u8}}, 2); }, "twice"));
    BOOST_TEST(refuses([&] { return structure({{"a", 0, u8}}, 1, 3); },
                       "alignment of 3"));
    BOOST_TEST(refuses(
        [&] { return structure({{"a", 0, u8}}, std::uint64_t{1} << 29); },
        "256 MiB"));
}

BOOST_AUTO_TEST_CASE(depth_and_text_are_bounded) {
    element_type t;
    for (int i = 1; i < 32; ++i)
        t = element_type::array_of(1, std::move(t));
    BOOST_TEST(refuses([&] { return element_type::array_of(1, t); }, "deeper"));
    BOOST_TEST(refuses([&] { return structure({{"a", 0, t}}, 1); }, "deeper"));

    std::vector<element_type::member> members;
    for (std::uint64_t i = 0; i < 5000; ++i)
        members.push_back({"member" + std::to_string(i), i, {}});
    BOOST_TEST(refuses([&] { return structure(members, 5000); }, "64 KiB"));
}

BOOST_AUTO_TEST_CASE(it_is_text_where_text_is_wanted) {
    std::ostringstream out;
    out << sample();
    std::string const text = sample();
    BOOST_TEST(out.str() == text);
    BOOST_TEST((sample() != "f32"));
    BOOST_TEST((sample() == std::string(text)));
}

BOOST_AUTO_TEST_CASE(normalize_clears_padding_and_settles_bools) {
    auto const t = element_type::array_of(
        2, structure({{"a", 1, element_type(kind::boolean)},
                      {"b", 4, element_type(kind::u16)}},
                     8, 2));
    std::vector<std::byte> bytes(t.size(), std::byte{0xee});
    t.normalize(bytes.data());
    std::vector<std::byte> expected(16);
    for (std::size_t at : {0u, 8u}) {
        expected[at + 1] = std::byte{1};
        expected[at + 4] = expected[at + 5] = std::byte{0xee};
    }
    BOOST_TEST((bytes == expected));
}

BOOST_AUTO_TEST_SUITE_END()
