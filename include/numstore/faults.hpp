// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>

namespace numstore {

/// Mistakes that the engine makes where a test's policies tell it to, each a
/// rule of the crash protocol that is broken. A crash campaign that does not
/// find one of them proves nothing about the others.
enum class planted_fault : std::uint8_t {
    none,
    // commit
    acknowledge_before_sync,       ///< commit returns once it is written
    log_write_is_not_durable,      ///< the one write of a small commit
    bulk_pages_not_synced,         ///< with the commit that names them
    rewrite_acknowledged_block,    ///< of the log, with each batch
    failed_sync_is_ignored,        ///< and work goes on
    // checkpoint
    no_sync_before_superblock,     ///< pages may be missing
    superblock_is_not_durable,     ///< before pages are reused
    superblocks_in_one_place,      ///< a torn one leaves none
    free_map_in_place,             ///< over that of the newest superblock
    redo_forgets_open_transactions, ///< their first records are cut off
    log_recycled_too_early,        ///< while the older superblock needs it
    sharing_not_stored,            ///< counts of shared pages
    graveyard_not_stored,          ///< dropped trees
    private_pages_not_stored_free, ///< of open transactions
    ripening_pages_not_stored,     ///< freed, but not yet free
    // pages
    reuse_at_once,                 ///< of pages that superblocks refer to
    reuse_after_one_superblock,    ///< the older one still refers to them
    reuse_despite_snapshots,
    undone_pages_stay_taken,       ///< by a rollback to a savepoint
    // recovery
    losers_are_redone,
    compensated_is_redone,         ///< what a savepoint undid
    torn_batches_accepted,         ///< checksums of the log not looked at
    stale_batches_accepted,        ///< generation, LSN and chain neither
    lost_bulk_pages_accepted,      ///< their checksums not looked at
    bulk_pages_not_reserved,       ///< redo may take them
    bulk_pages_rewritten_in_place, ///< a power loss may tear them
    log_positions_restart,         ///< LSNs go back to 0
    no_twin_superblock,            ///< after redo the other one leads to the
                                   ///< log of before
    trusts_the_superblock_it_found, ///< which may be in a cache only
    count, ///< of those that one thread of one process can meet
    // reading beside a writer
    readers_beside_overlooked = count, ///< pages that they need are reused
    log_recycled_under_readers,        ///< while they open the file
};

/// A fault policy: which mistake the engine makes. Ordinary policies make
/// none, and the compiler removes the question.
template <class F>
concept fault_policy = requires(planted_fault f) {
    { F::planted(f) } noexcept -> std::same_as<bool>;
};

struct no_faults {
    static constexpr bool planted(planted_fault) noexcept { return false; }
};
static_assert(fault_policy<no_faults>);

namespace detail {

template <class Policies>
constexpr bool planted(planted_fault f) noexcept {
    return Policies::faults::planted(f);
}

} // namespace detail

} // namespace numstore
