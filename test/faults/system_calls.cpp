// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "system_calls.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

// The functions of the C library that devices call, replaced in the whole
// program: what fails is the real call, whoever makes it.

static_assert(sizeof(off_t) == sizeof(long), "offsets take one register");

namespace faults_test {
namespace {

struct plan {
    std::uint64_t left = 0; ///< calls up to the one that fails; 0 is never
    trouble what{};
    bool sticky = false;
    int next_fails_with = 0;
    std::uint64_t hits = 0;
};
thread_local plan now;

bool halves(trouble t) noexcept {
    return t == trouble::half || t == trouble::half_then_io
           || t == trouble::half_then_space;
}

int error_of(trouble t) noexcept {
    switch (t) {
    case trouble::no_space:
    case trouble::half_then_space: return ENOSPC;
    case trouble::too_large: return EFBIG;
    case trouble::interrupted: return EINTR;
    default: return EIO;
    }
}

bool is_hit() noexcept {
    if (now.left == 0 || --now.left != 0)
        return false;
    // An interruption without end would be repeated without end.
    if (now.sticky)
        now.left = now.what == trouble::interrupted ? 2 : 1;
    ++now.hits;
    return true;
}

/// True, with errno, if a call is to fail.
bool fails() noexcept {
    if (int const number = now.next_fails_with; number != 0) {
        if (!now.sticky)
            now.next_fails_with = 0;
        errno = number;
        return true;
    }
    if (halves(now.what) || !is_hit())
        return false;
    errno = error_of(now.what);
    return true;
}

/// How much of `size` bytes is transferred.
std::size_t part_of(std::size_t size) noexcept {
    if (!halves(now.what) || size < 2 || !is_hit())
        return size;
    if (now.what != trouble::half)
        now.next_fails_with = error_of(now.what);
    return size / 2;
}

} // namespace

void fail_system_call(std::uint64_t nth, trouble what, bool sticky) {
    now = {nth, what, sticky, 0, 0};
}

std::uint64_t stop_failing_system_calls() {
    std::uint64_t const hits = now.hits;
    now = {};
    return hits;
}

} // namespace faults_test

using faults_test::fails;
using faults_test::part_of;

extern "C" {

ssize_t pread(int fd, void* to, size_t n, off_t at) {
    return fails() ? -1 : ::syscall(SYS_pread64, fd, to, part_of(n), at);
}

ssize_t pwrite(int fd, void const* from, size_t n, off_t at) {
    return fails() ? -1 : ::syscall(SYS_pwrite64, fd, from, part_of(n), at);
}

/// Of one part, which is all that devices have.
ssize_t pwritev2(int fd, iovec const* parts, int count, off_t at, int flags) {
    if (fails())
        return -1;
    iovec const part{parts->iov_base, part_of(parts->iov_len)};
    return ::syscall(SYS_pwritev2, fd, &part, count, at, 0L, flags);
}

int fdatasync(int fd) {
    return fails() ? -1 : static_cast<int>(::syscall(SYS_fdatasync, fd));
}

int fsync(int fd) {
    return fails() ? -1 : static_cast<int>(::syscall(SYS_fsync, fd));
}

int sync_file_range(int fd, off64_t from, off64_t size, unsigned flags) {
    return fails() ? -1
                   : static_cast<int>(::syscall(SYS_sync_file_range, fd, from,
                                                size, flags));
}

int ftruncate(int fd, off_t size) noexcept {
    return fails() ? -1 : static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}

int fallocate(int fd, int mode, off_t from, off_t size) {
    return fails() ? -1
                   : static_cast<int>(
                       ::syscall(SYS_fallocate, fd, mode, from, size));
}

} // extern "C"
