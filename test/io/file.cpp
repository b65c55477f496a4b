// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/io/file.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(io_file)

using namespace io_test;

namespace {

std::string text_of(std::string const& path) {
    auto const bytes = load(path);
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

void put(std::string const& path, std::string const& text) {
    io::output_file file(path);
    file.write(bytes_of(text));
    file.publish();
}

} // namespace

BOOST_AUTO_TEST_CASE(a_file_appears_whole) {
    folder files;
    {
        io::output_file file(files / "x");
        file.write(bytes_of("half"));
        BOOST_TEST(!std::filesystem::exists(files / "x"));
    }
    BOOST_TEST(files.files() == 0u);
    put(files / "x", "first");
    {
        io::output_file file(files / "x");
        file.write(bytes_of(std::string(700'000, 'y')));
        BOOST_TEST(text_of(files / "x") == "first");
        file.write(bytes_of("end"));
        file.write_at(1, bytes_of("abc"));
        BOOST_TEST(file.size() == 700'003u);
        file.publish();
    }
    BOOST_TEST(text_of(files / "x")
               == "yabc" + std::string(699'996, 'y') + "end");
    BOOST_TEST(files.files() == 1u);
}

BOOST_AUTO_TEST_CASE(links_are_followed) {
    folder files;
    put(files / "target", "old");
    std::filesystem::create_symlink("target", files / "link");
    put(files / "link", "new");
    BOOST_TEST(text_of(files / "target") == "new");
    BOOST_TEST(std::filesystem::is_symlink(files / "link"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_opened) {
    folder files;
    BOOST_TEST(fails(errc::not_found, [&] { io::input_file(files / "x"); }));
    BOOST_TEST(
        fails(errc::invalid_argument, [&] { io::input_file(files.path()); }));
    BOOST_TEST(
        fails(errc::not_found, [&] { io::output_file(files / "none/x"); }));
}

BOOST_AUTO_TEST_CASE(ranges_are_checked) {
    folder files;
    put(files / "x", "0123456789");
    io::input_file const file(files / "x");
    io::source_part const part(file, 2, 5, "part");
    std::vector<std::byte> two(2);
    part.read_at(3, two);
    BOOST_TEST((two == bytes_of("56")));
    BOOST_TEST(fails(errc::corrupt, [&] { part.read_at(4, two); }));
    BOOST_TEST(fails(errc::corrupt, [&] { part.read_at(UINT64_MAX, two); }));
    BOOST_TEST(fails(errc::corrupt, [&] { file.read_at(9, two); }));
    BOOST_TEST(
        fails(errc::corrupt, [&] { io::source_part(file, 9, 2, "part"); }));
    BOOST_TEST(fails(errc::corrupt,
                     [&] { io::source_part(file, 2, UINT64_MAX, "part"); }));
}

BOOST_AUTO_TEST_SUITE_END()
