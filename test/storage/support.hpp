// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/storage/storage_device.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace numstore::testing {

/// A fresh directory, removed with all below it.
class temporary_directory {
public:
    explicit temporary_directory(
        std::filesystem::path const& in =
            std::filesystem::temp_directory_path()) {
        std::string pattern = (in / "numstore-XXXXXX").string();
        if (!::mkdtemp(pattern.data()))
            throw std::system_error(errno, std::generic_category(), pattern);
        path_ = pattern;
    }
    temporary_directory(temporary_directory const&) = delete;
    temporary_directory& operator=(temporary_directory const&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        ::chmod(path_.c_str(), 0700);
        std::filesystem::remove_all(path_, ignored);
    }

    std::string operator/(std::string_view name) const {
        return path_ + "/" + std::string(name);
    }
    std::string const& path() const { return path_; }

private:
    std::string path_;
};

/// Runs `body` in a forked child; it returns what went wrong, or nothing. The
/// result names a child that died.
template <class Body>
std::string in_child(Body body) {
    int ends[2];
    if (::pipe(ends) != 0)
        return "no pipe";
    pid_t const child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        std::string const result = body();
        bool const told = ::write(ends[1], result.data(), result.size())
                          == static_cast<ssize_t>(result.size());
        ::_exit(told ? 0 : 1);
    }
    ::close(ends[1]);
    std::string result;
    char piece[256];
    for (ssize_t n; (n = ::read(ends[0], piece, sizeof piece)) > 0;)
        result.append(piece, static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        result += " (child died)";
    return result;
}

inline std::uint64_t seed() {
    char const* const given = std::getenv("NUMSTORE_SEED");
    return given ? std::strtoull(given, nullptr, 0) : std::random_device{}();
}

inline std::vector<std::byte> bytes_of(std::string_view text) {
    auto const bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

inline std::vector<std::byte> filled(std::size_t n, int value) {
    return std::vector<std::byte>(n, static_cast<std::byte>(value));
}

inline std::vector<std::byte> random_bytes(std::size_t n,
                                           std::mt19937_64& random) {
    std::vector<std::byte> result(n);
    for (std::byte& b : result)
        b = static_cast<std::byte>(random());
    return result;
}

template <storage_device S>
std::vector<std::byte> content(S const& device) {
    std::error_code ec;
    std::vector<std::byte> all(device.size(ec));
    if (!ec)
        device.read(0, all, ec);
    if (ec)
        throw std::system_error(ec, "content of " + device.name());
    return all;
}

/// Bytes of this process.
struct memory_use {
    std::uint64_t address_space;
    std::uint64_t resident;
};

inline memory_use memory_in_use() {
    auto const page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    memory_use use{};
    std::ifstream("/proc/self/statm") >> use.address_space >> use.resident;
    return {use.address_space * page, use.resident * page};
}

/// How many descriptors of this process refer to `path`, or are open at all.
inline int open_descriptors(std::string const& path = {}) {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd) {
        struct stat here{};
        struct stat there{};
        if (::fstat(fd, &here) != 0)
            continue;
        if (path.empty()
            || (::stat(path.c_str(), &there) == 0 && here.st_dev == there.st_dev
                && here.st_ino == there.st_ino))
            ++count;
    }
    return count;
}

} // namespace numstore::testing
