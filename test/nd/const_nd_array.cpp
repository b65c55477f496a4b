// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "../bags/memory_512.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(nd_const_nd_array)

namespace {

namespace ns = numstore;
using database = ns::basic_database<bags::memory_512>;
using grid = ns::extents<ns::dynamic, 10>;
using values = std::vector<int>;

struct setting {
    database db;
    ns::nd_array<int, grid, bags::memory_512> a =
        db.create_nd<int>("a", grid{100});
    setting() {
        values v(1000);
        std::iota(v.begin(), v.end(), 0);
        a.write(v);
    }
};

template <class F>
void require_error(ns::errc code, F&& f) {
    BOOST_CHECK_EXCEPTION(f(), ns::error, [&](ns::error const& e) {
        BOOST_TEST_INFO(e.what());
        return e.code() == code;
    });
}

} // namespace

BOOST_AUTO_TEST_CASE(opening_checks_rank_extents_and_element) {
    setting s;
    auto& db = s.db;
    using ns::errc;
    BOOST_TEST((db.open_nd<int, grid>("a").shape() == grid{100}));
    BOOST_TEST(
        (db.open_nd<int, ns::dextents<2>>("a").shape() == grid{100}));
    BOOST_TEST((db.snapshot().open_nd<int, grid>("a")(3, 4) == 34));
    require_error(errc::not_found, [&] { db.open_nd<int, grid>("b"); });
    require_error(errc::type_mismatch,
                  [&] { db.open_nd<float, grid>("a"); });
    require_error(errc::type_mismatch,
                  [&] { db.open_nd<int, ns::dextents<3>>("a"); });
    require_error(errc::type_mismatch, [&] {
        db.open_nd<int, ns::extents<ns::dynamic, 11>>("a");
    });
    require_error(errc::type_mismatch, [&] { db.open<int>("a"); });
    require_error(errc::type_mismatch, [&] { db.open_or_create<int>("a"); });
    require_error(errc::type_mismatch,
                  [&] { db.snapshot().open<int>("a"); });
    require_error(errc::already_exists,
                  [&] { db.create_nd<int>("a", grid{1}); });
    require_error(errc::type_mismatch, [&] {
        db.open_or_create_nd<int>("a", ns::dextents<1>{1});
    });
    BOOST_TEST(
        (db.open_or_create_nd<int>("a", grid{1}).extent(0) == 100));
}

BOOST_AUTO_TEST_CASE(reads_check_places) {
    setting s;
    using ns::errc;
    BOOST_TEST(s.a(99, 9) == 999);
    BOOST_TEST((s.a.to_vector(2, ns::all)
                == values{20, 21, 22, 23, 24, 25, 26, 27, 28, 29}));
    values four(4);
    s.a.read_from({7, 6}, four);
    BOOST_TEST((four == values{76, 77, 78, 79}));
    require_error(errc::out_of_range, [&] { s.a.read_from({7, 7}, four); });
    require_error(errc::out_of_range, [&] { s.a.read_from({100, 0}, four); });
    require_error(errc::out_of_range, [&] { s.a(0, 10); });
    require_error(errc::out_of_range, [&] { s.a(-1, 0); });
    require_error(errc::out_of_range, [&] { s.a.extent(2); });
    auto reader = s.a.reader();
    for (int i = 0; i != 100; ++i)
        BOOST_TEST_REQUIRE(reader(99 - i, i % 10) == (99 - i) * 10 + i % 10);
    require_error(errc::out_of_range, [&] { reader(0, 10); });
    require_error(errc::out_of_range, [&] { reader(100, 0); });
}

BOOST_AUTO_TEST_CASE(rows_by_lists_and_masks) {
    setting s;
    using ns::errc;
    auto const rows = s.a.gather_rows(values{5, 99, 5});
    BOOST_TEST(rows.size() == 30u);
    BOOST_TEST(rows[0] == 50);
    BOOST_TEST(rows[10] == 990);
    BOOST_TEST(rows[29] == 59);
    values small(29);
    require_error(errc::size_mismatch,
                  [&] { s.a.gather_rows(values{1, 2, 3}, small); });
    require_error(errc::out_of_range,
                  [&] { s.a.gather_rows(values{1, 100}); });
    std::vector<bool> mask(100, false);
    mask[1] = mask[98] = true;
    auto const some = s.a.rows_where(mask);
    BOOST_TEST(some.size() == 20u);
    BOOST_TEST(some[19] == 989);
    mask.pop_back();
    require_error(errc::size_mismatch, [&] { s.a.rows_where(mask); });
    BOOST_TEST(s.a.row_size() == 10u);
}

BOOST_AUTO_TEST_CASE(batches_hold_one_of_them) {
    setting s;
    auto batches = s.a.batches(30);
    s.a.clear(); // the batches keep their version
    int next = 0;
    std::vector<std::uint64_t> sizes;
    for (auto const b : batches) {
        BOOST_TEST(b.first * 10 == static_cast<std::uint64_t>(next));
        sizes.push_back(b.rows);
        for (int const v : b.values)
            BOOST_TEST_REQUIRE(v == next++);
    }
    BOOST_TEST(next == 1000);
    BOOST_TEST((sizes == std::vector<std::uint64_t>{30, 30, 30, 10}));
    require_error(ns::errc::invalid_argument, [&] { s.a.batches(0); });
    for (auto const b : s.a.batches(5))
        BOOST_TEST_REQUIRE(b.rows == 0u);
}

