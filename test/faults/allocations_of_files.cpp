// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../storage/support.hpp"
#include "allocation_calls.hpp"

#include <numstore/io/files.hpp>
#include <numstore/io/npz.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(faults_allocations_of_files)

// The n-th allocation of each import and export of files fails: see
// allocations.cpp. An import is there wholly or not at all; an export leaves
// what was there, and nothing beside it.

namespace {

using namespace faults_test;
namespace io = ns::io;

using plane = ns::dextents<2>;

std::string text_of(std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}
void put(std::string const& path, std::string const& text) {
    std::ofstream(path, std::ios::binary) << text;
}

/// Made before anything fails.
std::string const made = "what an import makes, with a name that is allocated";
std::string const old_text = "what was there before";
io::transfer_options const pieces{.buffer_bytes = 500};
io::csv_format const tabs{.delimiter = '\t', .by_name = false};
ns::element_type const i32 = ns::element_type::parse("i32");

/// What exports have, and what they gave: files of all formats.
class setting {
public:
    setting() : image_(512) {
        image_.record(ns::testing::recording::off);
        database db{spared_storage(image_)};
        fill(db);
        write_files(db);
    }

    simulated_storage const& device() const { return image_; }
    std::string path(std::string const& name) const { return files_ / name; }

private:
    static void fill(database& db) {
        db.create<int>("numbers").append(numbers(400));
        db.create_nd<int>("order", plane{72, 10}).write(numbers(720));
        db.create_nd<int>("tiles", plane{24, 30}, 7, ns::tiled<5, 4>{})
            .write(numbers(240), ns::all, ns::every<3>{});
        auto sound = db.create_nd<std::int16_t>("sound", plane{90, 2});
        sound.write(std::vector<std::int16_t>(180, 99));
        sound.attributes().set("sample_rate", std::int64_t{8000});
        std::array<ns::nullable<ns::tiny_text<9>>, 2> const cells{"abc",
                                                                  ns::null};
        db.create<ns::nullable<ns::tiny_text<9>>>("cells").append(cells);
    }

    void write_files(database& db) const {
        auto const order = db.open_nd<int, plane>("order");
        io::export_npy(order, path("x.npy"));
        io::export_csv(order, path("x.csv"));
        io::export_raw(order, path("x.raw"), std::endian::big);
        io::export_wav(db.open_nd<std::int16_t, plane>("sound"),
                       path("x.wav"));
        std::string fortran = text_of(path("x.npy"));
        std::string const no = "'fortran_order': False";
        fortran.replace(fortran.find(no), no.size(), "'fortran_order': True ");
        put(path("fortran.npy"), fortran);
        io::npz_writer stored(path("x.npz"), false);
        stored.add("a", order);
        stored.add("b", db.open<int>("numbers"));
        stored.publish();
        ns::detail::zip_writer deflated(path("deflated.npz"), true);
        deflated.begin("f.npy");
        deflated.write(std::as_bytes(std::span(fortran)));
        deflated.end();
        deflated.publish();
        std::string table = "day\tco2\tthe name of it\n";
        for (int i = 0; i != 40; ++i)
            table += std::to_string(i) + (i % 3 == 0 ? "\t\t" : "\t0.5\t")
                     + "\"tab\t\"\"" + std::to_string(i) + "\"\n";
        put(path("x.tsv"), table);
    }

