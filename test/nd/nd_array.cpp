// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "../bags/memory_512.hpp"
#include "nd_script.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>

BOOST_AUTO_TEST_SUITE(nd_nd_array)

using namespace nd_test;

namespace {

using bag = bags::memory_512;
using database = ns::basic_database<bag>;

/// Random changes, in transactions of their own and in long ones, some of
/// them rolled back; a snapshot that must stay as it was.
template <std::size_t Rank>
void run_script(int fill) {
    BOOST_TEST_CONTEXT("rank " << Rank << ", NUMSTORE_SEED=" << seed()) {
        script<Rank, bag> s(seed() + Rank);
        database db;
        auto const first = s.some_shape(3000);
        model m(first, fill);
        auto a = db.create_nd<int>("a", s.extents_of(first), fill);
        s.check(a, m);
        for (int round = 0; round != 12; ++round) {
            model const before = m;
            auto const snap = db.snapshot();
            auto tx = db.begin();
            auto inside = a.in(tx);
            for (int i = 0; i != 2; ++i)
                s.change(inside, m);
            auto const mark = tx.savepoint();
            model const kept = m;
            s.change(inside, m);
            if (s.below(2) == 0) {
                tx.rollback_to(mark);
                m = kept;
            }
            s.check_reads(inside, m);
            s.check(a, before);
            if (s.below(4) == 0) {
                tx.rollback();
                m = before;
            } else {
                tx.commit();
            }
            s.change(a, m);
            s.check_reads(a, m);
            s.check(a.in(snap), before);
            if (s.below(4) == 0)
                db.checkpoint();
        }
        BOOST_TEST(db.verify().ok());
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(scripts_of_few_axes) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    run_script<1>(0);
    run_script<2>(0);
    run_script<3>(0);
}

BOOST_AUTO_TEST_CASE(scripts_of_many_axes) {
    run_script<5>(0);
    run_script<8>(0);
}

BOOST_AUTO_TEST_CASE(scripts_with_a_fill_value) {
    run_script<1>(7);
    run_script<2>(-1);
    run_script<3>(99);
}

/// Sizes and places are checked before anything is changed.
BOOST_AUTO_TEST_CASE(wrong_changes_are_refused) {
    using ns::errc;
    database db;
    using grid = ns::extents<ns::dynamic, 4>;
    auto a = db.create_nd<int>("a", grid{10});
    values v(40);
    std::iota(v.begin(), v.end(), 0);
    a.write(v);
    auto const refused = [&](errc code, auto&& f) {
        BOOST_CHECK_EXCEPTION(f(), ns::error, [&](ns::error const& e) {
            BOOST_TEST_INFO(e.what());
            return e.code() == code;
        });
        BOOST_TEST_REQUIRE((a.shape() == grid{10} && a.to_vector() == v));
    };
    values const three(3);
    values const four(4);
    refused(errc::size_mismatch, [&] { a.append(three); });
    refused(errc::size_mismatch, [&] { a.write(three); });
    refused(errc::size_mismatch, [&] { a.write(four, ns::all, 1); });
    refused(errc::out_of_range, [&] { a.write(four, 10, ns::all); });
    refused(errc::out_of_range, [&] { a.insert(0, 11, four); });
    refused(errc::out_of_range, [&] { a.insert(2, 0, four); });
    refused(errc::out_of_range, [&] { a.erase(0, 8, 3); });
    refused(errc::invalid_argument, [&] { a.erase(1, 0, 1); });
    refused(errc::invalid_argument, [&] { a.insert_fill(1, 0, 1); });
    refused(errc::invalid_argument,
            [&] { a.insert_fill(0, 0, ~std::uint64_t{0} - 5); });
    refused(errc::invalid_argument,
            [&] { a.insert_fill(0, 0, std::uint64_t{1} << 62); });
    refused(errc::out_of_range, [&] { a.set({9, 4}, 1); });
    refused(errc::out_of_range, [&] { a.write_from({9, 1}, four); });
    refused(errc::out_of_range, [&] { a.replace_rows(7, values(16)); });
    refused(errc::size_mismatch, [&] { a.replace_rows(7, three); });
    refused(errc::invalid_argument,
            [&] { a.replace_rows(values{1, 1}, values(8)); });
    refused(errc::size_mismatch, [&] { a.replace_rows(values{1}, three); });
    refused(errc::out_of_range, [&] { a.replace_rows(values{10}, four); });
    refused(errc::out_of_range, [&] { a.insert_rows(values{11}, four); });
    refused(errc::out_of_range, [&] { a.erase_rows(values{0, 10}); });
    refused(errc::invalid_argument, [&] { a.erase_rows(values{3, 3}); });
    refused(errc::out_of_range, [&] {
        a.update([](auto& cell) {
            cell.set({0, 0}, 99);
            cell.set({10, 0}, 99);
        });
    });
    BOOST_CHECK_THROW(
        db.create_nd<int>("b", ns::dextents<3>{1u << 31, 1u << 31, 4}),
        ns::error);
    BOOST_TEST(!db.contains("b"));
}

/// What another handle does to an axis that is static here is seen.
BOOST_AUTO_TEST_CASE(a_static_extent_that_others_change_is_noticed) {
    database db;
    auto a = db.create_nd<int>("a", ns::extents<ns::dynamic, 4>{10});
    db.open_nd<int, ns::dextents<2>>("a").resize(1, 5);
    BOOST_CHECK_THROW(a(0, 0), ns::error);
    BOOST_CHECK_THROW(a.append(values(4)), ns::error);
    BOOST_TEST((db.open_nd<int, ns::extents<ns::dynamic, 5>>("a").extent(0)
                == 10));
}

/// A declared capacity costs nothing until its cells are written.
BOOST_AUTO_TEST_CASE(cells_on_demand) {
    database db;
    std::uint64_t const long_axis = 1000000;
    auto a = db.create_nd<int>(
        "a", ns::dextents<4>{long_axis, 100, 100, 100}, -1);
    a.set({999999, 99, 99, 99}, 5);
    a.set({0, 1, 2, 3}, 6);
    a.write_from({7, 7, 7, 90}, values{1, 2, 3});
    a.resize(3, 120);
    a.resize(0, long_axis * 2);
    db.checkpoint();
    BOOST_TEST(a(999999, 99, 99, 99) == 5);
    BOOST_TEST(a(0, 1, 2, 3) == 6);
    BOOST_TEST(a(0, 1, 2, 4) == -1);
    BOOST_TEST(a(1999999, 99, 99, 119) == -1);
    values out(6);
    a.read_from({7, 7, 7, 88}, out);
    BOOST_TEST((out == values{-1, -1, 1, 2, 3, -1}));
    BOOST_TEST(db.stats().file_bytes < (std::uint64_t{4} << 20));
    a.update([](auto& cell) {
        for (int i = 0; i != 5000; ++i)
            cell.set({i % 7, 0, i % 100, i % 120}, i);
        cell.set({1, 0, 1, 1}, 77);
    });
    BOOST_TEST(a(1, 0, 1, 1) == 77);
    BOOST_TEST(a(4999 % 7, 0, 99, 4999 % 120) == 4999);
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_SUITE_END()
