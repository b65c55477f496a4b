// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/storage/posix_io.hpp>

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <system_error>

namespace numstore::detail {

/// The lock on a database file is a `flock`: it belongs to the open file
/// description, so it also holds against a second open in the same process,
/// and only closing releases it. A holder of which only views remain also
/// holds this one byte, past any data, by a lock of the same kind, so that
/// another opener can tell the two cases apart.
inline constexpr off_t views_marker = off_t{1} << 62;

inline struct flock marker_lock(short type) noexcept {
    struct flock lock{};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = views_marker;
    lock.l_len = 1;
    return lock;
}

/// Says that the lock on `fd` is kept for views alone.
inline void mark_views_only(int fd, std::error_code& ec) noexcept {
    ec.clear();
    struct flock lock = marker_lock(F_RDLCK);
    if (retry_interrupted([&] { return ::fcntl(fd, F_OFD_SETLK, &lock); }) != 0)
        ec = last_os_error();
}

inline bool only_views_hold(int fd) noexcept {
    struct flock lock = marker_lock(F_WRLCK);
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/// Locks `fd` without waiting: errc::locked, or errc::busy where the holder
/// has said that only views remain.
inline void lock_file(int fd, bool shared, std::error_code& ec) noexcept {
    int const how = (shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
    ec.clear();
    if (retry_interrupted([&] { return ::flock(fd, how); }) == 0)
        return;
    if (errno != EWOULDBLOCK)
        ec = last_os_error();
    else
        ec = only_views_hold(fd) ? errc::busy : errc::locked;
}

} // namespace numstore::detail
