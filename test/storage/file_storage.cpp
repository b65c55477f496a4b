// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "support.hpp"

#include <numstore/error.hpp>
#include <numstore/storage/file_storage.hpp>
#include <numstore/storage/mapped_storage.hpp>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(storage_file_storage)

namespace ns = numstore;
using namespace ns::testing;

namespace {

using file_devices = std::tuple<ns::file_storage, ns::mapped_storage>;

template <class S>
S make(std::string const& path, std::string_view text = "content") {
    std::error_code ec;
    S device = S::create(path, false, ec);
    BOOST_REQUIRE_EQUAL(ec, std::error_code());
    device.resize(text.size(), ec);
    device.write(0, bytes_of(text), ec);
    BOOST_REQUIRE_EQUAL(ec, std::error_code());
    device.publish(ec);
    BOOST_REQUIRE_EQUAL(ec, std::error_code());
    return device;
}

template <class S>
std::error_code open_error(std::string const& path, bool read_only = false) {
    std::error_code ec;
    S::open(path, read_only, false, ec);
    return ec;
}

template <class S>
std::error_code create_error(std::string const& path) {
    std::error_code ec;
    S::create(path, false, ec);
    return ec;
}

std::string text_of(std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t entries(temporary_directory const& directory) {
    return static_cast<std::size_t>(std::distance(
        std::filesystem::directory_iterator(directory.path()), {}));
}

/// In a child without the rights of root.
template <class Body>
std::string unprivileged(Body body) {
    return in_child([&]() -> std::string {
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0))
            return "cannot give up rights";
        return body();
    });
}

std::string named(std::error_code ec) {
    return std::string(ec.category().name()) + ": " + ec.message();
}

