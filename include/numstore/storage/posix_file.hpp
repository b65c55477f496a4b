// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/storage/file_lock.hpp>
#include <numstore/storage/network_file_system.hpp>
#include <numstore/storage/new_file.hpp>
#include <numstore/storage/posix_io.hpp>
#include <numstore/storage/reader_locks.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace numstore::detail {

/// Opens a regular file: errc::not_found, errc::not_a_database for anything
/// but a file, errc::read_only where only writing is refused.
inline unique_fd open_regular(char const* path, bool read_only,
                              std::error_code& ec) noexcept {
    // Without O_NONBLOCK a pipe would make this wait for its other end.
    constexpr int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    auto const open_as = [&](int access) {
        return unique_fd(
            retry_interrupted([&] { return ::open(path, access | flags); }));
    };
    ec.clear();
    unique_fd file = open_as(read_only ? O_RDONLY : O_RDWR);
    if (!file) {
        int const number = errno;
        bool const refused =
            number == EACCES || number == EROFS || number == EPERM;
        if (number == ENOENT)
            ec = errc::not_found;
        else if (number == EISDIR || number == ENXIO)
            ec = errc::not_a_database;
        else if (!read_only && refused && open_as(O_RDONLY))
            ec = errc::read_only;
        else
            ec = os_error(number);
        return {};
    }
    struct stat about{};
    if (::fstat(file.get(), &about) != 0)
        ec = last_os_error();
    else if (!S_ISREG(about.st_mode))
        ec = errc::not_a_database;
    else if (::fcntl(file.get(), F_SETFL, 0) != 0)
        ec = last_os_error();
    return ec ? unique_fd() : std::move(file);
}

/// The file behind `fd`, opened for writing once more; or none, where the
/// system does not show it. Sets `ec` where only a descriptor or memory is
/// missing.
inline unique_fd open_again(int fd, std::error_code& ec) {
    std::string const self = "/proc/self/fd/" + std::to_string(fd);
    unique_fd again = open_regular(self.c_str(), false, ec);
    if (ec != std::errc::too_many_files_open
        && ec != std::errc::too_many_files_open_in_system
        && ec != std::errc::not_enough_memory)
        ec.clear();
    struct stat one{};
    struct stat other{};
    bool const same = again && ::fstat(fd, &one) == 0
                      && ::fstat(again.get(), &other) == 0
                      && one.st_dev == other.st_dev
                      && one.st_ino == other.st_ino;
    return same ? std::move(again) : unique_fd(); // what else is in /proc?
}

/// A locked file and its size: what `file_storage` and `mapped_storage`
/// share. One thread at a time resizes; reads, writes and `size` may run
/// meanwhile.
class posix_file {
public:
    posix_file() noexcept = default;

    posix_file(posix_file&& other) noexcept
        : fd_(std::move(other.fd_)),
          log_(std::move(other.log_)),
          new_(std::move(other.new_)),
          path_(std::move(other.path_)),
          read_only_(other.read_only_),
          beside_(other.beside_),
          refuses_dsync_(other.refuses_dsync_.load(std::memory_order_relaxed)),
          size_(other.size_.exchange(0, std::memory_order_relaxed)) {}

    posix_file& operator=(posix_file&& other) noexcept {
        if (this == &other)
            return *this;
        new_.discard();
        fd_ = std::move(other.fd_);
        log_ = std::move(other.log_);
        new_ = std::move(other.new_);
        path_ = std::move(other.path_);
        read_only_ = other.read_only_;
        beside_ = other.beside_;
        refuses_dsync_.store(
            other.refuses_dsync_.load(std::memory_order_relaxed),
            std::memory_order_relaxed);
        size_.store(other.size_.exchange(0, std::memory_order_relaxed),
                    std::memory_order_relaxed);
        return *this;
    }

    ~posix_file() { new_.discard(); }

    [[gnu::cold]]
    static posix_file open(std::string const& path, bool read_only,
                           bool allow_network_fs, std::error_code& ec) noexcept
        try {
        posix_file file;
        file.open_unlocked(path, read_only, allow_network_fs, ec);
        if (!ec)
            lock_file(file.fd(), read_only, ec);
        if (!ec)
            file.load_size(ec);
        if (!ec && !read_only)
            file.log_ = open_again(file.fd(), ec);
        return ec ? posix_file() : std::move(file);
    } catch (std::bad_alloc const&) {
        ec = errc::no_memory;
        return {};
    }

    /// For reading, whoever writes.
    [[gnu::cold]]
    static posix_file open_beside(std::string const& path,
                                  bool allow_network_fs,
                                  std::error_code& ec) noexcept try {
        posix_file file;
        file.beside_ = true;
        file.open_unlocked(path, true, allow_network_fs, ec);
        if (!ec)
            reader_locks::begin(file.fd(), ec);
        if (!ec)
            file.load_size(ec);
        return ec ? posix_file() : std::move(file);
    } catch (std::bad_alloc const&) {
        ec = errc::no_memory;
        return {};
    }

    [[gnu::cold]]
    static posix_file create(std::string const& path, bool allow_network_fs,
                             unpublished how, std::error_code& ec) noexcept
        try {
        posix_file file;
        file.path_ = path;
        if (!is_usable(path, ec))
            return {};
        file.fd_ = file.new_.create(path, how, ec);
        if (!ec && !allow_network_fs)
            refuse_network_file_system(file.fd(), ec);
        if (!ec)
            lock_file(file.fd(), false, ec);
        if (!ec)
            file.log_ = open_again(file.fd(), ec);
        return ec ? posix_file() : std::move(file);
    } catch (std::bad_alloc const&) {
        ec = errc::no_memory;
        return {};
    }