    simulated_storage image_;
    ns::testing::temporary_directory files_;
};

/// An import to a database or, undone where it fails, a transaction.
template <class Import>
void add_import(std::vector<any_call>& calls, std::string const& name,
                Import import) {
    auto const itself = [](auto& to) { return std::ref(to); };
    auto const change = [](auto const& to) {
        to.get().template open<int>("numbers").insert(3, numbers(30));
    };
    auto const on_disk = [=](auto const& to) { import(to.get()); };
    calls.push_back(alone(name, itself, on_disk));
    calls.push_back(inside(name, itself, change, on_disk));
}

std::vector<any_call> imports_of_arrays(setting const& s) {
    std::vector<any_call> calls;
    add_import(calls, "import_npy", [p = s.path("x.npy")](auto& to) {
        io::import_npy(to, made, p, pieces);
    });
    add_import(calls, "import_npy in Fortran order",
               [p = s.path("fortran.npy")](auto& to) {
                   io::import_npy(to, made, p, pieces);
               });
    add_import(calls, "import_csv",
               [p = s.path("x.tsv"),
                type = io::infer_csv(io::input_file(s.path("x.tsv")), tabs)](
                   auto& to) {
                   io::import_csv(to, made, p, type, tabs, pieces);
               });
    add_import(calls, "import_csv of unknown types",
               [p = s.path("x.tsv")](auto& to) {
                   io::import_csv(to, made, p, tabs, pieces);
               });
    add_import(calls, "import_wav", [p = s.path("x.wav")](auto& to) {
        io::import_wav(to, made, p, pieces);
    });
    add_import(
        calls, "import_raw",
        [p = s.path("x.raw"),
         format = io::raw_format{i32, std::endian::big}](auto& to) {
            io::import_raw(to, made, p, format, pieces);
        });
    add_import(calls, "import_npz", [p = s.path("x.npz")](auto& to) {
        io::import_npz(to, made, p, pieces);
    });
    return calls;
}

std::vector<any_call> imports_of_axes(setting const& s) {
    std::vector<any_call> calls;
    add_import(calls, "import_npy_nd", [p = s.path("x.npy")](auto& to) {
        io::import_npy_nd(to, made, p, pieces);
    });
    add_import(calls, "import_csv_nd", [p = s.path("x.csv")](auto& to) {
        io::import_csv_nd(to, made, p, i32, {}, pieces);
    });
    add_import(calls, "import_wav_nd", [p = s.path("x.wav")](auto& to) {
        io::import_wav_nd(to, made, p, pieces);
    });
    add_import(calls, "import_raw_nd",
               [p = s.path("x.raw"),
                format = io::raw_format{i32, std::endian::big},
                shape = std::vector<std::uint64_t>{8, 9, 10}](auto& to) {
                   io::import_raw_nd(to, made, p, format, shape, pieces);
               });
    add_import(calls, "import_npz_nd", [p = s.path("x.npz")](auto& to) {
        io::import_npz_nd(to, made, p, pieces);
    });
    add_import(calls, "import_npz_nd of deflated arrays",
               [p = s.path("deflated.npz")](auto& to) {
                   io::import_npz_nd(to, made, p, pieces);
               });
    return calls;
}

/// What looks at files alone.
std::vector<any_call> looks(setting const& s) {
    return {
        {"npz_names", [p = s.path("x.npz")](database&, trial& run) {
             io::input_file const file(p);
             run([&] { io::npz_names(file); });
         }},
        {"infer_csv", [p = s.path("x.tsv")](database&, trial& run) {
             io::input_file const file(p);
             run([&] { io::infer_csv(file, tabs), io::csv_columns(file); });
         }},
    };
}

/// Runs export(array, path), on what `open(db)` gives.
template <class Open, class Export>
any_call exporting(std::string name, std::string path, Open open,
                   Export to_file) {
    return {std::move(name), [=](database& db, trial& run) {
                auto const array = open(db);
                put(path, old_text);
                run([&] { to_file(array, path); });
                bool const kept = text_of(path) == old_text;
                BOOST_TEST_REQUIRE(kept == run.threw());
                auto const folder =
                    std::filesystem::path(path).parent_path();
                BOOST_TEST_REQUIRE(
                    std::distance(std::filesystem::directory_iterator(folder),
                                  std::filesystem::directory_iterator())
                    == 1);
            }};
}

std::vector<any_call> exports(std::string const& path) {
    auto const order = [](database& db) {
        return db.open_nd<int, plane>("order");
    };
    auto const tiles = [](database& db) {
        return db.open_nd<int, plane>("tiles");
    };
    auto const view = [](database& db) {
        return db.open_nd<int, plane>("tiles").view(ns::every<2>{},
                                                    ns::slice{.step = -1});
    };
    auto const cells = [](database& db) {
        return db.open<ns::nullable<ns::tiny_text<9>>>("cells");
    };
    auto const sound = [](database& db) {
        return db.open_nd<std::int16_t, plane>("sound");
    };
    auto const npy = [](auto const& array, std::string const& to) {
        io::export_npy(array, to, pieces);
    };
    auto const csv = [](auto const& array, std::string const& to) {
        io::export_csv(array, to, tabs, pieces);
    };
    auto const npz = [](auto const& array, std::string const& to) {
        auto copy = [&] {
            sparing const spared; // not a copy of the library
            return to;
        }();
        io::npz_writer archive(std::move(copy), true);
        archive.add(made, array, pieces);
        archive.publish();
    };
    return {
        exporting("export_npy", path, order, npy),
        exporting("export_npy of tiles", path, tiles, npy),
        exporting("export_npy of a view", path, view, npy),
        exporting("export_csv", path, order, csv),
        exporting("export_csv of a view", path, view, csv),
        exporting("export_csv of cells", path, cells, csv),
        exporting("export_wav", path, sound,
                  [](auto const& array, std::string const& to) {
                      io::export_wav(array, to, 0, pieces);
                  }),
        exporting("export_raw", path, order,
                  [](auto const& array, std::string const& to) {
                      io::export_raw(array, to, std::endian::big, pieces);
                  }),
        exporting("npz_writer", path, order, npz),
    };
}

/// What was added to an archive before and after is there.
any_call adding_to_an_archive(std::string const& path) {
    return {"add to an archive", [=](database& db, trial& run) {
                auto const order = db.open_nd<int, plane>("order");
                io::npz_writer archive(path, true);
                archive.add("a", order, pieces);
                run([&] { archive.add(made, order, pieces); });
                archive.add("b", db.open<int>("numbers"), pieces);
                archive.publish();
                auto tx = db.begin();
                io::import_npz_nd(tx, "new ", path);
                BOOST_TEST_REQUIRE(tx.contains("new " + made) != run.threw());
                BOOST_TEST_REQUIRE(
                    (tx.open_nd<int, plane>("new a").to_vector()
                         == order.to_vector()
                     && tx.open_nd<int, ns::dextents<1>>("new b").size()
                            == 400));
                tx.rollback();
            }};
}

/// Nothing that was opened stays so.
void fail_in_files(setting const& s, std::vector<any_call> const& calls) {
    int const open = ns::testing::open_descriptors();
    fail_in_all(s.device(), calls);
    BOOST_TEST(ns::testing::open_descriptors() == open);
}

} // namespace

BOOST_FIXTURE_TEST_CASE(importing_arrays, setting) {
    fail_in_files(*this, imports_of_arrays(*this));
}
BOOST_FIXTURE_TEST_CASE(importing_axes, setting) {
    fail_in_files(*this, imports_of_axes(*this));
}
BOOST_FIXTURE_TEST_CASE(looking_at_files, setting) {
    fail_in_files(*this, looks(*this));
}
BOOST_FIXTURE_TEST_CASE(exporting_all, setting) {
    ns::testing::temporary_directory const folder;
    fail_in_files(*this, exports(folder / "file"));
    fail_in_files(*this, {adding_to_an_archive(folder / "file")});
}

BOOST_AUTO_TEST_SUITE_END()
