// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "../bags/memory_512.hpp"
#include "../bags/simulated_4096.hpp"
#include "../bags/simulated_512.hpp"
#include "nd_script.hpp"

#include <numstore/format/superblock.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(nd_tiled)

using namespace nd_test;

namespace {

using memory = bags::memory_512;
using ns::testing::simulated_storage;

/// The same script on an array in order, on one with tiles, and on models.
template <std::size_t Rank>
void run_both(std::uint64_t from, int fill, ns::tiling const& tile) {
    script<Rank, memory> s(from);
    script<Rank, memory> t(from);
    ns::basic_database<memory> db;
    auto const first = s.some_shape(3000);
    BOOST_TEST_REQUIRE((t.some_shape(3000) == first));
    auto plain = db.create_nd<int>("plain", s.extents_of(first), fill);
    auto tiled = db.create_nd<int>("tiled", s.extents_of(first), fill, tile);
    model m(first, fill);
    model n = m;
    for (int round = 0; round != 16; ++round) {
        model const before = n;
        auto const snap = db.snapshot();
        s.change(plain, m);
        {
            auto tx = db.begin();
            auto inside = tiled.in(tx);
            t.change(inside, n);
            t.check(inside, n);
            t.check(tiled, before);
            tx.commit();
        }
        BOOST_TEST_REQUIRE((m.extents == n.extents));
        BOOST_TEST_REQUIRE((m.elements == n.elements));
        s.check_reads(plain, m);
        t.check_reads(tiled, n);
        BOOST_TEST_REQUIRE((tiled.size() == plain.size()));
        t.check(tiled.in(snap), before);
        std::size_t rows = 0;
        values streamed;
        for (auto const& batch : tiled.batches(3)) {
            rows += static_cast<std::size_t>(batch.rows);
            streamed.insert(streamed.end(), batch.values.begin(),
                            batch.values.end());
        }
        BOOST_TEST_REQUIRE((rows == n.extents[0] && streamed == n.elements));
    }
    BOOST_TEST(db.verify().ok());
}

/// What the padding of tiles has must be as if nobody had written it: then
/// growing shows the fill value.
template <class Array>
void grow_and_look(Array& a, model& m) {
    for (std::size_t k = 0; k != m.extents.size(); ++k) {
        a.resize(k, m.extents[k] + 3);
        m.resize(k, m.extents[k] + 3);
    }
    BOOST_TEST_REQUIRE((a.to_vector() == m.elements));
}

/// What its superblocks say that a program must understand.
std::uint64_t features_of(simulated_storage const& device) {
    std::uint64_t all = 0;
    for (std::uint64_t const at : ns::format::superblock_offsets) {
        ns::format::superblock_image image;
        std::error_code ec;
        device.read(at, std::as_writable_bytes(std::span(&image, 1)), ec);
        BOOST_TEST_REQUIRE(!ec);
        all |= image.must_understand.value();
    }
    return all;
}

} // namespace

BOOST_AUTO_TEST_CASE(scripts_on_both_layouts) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    BOOST_TEST_CONTEXT("NUMSTORE_SEED=" << seed()) {
        run_both<2>(seed(), 0, ns::tiled<4, 4>{});
        run_both<2>(seed() + 1, -1, ns::tiled<16, 16>{});
        run_both<2>(seed() + 2, 0, ns::tiled<1, 7>{});
        run_both<3>(seed() + 3, 9, ns::tiled<3, 1, 2>{});
        run_both<3>(seed() + 4, 0, ns::tiled<2, 8, 3>{});
        run_both<5>(seed() + 5, 0, ns::tiled<2, 2, 1, 2, 2>{});
    }
}

BOOST_AUTO_TEST_CASE(tiles_survive_power_loss) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    BOOST_TEST_CONTEXT("NUMSTORE_SEED=" << seed()) {
        lose_power_again_and_again<bags::simulated_512>(seed(), 4096, 0,
                                                        {4, 3, 5}, 20);
        lose_power_again_and_again<bags::simulated_4096>(seed() + 1, 4096, 7,
                                                         {4, 3, 5}, 20);
    }
}

