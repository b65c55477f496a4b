// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "support.hpp"

#include <numstore/error.hpp>
#include <numstore/storage/file_storage.hpp>
#include <numstore/storage/mapped_storage.hpp>
#include <numstore/storage/reader_locks.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>

BOOST_AUTO_TEST_SUITE(storage_reader_locks)

namespace ns = numstore;
using namespace ns::testing;

namespace {

using devices = std::tuple<ns::file_storage, ns::mapped_storage>;
constexpr std::uint64_t nobody = ns::detail::reader_locks::nobody;

template <class S>
S make(std::string const& path) {
    std::error_code ec;
    S device = S::create(path, false, ec);
    device.resize(4096, ec);
    device.publish(ec);
    BOOST_REQUIRE(!ec);
    return device;
}

template <class S>
S beside(std::string const& path) {
    std::error_code ec = ns::errc::failed;
    S device = S::open_beside(path, false, ec);
    BOOST_REQUIRE_EQUAL(ec, std::error_code());
    return device;
}

template <class S>
void read_from(S& device, std::uint64_t generation) {
    std::error_code ec = ns::errc::failed;
    device.read_from(generation, ec);
    BOOST_REQUIRE_EQUAL(ec, std::error_code());
}

template <class S>
std::uint64_t oldest(S const& device) {
    std::error_code ec = ns::errc::failed;
    std::uint64_t const generation = device.oldest_reader(ec);
    BOOST_REQUIRE_EQUAL(ec, std::error_code());
    return generation;
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(the_writer_sees_the_oldest, S, devices) {
    temporary_directory dir;
    S writer = make<S>(dir / "a");
    BOOST_TEST(oldest(writer) == nobody);
    S first = beside<S>(dir / "a");
    BOOST_TEST(oldest(writer) == 0u);
    read_from(first, 7);
    BOOST_TEST(oldest(writer) == 7u);
    S second = beside<S>(dir / "a");
    BOOST_TEST(oldest(writer) == 0u);
    read_from(second, 5);
    BOOST_TEST(oldest(writer) == 5u);
    S third = beside<S>(dir / "a");
    read_from(third, 9);
    BOOST_TEST(oldest(writer) == 5u);
    second = S();
    BOOST_TEST(oldest(writer) == 7u);
    S const moved = std::move(first);
    BOOST_TEST(oldest(writer) == 7u);
    third = S();
    BOOST_TEST(oldest(writer) == 7u);
    // What no file has is as good as the largest that one can have.
    S far = beside<S>(dir / "a");
    read_from(far, nobody - 1);
    S near = beside<S>(dir / "a");
    read_from(near, 0);
    BOOST_TEST(oldest(writer) == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nobody_is_kept_out, S, devices) {
    temporary_directory dir;
    make<S>(dir / "a");
    S reader = beside<S>(dir / "a");
    read_from(reader, 3);
    std::error_code ec;
    S writer = S::open(dir / "a", false, false, ec);
    BOOST_TEST(!ec);
    BOOST_TEST(oldest(writer) == 3u);
    reader.keep_for_views(ec);
    BOOST_TEST(!ec);
    S::open(dir / "a", false, false, ec);
    BOOST_TEST(ec == ns::errc::locked);
    reader.write(0, {}, ec);
    BOOST_TEST(ec == ns::errc::read_only);
    S::open_beside(dir / "none", false, ec);
    BOOST_TEST(ec == ns::errc::not_found);
    S::open_beside("", false, ec);
    BOOST_TEST(ec == ns::errc::invalid_argument);
}

/// A hostile program locks whatever it likes.
BOOST_AUTO_TEST_CASE_TEMPLATE(other_locks_hold_everything, S, devices) {
    temporary_directory dir;
    S writer = make<S>(dir / "a");
    int const fd = ::open((dir / "a").c_str(), O_RDONLY | O_CLOEXEC);
    struct flock all{};
    all.l_type = F_RDLCK;
    all.l_whence = SEEK_SET;
    BOOST_REQUIRE(::fcntl(fd, F_OFD_SETLK, &all) == 0);
    BOOST_TEST(oldest(writer) == 0u);
    ::close(fd);
    BOOST_TEST(oldest(writer) == nobody);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_killed_reader_needs_nothing, S, devices) {
    temporary_directory dir;
    S writer = make<S>(dir / "a");
    int ready[2];
    BOOST_REQUIRE(::pipe(ready) == 0);
    pid_t const child = ::fork();
    if (child == 0) {
        std::error_code ec;
        S reader = S::open_beside(dir / "a", false, ec);
        reader.read_from(4, ec);
        char const said = ec ? '!' : '.';
        if (::write(ready[1], &said, 1) == 1)
            ::pause();
        ::_exit(1);
    }
    ::close(ready[1]);
    char said = 0;
    BOOST_REQUIRE(::read(ready[0], &said, 1) == 1);
    BOOST_TEST(said == '.');
    BOOST_TEST(oldest(writer) == 4u);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST(WIFSIGNALED(status));
    BOOST_TEST(oldest(writer) == nobody);
    ::close(ready[0]);
}

BOOST_AUTO_TEST_SUITE_END()
