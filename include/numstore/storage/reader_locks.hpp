// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/storage/posix_io.hpp>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>

namespace numstore::detail {

/// Who reads a file beside its writer says so by locks on bytes past any data,
/// one byte for each state of the file. They belong to the open file: they
/// are gone at once when the process is, however it ends. (Open file
/// description locks, fcntl(2).)
class reader_locks {
public:
    /// Nobody reads.
    static constexpr std::uint64_t nobody =
        std::numeric_limits<std::uint64_t>::max();

    /// This file is being opened: it may come to need any state.
    static void begin(int fd, std::error_code& ec) noexcept {
        set(fd, F_RDLCK, opening, ec);
    }

    /// From now on it needs state `generation` and what came after it.
    static void settle(int fd, std::uint64_t generation,
                       std::error_code& ec) noexcept {
        set(fd, F_RDLCK, place_of(generation), ec);
        if (!ec)
            set(fd, F_UNLCK, opening, ec);
    }

    /// The oldest state that others need: 0 while somebody is opening the
    /// file. One system call, and one more for each reader at most.
    static std::uint64_t oldest(int fd, std::error_code& ec) noexcept {
        ec.clear();
        off_t end = last + 1;
        while (end > opening) {
            struct flock held = range(F_WRLCK, opening, end - opening);
            if (retry_interrupted(
                    [&] { return ::fcntl(fd, F_OFD_GETLK, &held); })
                != 0) {
                if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
                    return nobody; // who cannot ask cannot be told either
                ec = last_os_error();
                return 0;
            }
            if (held.l_type == F_UNLCK)
                break;
            end = std::max(held.l_start, opening);
        }
        if (end > last)
            return nobody;
        return end == opening ? 0
                              : static_cast<std::uint64_t>(end - opening) - 1;
    }

private:
    static constexpr off_t opening = (off_t{1} << 62) + 1;
    static constexpr off_t last = opening + (off_t{1} << 61);

    static off_t place_of(std::uint64_t generation) noexcept {
        constexpr auto most = static_cast<std::uint64_t>(last - opening) - 1;
        return opening + 1 + static_cast<off_t>(std::min(generation, most));
    }

    static struct flock range(short type, off_t start, off_t length) noexcept {
        struct flock lock{};
        lock.l_type = type;
        lock.l_whence = SEEK_SET;
        lock.l_start = start;
        lock.l_len = length;
        return lock;
    }

    static void set(int fd, short type, off_t at,
                    std::error_code& ec) noexcept {
        struct flock lock = range(type, at, 1);
        ec.clear();
        if (retry_interrupted(
                [&] { return ::fcntl(fd, F_OFD_SETLK, &lock); })
            != 0)
            ec = errno == EAGAIN || errno == EACCES
                     ? make_error_code(errc::locked)
                     : last_os_error();
    }
};

} // namespace numstore::detail
