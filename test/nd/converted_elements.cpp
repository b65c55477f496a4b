// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Elements that are stored in another form than they have in memory.
#include <boost/test/unit_test.hpp>

#include "../bags/memory_512.hpp"
#include "nd_script.hpp"

#include <numstore/array/element_traits.hpp>
#include <numstore/array/tiny_text.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace {

/// A number with memory of its own.
struct numeral {
    std::string digits = "0";

    numeral() = default;
    numeral(int n) : digits(std::to_string(n)) {}
    operator int() const { return std::stoi(digits); }
};

} // namespace

template <>
struct numstore::element_traits<numeral> {
    using stored_type = std::int32_t;
    static std::int32_t store(numeral const& n) { return n; }
    static numeral load(std::int32_t n) { return n; }
    static bool valid(std::int32_t n) { return n < 2'000'000; }
};

namespace {

/// A text that is not stored where it is too long.
struct short_text {
    std::string value;
    bool operator==(short_text const&) const = default;
};

} // namespace

template <>
struct numstore::element_traits<short_text> {
    using stored_type = numstore::tiny_text<4>;
    static stored_type store(short_text const& t) { return t.value; }
    static short_text load(stored_type const& t) { return {t.str()}; }
};

BOOST_AUTO_TEST_SUITE(nd_converted_elements)

using namespace nd_test;

namespace {

using bag = bags::memory_512;
using database = ns::basic_database<bag>;
using cell = std::variant<std::int16_t, double, ns::tiny_text<3>>;

template <std::size_t Rank>
void run_script(int fill, ns::tiling const* tile) {
    BOOST_TEST_CONTEXT("rank " << Rank << ", NUMSTORE_SEED=" << seed()) {
        script<Rank, bag, numeral> s(seed() + Rank);
        database db;
        auto const first = s.some_shape(3000);
        model m(first, fill);
        auto const shape = s.extents_of(first);
        auto a = tile == nullptr
                     ? db.create_nd<numeral>("a", shape, fill)
                     : db.create_nd<numeral>("a", shape, fill, *tile);
        for (int round = 0; round != 12; ++round) {
            auto tx = db.begin();
            auto inside = a.in(tx);
            s.change(inside, m);
            s.check_reads(inside, m);
            tx.commit();
            s.change(a, m);
            s.check_reads(a, m);
        }
        values streamed;
        for (auto const& batch : a.batches(3))
            streamed.insert(streamed.end(), batch.values.begin(),
                            batch.values.end());
        BOOST_TEST((streamed == m.elements));
        BOOST_TEST(int{a.fill_value()} == fill);
        BOOST_TEST(db.verify().ok());
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(scripts) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    run_script<3>(0, nullptr);
    run_script<3>(7, nullptr);
}

BOOST_AUTO_TEST_CASE(scripts_with_tiles) {
    ns::tiling const tile{4, 3, 2};
    run_script<3>(0, &tile);
    run_script<3>(-1, &tile);
}

BOOST_AUTO_TEST_CASE(unions_in_a_grid) {
    database db;
    auto a = db.create_nd<cell>("a", ns::extents<ns::dynamic, 3>{2},
                                cell(std::int16_t{-1}));
    BOOST_TEST((a(1, 2) == cell(std::int16_t{-1})));
    a.set({0, 1}, cell(2.5));
    a.update([](auto& cells) {
        cells.set({1, 0}, cell(ns::tiny_text<3>("abc")));
        cells.set({0, 1}, cell(3.5));
    });
    std::vector<cell> const row{cell(0.5), cell(ns::tiny_text<3>("")),
                                cell(std::int16_t{9})};
    a.insert(0, 1, row);
    BOOST_TEST((a.to_vector(1, ns::all) == row));
    BOOST_TEST((a.to_vector(ns::slice{.step = -1}, 0)
                == std::vector<cell>{cell(ns::tiny_text<3>("abc")), row[0],
                                     cell(std::int16_t{-1})}));
    std::vector<cell> part(2);
    a.read_from({0, 1}, part);
    BOOST_TEST(
        (part == std::vector<cell>{cell(3.5), cell(std::int16_t{-1})}));
    auto const run = a.view(1, ns::all).run();
    BOOST_TEST(!run.is_zero_copy());
    BOOST_TEST((std::vector<cell>(run.begin(), run.end()) == row));
    BOOST_TEST((a.rows_where(std::array{false, true, false}) == row));
    BOOST_CHECK_EXCEPTION(
        (db.open_nd<double, ns::dextents<2>>("a")), ns::error,
        [](ns::error const& e) { return e.code() == ns::errc::type_mismatch; });
    auto const copy = db.create_nd<cell>("copy", ns::dextents<2>{3, 3});
    BOOST_TEST((copy(2, 2) == cell()));
}

/// What `store` throws reaches the caller, and the cell is as it was.
BOOST_AUTO_TEST_CASE(what_cannot_be_stored_changes_nothing) {
    database db;
    for (std::string const fill : {"", "-"}) {
        auto a = db.create_nd<short_text>("a" + fill, ns::dextents<2>{2, 3},
                                          short_text{fill});
        short_text const one{"one"};
        short_text const too_long{"too long"};
        a.set({0, 1}, one);
        BOOST_CHECK_THROW(a.set({0, 1}, too_long), ns::error);
        BOOST_CHECK_THROW(a.append(std::vector(3, too_long)), ns::error);
        a.update([&](auto& cells) {
            BOOST_CHECK_THROW(cells.set({0, 1}, too_long), ns::error);
            cells.set({1, 1}, one);
        });
        BOOST_TEST((a(0, 1) == one && a(1, 1) == one));
        BOOST_TEST((a(0, 0) == short_text{fill}));
        BOOST_TEST(a.extent(0) == 2u);
    }
}

/// What is no value is said to be damaged, wherever it is read.
BOOST_AUTO_TEST_CASE(what_is_no_value_is_corrupt) {
    database db;
    auto a = db.create_nd<std::int32_t>("a", ns::dextents<2>{4, 300});
    a.set({2, 7}, 2'000'000);
    auto const b = db.open_nd<numeral, ns::dextents<2>>("a");
    auto const corrupt = [](ns::error const& e) {
        return e.code() == ns::errc::corrupt;
    };
    BOOST_TEST(int{b(2, 8)} == 0);
    BOOST_CHECK_EXCEPTION(b(2, 7), ns::error, corrupt);
    BOOST_CHECK_EXCEPTION(b.to_vector(), ns::error, corrupt);
    BOOST_CHECK_EXCEPTION(b.view(2, ns::all).run(), ns::error, corrupt);
    BOOST_CHECK_EXCEPTION(b.gather_rows(std::vector{2, 2}), ns::error, corrupt);
    BOOST_CHECK_EXCEPTION(b.reader()(2, 7), ns::error, corrupt);
    BOOST_TEST(b.gather_rows(std::vector{3, 1, 3}).size() == 900u);
}

BOOST_AUTO_TEST_SUITE_END()
