// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/element_bytes.hpp>

#include <boost/describe/class.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <ranges>
#include <span>
#include <sstream>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_element_bytes)

using namespace numstore;
using namespace numstore::detail;

namespace {

struct padded {
    std::uint8_t a;
    std::uint32_t b;
};
BOOST_DESCRIBE_STRUCT(padded, (), (a, b))

static_assert(has_padding<padded> && !has_padding<float>);
static_assert(stored_in_place<std::vector<float>&, float>);
static_assert(stored_in_place<std::span<float const>, float>);
static_assert(!stored_in_place<std::vector<float>&, double>);
static_assert(!stored_in_place<std::list<float>&, float>);
static_assert(!stored_in_place<std::vector<bool>&, bool>);
static_assert(!stored_in_place<std::vector<padded>&, padded>);
static_assert(element_range<std::vector<bool>, bool>);
static_assert(element_range<std::vector<int>, double>);
static_assert(!element_range<std::vector<std::string>, double>);
static_assert(!element_range<int, int>);

template <class T, class R>
std::vector<T> through_bytes(R&& range) {
    std::vector<T> values;
    with_element_bytes<T>(
        std::forward<R>(range), [&](std::span<std::byte const> bytes) {
            for (std::size_t at = 0; at != bytes.size(); at += sizeof(T))
                values.push_back(load_element<T>(bytes.data() + at));
        });
    return values;
}

} // namespace

BOOST_AUTO_TEST_CASE(contiguous_ranges_are_not_copied) {
    std::vector<float> const v{1, 2, 3};
    with_element_bytes<float>(v, [&](std::span<std::byte const> bytes) {
        BOOST_TEST(static_cast<void const*>(bytes.data()) == v.data());
        BOOST_TEST(bytes.size() == 12u);
    });
    std::array<std::uint16_t, 2> writable{};
    static_assert(
        std::same_as<decltype(bytes_of(writable)), std::span<std::byte>>);
    static_assert(
        std::same_as<decltype(bytes_of(v)), std::span<std::byte const>>);
    BOOST_TEST(bytes_of(writable).size() == 4u);
}

BOOST_AUTO_TEST_CASE(other_ranges_are_converted) {
    BOOST_TEST((through_bytes<double>(std::vector<int>{1, -2})
                == std::vector<double>{1, -2}));
    BOOST_TEST((through_bytes<bool>(std::vector<bool>{true, false})
                == std::vector<bool>{true, false}));
    BOOST_TEST(through_bytes<int>(std::list<int>{}).empty());
    std::istringstream text("3 4");
    BOOST_TEST((through_bytes<int>(std::ranges::istream_view<int>(text))
                == std::vector<int>{3, 4}));
    int const n = 3000000;
    auto const many = through_bytes<int>(
        std::views::iota(0, n)
        | std::views::transform([](int i) { return i; }));
    BOOST_TEST(std::ranges::equal(many, std::views::iota(0, n)));
}

BOOST_AUTO_TEST_CASE(pieces_are_bounded) {
    auto range = std::views::iota(std::uint64_t{0}, std::uint64_t{1200000});
    element_pieces<std::uint64_t, decltype(range)> pieces(range);
    std::uint64_t seen = 0;
    for (auto p = pieces.next(); !p.empty(); p = pieces.next()) {
        BOOST_REQUIRE(p.size() <= std::size_t{4} << 20);
        BOOST_REQUIRE(p.size() % 8 == 0);
        BOOST_REQUIRE(load_element<std::uint64_t>(p.data()) == seen);
        seen += p.size() / 8;
        BOOST_REQUIRE(pieces.done() == (seen == 1200000));
    }
    BOOST_TEST(seen == 1200000u);
    BOOST_TEST(pieces.next().empty());
}

BOOST_AUTO_TEST_CASE(padding_becomes_zero) {
    std::vector<padded> v(3);
    std::memset(static_cast<void*>(v.data()), 0xff, 3 * sizeof(padded));
    with_element_bytes<padded>(v, [](std::span<std::byte const> bytes) {
        BOOST_REQUIRE(bytes.size() == 24u);
        for (std::size_t i = 0; i != 24; ++i)
            BOOST_TEST((bytes[i] == std::byte{0})
                       == (i % 8 == 1 || i % 8 == 2 || i % 8 == 3));
    });
    std::memset(static_cast<void*>(v.data()), 0xff, sizeof(padded));
    v[0].a = 0;
    v[0].b = 0;
    BOOST_TEST(is_stored_as_zero(v[0]));
    BOOST_TEST(!is_stored_as_zero(v[1]));
    BOOST_TEST(is_stored_as_zero(0.f));
    BOOST_TEST(!is_stored_as_zero(-0.f));
}

BOOST_AUTO_TEST_CASE(permutations) {
    std::array<std::uint16_t, 3> const v{10, 20, 30};
    std::vector<std::byte> buffer;
    auto const same = permuted<2>(bytes_of(v), {}, buffer);
    BOOST_TEST(static_cast<void const*>(same.data()) == v.data());
    std::array<std::uint64_t, 3> const order{2, 0, 1};
    auto const other = permuted<2>(bytes_of(v), order, buffer);
    BOOST_REQUIRE(other.size() == 6u);
    BOOST_TEST(load_element<std::uint16_t>(other.data()) == 30u);
    BOOST_TEST(load_element<std::uint16_t>(other.data() + 2) == 10u);
    BOOST_TEST(load_element<std::uint16_t>(other.data() + 4) == 20u);
}

BOOST_AUTO_TEST_CASE(too_many_values) {
    auto const code = [](std::uint64_t n) {
        try {
            allocate_values<std::vector<double>>(n);
        } catch (error const& e) {
            return e.code();
        }
        return std::error_code();
    };
    BOOST_TEST(!code(5));
    BOOST_TEST((code(UINT64_MAX) == errc::no_memory));
    BOOST_TEST((code(UINT64_MAX / 8 + 2) == errc::no_memory));
    BOOST_CHECK_THROW(require_same_size(1, 2), error);
    BOOST_CHECK_NO_THROW(require_same_size(2, 2));
}

BOOST_AUTO_TEST_CASE(bools_are_read_as_zero_or_one) {
    using three = std::array<bool, 3>;
    std::array<std::byte, 3> bytes{std::byte{0}, std::byte{1}, std::byte{1}};
    BOOST_TEST(valid_elements<three>(bytes.data(), 1));
    BOOST_TEST(valid_elements<bool>(bytes.data(), 3));
    bytes[1] = std::byte{6};
    BOOST_TEST(!valid_elements<three>(bytes.data(), 1));
    BOOST_TEST(!valid_elements<bool>(bytes.data(), 3));
    BOOST_TEST(valid_elements<bool>(bytes.data(), 1));
    BOOST_TEST((valid_elements<std::array<std::uint8_t, 3>>(bytes.data(), 1)));
    BOOST_TEST((load_element<three>(bytes.data()) == three{false, true, true}));
    normalize_bools<bool>(bytes.data(), 3);
    BOOST_TEST(valid_elements<bool>(bytes.data(), 3));
    BOOST_TEST((bytes[1] == std::byte{1}));
    BOOST_TEST((to_values<bool>({0, 4, 1})
                == std::vector<bool>{false, true, true}));
}

BOOST_AUTO_TEST_SUITE_END()