BOOST_AUTO_TEST_CASE(names_copies_and_lists_know_the_shape) {
    setting s;
    auto& db = s.db;
    s.a.attributes().set("unit", "degC");
    db.clone("a", "b");
    db.rename("b", "c");
    s.a.insert_fill(0, 100, 1);
    db.copy(s.a, "d");
    auto const shape_of = [&](std::string const& name) {
        for (auto const& i : db.list())
            if (i.name == name)
                return i.shape;
        return std::vector<std::uint64_t>{};
    };
    using shape = std::vector<std::uint64_t>;
    BOOST_TEST((shape_of("a") == shape{101, 10}));
    BOOST_TEST((shape_of("c") == shape{100, 10}));
    BOOST_TEST((shape_of("d") == shape{101, 10}));
    BOOST_TEST((db.open_any("d").info().shape == shape{101, 10}));
    BOOST_TEST((db.open_nd<int, grid>("c").to_vector().size() == 1000));
    BOOST_TEST(
        (db.open_nd<int, grid>("d").attributes().get<std::string>("unit")
         == "degC"));
    db.checkpoint();
    database target;
    db.backup(target);
    BOOST_TEST((target.open_nd<int, grid>("a").to_vector()
                == s.a.to_vector()));
    db.drop("a");
    require_error(ns::errc::not_found, [&] { s.a.shape(); });
    BOOST_TEST(db.verify().ok());
    BOOST_TEST(target.verify().ok());
}

/// A flat handle reads all of it, and cannot make it another shape.
BOOST_AUTO_TEST_CASE(flat_handles_keep_the_shape) {
    setting s;
    auto any = s.db.open_any("a");
    BOOST_TEST(any.size() == 1000u);
    std::vector<std::byte> const four(4);
    require_error(ns::errc::invalid_argument, [&] { any.append(four); });
    require_error(ns::errc::invalid_argument, [&] { any.erase(0, 1); });
    require_error(ns::errc::invalid_argument,
                  [&] { any.as<int>().resize(5); });
    BOOST_TEST(s.a.size() == 1000u);
    s.db.create_nd<int>("f", ns::dextents<1>{9}, 5);
    require_error(ns::errc::type_mismatch, [&] { s.db.open_any("f"); });
    require_error(ns::errc::type_mismatch, [&] { s.db.open<int>("f"); });
    auto plain = s.db.create_nd<int>("p", ns::dextents<1>{9});
    s.db.open<int>("p").push_back(4);
    BOOST_TEST(plain(9) == 4);
}

/// Often enough that leaves are found by a directory, which no change may
/// leave behind.
BOOST_AUTO_TEST_CASE(single_elements_beside_changes) {
    for (int const fill : {0, 7}) {
        database db;
        auto a = db.create_nd<int>("a", grid{150}, fill);
        values now(1500, fill);
        auto const check = [](auto&& from, values const& expected) {
            bool same = true;
            for (std::size_t i = 0; i != expected.size(); ++i)
                same = same && from(i / 10, i % 10) == expected[i];
            BOOST_TEST(same);
        };
        for (std::uint64_t row = 0; row < 150; row += 37) {
            values const before = now;
            auto const old = a.view();
            auto reader = a.reader();
            check(a, before);
            check(old, before);
            auto tx = db.begin();
            auto inside = a.in(tx);
            check(inside, before);
            for (int value : {-1, -2}) {
                inside.set({row, 3}, value);
                now[static_cast<std::size_t>(row) * 10 + 3] = value;
                check(inside, now);
                auto const seen = inside.view();
                check(seen, now);
                inside.set({row, 4}, value);
                check(seen, now);
                now[static_cast<std::size_t>(row) * 10 + 4] = value;
                BOOST_TEST((inside.to_vector() == now));
            }
            check(a, before);
            tx.commit();
            check(a, now);
            check(old, before);
            check(reader, before);
            BOOST_TEST(
                (a.to_vector(ns::all, 4) == a.view(ns::all, 4).to_vector()));
            db.checkpoint();
        }
        std::vector<std::uint64_t> const apart{149, 3, 74, 3, 37, 148, 0};
        values expected;
        for (std::uint64_t const row : apart)
            for (std::size_t i = 0; i != 10; ++i)
                expected.push_back(now[static_cast<std::size_t>(row) * 10 + i]);
        BOOST_TEST((a.gather_rows(apart) == expected));
        values out(10);
        BOOST_TEST(a.read(out, 37, ns::all) == 10u);
        BOOST_TEST((out == values(now.begin() + 370, now.begin() + 380)));
        require_error(ns::errc::out_of_range, [&] { a(150, 0); });
        require_error(ns::errc::out_of_range, [&] { a.view()(0, 10); });
        require_error(ns::errc::size_mismatch,
                      [&] { a.read(out, ns::all, 0); });
    }
}

BOOST_AUTO_TEST_SUITE_END()