/// Every way of making an axis shorter leaves zeros behind its end.
BOOST_AUTO_TEST_CASE(what_grows_again_is_the_fill_value) {
    for (int const fill : {0, 5}) {
        ns::basic_database<memory> db;
        auto a = db.create_nd<int>("a", ns::dextents<2>{20, 30}, fill,
                                   ns::tiling{8, 8});
        model m({20, 30}, fill);
        std::iota(m.elements.begin(), m.elements.end(), 1);
        a.write(m.elements);
        grow_and_look(a, m);
        a.resize(1, 9);
        m.resize(1, 9);
        grow_and_look(a, m);
        a.erase(0, 1, 9);
        m.erase(0, {1, 2, 3, 4, 5, 6, 7, 8, 9});
        grow_and_look(a, m);
        a.erase(0, ns::every<2>{});
        positions even(static_cast<std::size_t>((m.extents[0] + 1) / 2));
        for (std::size_t i = 0; i != even.size(); ++i)
            even[i] = 2 * i;
        m.erase(0, even);
        grow_and_look(a, m);
        a.erase_rows(std::vector<int>{0, 2});
        m.erase(0, {0, 2});
        grow_and_look(a, m);
        a.resize(ns::dextents<2>{0, 3});
        m.resize(0, 0);
        m.resize(1, 3);
        BOOST_TEST((a.empty() && a.shape() == ns::dextents<2>{0, 3}));
        grow_and_look(a, m);
    }
}

BOOST_AUTO_TEST_CASE(a_declared_capacity_takes_no_space) {
    ns::basic_database<memory> db;
    std::uint64_t const side = 1000000;
    auto a = db.create_nd<int>("a", ns::dextents<2>{side, side}, -1,
                               ns::tiling{64, 64});
    a.set({999999, 999999}, 5);
    a.set({3, 4}, 6);
    a.write_from({77, 60}, values{1, 2, 3, 4, 5, 6});
    a.resize(1, side + 100);
    a.insert_fill(0, 64, 128);
    a.insert_fill(1, 2, 3);
    a.resize(0, side + 127);
    db.checkpoint();
    BOOST_TEST(a(3, 7) == 6);
    BOOST_TEST(a(3, 4) == -1);
    BOOST_TEST(a(205, 63) == 1);
    BOOST_TEST(a(205, 68) == 6);
    BOOST_TEST(a(side + 126, side + 2) == -1);
    BOOST_TEST(db.stats().file_bytes < (std::uint64_t{4} << 20));
    a.update([](auto& cell) {
        for (int i = 0; i != 3000; ++i)
            cell.set({i % 700, i * 7}, i);
        cell.set({5, 5}, 77);
    });
    BOOST_TEST(a(5, 5) == 77);
    BOOST_TEST(a(2999 % 700, 2999 * 7) == 2999);
    auto reader = a.reader();
    BOOST_TEST(reader(2999 % 700, 2999 * 7) == 2999);
    BOOST_TEST(reader(5, 6) == -1);
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
    using ns::errc;
    ns::basic_database<memory> db;
    auto const refused = [&](errc code, auto&& f) {
        BOOST_CHECK_EXCEPTION(f(), ns::error, [&](ns::error const& e) {
            BOOST_TEST_INFO(e.what());
            return e.code() == code;
        });
    };
    using grid = ns::dextents<2>;
    auto a = db.create_nd<int>("a", grid{10, 10}, 0, ns::tiled<4, 4>{});
    values v(100);
    std::iota(v.begin(), v.end(), 0);
    a.write(v);
    BOOST_TEST((a.tile() == std::vector<std::uint64_t>{4, 4}));
    refused(errc::invalid_argument, [] { ns::tiling{4, 0}; });
    refused(errc::invalid_argument, [] { ns::tiling{2048, 1024}; });
    refused(errc::out_of_range, [] { ns::tiling{4, -1}; });
    refused(errc::invalid_argument, [&] {
        db.create_nd<int>("b", grid{1, 1}, 0, ns::tiling{4, 4, 4});
    });
    refused(errc::invalid_argument, [&] {
        db.create_nd<int>("b", grid{std::uint64_t{1} << 40, 1u << 24}, 0,
                          ns::tiling{4, 4});
    });
    BOOST_TEST(!db.contains("b"));
    refused(errc::type_mismatch,
            [&] { db.open_nd<int, grid>("a", ns::tiling{4, 8}); });
    refused(errc::type_mismatch, [&] { db.open<int>("a"); });
    refused(errc::type_mismatch, [&] { db.open_any("a"); });
    refused(errc::type_mismatch,
            [&] { db.open_nd<int, ns::dextents<3>>("a"); });
    refused(errc::size_mismatch, [&] { a.append(values(11)); });
    refused(errc::size_mismatch, [&] { a.write(values(3), 0, ns::all); });
    refused(errc::out_of_range, [&] { a.insert(1, 11, values(10)); });
    refused(errc::out_of_range, [&] { a.erase(1, 9, 2); });
    refused(errc::out_of_range, [&] { a.set({10, 0}, 1); });
    refused(errc::out_of_range, [&] { a.write_from({9, 5}, values(6)); });
    refused(errc::out_of_range,
            [&] { a.insert_rows(std::vector<int>{11}, values(10)); });
    refused(errc::out_of_range, [&] { a.erase_rows(std::vector<int>{10}); });
    refused(errc::invalid_argument,
            [&] { a.resize(0, std::uint64_t{1} << 62); });
    refused(errc::invalid_argument, [&] { a.resize(0, UINT64_MAX); });
    refused(errc::invalid_argument,
            [&] { a.insert_fill(0, 0, UINT64_MAX - 5); });
    BOOST_TEST((a.to_vector() == v));
    auto plain = db.create_nd<int>("plain", grid{2, 2});
    BOOST_TEST(plain.tile().empty());
    refused(errc::type_mismatch,
            [&] { db.open_nd<int, grid>("plain", ns::tiling{4, 4}); });
}