    void publish(std::error_code& ec) noexcept {
        ec.clear();
        if (new_.pending())
            new_.publish(fd(), ec);
    }

    void keep_for_views(std::error_code& ec) noexcept {
        ec.clear();
        if (!beside_) // which keeps nobody out
            mark_views_only(fd(), ec);
    }

    void read_from(std::uint64_t generation, std::error_code& ec) noexcept {
        reader_locks::settle(fd(), generation, ec);
    }
    std::uint64_t oldest_reader(std::error_code& ec) const noexcept {
        return reader_locks::oldest(fd(), ec);
    }

    int fd() const noexcept { return fd_.get(); }
    std::string const& path() const noexcept { return path_; }

    /// Pairs with the store in `resize`: whoever sees the new size may use
    /// all that was made ready for it.
    std::uint64_t size() const noexcept {
        return size_.load(std::memory_order_acquire);
    }

    void read(std::uint64_t offset, std::span<std::byte> bytes,
              std::error_code& ec) const noexcept {
        if (in_range(offset, bytes.size(), size()))
            read_all(fd(), offset, bytes, ec);
        else
            ec = past_the_end();
    }

    void write(std::uint64_t offset, std::span<std::byte const> bytes,
               std::error_code& ec) noexcept {
        if (may_write(offset, bytes.size(), ec))
            write_all(fd(), offset, bytes, 0, ec);
    }

    void write_durable(std::uint64_t offset, std::span<std::byte const> bytes,
                       std::error_code& ec) noexcept {
        write_durable_by(fd(), offset, bytes, ec);
    }

    /// See `log_device`.
    void write_log_durable(std::uint64_t offset,
                           std::span<std::byte const> bytes,
                           std::error_code& ec) noexcept {
        write_durable_by(log_fd(), offset, bytes, ec);
    }
    void sync_log(std::error_code& ec) noexcept {
        ec.clear();
        if (!read_only_)
            sync_data(log_fd(), ec);
    }

    void start_sync(std::uint64_t offset, std::size_t length,
                    std::error_code& ec) noexcept {
        if (may_write(offset, length, ec) && length != 0) // 0: all behind it
            start_write_back(fd(), offset, length, ec);
    }

    void sync(std::error_code& ec) noexcept {
        ec.clear();
        if (!read_only_)
            sync_data(fd(), ec);
    }

    /// Growth becomes visible after it is allocated, shrinking before the
    /// bytes are gone, so that `size` is never more than the file has.
    void resize(std::uint64_t bytes, std::error_code& ec) noexcept {
        ec.clear();
        if (read_only_) {
            ec = errc::read_only;
            return;
        }
        std::uint64_t const old = size();
        if (bytes > old) {
            grow_file(fd(), old, bytes, ec);
        } else if (bytes < old) {
            size_.store(bytes, std::memory_order_release);
            truncate_file(fd(), bytes, ec);
        }
        size_.store(ec ? old : bytes, std::memory_order_release);
    }

private:
    static bool is_usable(std::string const& path,
                          std::error_code& ec) noexcept {
        bool const usable =
            !path.empty() && path.find('\0') == std::string::npos;
        ec = usable ? std::error_code()
                    : make_error_code(errc::invalid_argument);
        return usable;
    }

    /// Without it both are synced through one.
    int log_fd() const noexcept { return log_ ? log_.get() : fd(); }

    void write_durable_by(int by, std::uint64_t offset,
                          std::span<std::byte const> bytes,
                          std::error_code& ec) noexcept {
        if (!may_write(offset, bytes.size(), ec) || bytes.empty())
            return;
        if (!refuses_dsync_.load(std::memory_order_relaxed)) {
            write_all(by, offset, bytes, RWF_DSYNC, ec);
            if (ec != std::errc::operation_not_supported
                && ec != std::errc::function_not_supported
                && ec != std::errc::invalid_argument)
                return;
            refuses_dsync_.store(true, std::memory_order_relaxed);
        }
        write_all(by, offset, bytes, 0, ec);
        if (!ec)
            sync_data(by, ec);
    }

    bool may_write(std::uint64_t offset, std::size_t length,
                   std::error_code& ec) const noexcept {
        ec.clear();
        if (read_only_)
            ec = errc::read_only;
        else if (!in_range(offset, length, size()))
            ec = past_the_end();
        return !ec;
    }

    void open_unlocked(std::string const& path, bool read_only,
                       bool allow_network_fs, std::error_code& ec) {
        path_ = path;
        read_only_ = read_only;
        if (!is_usable(path, ec))
            return;
        fd_ = open_regular(path.c_str(), read_only, ec);
        if (!ec && !allow_network_fs)
            refuse_network_file_system(fd(), ec);
    }

    void load_size(std::error_code& ec) noexcept {
        struct stat about{};
        if (::fstat(fd(), &about) != 0)
            ec = last_os_error();
        else
            size_.store(static_cast<std::uint64_t>(about.st_size),
                        std::memory_order_release);
    }

    unique_fd fd_;
    unique_fd log_; ///< another open file for it, with errors of its own
    new_file new_;
    std::string path_;
    bool read_only_ = false;
    bool beside_ = false;
    std::atomic<bool> refuses_dsync_ = false;
    std::atomic<std::uint64_t> size_ = 0;
};

} // namespace numstore::detail
