// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "database_support.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/array/nullable.hpp>
#include <numstore/io/files.hpp>

#include <boost/describe/class.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ranges>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(io_files)

using namespace io_test;

namespace {

struct fixture {
    database db;
    folder files;
};

struct week {
    std::int64_t date = 0;
    ns::nullable<double> co2;
};
BOOST_DESCRIBE_STRUCT(week, (), (date, co2))

std::vector<double> numbers(std::size_t n) {
    std::vector<double> v(n);
    for (std::size_t i = 0; i != n; ++i)
        v[i] = static_cast<double>(i) / 4;
    return v;
}

void put(std::string const& path, std::string const& text) {
    std::ofstream(path, std::ios::binary) << text;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(npy_there_and_back, fixture) {
    auto const path = files / "x.npy";
    auto x = db.create<double>("x");
    x.append(numbers(50'000));
    x.insert(7, {-1.0});
    io::export_npy(x, path, {.buffer_bytes = 5000});
    io::import_npy(db, "y", path, {.buffer_bytes = 7001});
    BOOST_TEST((db.open<double>("y").to_vector() == x.to_vector()));
    io::import_npy(db, "rows", numpy_files() / "fortran_order.npy");
    using row = std::array<std::array<std::int32_t, 3>, 5>;
    BOOST_TEST((db.open<row>("rows")[6][4][2] == 104));
    io::import_npy(db, "one", numpy_files() / "scalar.npy");
    BOOST_TEST(db.open<double>("one")[0] == 2.5);
    BOOST_TEST(db.verify().ok());
}

/// Pieces of a file end anywhere in a row, which is an element.
BOOST_FIXTURE_TEST_CASE(rows_that_pieces_cut, fixture) {
    auto const path = files / "rows.npy";
    using row = std::array<double, 7>;
    std::vector<row> expected(100);
    for (std::size_t i = 0; i != 700; ++i)
        expected[i / 7][i % 7] = static_cast<double>(i);
    db.create_nd<double>("axes", ns::dextents<2>{100, 7})
        .write(expected | std::views::join);
    io::export_npy(db.open_nd<double, ns::dextents<2>>("axes"), path);
    for (std::size_t const bytes : {1u, 40u, 100u, 500u, 5000u}) {
        std::string const name = "of " + std::to_string(bytes);
        io::import_npy(db, name, path, {.buffer_bytes = bytes});
        BOOST_TEST((db.open<row>(name).to_vector() == expected));
    }
}

BOOST_FIXTURE_TEST_CASE(wholly_or_not_at_all, fixture) {
    auto const path = files / "x.npy";
    auto x = db.create<double>("x");
    x.append(numbers(10'000));
    io::export_npy(x, path);
    auto bytes = load(path);
    bytes.pop_back();
    std::ofstream(files / "short.npy", std::ios::binary)
        .write(reinterpret_cast<char const*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    put(files / "bad.csv", "v\n1\n2\nthree\n");
    io::transfer_options stop{.buffer_bytes = 1000};
    stop.progress = [](ns::progress_info const& p) {
        return p.done < p.total / 2;
    };
    auto const try_all = [&](auto& to) {
        BOOST_TEST(fails(errc::corrupt, [&] {
            io::import_npy(to, "n", files / "short.npy");
        }));
        BOOST_TEST(fails(errc::invalid_argument, [&] {
            io::import_csv(to, "n", files / "bad.csv",
                           ns::element_type::parse("{v i32}"), {},
                           {.buffer_bytes = 1});
        }));
        BOOST_TEST(fails(errc::cancelled,
                         [&] { io::import_npy(to, "n", path, stop); }));
        BOOST_TEST(fails(errc::not_found,
                         [&] { io::import_npy(to, "n", files / "none"); }));
        BOOST_TEST(fails(errc::already_exists,
                         [&] { io::import_npy(to, "x", path); }));
        BOOST_TEST(!to.contains("n"));
    };
    try_all(db);
    auto tx = db.begin();
    x.in(tx).push_back(7);
    try_all(tx);
    tx.commit();
    BOOST_TEST(x.back() == 7);
    BOOST_TEST(x.size() == 10'001u);

    auto const there = files.files();
    BOOST_TEST(fails(errc::cancelled,
                     [&] { io::export_npy(x, files / "out.npy", stop); }));
    BOOST_TEST(fails(errc::cancelled, [&] { io::export_npy(x, path, stop); }));
    BOOST_TEST(files.files() == there);
    io::import_npy(db, "still", path);
    BOOST_TEST(db.open<double>("still").size() == 10'000u);
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(real_data_with_gaps, fixture) {
    std::string const data =
        std::string(NUMSTORE_TEST_SOURCES) + "/../example/data/co2.csv";
    io::import_csv(db, "co2", data);
    BOOST_TEST(db.open_any("co2").type().to_string() == "{date i64, co2 ?f64}");
    auto const weeks = db.open<week>("co2").to_vector();
    BOOST_TEST(weeks.size() == 2284u);
    BOOST_TEST(weeks[0].date == 19580329);
    BOOST_TEST(weeks[0].co2.value() == 316.1);
    auto const gaps =
        std::count_if(weeks.begin(), weeks.end(),
                      [](week const& w) { return w.co2.is_null(); });
    BOOST_TEST(gaps == 59);
    io::export_csv(db.open<week>("co2"), files / "co2.csv");
    io::import_csv(db, "again", files / "co2.csv", ns::element_type_of<week>());
    BOOST_TEST((db.open_any("again").read() == db.open_any("co2").read()));
}

BOOST_FIXTURE_TEST_CASE(inferred_types, fixture) {
    put(files / "t.csv", "a b,a.b,,2x,n,ok\n"
                         "1,x,,1.5,,true\n\n2,\"y,\xc3\xa9\",,2,3,false\n");
    io::import_csv(db, "t", files / "t.csv");
    BOOST_TEST(db.open_any("t").type().to_string()
               == "{a_b i64, a_b_2 text(4), column ?text(1), _x f64, "
                  "n ?i64, ok bool}");
    BOOST_TEST(db.open_any("t").to_string(1)
               == "{a_b: 2, a_b_2: \"y,\xc3\xa9\", column: null, _x: 2, "
                  "n: 3, ok: false}");
    put(files / "u.csv", "1\n2.5\n");
    io::import_csv(db, "u", files / "u.csv", {.header = false});
    BOOST_TEST(
        (db.open<double>("u").to_vector() == std::vector<double>{1, 2.5}));
    put(files / "empty.csv", "");
    BOOST_TEST(fails(errc::corrupt,
                     [&] { io::import_csv(db, "none", files / "empty.csv"); }));
}

BOOST_FIXTURE_TEST_CASE(recordings, fixture) {
    std::vector<std::int16_t> tone(5000);
    for (std::size_t i = 0; i != tone.size(); ++i)
        tone[i] = static_cast<std::int16_t>(i * 13);
    auto take = db.create<std::int16_t>("take");
    take.append(tone);
    io::export_wav(take, files / "take.wav", 44100);
    io::import_wav(db, "back", files / "take.wav");
    auto const back = db.open<std::int16_t>("back");
    BOOST_TEST((back.to_vector() == tone));
    BOOST_TEST(back.attributes().get<std::int64_t>("sample_rate") == 44100);
    io::export_wav(back, files / "again.wav");
    BOOST_TEST((load(files / "again.wav") == load(files / "take.wav")));
}

BOOST_FIXTURE_TEST_CASE(bare_elements, fixture) {
    auto x = db.create<std::uint16_t>("x");
    x.append({0x0102, 0x0304});
    io::export_raw(x, files / "x.bin", std::endian::big);
    BOOST_TEST((load(files / "x.bin") == bytes_of("\1\2\3\4")));
    io::raw_format format{.element = ns::element_type::parse("u16"),
                          .order = std::endian::big,
                          .offset = 2};
    io::import_raw(db, "y", files / "x.bin", format);
    BOOST_TEST((db.open<std::uint16_t>("y").to_vector()
                == std::vector<std::uint16_t>{0x0304}));
}

BOOST_AUTO_TEST_SUITE_END()
