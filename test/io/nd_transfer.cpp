// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "database_support.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/io/files.hpp>
#include <numstore/io/npz.hpp>
#include <numstore/numstore.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(io_nd_transfer)

using namespace io_test;

namespace {

using axes = std::vector<std::uint64_t>;

struct nd_setting {
    database db;
    folder files;

    axes shape_of(std::string const& name) const {
        return db.list(name).at(0).shape;
    }
    template <class T, std::size_t Rank>
    auto get(std::string const& name) {
        return db.open_nd<T, ns::dextents<Rank>>(name);
    }
    void write(std::string const& name, std::string const& text) const {
        std::ofstream(files / name, std::ios::binary) << text;
    }
};

template <class T>
std::vector<T> counted(std::size_t n) {
    std::vector<T> v(n);
    std::iota(v.begin(), v.end(), T{});
    return v;
}

constexpr std::array<std::uint64_t, 6> deep_shape{2, 3, 4, 5, 6, 7};

/// A .npy file with a header that says this, and no data.
std::string header_alone(axes const& shape) {
    auto const bytes = ns::detail::npy_header_bytes("'<f4'", shape);
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

} // namespace

/// Elements go out in the order of the axes, whatever that in the file.
BOOST_FIXTURE_TEST_CASE(tiles_are_put_in_order, nd_setting) {
    using plane = ns::dextents<2>;
    auto a = db.create_nd<std::int16_t>("a", plane{23, 2}, 5,
                                        ns::tiled<4, 1>{});
    a.write(counted<std::int16_t>(24), ns::slice{.stop = 12}, ns::all);
    a.attributes().set("sample_rate", std::int64_t{8000});
    io::export_npy(a, files / "a.npy", {.buffer_bytes = 50});
    io::export_wav(a, files / "a.wav");
    io::export_raw(a, files / "a.raw");
    io::npz_writer archive(files / "a.npz", false);
    archive.add("a", a);
    archive.publish();
    io::import_npy_nd(db, "npy", files / "a.npy");
    io::import_wav_nd(db, "wav", files / "a.wav");
    io::import_raw_nd(db, "raw", files / "a.raw",
                      {.element = ns::element_type_of<std::int16_t>()},
                      {23, 2});
    io::import_npz_nd(db, "of ", files / "a.npz");
    for (std::string const name : {"npy", "wav", "raw", "of a"})
        BOOST_TEST((get<std::int16_t, 2>(name).to_vector() == a.to_vector()));
}

BOOST_FIXTURE_TEST_CASE(npy_keeps_its_axes, nd_setting) {
    for (std::size_t const piece : {1u, 100u, 4u << 20})
        for (auto const* file : {"c_order", "fortran_order", "fortran_big"}) {
            auto tx = db.begin();
            io::import_npy_nd(tx, "cube", numpy_files() / file + ".npy",
                              {.buffer_bytes = piece});
            auto const a =
                tx.open_nd<std::int32_t, ns::extents<7, 5, 3>>("cube");
            BOOST_TEST((a.to_vector() == counted<std::int32_t>(105)));
        }
    for (auto const* file : {"deep_little", "deep_big"}) {
        io::import_npy_nd(db, file, numpy_files() / file + ".npy",
                          {.buffer_bytes = 3000});
        auto const a = get<std::int64_t, 6>(file);
        BOOST_TEST((a.shape().values() == deep_shape));
        BOOST_TEST((a.to_vector() == counted<std::int64_t>(5040)));
    }
    for (auto const* file : {"tall", "wide"}) {
        io::import_npy_nd(db, file, numpy_files() / file + ".npy",
                          {.buffer_bytes = 5000});
        BOOST_TEST(
            (get<double, 2>(file).to_vector() == counted<double>(40000)));
    }
    BOOST_TEST((shape_of("wide") == axes{4, 10000}));
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(npy_without_axes_or_elements, nd_setting) {
    io::import_npy_nd(db, "one", numpy_files() / "scalar.npy");
    BOOST_TEST(db.open<double>("one")[0] == 2.5);
    io::import_npy_nd(db, "none", numpy_files() / "empty.npy");
    BOOST_TEST((shape_of("none") == axes{0, 3}));
    get<float, 2>("none").append({1, 2, 3});
    BOOST_TEST((shape_of("none") == axes{1, 3}));
    io::import_npy_nd(db, "texts", numpy_files() / "texts.npy");
    BOOST_TEST(db.open_any("texts").to_string(5) == "\"five5\"");
    io::import_npy_nd(db, "record", numpy_files() / "record_big_False.npy");
    BOOST_TEST((shape_of("record") == axes{50}));
}

BOOST_FIXTURE_TEST_CASE(numpy_reads_what_is_exported, nd_setting) {
    using all_type = decltype(ns::all);
    all_type const all = ns::all;
    io::import_npy_nd(db, "deep", numpy_files() / "deep_big.npy");
    io::import_npy_nd(db, "wider", numpy_files() / "c_order.npy");
    auto const deep = get<std::int64_t, 6>("deep");
    auto wider = get<std::int32_t, 3>("wider");
    auto const turned = wider.view(ns::slice{.step = -1}, ns::slice{.step = -1},
                                   ns::slice{.step = -1});
    wider.insert(1, 2, std::vector<std::int32_t>(21, -1));
    auto filled = db.create_nd<float>("filled", ns::dextents<2>{40, 30}, -2.5f);
    filled.write_from({3, 7}, std::vector<float>{0, 1, 2, 3, 4});
    auto const none = db.create_nd<double>("none", ns::dextents<2>{0, 4});
    io::npz_writer archive(files / "nd.npz", true);
    auto const put = [&](std::string const& name, auto const& what) {
        io::export_npy(what, files / ("nd_" + name + ".npy"),
                       {.buffer_bytes = 333});
        archive.add(name, what, {.buffer_bytes = 1});
    };
    put("deep", db.open_any("deep"));
    put("wider", wider);
    put("filled", filled);
    put("none", none);
    put("view",
        deep.view(1, ns::every<2>{}, all, ns::slice{.start = 4, .step = -3}, 2,
                  ns::slice{.start = 1, .stop = 6, .step = 2}));
    put("turned", turned);
    put("column", filled.view(all, 8));
    archive.publish();
    BOOST_TEST(run_numpy("check_nd", files.path()));

    io::import_npz_nd(db, "again/", files / "nd.npz");
    BOOST_TEST((shape_of("again/view") == axes{2, 4, 2, 3}));
    BOOST_TEST(
        (get<float, 2>("again/filled").to_vector() == filled.to_vector()));
    BOOST_TEST((get<std::int32_t, 3>("again/turned")(0, 0, 0) == 104));
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(recordings_are_frames_and_channels, nd_setting) {
    for (std::uint64_t const channels : {1u, 3u}) {
        auto take = db.open_or_create_nd<std::int16_t>(
            "take", ns::dextents<2>{500u, channels});
        take.resize(ns::dextents<2>{500u, channels});
        take.write(counted<std::int16_t>(500 * channels));
        io::export_wav(take, files / "take.wav", 8000, {.buffer_bytes = 99});
        auto tx = db.begin();
        io::import_wav_nd(tx, "back", files / "take.wav", {.buffer_bytes = 77});
        auto const back = tx.open_nd<std::int16_t, ns::dextents<2>>("back");
        BOOST_TEST((back.shape() == take.shape()));
        BOOST_TEST((back.to_vector() == take.to_vector()));
        BOOST_TEST(back.attributes().get<std::int64_t>("sample_rate") == 8000);
        io::export_wav(back, files / "again.wav");
        BOOST_TEST((load(files / "again.wav") == load(files / "take.wav")));
    }
    auto const one = get<std::int16_t, 2>("take").view(ns::all, 1);
    io::export_wav(one, files / "one.wav", 8000);
    io::import_wav(db, "one", files / "one.wav");
    BOOST_TEST((db.open<std::int16_t>("one").to_vector() == one.to_vector()));
}

BOOST_FIXTURE_TEST_CASE(tables_are_rows_and_columns, nd_setting) {
    write("t.csv", "a;b;c\n1;2.5;3\n-4;5;6e3\n");
    auto const f64 = ns::element_type::parse("f64");
    io::import_csv_nd(db, "t", files / "t.csv", f64, {.delimiter = ';'});
    BOOST_TEST((shape_of("t") == axes{2, 3}));
    auto const t = get<double, 2>("t");
    BOOST_TEST((t.to_vector() == std::vector<double>{1, 2.5, 3, -4, 5, 6000}));
    io::export_csv(t.view(ns::all, ns::every<2>{}), files / "u.csv",
                   {.header = false});
    BOOST_TEST((load(files / "u.csv") == bytes_of("1,3\n-4,6000\n")));
    io::export_csv(t, files / "v.csv");
    io::import_csv_nd(db, "v", files / "v.csv", f64);
    BOOST_TEST((get<double, 2>("v").to_vector() == t.to_vector()));
    write("one.csv", "1\n2\n");
    io::import_csv_nd(db, "one", files / "one.csv", f64, {.header = false});
    BOOST_TEST((shape_of("one") == axes{2, 1}));
    write("ragged.csv", "1,2\n3\n");
    BOOST_TEST(fails(errc::corrupt, [&] {
        io::import_csv_nd(db, "no", files / "ragged.csv", f64,
                          {.header = false});
    }));
    write("empty.csv", "");
    BOOST_TEST(fails(errc::corrupt, [&] {
        io::import_csv_nd(db, "no", files / "empty.csv", f64);
    }));
    BOOST_TEST(!db.contains("no"));
}

BOOST_FIXTURE_TEST_CASE(bare_elements_of_a_shape, nd_setting) {
    auto a = db.create_nd<std::uint16_t>("a", ns::dextents<3>{2, 3, 4});
    a.write(counted<std::uint16_t>(24));
    io::export_raw(a, files / "a.bin", std::endian::big);
    io::raw_format format{.element = ns::element_type::parse("u16"),
                          .order = std::endian::big};
    io::import_raw_nd(db, "b", files / "a.bin", format, {4, 6});
    BOOST_TEST((get<std::uint16_t, 2>("b").to_vector() == a.to_vector()));
    BOOST_TEST(fails(errc::corrupt, [&] {
        io::import_raw_nd(db, "c", files / "a.bin", format, {5, 5});
    }));
    BOOST_TEST(fails(errc::out_of_range, [&] {
        io::import_raw_nd(db, "c", files / "a.bin", format,
                          {1u << 31, 1u << 31, 1u << 31});
    }));
    format.count = 24;
    BOOST_TEST(fails(errc::invalid_argument, [&] {
        io::import_raw_nd(db, "c", files / "a.bin", format, {4, 6});
    }));
    BOOST_TEST(!db.contains("c"));
}

BOOST_FIXTURE_TEST_CASE(with_axes_wholly_or_not_at_all, nd_setting) {
    auto a = db.create_nd<float>("a", ns::dextents<2>{100, 50});
    io::export_npy(a, files / "a.npy");
    auto bytes = load(files / "a.npy");
    write("short.npy",
          {reinterpret_cast<char const*>(bytes.data()), bytes.size() - 1});
    write("many.npy", header_alone(axes(33, 0)));
    write("huge.npy", header_alone({1ull << 40, 1ull << 40}));
    io::transfer_options stop{.buffer_bytes = 1000};
    stop.progress = [](ns::progress_info const& p) {
        return p.done < p.total / 2;
    };
    auto const try_all = [&](auto& to) {
        auto const import = [&](char const* file) {
            io::import_npy_nd(to, "n", files / file);
        };
        BOOST_TEST(fails(errc::corrupt, [&] { import("short.npy"); }));
        BOOST_TEST(fails(errc::invalid_argument, [&] { import("many.npy"); }));
        BOOST_TEST(fails(errc::out_of_range, [&] { import("huge.npy"); }));
        BOOST_TEST(fails(errc::not_found, [&] { import("none"); }));
        BOOST_TEST(fails(errc::cancelled, [&] {
            io::import_npy_nd(to, "n", files / "a.npy", stop);
        }));
        BOOST_TEST(fails(errc::already_exists,
                         [&] { io::import_npy_nd(to, "a", files / "a.npy"); }));
        BOOST_TEST(!to.contains("n"));
    };
    try_all(db);
    auto tx = db.begin();
    a.in(tx).set({1, 2}, 3);
    try_all(tx);
    tx.commit();
    BOOST_TEST(a(1, 2) == 3);
    auto const there = files.files();
    BOOST_TEST(fails(errc::cancelled,
                     [&] { io::export_npy(a, files / "out.npy", stop); }));
    BOOST_TEST(fails(errc::cancelled, [&] {
        io::export_npy(a.view(ns::all, ns::all), files / "out.npy", stop);
    }));
    BOOST_TEST(files.files() == there);
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(mutated_headers_with_axes, nd_setting) {
    auto random = random_source();
    auto const good = load(numpy_files() / "fortran_big.npy");
    int refused = 0;
    for (int i = 0; i != 300; ++i) {
        auto bytes = good;
        mutate(bytes, 128, random);
        write("m.npy",
              {reinterpret_cast<char const*>(bytes.data()), bytes.size()});
        auto tx = db.begin();
        try {
            io::import_npy_nd(tx, "m", files / "m.npy");
            BOOST_REQUIRE(tx.open_any("m").size() <= good.size());
        } catch (ns::error const& e) {
            BOOST_REQUIRE((e.code() == errc::corrupt
                           || e.code() == errc::invalid_argument
                           || e.code() == errc::out_of_range
                           || e.code() == errc::unsupported_version));
            BOOST_REQUIRE(!tx.contains("m"));
            ++refused;
        }
    }
    BOOST_TEST(refused > 100);
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(arrays_of_types_known_at_run_time, nd_setting) {
    auto const i32 = ns::element_type::parse("i32");
    auto a = db.create_any_nd("a", i32, {3, 4});
    BOOST_TEST((a.info().shape == axes{3, 4}));
    BOOST_TEST(a.to_string(11) == "0");
    get<std::int32_t, 2>("a").append({1, 2, 3, 4});
    BOOST_TEST(a.to_string(15) == "4");
    for (axes const& bad : {axes{}, axes(33, 1), axes{1ull << 40, 1ull << 40}})
        BOOST_TEST(fails(errc::invalid_argument,
                         [&] { db.create_any_nd("b", i32, bad); }));
    BOOST_TEST(
        fails(errc::already_exists, [&] { db.create_any_nd("a", i32, {1}); }));
    BOOST_TEST(!db.contains("b"));
}

BOOST_AUTO_TEST_SUITE_END()
