// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

namespace numstore::detail {

/// Owns a file descriptor; closing it also releases the locks taken with it.
class unique_fd {
public:
    unique_fd() noexcept = default;
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        unique_fd old(std::exchange(fd_, std::exchange(other.fd_, -1)));
        return *this;
    }
    ~unique_fd() {
        if (fd_ >= 0)
            ::close(fd_);
    }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

inline std::error_code os_error(int number) noexcept {
    return {number, std::generic_category()};
}
inline std::error_code last_os_error() noexcept { return os_error(errno); }

/// Repeats a system call that a signal interrupted.
template <class Call>
auto retry_interrupted(Call call) noexcept {
    auto result = call();
    while (result < 0 && errno == EINTR)
        result = call();
    return result;
}

/// True unless [offset, offset + length) goes past `size`.
constexpr bool in_range(std::uint64_t offset, std::size_t length,
                        std::uint64_t size) noexcept {
    return length <= size && offset <= size - length;
}

/// What every device reports for a range past its end.
inline std::error_code past_the_end() noexcept {
    return make_error_code(errc::io);
}

/// Fills `bytes` from `offset`; a file that ends before is an error.
inline void read_all(int fd, std::uint64_t offset, std::span<std::byte> bytes,
                     std::error_code& ec) noexcept {
    ec.clear();
    while (!bytes.empty()) {
        ssize_t const n = retry_interrupted([&] {
            return ::pread(fd, bytes.data(), bytes.size(),
                           static_cast<off_t>(offset));
        });
        if (n <= 0) {
            ec = n < 0 ? last_os_error() : past_the_end();
            return;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
}

/// Writes all of `bytes` with `flags` of pwritev2.
inline void write_all(int fd, std::uint64_t offset,
                      std::span<std::byte const> bytes, int flags,
                      std::error_code& ec) noexcept {
    ec.clear();
    while (!bytes.empty()) {
        ssize_t const n = retry_interrupted([&] {
            auto const place = static_cast<off_t>(offset);
            if (flags == 0)
                return ::pwrite(fd, bytes.data(), bytes.size(), place);
            iovec const part{const_cast<std::byte*>(bytes.data()),
                             bytes.size()};
            return ::pwritev2(fd, &part, 1, place, flags);
        });
        if (n <= 0) {
            ec = n < 0 ? last_os_error() : os_error(EIO);
            return;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
}

inline void sync_data(int fd, std::error_code& ec) noexcept {
    ec.clear();
    if (retry_interrupted([&] { return ::fdatasync(fd); }) != 0)
        ec = last_os_error();
}

/// Begins to write back a range. Where that is not possible a sync does it. No
/// flag that waits is used: it would take errors away that a sync must report.
inline void start_write_back(int fd, std::uint64_t offset, std::size_t length,
                             std::error_code& ec) noexcept {
    ec.clear();
#if defined(SYNC_FILE_RANGE_WRITE)
    int const result = retry_interrupted([&] {
        return ::sync_file_range(fd, static_cast<off_t>(offset),
                                 static_cast<off_t>(length),
                                 SYNC_FILE_RANGE_WRITE);
    });
    bool const cannot = result != 0
                        && (errno == ENOSYS || errno == EOPNOTSUPP
                            || errno == EINVAL || errno == ESPIPE);
    if (result != 0 && !cannot)
        ec = last_os_error();
#else
    static_cast<void>(fd), static_cast<void>(offset),
        static_cast<void>(length);
#endif
}

inline void truncate_file(int fd, std::uint64_t bytes,
                          std::error_code& ec) noexcept {
    ec.clear();
    auto const length = static_cast<off_t>(bytes);
    if (retry_interrupted([&] { return ::ftruncate(fd, length); }) != 0)
        ec = last_os_error();
}

/// Writes zeros to [from, to), where the file system cannot allocate.
inline void write_zeros(int fd, std::uint64_t from, std::uint64_t to,
                        std::error_code& ec) noexcept {
    std::array<std::byte, 16384> const zeros{};
    ec.clear();
    while (from < to && !ec) {
        auto const n = std::min<std::uint64_t>(to - from, zeros.size());
        write_all(fd, from, std::span(zeros).first(n), 0, ec);
        from += n;
    }
}

/// Allocates [from, to) in steps, so that a signal repeats little work.
inline void allocate(int fd, std::uint64_t from, std::uint64_t to,
                     std::error_code& ec) noexcept {
    constexpr std::uint64_t step = std::uint64_t{1} << 30;
    ec.clear();
    while (from < to) {
        auto const n = std::min(to - from, step);
        int const result = retry_interrupted([&] {
            return ::fallocate(fd, 0, static_cast<off_t>(from),
                               static_cast<off_t>(n));
        });
        if (result != 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
            return write_zeros(fd, from, to, ec);
        if (result != 0) {
            ec = last_os_error();
            return;
        }
        from += n;
    }
}

/// True unless the process may not make files of `bytes`. Asked before, since
/// the kernel answers a file past this limit with a deadly signal.
inline bool within_file_limit(std::uint64_t bytes) noexcept {
    rlimit limit{};
    return bytes <= std::uint64_t{std::numeric_limits<off_t>::max()}
           && (::getrlimit(RLIMIT_FSIZE, &limit) != 0
               || limit.rlim_cur == RLIM_INFINITY || bytes <= limit.rlim_cur);
}

/// Grows a file of `from` bytes to `to` with space allocated, or leaves it as
/// it was.
inline void grow_file(int fd, std::uint64_t from, std::uint64_t to,
                      std::error_code& ec) noexcept {
    if (!within_file_limit(to)) {
        ec = os_error(EFBIG);
        return;
    }
    allocate(fd, from, to, ec);
    if (ec) {
        std::error_code ignored;
        truncate_file(fd, from, ignored);
    }
}

} // namespace numstore::detail
