// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace numstore {

/// Counters of an open database. Bytes unless the name says otherwise;
/// counts are since it was opened.
struct statistics {
    std::uint64_t file_bytes = 0;
    std::uint64_t log_bytes = 0;   ///< written since the last checkpoint
    /// Leaves held in memory, clean or not. What they are cut from, 2 MiB at
    /// a time where there are many, is not counted.
    std::uint64_t cache_bytes = 0;
    std::uint64_t pages = 0;       ///< of the file
    std::uint64_t free_pages = 0;
    std::uint64_t ripening_pages = 0; ///< free after further checkpoints
    std::uint64_t live_bytes = 0; ///< of arrays and what describes them
    std::uint64_t free_bytes = 0;
    std::uint64_t ripening_bytes = 0;
    /// Free, but before pages that are in use: what `compact` gives back.
    std::uint64_t fragmented_bytes = 0;
    std::uint64_t commits = 0;
    std::uint64_t syncs = 0;         ///< durable writes included
    std::uint64_t bytes_written = 0; ///< to the device, log included
    std::uint64_t log_bytes_written = 0;
    std::uint64_t log_preparation_bytes = 0; ///< not in `bytes_written`
    std::uint64_t pages_read = 0;            ///< by read calls
    std::uint64_t checkpoints = 0;
    /// Spent on them, by commits where no thread was asked for.
    std::chrono::nanoseconds checkpoint_time{0};
    /// Snapshots and views alive that hold a version; not those revoked.
    std::uint64_t snapshots = 0;
    std::chrono::nanoseconds oldest_snapshot_age{0};
    /// Of pages that commits and checkpoints have replaced since the oldest of
    /// them began: they stay until it goes or is revoked.
    std::uint64_t pinned_bytes = 0;
};

/// One thing that `verify` found wrong.
struct verify_problem {
    std::uint64_t page; ///< 0 where no page is meant
    std::string array;  ///< empty where no array is meant
    std::string what;
    std::uint64_t first = 0; ///< elements affected: from here on
    std::uint64_t count = 0; ///< so many; 0 where none are meant
};

/// What `verify` found.
struct verify_report {
    std::vector<verify_problem> problems;
    std::uint64_t arrays = 0;
    std::uint64_t pages = 0; ///< of the file
    std::uint64_t live_pages = 0;
    std::uint64_t free_pages = 0;
    std::uint64_t ripening_pages = 0;
    std::uint64_t log_pages = 0;
    std::uint64_t pinned_pages = 0;     ///< ripening, but for snapshots
    std::uint64_t shared_pages = 0;     ///< live, in several arrays
    std::uint64_t fragmented_pages = 0; ///< free, before pages in use

    bool ok() const noexcept { return problems.empty(); }
};

} // namespace numstore
