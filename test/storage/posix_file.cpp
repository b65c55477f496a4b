// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "support.hpp"

#include <numstore/error.hpp>
#include <numstore/storage/network_file_system.hpp>
#include <numstore/storage/posix_file.hpp>
#include <numstore/storage/posix_io.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(storage_posix_file)

namespace ns = numstore;
using namespace ns::testing;
using ns::detail::posix_file;

namespace {

std::vector<std::string> names_in(temporary_directory const& directory) {
    std::vector<std::string> names;
    for (auto const& entry :
         std::filesystem::directory_iterator(directory.path()))
        names.push_back(entry.path().filename().string());
    return names;
}

posix_file create_named(std::string const& path, std::error_code& ec) {
    return posix_file::create(path, false, ns::detail::unpublished::named, ec);
}

static_assert(ns::detail::is_network_file_system(0x6969));
static_assert(!ns::detail::is_network_file_system(0xEF53));

} // namespace

BOOST_AUTO_TEST_CASE(temporary_name_vanishes) {
    temporary_directory dir;
    std::error_code ec;
    {
        posix_file file = create_named(dir / "a", ec);
        BOOST_REQUIRE(!ec);
        auto const names = names_in(dir);
        BOOST_REQUIRE(names.size() == 1u);
        BOOST_TEST(names[0].starts_with("a.new-"));
        posix_file moved = std::move(file);
        BOOST_TEST(names_in(dir).size() == 1u);
    }
    BOOST_TEST(names_in(dir).empty());
    posix_file file = create_named(dir / "a", ec);
    file = posix_file();
    BOOST_TEST(names_in(dir).empty());
}

