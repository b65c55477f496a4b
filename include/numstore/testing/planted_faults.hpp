// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/faults.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <string_view>

namespace numstore::testing {

/// A fault policy that is told at run time, for the whole process.
struct planted_faults {
    static bool planted(planted_fault f) noexcept {
        return current.load(std::memory_order_relaxed) == f;
    }
    inline static std::atomic<planted_fault> current{planted_fault::none};
};
static_assert(fault_policy<planted_faults>);

inline constexpr std::array<std::string_view,
                            static_cast<std::size_t>(planted_fault::count)>
    planted_fault_names{
        "none",
        "acknowledge_before_sync",
        "log_write_is_not_durable",
        "bulk_pages_not_synced",
        "rewrite_acknowledged_block",
        "failed_sync_is_ignored",
        "no_sync_before_superblock",
        "superblock_is_not_durable",
        "superblocks_in_one_place",
        "free_map_in_place",
        "redo_forgets_open_transactions",
        "log_recycled_too_early",
        "sharing_not_stored",
        "graveyard_not_stored",
        "private_pages_not_stored_free",
        "ripening_pages_not_stored",
        "reuse_at_once",
        "reuse_after_one_superblock",
        "reuse_despite_snapshots",
        "undone_pages_stay_taken",
        "losers_are_redone",
        "compensated_is_redone",
        "torn_batches_accepted",
        "stale_batches_accepted",
        "lost_bulk_pages_accepted",
        "bulk_pages_not_reserved",
        "bulk_pages_rewritten_in_place",
        "log_positions_restart",
        "no_twin_superblock",
        "trusts_the_superblock_it_found",
    };

} // namespace numstore::testing
