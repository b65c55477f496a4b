// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/storage/posix_io.hpp>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace numstore::detail {

/// How a file that is not published yet exists: without a name where the
/// file system can do that, so that a crash leaves nothing behind.
enum class unpublished { nameless_if_possible, named };

/// What of a failed attempt to write a directory or file has its own code.
inline std::error_code write_refusal(int number) noexcept {
    if (number == EACCES || number == EROFS || number == EPERM)
        return make_error_code(errc::read_only);
    if (number == ENOENT)
        return make_error_code(errc::not_found);
    return os_error(number);
}

/// The directory part of `path`, with its slash, and the name in it.
[[gnu::cold]]
inline std::pair<std::string, std::string> split_path(std::string const& path) {
    auto const slash = path.rfind('/');
    if (slash == std::string::npos)
        return {"./", path};
    return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

/// Follows symbolic links in the last component, also to a file that does not
/// exist yet.
[[gnu::cold]]
inline std::string follow_links(std::string path, std::error_code& ec) {
    std::array<char, PATH_MAX> target{};
    ec.clear();
    for (int links = 0; links < 40; ++links) {
        ssize_t const n =
            ::readlink(path.c_str(), target.data(), target.size());
        if (n < 0)
            return path;
        std::string next(target.data(), static_cast<std::size_t>(n));
        path = next.starts_with('/') ? next : split_path(path).first + next;
    }
    ec = os_error(ELOOP);
    return path;
}

/// A new file in the directory of its future name. Until `publish` it has no
/// name or a temporary one, and `discard` makes it vanish.
class new_file {
public:
    new_file() noexcept = default;

    /// Creates the file; the caller owns the descriptor.
    unique_fd create(std::string const& path, unpublished how,
                     std::error_code& ec) {
        std::string const target = follow_links(path, ec);
        if (ec)
            return {};
        auto const [directory, name] = split_path(target);
        if (name.empty() || name == "." || name == "..") {
            ec = errc::invalid_argument;
            return {};
        }
        name_ = name;
        directory_ = unique_fd(
            ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!directory_) {
            ec = write_refusal(errno);
            return {};
        }
        struct stat about{};
        if (::fstatat(directory_.get(), name_.c_str(), &about,
                      AT_SYMLINK_NOFOLLOW)
            == 0) {
            ec = errc::already_exists;
            return {};
        }
        return open_file(how, ec);
    }

    /// Gives the file its name, never replacing another file, and makes the
    /// name durable. On failure the name is not taken.
    [[gnu::cold]] void publish(int fd, std::error_code& ec) noexcept {
        ec.clear();
        if (!sync_all(fd) || !take_name(fd)) {
            ec = errno == EEXIST ? make_error_code(errc::already_exists)
                                 : os_error(errno);
            return;
        }
        // Some file systems cannot sync a directory; they say EINVAL.
        if (!sync_all(directory_.get()) && errno != EINVAL) {
            ec = last_os_error();
            ::unlinkat(directory_.get(), name_.c_str(), 0);
        }
        temporary_.clear();
        directory_ = {};
    }

    bool pending() const noexcept { return static_cast<bool>(directory_); }

    /// Removes a temporary name. A forked child leaves its parent's alone.
    [[gnu::cold]] void discard() noexcept {
        if (!temporary_.empty() && creator_ == ::getpid())
            ::unlinkat(directory_.get(), temporary_.c_str(), 0);
        temporary_.clear();
        directory_ = {};
    }

private:
    static constexpr mode_t mode = 0666;

    [[gnu::cold]] unique_fd open_file(unpublished how, std::error_code& ec) {
        unique_fd file;
        if (how == unpublished::nameless_if_possible)
            file = open_nameless();
        if (!file)
            file = open_named();
        if (!file)
            ec = write_refusal(errno);
        return file;
    }

    unique_fd open_nameless() const {
        unique_fd file(::openat(directory_.get(), ".",
                                O_TMPFILE | O_RDWR | O_CLOEXEC, mode));
        bool const can_be_named =
            file && ::access(own_link(file.get()).c_str(), F_OK) == 0;
        return can_be_named ? std::move(file) : unique_fd();
    }

    [[gnu::cold]] unique_fd open_named() {
        // A name has at most 255 bytes; what is cut off does not matter.
        std::string const stem = name_.substr(0, 200) + ".new-";
        for (int attempt = 0; attempt < 100; ++attempt) {
            std::uint64_t random = 0;
            if (::getrandom(&random, sizeof random, 0) != sizeof random)
                return {};
            std::string name = stem + std::to_string(random);
            unique_fd file(::openat(directory_.get(), name.c_str(),
                                    O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC,
                                    mode));
            if (file) {
                temporary_ = std::move(name);
                creator_ = ::getpid();
            }
            if (file || errno != EEXIST)
                return file;
        }
        return {};
    }

    static bool sync_all(int fd) noexcept {
        return retry_interrupted([&] { return ::fsync(fd); }) == 0;
    }

    static std::string own_link(int fd) {
        return "/proc/self/fd/" + std::to_string(fd);
    }

    /// False, with errno, when the name is not taken.
    bool take_name(int fd) const noexcept {
        int const dir = directory_.get();
        if (temporary_.empty()) {
            std::array<char, 40> self{};
            ::snprintf(self.data(), self.size(), "/proc/self/fd/%d", fd);
            return ::linkat(AT_FDCWD, self.data(), dir, name_.c_str(),
                            AT_SYMLINK_FOLLOW)
                   == 0;
        }
        if (::renameat2(dir, temporary_.c_str(), dir, name_.c_str(),
                        RENAME_NOREPLACE)
            == 0)
            return true;
        if (errno != EINVAL && errno != ENOSYS)
            return false;
        if (::linkat(dir, temporary_.c_str(), dir, name_.c_str(), 0) != 0)
            return false;
        ::unlinkat(dir, temporary_.c_str(), 0);
        return true;
    }

    unique_fd directory_;
    std::string name_;
    std::string temporary_;
    pid_t creator_ = 0;
};

} // namespace numstore::detail
