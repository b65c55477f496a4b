// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace faults_test {

/// What goes wrong in a system call.
enum class trouble {
    io,              ///< EIO
    no_space,        ///< ENOSPC
    too_large,       ///< EFBIG
    half_then_io,    ///< half of a transfer is done, and the next call fails
    half_then_space, ///< the same with ENOSPC
    half,            ///< half of a transfer is done: to be continued
    interrupted      ///< EINTR: to be repeated
};

inline bool is_harmless(trouble t) noexcept {
    return t == trouble::half || t == trouble::interrupted;
}

/// From the `nth` call from now on of pread, pwrite, pwritev2, fdatasync,
/// fsync, sync_file_range, ftruncate and fallocate in this thread, one fails, or
/// with `sticky` all; those that want half of a transfer choose among transfers.
void fail_system_call(std::uint64_t nth, trouble what, bool sticky);

/// The calls work again. Gives how many were hit.
std::uint64_t stop_failing_system_calls();

} // namespace faults_test
