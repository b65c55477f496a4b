// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "database_support.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/io/npz.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(io_npz)

using namespace io_test;

namespace {

using layer = std::array<std::array<std::int32_t, 3>, 5>;

/// Reads every array of an archive, and checks that they are whole.
int read_all(std::vector<std::byte> const& bytes) {
    int arrays = 0;
    io::read_npz(io::memory_source(bytes, "t.npz"),
                 [&](std::string const&, auto const& read) {
                     collector c;
                     read(c);
                     BOOST_REQUIRE(c.bytes.size()
                                   == io::element_count(c.what.shape)
                                          * c.what.element.size());
                     ++arrays;
                 });
    return arrays;
}

} // namespace

BOOST_AUTO_TEST_CASE(what_numpy_writes_and_reads) {
    database db;
    for (std::string const name : {"stored", "deflated"}) {
        auto const path = numpy_files() / (name + ".npz");
        BOOST_TEST((io::npz_names(io::input_file(path))
                    == std::vector<std::string>{"a", "b", "c", "t"}));
        io::import_npz(db, name + "/", path, {.buffer_bytes = 5000});
        BOOST_TEST(db.list(name + "/*").size() == 4u);
        BOOST_TEST(db.open<layer>(name + "/c")[6][4][2] == 104);
        BOOST_TEST(db.open<double>(name + "/a")[201] == -6.75);
    }
    BOOST_TEST(db.open<double>("deflated/a").size() == 300'000u);
    db.create<float>("none");
    for (bool const compressed : {false, true}) {
        folder out;
        {
            io::npz_writer unfinished(out / "out.npz", compressed);
            unfinished.add("none", db.open<float>("none"));
        }
        BOOST_TEST(out.files() == 0u);
        io::npz_writer writer(out / "out.npz", compressed);
        writer.add("none", db.open<float>("none"));
        writer.add("a", db.open_any("deflated/a"));
        writer.add("cube", db.open_any("stored/c"));
        BOOST_TEST(fails(errc::invalid_argument,
                         [&] { writer.add("", db.open<float>("none")); }));
        writer.publish();
        BOOST_TEST(run_numpy("check_npz", out.path()));
        BOOST_TEST(read_all(load(out / "out.npz")) == 3);
    }
}

BOOST_AUTO_TEST_CASE(wholly_or_not_at_all) {
    database db;
    auto bytes = load(numpy_files() / "stored.npz");
    db.create<int>("c");
    BOOST_TEST(fails(errc::already_exists, [&] {
        io::import_npz(db, "", numpy_files() / "stored.npz");
    }));
    BOOST_TEST(db.list().size() == 1u);
    // A bit of the data, which only the checksum shows.
    bytes[bytes.size() / 4] ^= std::byte{1};
    BOOST_TEST(fails(errc::corrupt, [&] { read_all(bytes); }));
}

BOOST_AUTO_TEST_CASE(mutated_archives) {
    auto random = random_source();
    int refused = 0;
    for (auto const* name : {"stored.npz", "deflated.npz"}) {
        auto const good = load(numpy_files() / name);
        for (int i = 0; i != 150; ++i) {
            auto bytes = good;
            if (random() % 3 == 0) {
                mutate(bytes, bytes.size(), random);
            } else { // the directory
                std::size_t const from = bytes.size() - 400;
                bytes[from + random() % 400] = static_cast<std::byte>(random());
            }
            try {
                BOOST_REQUIRE(read_all(bytes) <= 4);
            } catch (ns::error const& e) {
                BOOST_REQUIRE((e.code() == errc::corrupt
                               || e.code() == errc::invalid_argument
                               || e.code() == errc::out_of_range
                               || e.code() == errc::unsupported_version));
                ++refused;
            }
        }
    }
    BOOST_TEST(refused > 60);
}

BOOST_AUTO_TEST_SUITE_END()