std::string expected(ns::errc e) { return named(e); }

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(keeps_content, S, file_devices) {
    temporary_directory dir;
    make<S>(dir / "a", "some bytes");
    BOOST_TEST(text_of(dir / "a") == "some bytes");
    std::error_code ec;
    S device = S::open(dir / "a", false, false, ec);
    BOOST_TEST(!ec);
    BOOST_TEST(device.name() == dir / "a");
    BOOST_TEST((content(device) == bytes_of("some bytes")));
    device.write_durable(5, bytes_of("BYTES"), ec);
    BOOST_TEST(!ec);
    device = S();
    BOOST_TEST(text_of(dir / "a") == "some BYTES");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(growth_is_allocated, S, file_devices) {
    temporary_directory dir;
    S device = make<S>(dir / "a");
    std::error_code ec;
    device.resize(std::uint64_t{8} << 20, ec);
    BOOST_TEST(!ec);
    struct stat about{};
    BOOST_REQUIRE(::stat((dir / "a").c_str(), &about) == 0);
    BOOST_TEST(about.st_size == 8 << 20);
    BOOST_TEST(about.st_blocks * 512 >= about.st_size);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(names_what_cannot_be_opened, S, file_devices) {
    temporary_directory dir;
    BOOST_REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    std::filesystem::create_symlink("nowhere", dir / "dangling");
    std::filesystem::create_symlink("loop", dir / "loop");
    make<S>(dir / "file");
    int const before = open_descriptors();
    using ns::errc;
    for (bool read_only : {false, true}) {
        auto const error = [&](std::string const& path) {
            return named(open_error<S>(path, read_only));
        };
        BOOST_TEST(error(dir / "none") == expected(errc::not_found));
        BOOST_TEST(error(dir / "no/ne") == expected(errc::not_found));
        BOOST_TEST(error(dir / "dangling") == expected(errc::not_found));
        BOOST_TEST(error(dir.path()) == expected(errc::not_a_database));
        BOOST_TEST(error(dir / "fifo") == expected(errc::not_a_database));
        BOOST_TEST(error("/dev/null") == expected(errc::not_a_database));
        BOOST_TEST(error("") == expected(errc::invalid_argument));
        BOOST_TEST(error(dir / std::string("file\0x", 6))
                   == expected(errc::invalid_argument));
        BOOST_TEST((open_error<S>(dir / "loop", read_only)
                    == std::errc::too_many_symbolic_link_levels));
        BOOST_TEST((open_error<S>(dir / "file/x", read_only)
                    == std::errc::not_a_directory));
        BOOST_TEST((open_error<S>(dir / std::string(300, 'x'), read_only)
                    == std::errc::filename_too_long));
    }
    BOOST_TEST(open_descriptors() == before);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(names_what_cannot_be_created, S, file_devices) {
    temporary_directory dir;
    make<S>(dir / "file");
    std::filesystem::create_symlink("file", dir / "link");
    std::filesystem::create_symlink("loop", dir / "loop");
    std::size_t const files = entries(dir);
    int const before = open_descriptors();
    using ns::errc;
    auto const error = [&](std::string const& path) {
        return named(create_error<S>(path));
    };
    BOOST_TEST(error(dir / "file") == expected(errc::already_exists));
    BOOST_TEST(error(dir / "link") == expected(errc::already_exists));
    BOOST_TEST(error(dir / "no/ne") == expected(errc::not_found));
    BOOST_TEST(error(dir / "") == expected(errc::invalid_argument));
    BOOST_TEST(error(dir / "..") == expected(errc::invalid_argument));
    BOOST_TEST(error("") == expected(errc::invalid_argument));
    BOOST_TEST((create_error<S>(dir / "loop")
                == std::errc::too_many_symbolic_link_levels));
    BOOST_TEST((create_error<S>(dir / "file/x") == std::errc::not_a_directory));
    BOOST_TEST(open_descriptors() == before);
    BOOST_TEST(entries(dir) == files);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_not_published_vanishes, S, file_devices) {
    temporary_directory dir;
    int const before = open_descriptors();
    {
        std::error_code ec;
        S device = S::create(dir / "a", false, ec);
        device.resize(100000, ec);
        BOOST_TEST(!ec);
        BOOST_TEST(open_error<S>(dir / "a") == ns::errc::not_found);
    }
    BOOST_TEST(entries(dir) == 0u);
    BOOST_TEST(open_descriptors() == before);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(publish_never_replaces, S, file_devices) {
    temporary_directory dir;
    std::error_code ec;
    S first = S::create(dir / "a", false, ec);
    S second = S::create(dir / "a", false, ec);
    BOOST_TEST(!ec);
    first.resize(1, ec);
    second.resize(2, ec);
    second.publish(ec);
    BOOST_TEST(!ec);
    first.publish(ec);
    BOOST_TEST(ec == ns::errc::already_exists);
    first = S();
    BOOST_TEST(text_of(dir / "a").size() == 2u);
    BOOST_TEST(entries(dir) == 1u);
    second.publish(ec);
    BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(second_user_is_locked_out, S, file_devices) {
    temporary_directory dir;
    S holder = make<S>(dir / "a");
    std::filesystem::create_symlink("a", dir / "link");
    std::filesystem::create_hard_link(dir / "a", dir / "hard");
    int const before = open_descriptors();
    for (auto const& path : {dir / "a", dir / "link", dir / "hard"})
        for (bool read_only : {false, true}) {
            BOOST_TEST(open_error<S>(path, read_only) == ns::errc::locked);
            BOOST_TEST(
                in_child([&] { return named(open_error<S>(path, read_only)); })
                == expected(ns::errc::locked));
        }
    BOOST_TEST(open_descriptors() == before);
    S moved = std::move(holder);
    BOOST_TEST(open_error<S>(dir / "a") == ns::errc::locked);
    moved = S();
    BOOST_TEST(!open_error<S>(dir / "a"));
    BOOST_TEST(!open_error<S>(dir / "link"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(readers_share_and_keep_writers_out, S,
                              file_devices) {
    temporary_directory dir;
    make<S>(dir / "a");
    std::error_code ec;
    S first = S::open(dir / "a", true, false, ec);
    S second = S::open(dir / "a", true, false, ec);
    BOOST_TEST(!ec);
    BOOST_TEST((content(second) == bytes_of("content")));
    BOOST_TEST(open_error<S>(dir / "a") == ns::errc::locked);
    first.write(0, bytes_of("x"), ec);
    BOOST_TEST(ec == ns::errc::read_only);
    first.write_durable(0, bytes_of("x"), ec);
    BOOST_TEST(ec == ns::errc::read_only);
    first.resize(0, ec);
    BOOST_TEST(ec == ns::errc::read_only);
    first.sync(ec);
    BOOST_TEST(!ec);
    BOOST_TEST(text_of(dir / "a") == "content");
    first = S();
    BOOST_TEST(open_error<S>(dir / "a") == ns::errc::locked);
    second = S();
    BOOST_TEST(!open_error<S>(dir / "a"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(kept_for_views_is_busy, S, file_devices) {
    temporary_directory dir;
    for (bool read_only : {false, true}) {
        std::string const path = dir / (read_only ? "r" : "w");
        make<S>(path);
        std::error_code ec;
        S holder = S::open(path, read_only, false, ec);
        BOOST_TEST(open_error<S>(path) == ns::errc::locked);
        holder.keep_for_views(ec);
        BOOST_TEST(!ec);
        BOOST_TEST(open_error<S>(path) == ns::errc::busy);
        BOOST_TEST(in_child([&] { return named(open_error<S>(path)); })
                   == expected(ns::errc::busy));
        BOOST_TEST(!!open_error<S>(path, true) == !read_only);
        BOOST_TEST((content(holder) == bytes_of("content")));
        holder = S();
        BOOST_TEST(!open_error<S>(path));
        S next = S::open(path, false, false, ec);
        BOOST_TEST(open_error<S>(path) == ns::errc::locked);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(lock_is_there_before_the_name, S, file_devices) {
    temporary_directory dir;
    S holder = make<S>(dir / "a");
    BOOST_TEST(open_error<S>(dir / "a") == ns::errc::locked);
    holder = S();
    BOOST_TEST(!open_error<S>(dir / "a"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_killed_holder_frees_the_lock, S, file_devices) {
    temporary_directory dir;
    make<S>(dir / "a");
    int ready[2];
    BOOST_REQUIRE(::pipe(ready) == 0);
    pid_t const child = ::fork();
    if (child == 0) {
        std::error_code ec;
        S holder = S::open(dir / "a", false, false, ec);
        bool const told = ::write(ready[1], "x", 1) == 1;
        while (told)
            ::pause();
        ::_exit(1);
    }
    char byte = 0;
    BOOST_REQUIRE(::read(ready[0], &byte, 1) == 1);
    BOOST_TEST(open_error<S>(dir / "a") == ns::errc::locked);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST(!open_error<S>(dir / "a"));
    ::close(ready[0]);
    ::close(ready[1]);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_forked_child_cannot_free_the_lock, S,
                              file_devices) {
    temporary_directory dir;
    S holder = make<S>(dir / "a");
    std::error_code ec;
    S unpublished = S::create(dir / "b", false, ec);
    BOOST_TEST(in_child([&]() -> std::string {
                   holder = S();
                   unpublished = S();
                   return "";
               })
               == "");
    BOOST_TEST(open_error<S>(dir / "a") == ns::errc::locked);
    unpublished.publish(ec);
    BOOST_TEST(!ec);
    BOOST_TEST(open_error<S>(dir / "b") == ns::errc::locked);
    holder = S();
    BOOST_TEST(!open_error<S>(dir / "a"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(descriptors_are_closed_on_exec, S, file_devices) {
    temporary_directory dir;
    std::array<bool, 1024> before{};
    for (int fd = 0; fd < 1024; ++fd)
        before[std::size_t(fd)] = ::fcntl(fd, F_GETFD) >= 0;
    S published = make<S>(dir / "a");
    std::error_code ec;
    S building = S::create(dir / "b", false, ec);
    make<S>(dir / "c");
    S reader = S::open(dir / "c", true, false, ec);
    BOOST_TEST(!ec);
    int found = 0;
    for (int fd = 0; fd < 1024; ++fd) {
        int const flags = ::fcntl(fd, F_GETFD);
        if (before[std::size_t(fd)] || flags < 0)
            continue;
        ++found;
        BOOST_TEST((flags & FD_CLOEXEC) != 0);
    }
    BOOST_TEST(found == 6); // the log has one of its own for writing
    BOOST_TEST(open_descriptors(dir / "a") == 2);
    BOOST_TEST(open_descriptors(dir / "c") == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(relative_paths_and_links_work, S, file_devices) {
    temporary_directory dir;
    BOOST_TEST(in_child([&]() -> std::string {
                   namespace fs = std::filesystem;
                   fs::current_path(dir.path());
                   fs::create_directory("sub");
                   fs::create_symlink("sub/../sub/target", "link");
                   fs::create_symlink(dir / "sub", "linked_sub");
                   std::error_code ec;
                   for (char const* path :
                        {"plain", "link", "sub/x", "linked_sub/y"}) {
                       S device = S::create(path, false, ec);
                       fs::current_path("/");
                       device.publish(ec);
                       fs::current_path(dir.path());
                       if (ec)
                           return path + (": " + named(ec));
                       if (open_error<S>(path) != ns::errc::locked)
                           return path + std::string(" is not locked");
                       device = S();
                       if (open_error<S>(path))
                           return path + std::string(" does not open");
                   }
                   for (char const* path : {"sub/target", "sub/x", "sub/y"})
                       if (!fs::is_regular_file(fs::symlink_status(path)))
                           return path + std::string(" is not a file");
                   return "";
               })
               == "");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(rights_are_respected, S, file_devices) {
    temporary_directory dir;
    make<S>(dir / "readable");
    make<S>(dir / "secret");
    ::chmod((dir / "readable").c_str(), 0444);
    ::chmod((dir / "secret").c_str(), 0);
    ::chmod(dir.path().c_str(), 0555);
    BOOST_TEST(unprivileged([&]() -> std::string {
                   std::error_code ec = open_error<S>(dir / "readable");
                   if (ec != ns::errc::read_only)
                       return "readable: " + named(ec);
                   ec = open_error<S>(dir / "readable", true);
                   if (ec)
                       return "reading: " + named(ec);
                   ec = open_error<S>(dir / "secret");
                   if (ec != std::errc::permission_denied)
                       return "secret: " + named(ec);
                   ec = create_error<S>(dir / "new");
                   if (ec != ns::errc::read_only)
                       return "directory: " + named(ec);
                   return "";
               })
               == "");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(file_size_limit_is_no_space, S, file_devices) {
    temporary_directory dir;
    BOOST_TEST(in_child([&]() -> std::string {
                   rlimit const limit{1 << 20, 1 << 20};
                   ::setrlimit(RLIMIT_FSIZE, &limit);
                   S device = make<S>(dir / "a");
                   std::error_code ec;
                   device.resize(2 << 20, ec);
                   if (ns::detail::errc_of(ec) != ns::errc::no_space)
                       return named(ec);
                   if (device.size(ec) != 7 || text_of(dir / "a") != "content")
                       return "changed";
                   device.resize(1 << 20, ec);
                   return ec ? named(ec) : "";
               })
               == "");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_full_disk_changes_nothing, S, file_devices) {
    temporary_directory dir;
    auto const result = in_child([&]() -> std::string {
        if (::unshare(CLONE_NEWNS) != 0
            || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0
            || ::mount("none", dir.path().c_str(), "tmpfs", 0, "size=1m") != 0)
            return "skipped";
        S device = make<S>(dir / "a");
        std::error_code ec;
        device.resize(std::uint64_t{64} << 20, ec);
        if (ec != std::errc::no_space_on_device)
            return named(ec);
        if (device.size(ec) != 7 || text_of(dir / "a") != "content")
            return "changed";
        device.resize(512 << 10, ec);
        if (ec)
            return "what fits: " + named(ec);
        device.write_durable(0, filled(512 << 10, 1), ec);
        if (ec)
            return "write: " + named(ec);
        S other = S::create(dir / "b", false, ec);
        other.resize(768 << 10, ec);
        return ec == std::errc::no_space_on_device ? "" : named(ec);
    });
    if (result == "skipped")
        BOOST_TEST_MESSAGE("skipped: no right to mount a small disk");
    else
        BOOST_TEST(result == "");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_read_only_disk_can_be_read, S, file_devices) {
    temporary_directory dir;
    auto const result = in_child([&]() -> std::string {
        if (::unshare(CLONE_NEWNS) != 0
            || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0
            || ::mount("none", dir.path().c_str(), "tmpfs", 0, "size=1m") != 0)
            return "skipped";
        make<S>(dir / "a");
        if (::mount("none", dir.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY,
                    "size=1m")
            != 0)
            return "skipped";
        if (auto const ec = open_error<S>(dir / "a"); ec != ns::errc::read_only)
            return named(ec);
        if (auto const ec = open_error<S>(dir / "a", true))
            return named(ec);
        if (auto const ec = create_error<S>(dir / "b");
            ec != ns::errc::read_only)
            return named(ec);
        return "";
    });
    if (result == "skipped")
        BOOST_TEST_MESSAGE("skipped: no right to mount a small disk");
    else
        BOOST_TEST(result == "");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_file_cut_short_is_an_error, S, file_devices) {
    temporary_directory dir;
    S device = make<S>(dir / "a", std::string(10000, 'x'));
    BOOST_REQUIRE(::truncate((dir / "a").c_str(), 5000) == 0);
    std::vector<std::byte> out(100);
    std::error_code ec;
    device.read(4900, out, ec);
    BOOST_TEST(!ec);
    device.read(4950, out, ec);
    BOOST_TEST(ec == ns::errc::io);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_empty_object_reports_errors, S, file_devices) {
    S device;
    std::error_code ec;
    std::vector<std::byte> out(1);
    device.read(0, out, ec);
    BOOST_TEST(!!ec);
    device.write(0, out, ec);
    BOOST_TEST(!!ec);
    device.resize(1, ec);
    BOOST_TEST(!!ec);
    device.sync(ec);
    BOOST_TEST(!!ec);
    device.keep_for_views(ec);
    BOOST_TEST(!!ec);
    BOOST_TEST(device.size(ec) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