BOOST_AUTO_TEST_CASE(clones_and_other_databases_keep_the_tiles) {
    ns::basic_database<memory> db;
    auto a =
        db.create_nd<int>("a", ns::dextents<2>{9, 11}, 3, ns::tiled<4, 4>{});
    values v(99);
    std::iota(v.begin(), v.end(), 0);
    a.write(v);
    db.clone("a", "b");
    auto b = db.open_nd<int, ns::dextents<2>>("b", ns::tiled<4, 4>{});
    b.erase(1, 0, 1);
    BOOST_TEST((a.to_vector() == v));
    BOOST_TEST(b(0, 0) == 1);
    db.compact();
    BOOST_TEST((a.to_vector() == v));
    BOOST_TEST(db.verify().ok());
}

/// A file says which of its arrays an older program would take for others.
BOOST_AUTO_TEST_CASE(older_programs_are_told) {
    using database = ns::basic_database<bags::simulated_512>;
    using grid = ns::dextents<2>;
    simulated_storage device(4096);
    {
        database db(device);
        db.create<int>("flat");
        db.create_nd<int>("line", ns::dextents<1>{4});
    }
    BOOST_TEST(features_of(device) == 0u);
    {
        database db(device);
        db.create_nd<int>("grid", grid{2, 2});
    }
    BOOST_TEST(features_of(device) == ns::format::arrays_with_axes);
    {
        database db(device);
        db.create_nd<int>("tiles", grid{2, 2}, 0, ns::tiled<2, 2>{});
    }
    std::uint64_t const both =
        ns::format::arrays_with_axes | ns::format::tiled_arrays;
    BOOST_TEST(features_of(device) == both);
    {
        database db(device);
        db.create<int>("another");
        BOOST_TEST((db.open_nd<int, grid>("tiles").shape() == grid{2, 2}));
    }
    BOOST_TEST(features_of(device) == both);
}

BOOST_AUTO_TEST_SUITE_END()
