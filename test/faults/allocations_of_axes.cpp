// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "allocation_calls.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ranges>
#include <span>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(faults_allocations_of_axes)

// The n-th allocation of each call of arrays with axes fails, and of arrays
// of cells: see allocations.cpp.

namespace {

using namespace faults_test;

using plane = ns::dextents<2>;
using matrix = ns::nd_array<int, plane, bag>;
using text = ns::tiny_text<20>;
using cell = ns::nullable<double>;
using tile = ns::tiled<5, 4>;

long seen = 0; ///< of what is read to be read

values const all_numbers = numbers(4000, 1);
std::array<int, 4> const some_rows{11, 2, 5, 7};
std::array<int, 4> const places_of_rows{20, 3, 3, 0};
std::string const long_name(120, 'n');
std::string const sliced_name = "sliced";

std::span<int const> some(std::size_t n) {
    return std::span(all_numbers).first(n);
}

/// An edit of a matrix of 24 times 30, in order or in tiles.
struct edit {
    std::string name;
    std::function<void(matrix&)> on_disk;
};

std::vector<edit> growing_edits() {
    return {
        {"append", [](matrix& a) { a.append(some(180)); }},
        {"append columns", [](matrix& a) { a.append(1, some(72)); }},
        {"insert rows", [](matrix& a) { a.insert(0, 7, some(90)); }},
        {"insert columns", [](matrix& a) { a.insert(1, 13, some(120)); }},
        {"insert a range of columns",
         [](matrix& a) {
             a.insert(1, 4, std::views::iota(0, 72)
                                | std::views::transform(
                                    [](int i) { return 3 * i; }));
         }},
        {"insert_fill", [](matrix& a) { a.insert_fill(1, 6, 21); }},
        {"insert_rows", [](matrix& a) { a.insert_rows(9, some(60)); }},
        {"insert_rows by a list",
         [](matrix& a) { a.insert_rows(places_of_rows, some(120)); }},
        {"resize to more columns", [](matrix& a) { a.resize(1, 47); }},
        {"resize all axes", [](matrix& a) { a.resize(plane{60, 11}); }},
    };
}

std::vector<edit> writing_edits() {
    return {
        {"set", [](matrix& a) { a.set({3, 4}, -1); }},
        {"write_from", [](matrix& a) { a.write_from({5, 6}, some(20)); }},
        {"write", [](matrix& a) { a.write(some(720)); }},
        {"write slices",
         [](matrix& a) {
             a.write(some(120), ns::every<2>{}, ns::every<3>{});
         }},
        {"write rows backwards",
         [](matrix& a) {
             a.write(some(150), ns::slice{.start = -2, .step = -5}, ns::all);
         }},
        {"write a range of a column",
         [](matrix& a) {
             a.write(std::views::iota(0, 24), ns::all, 5);
         }},
        {"update",
         [](matrix& a) {
             a.update([](auto& w) {
                 for (std::uint64_t i = 0; i != 24; ++i)
                     w.set({(i * 7) % 24, (i * 11) % 30},
                           static_cast<int>(i));
             });
         }},
        {"replace_rows", [](matrix& a) { a.replace_rows(8, some(150)); }},
        {"replace_rows by a list",
         [](matrix& a) { a.replace_rows(some_rows, some(120)); }},
    };
}

std::vector<edit> erasing_edits() {
    return {
        {"erase rows", [](matrix& a) { a.erase(0, 3, 9); }},
        {"erase columns", [](matrix& a) { a.erase(1, 3, 9); }},
        {"erase every third column",
         [](matrix& a) { a.erase(1, ns::slice{.start = 1, .step = 3}); }},
        {"erase_rows by a list", [](matrix& a) { a.erase_rows(some_rows); }},
        {"erase_rows", [](matrix& a) { a.erase_rows(ns::every<2>{}); }},
        {"resize to fewer columns", [](matrix& a) { a.resize(1, 17); }},
        {"clear", [](matrix& a) { a.clear(); }},
    };
}

std::vector<edit> reading_edits() {
    return {
        {"shape",
         [](matrix& a) {
             seen += static_cast<long>(a.shape().extent(1) + a.extent(0)
                                       + a.size() + a.row_size());
             a.empty(), a.fill_value();
         }},
        {"elements",
         [](matrix& a) {
             seen += a(3, 4) + a.at({9, 29});
             std::array<int, 20> out{};
             a.read_from({7, 8}, out);
         }},
        {"read",
         [](matrix& a) {
             std::array<int, 720> out{};
             a.read(out);
             a.read(out, ns::every<2>{}, 7);
             a.to_vector(ns::slice{.step = -1}, ns::every<4>{});
         }},
        {"view",
         [](matrix& a) {
             auto const v = a.view(ns::every<2>{}, ns::slice{.step = -3});
             seen += v(1, 2);
             v.to_vector();
             v.view(3, ns::all).run();
         }},
        {"run",
         [](matrix& a) {
             seen += a.view().run()[9] + a.view(2, ns::all).run()[1];
         }},
        {"reader",
         [](matrix& a) {
             auto reader = a.reader();
             for (std::uint64_t i = 0; i != 24; ++i)
                 seen += reader(i, i);
         }},
        {"gather_rows",
         [](matrix& a) {
             std::array<int, 120> out{};
             a.gather_rows(some_rows);
             a.gather_rows(std::array{3, 9, 3, 0}, out);
         }},
        {"rows_where",
         [](matrix& a) {
             a.rows_where(std::views::iota(0, 24)
                          | std::views::transform(
                              [](int i) { return i % 5 == 0; }));
         }},
        {"batches",
         [](matrix& a) {
             for (auto const& batch : a.batches(7))
                 seen += batch.values[0];
         }},
        {"attributes",
         [](matrix& a) { a.attributes().set("unit", long_name); }},
    };
}

std::vector<any_call> calls_of_names() {
    return {
        {"create_nd", [](database& db, trial& run) {
             run([&] {
                 db.create_nd<int>(sliced_name, ns::dextents<3>{9, 20, 3});
             });
         }},
        {"create_nd of tiles", [](database& db, trial& run) {
             run([&] {
                 db.create_nd<int>(long_name, plane{9, 20}, 3, tile{});
             });
         }},
        {"open_or_create_nd", [](database& db, trial& run) {
             run([&] {
                 db.open_or_create_nd<int>("tiles", plane{9, 20}, 4, tile{});
                 db.open_or_create_nd<int>(long_name, plane{9, 20}, 4);
             });
         }},
        {"create_any_nd", [](database& db, trial& run) {
             auto const type = ns::element_type::parse("{t f64, v u8}");
             std::vector<std::uint64_t> const shape{4, 5, 6};
             run([&] { db.create_any_nd(long_name, type, shape); });
         }},
        {"open_nd", [](database& db, trial& run) {
             run([&] {
                 db.open_nd<int, plane>("order");
                 db.open_nd<int, plane>("tiles", tile{});
             });
         }},
        {"clone tiles", [](database& db, trial& run) {
             run([&] { db.clone("tiles", long_name); });
         }},
        {"copy tiles", [](database& db, trial& run) {
             auto const a = db.open_nd<int, plane>("tiles");
             run([&] { db.copy(a, long_name); });
         }},
        {"drop tiles", [](database& db, trial& run) {
             run([&] { db.drop("tiles"); });
         }},
        {"snapshot of axes", [](database& db, trial& run) {
             run([&] {
                 auto const snap = db.snapshot();
                 auto const a = snap.open_nd<int, plane>("tiles");
                 a.to_vector();
                 a.batches(5).begin();
             });
         }},
        {"compact tiles",
         [](database& db, trial& run) { run([&] { db.compact(); }); }},
    };
}

/// What all begin with: a matrix in order and one in tiles, with a fill value,
/// both sharing their pages with a clone; and cells.
simulated_storage image() {
    simulated_storage device(512);
    device.record(ns::testing::recording::off);
    database db{spared_storage(device)};
    db.create_nd<int>("order", plane{24, 30}).write(numbers(720));
    auto tiles = db.create_nd<int>("tiles", plane{24, 30}, 7, tile{});
    tiles.write(numbers(240), ns::all, ns::every<3>{});
    db.clone("order", "order too");
    db.clone("tiles", "tiles too");
    auto cells = db.create<cell>("cells");
    cells.resize(500);
    for (int i = 0; i != 50; ++i)
        cells.set(3 * i, i);
    auto texts = db.create<text>("texts");
    for (int i = 0; i != 60; ++i)
        texts.push_back("text " + std::to_string(i));
    return device;
}

void fail_in_edits(std::vector<edit> const& edits) {
    std::vector<any_call> calls;
    for (edit const& e : edits)
        for (std::string const of : {"order", "tiles"}) {
            auto const open = [of](auto& face) {
                return face.template open_nd<int, plane>(of);
            };
            std::string const name = e.name + " of " + of;
            calls.push_back(alone(name, open, e.on_disk));
            calls.push_back(inside(
                name, open, [](matrix& a) { a.set({11, 12}, 13); },
                e.on_disk));
        }
    fail_in_all(image(), calls);
}

template <class T, class OnDisk>
void add_cells(std::vector<any_call>& calls, std::string const& name,
               std::string const& of, OnDisk on_disk) {
    auto const open = [of](auto& face) { return face.template open<T>(of); };
    calls.push_back(alone(name, open, on_disk));
    calls.push_back(
        inside(name, open, [](auto& a) { a.resize(a.size() + 1); }, on_disk));
}

std::vector<any_call> calls_of_cells() {
    using cells = ns::array<cell, bag>;
    using texts = ns::array<text, bag>;
    std::vector<any_call> calls;
    add_cells<cell>(calls, "set a cell", "cells",
                    [](cells& a) { a.set(400, 2.5); });
    add_cells<cell>(calls, "append cells", "cells", [](cells& a) {
        a.append({1.0, ns::null, ns::absent});
    });
    add_cells<cell>(calls, "append converted cells", "cells", [](cells& a) {
        a.append(std::views::iota(0, 300));
    });
    add_cells<cell>(calls, "read cells", "cells", [](cells& a) {
        a.to_vector(ns::every<2>{});
        for (cell const& c : a.view())
            seen += c.has_value() ? 1 : 0;
    });
    add_cells<text>(calls, "insert texts", "texts", [](texts& a) {
        a.insert(9, {text("one"), text("two")});
    });
    add_cells<text>(calls, "erase texts", "texts",
                    [](texts& a) { a.erase(ns::every<2>{}); });
    add_cells<text>(calls, "read texts", "texts", [](texts& a) {
        seen += static_cast<long>(a.to_vector().size() + a[3].size());
        for (text const& t : a.view())
            seen += static_cast<long>(t.size());
    });
    return calls;
}

} // namespace

BOOST_AUTO_TEST_CASE(growing) { fail_in_edits(growing_edits()); }
BOOST_AUTO_TEST_CASE(writing) { fail_in_edits(writing_edits()); }
BOOST_AUTO_TEST_CASE(erasing) { fail_in_edits(erasing_edits()); }
BOOST_AUTO_TEST_CASE(reading) { fail_in_edits(reading_edits()); }
BOOST_AUTO_TEST_CASE(names) { fail_in_all(image(), calls_of_names()); }
BOOST_AUTO_TEST_CASE(cells) { fail_in_all(image(), calls_of_cells()); }

BOOST_AUTO_TEST_SUITE_END()