BOOST_AUTO_TEST_CASE(temporary_name_becomes_the_name) {
    temporary_directory dir;
    std::error_code ec;
    posix_file first = create_named(dir / "a", ec);
    posix_file second = create_named(dir / "a", ec);
    BOOST_REQUIRE(!ec);
    first.publish(ec);
    BOOST_TEST(!ec);
    second.publish(ec);
    BOOST_TEST(ec == ns::errc::already_exists);
    second = posix_file();
    BOOST_TEST(names_in(dir) == std::vector<std::string>{"a"});
    posix_file::open(dir / "a", false, false, ec);
    BOOST_TEST(ec == ns::errc::locked);
    first = posix_file();
    posix_file::open(dir / "a", false, false, ec);
    BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE(temporary_name_of_a_long_name) {
    temporary_directory dir;
    std::error_code ec;
    std::string const name(255, 'x');
    posix_file file = create_named(dir / name, ec);
    BOOST_REQUIRE(!ec);
    file.publish(ec);
    BOOST_TEST(!ec);
    BOOST_TEST(names_in(dir) == std::vector<std::string>{name});
}

BOOST_AUTO_TEST_CASE(a_forked_child_leaves_the_temporary_name) {
    temporary_directory dir;
    std::error_code ec;
    posix_file file = create_named(dir / "a", ec);
    BOOST_TEST(in_child([&]() -> std::string {
                   file = posix_file();
                   return "";
               })
               == "");
    file.publish(ec);
    BOOST_TEST(!ec);
    BOOST_TEST(names_in(dir) == std::vector<std::string>{"a"});
}

BOOST_AUTO_TEST_CASE(growth_by_zeros_where_nothing_can_allocate) {
    temporary_directory dir;
    ns::detail::unique_fd const file(
        ::open((dir / "a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    std::error_code ec;
    ns::detail::write_all(file.get(), 0, filled(10, 1), 0, ec);
    ns::detail::write_zeros(file.get(), 10, 100001, ec);
    BOOST_TEST(!ec);
    struct stat about{};
    BOOST_REQUIRE(::fstat(file.get(), &about) == 0);
    BOOST_TEST(about.st_size == 100001);
    std::vector<std::byte> all(100001);
    ns::detail::read_all(file.get(), 0, all, ec);
    BOOST_TEST(!ec);
    auto expected = filled(10, 1);
    expected.resize(all.size());
    BOOST_TEST((all == expected));
}

BOOST_AUTO_TEST_CASE(failed_transfers_are_reported) {
    temporary_directory dir;
    std::error_code ec;
    posix_file file = posix_file::create(
        dir / "a", false, ns::detail::unpublished::nameless_if_possible, ec);
    std::vector<std::byte> out(1);
    ns::detail::read_all(file.fd(), 0, out, ec);
    BOOST_TEST(ec == ns::errc::io);
    ns::detail::read_all(-1, 0, out, ec);
    BOOST_TEST((ec == std::errc::bad_file_descriptor));
    ns::detail::write_all(-1, 0, out, RWF_DSYNC, ec);
    BOOST_TEST((ec == std::errc::bad_file_descriptor));
}

/// It changes nothing; like a write it stays inside, and needs the right to.
BOOST_AUTO_TEST_CASE(a_sync_can_begin_early) {
    temporary_directory dir;
    std::error_code ec;
    std::vector<std::byte> const text(10'000, std::byte{7});
    {
        posix_file file = create_named(dir / "a", ec);
        file.resize(20'000, ec);
        file.write(5'000, text, ec);
        BOOST_REQUIRE(!ec);
        file.start_sync(5'000, 10'000, ec);
        BOOST_TEST(!ec);
        file.start_sync(20'000, 0, ec);
        BOOST_TEST(!ec);
        file.start_sync(15'000, 5'001, ec);
        BOOST_TEST(ec == ns::errc::io);
        file.sync(ec);
        BOOST_TEST(!ec);
        file.publish(ec);
        BOOST_TEST(!ec);
    }
    posix_file file = posix_file::open(dir / "a", true, false, ec);
    BOOST_REQUIRE(!ec);
    std::vector<std::byte> got(10'000);
    file.read(5'000, got, ec);
    BOOST_TEST((got == text));
    file.start_sync(0, 1, ec);
    BOOST_TEST(ec == ns::errc::read_only);
}

/// Else one of both would take the errors of what the other has written.
BOOST_AUTO_TEST_CASE(the_log_is_synced_by_an_open_file_of_its_own) {
    temporary_directory dir;
    std::string const path = dir / "a";
    std::error_code ec;
    std::vector<std::byte> const text(8'192, std::byte{7});
    {
        posix_file file = create_named(path, ec);
        file.resize(16'384, ec);
        file.publish(ec);
        BOOST_REQUIRE(!ec);
        BOOST_TEST(open_descriptors(path) == 2);
        file.write_log_durable(4'096, text, ec);
        BOOST_TEST(!ec);
        file.sync_log(ec);
        BOOST_TEST(!ec);
        file.write_log_durable(12'288, text, ec);
        BOOST_TEST(ec == ns::errc::io);
    }
    BOOST_TEST(open_descriptors(path) == 0);
    {
        posix_file file = posix_file::open(path, false, false, ec);
        BOOST_TEST(!ec);
        BOOST_TEST(open_descriptors(path) == 2);
        posix_file const moved = std::move(file);
        BOOST_TEST(open_descriptors(path) == 2);
        std::vector<std::byte> got(8'192);
        moved.read(4'096, got, ec);
        BOOST_TEST((got == text));
    }
    posix_file file = posix_file::open(path, true, false, ec);
    BOOST_TEST(open_descriptors(path) == 1);
    file.write_log_durable(0, text, ec);
    BOOST_TEST(ec == ns::errc::read_only);
    file.sync_log(ec);
    BOOST_TEST(!ec);
}

/// Not one open file for both, of which nobody would know.
BOOST_AUTO_TEST_CASE(without_a_descriptor_for_the_log_nothing_is_opened) {
    temporary_directory dir;
    std::string const path = dir / "a";
    std::error_code ec;
    {
        posix_file file = create_named(path, ec);
        file.publish(ec);
        BOOST_REQUIRE(!ec);
    }
    BOOST_TEST(in_child([&]() -> std::string {
                   int const next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
                   ::close(next); // the first free one: a single one is left
                   auto const most = static_cast<rlim_t>(next) + 1;
                   rlimit const limit{most, most};
                   ::setrlimit(RLIMIT_NOFILE, &limit);
                   posix_file file = posix_file::open(path, false, false, ec);
                   if (ec != std::errc::too_many_files_open || file.fd() >= 0)
                       return "writing: " + ec.message();
                   file = posix_file::open(path, true, false, ec);
                   if (ec || file.fd() != next)
                       return "reading: " + ec.message();
                   file = posix_file();
                   file = create_named(dir / "b", ec);
                   if (ec != std::errc::too_many_files_open || file.fd() >= 0)
                       return "creating: " + ec.message();
                   return names_in(dir).size() == 1 ? "" : "something is left";
               })
               == "");
}

BOOST_AUTO_TEST_SUITE_END()
