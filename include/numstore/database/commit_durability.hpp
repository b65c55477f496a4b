// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/background_compaction.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/reclaimer.hpp>
#include <numstore/error.hpp>
#include <numstore/faults.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <new>

namespace numstore::detail {

/// Where a commit is in the log, and in which version. `bulk_writes` is
/// `pager::writes` after its last bulk page.
struct place_of_commit {
    lsn at{};
    std::uint64_t version = 0;
    std::uint64_t bulk_writes = 0;
    bool wants_care = false; ///< see `commit_durability::wants_care`
};

/// Bulk pages of a commit that are not durable yet.
template <class Policies>
bool needs_full_sync(engine<Policies> const& e,
                     std::uint64_t bulk_writes) noexcept {
    return e.pages->synced() < bulk_writes
           && !planted<Policies>(planted_fault::bulk_pages_not_synced);
}

/// Waits until commits are durable, and does what is due after them. Without
/// a mutex.
template <class Policies>
class commit_durability {
    using engine_type = engine<Policies>;
    using work_lock = typename engine_type::work_lock;
    static constexpr bool logging = engine_type::logging;

public:
    explicit commit_durability(engine_type& e) noexcept : e_(&e) {}

    /// Durable as the option says, and then shown to readers. Throws failed.
    void make_durable(place_of_commit const& p) {
        if constexpr (logging)
            make_log_durable(p);
        else if (e_->opt.durability == durability::full)
            checkpoint_of_commit(p.version);
        e_->show_durable();
        if (p.wants_care)
            reclaim_and_checkpoint();
    }

    /// After a commit, under `work`: whether more is to be done once it is
    /// durable. Not much is after most: what versions keep is given back
    /// after some commits together, for finding out what readers use stops
    /// all threads for a moment; best while they wait for the log.
    bool wants_care() noexcept {
        bool const many = e_->commits_since_reclaim.fetch_add(
                              1, std::memory_order_relaxed)
                              + 1
                          >= reclaim_after;
        if (many)
            e_->commits_since_reclaim.store(0, std::memory_order_relaxed);
        e_->left_unwritten_bytes =
            std::min(e_->left_unwritten_bytes, unwritten_bytes());
        return many || e_->opt.bounds_snapshots()
               || background_compaction<Policies>::is_due(*e_)
               || e_->graveyard.size() > e_->unreadable_graves
               || wants_checkpoint();
    }

    /// What a transaction without changes has read is as durable as what one
    /// with changes writes.
    void make_read_durable(place_of_commit const& p) {
        if constexpr (logging) {
            if (!(p.at < e_->log->durable()))
                make_log_durable(p);
        } else {
            checkpoint_of_commit(p.version);
        }
        e_->show_durable();
    }

private:
    void make_log_durable(place_of_commit const& p)
        requires logging
    {
        try {
            if (e_->opt.durability != durability::full) {
                e_->log->write(p.at);
                if (e_->opt.durability == durability::grouped
                    && e_->log->end() - e_->log->durable() >= group_bytes)
                    sync_log(p);
                return;
            }
            sync_log(p);
        } catch (error const& failure) {
            e_->pages->set_failed();
            raise_uncertain(failure);
        } catch (std::bad_alloc const&) {
            e_->pages->set_failed();
            throw error(uncertain_commit);
        }
    }

    void sync_log(place_of_commit const& p)
        requires logging
    {
        std::uint64_t const writes = e_->pages->writes();
        bool const all = needs_full_sync<Policies>(*e_, p.bulk_writes);
        e_->log->flush(p.at, all, [this]() noexcept { reclaim_if_due(); });
        if (all)
            e_->pages->note_synced(writes);
    }

    /// Without a log: others may see the commit already, so that one which
    /// cannot be written ends writing.
    void checkpoint_of_commit(std::uint64_t version) {
        work_lock lock(e_->work);
        e_->wait_for_checkpoint(lock);
        if (e_->readers.visible() >= version)
            return; // that of another commit has written it
        try {
            checkpointer<Policies>(*e_).run(lock);
        } catch (error const& failure) {
            e_->pages->set_failed();
            raise_uncertain(failure);
        } catch (std::bad_alloc const&) {
            e_->pages->set_failed();
            throw error(uncertain_commit);
        }
    }

    [[noreturn]] void raise_uncertain(error const& failure) const try {
        raise(errc::failed,
              e_->name + ": the commit may or may not have happened; open "
                         "the database again to find out ("
                  + failure.what() + ")",
              failure.os_error());
    } catch (std::bad_alloc const&) {
        throw error(uncertain_commit);
    }

    /// While another thread writes the log.
    void reclaim_if_due() noexcept {
        auto const is_due = [this] {
            return e_->commits_since_reclaim.load(std::memory_order_relaxed)
                   >= reclaim_soon;
        };
        if (!is_due())
            return;
        work_lock lock(e_->work, std::try_to_lock); // others wait for this one
        if (!lock.owns_lock() || !is_due() || e_->checkpointing
            || e_->closed.load(std::memory_order_seq_cst))
            return;
        try {
            e_->reclaim();
        } catch (std::bad_alloc const&) { // another time
        }
    }

    /// The commit stands; a checkpoint that finds no room is tried again
    /// after the next one.
    void reclaim_and_checkpoint() {
        work_lock lock(e_->work);
        if (e_->checkpointing && log_is_long(2))
            e_->wait_for_checkpoint(lock); // it does not keep up with commits
        e_->expire_snapshots();
        if (e_->checkpointing || e_->closed.load(std::memory_order_seq_cst))
            return;
        try {
            reclaimer<Policies>(*e_).dig(reclaimer<Policies>::commit_step);
            e_->reclaim(); // with what has just been taken apart
            if (background_compaction<Policies>::is_due(*e_)) {
                e_->compaction_is_due = true;
                e_->worker_wakes.notify_one();
            }
            if (!wants_checkpoint())
                return;
            if (e_->worker != nullptr && !log_is_long(2)
                && unwritten_bytes() <= 2 * e_->most_unwritten()) {
                e_->checkpoint_is_due = true;
                e_->worker_wakes.notify_one();
            } else {
                checkpointer<Policies>(*e_).run(lock);
            }
        } catch (error const&) { // NOLINT: `failed` tells, and recovery mends
        } catch (std::bad_alloc const&) {
        }
    }

    bool wants_checkpoint() const noexcept {
        return log_is_long(1) || (has_much_unwritten() && !e_->dirty.empty());
    }

    /// More than the last checkpoint has left: that may belong to open
    /// transactions, and the next would leave it as well.
    bool has_much_unwritten() const noexcept {
        std::uint64_t const most = e_->most_unwritten();
        return unwritten_bytes()
               > std::max(most, e_->left_unwritten_bytes + most / 2);
    }

    std::uint64_t unwritten_bytes() const noexcept {
        return e_->pages->account().unwritten_bytes.load(
            std::memory_order_relaxed);
    }

    /// Since the last checkpoint began it has grown by so many times what a
    /// checkpoint should wait for.
    bool log_is_long(std::uint64_t times) const noexcept {
        if constexpr (logging)
            return e_->log->end() - e_->checkpoint_end
                   >= times * e_->most_log();
        return false;
    }

    static constexpr std::uint64_t group_bytes = std::uint64_t{1} << 20;
    static constexpr unsigned reclaim_soon = 4; ///< commits
    static constexpr unsigned reclaim_after = 8;

    engine_type* e_;
};

} // namespace numstore::detail
