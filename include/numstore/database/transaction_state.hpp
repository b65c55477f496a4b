// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_state.hpp>
#include <numstore/database/catalogue.hpp>
#include <numstore/database/lock_table.hpp>
#include <numstore/error.hpp>
#include <numstore/pager/edit.hpp>
#include <numstore/pager/pager.hpp>
#include <numstore/types.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace numstore::detail {

/// A write transaction: private roots of the arrays that it has touched, its
/// changes to the catalogue, and what it has done to the file. Guarded by
/// `guard` but for what says otherwise.
template <class Policies>
class transaction_state {
    template <class T>
    using atomic = typename Policies::threading::template atomic<T>;

public:
    /// An array as this transaction sees it.
    struct work {
        array_state_ptr state;
        rope_root root;
        dimensions_ptr dimensions{};
        bool changed = false;
        bool created = false;
        bool dropped = false;
    };

    transaction_state(pager<Policies>& pages, std::uint64_t number_)
        : number(number_),
          changes{&pages, edit_token{number_ << 24}, {}, {}} {}

    std::uint64_t const number;
    typename Policies::threading::mutex guard; ///< held during each call
    typename lock_table<Policies>::owner locks; ///< guards itself
    edit<pager<Policies>> changes;
    std::map<std::uint64_t, work> works;
    catalogue_delta delta;
    /// No record of it is before; 0 without any. Checkpoints read it at any
    /// time, so it is set before the record is in the log.
    atomic<lsn> first{lsn{}};
    lsn last{};
    atomic<bool> active{true};   ///< changed under `work` as well
    atomic<bool> too_old{false}; ///< keeps too much of the log: ends
    bool grows = false;          ///< does more than to give space back
    /// `pager::writes` after its last bulk data: to be synced before a commit.
    std::uint64_t bulk_writes = 0;
    /// Views of what it has done pin versions before this one, and keep its
    /// pages also where it is undone; 0 without any.
    std::uint64_t viewed_until = 0;
    std::vector<std::byte> record; ///< scratch space for log records

    bool has_changes() const noexcept {
        if (!delta.empty())
            return true;
        for (auto const& [id, w] : works)
            if (w.changed)
                return true;
        return false;
    }

    bool is_active() const noexcept {
        return active.load(std::memory_order_seq_cst);
    }

    void require_active() const {
        if (too_old.load(std::memory_order_seq_cst))
            raise(errc::transaction_too_old,
                  "the transaction kept more of the log than "
                  "options::max_log_bytes, and was rolled back");
        if (!is_active())
            raise(errc::transaction_ended,
                  "the transaction has been committed or rolled back");
    }

    /// What `rollback_to` goes back to; names itself by its number.
    std::uint64_t set_savepoint() {
        savepoints_.push_back({++last_savepoint_, last, works, delta,
                               changes.position()});
        changes.new_token();
        return last_savepoint_;
    }

    /// Restores what the savepoint kept; gives the LSN up to which the log
    /// still counts. Later savepoints are gone, this one stays. Throws
    /// invalid_argument.
    lsn restore(std::uint64_t savepoint) {
        std::size_t const i = find(savepoint);
        saved copy = savepoints_[i];
        works.swap(copy.works);
        std::swap(delta, copy.delta);
        undo_to(copy.position);
        changes.new_token();
        savepoints_.resize(i + 1);
        return copy.last;
    }

    /// Throws invalid_argument unless `rollback_to` could go back to it.
    void require_savepoint(std::uint64_t savepoint) const { find(savepoint); }

    /// Drops the private roots and gives all of its pages back.
    void undo_all() noexcept {
        savepoints_.clear();
        works.clear();
        delta = {};
        undo_to({0, 0});
    }

    void undo_to(typename edit<pager<Policies>>::mark m) noexcept {
        changes.freed.erase(changes.freed.begin()
                                + static_cast<std::ptrdiff_t>(m.freed),
                            changes.freed.end());
        if (viewed_until != 0)
            changes.pages->retire(changes.allocated, m.allocated,
                                  viewed_until);
        else
            changes.pages->release(changes.allocated, m.allocated);
    }

    /// The newest one, if it is this: what it kept is not needed any more.
    void drop_savepoint(std::uint64_t savepoint) noexcept {
        if (!savepoints_.empty() && savepoints_.back().number == savepoint)
            savepoints_.pop_back();
    }

    void forget_savepoints() noexcept { savepoints_.clear(); }

private:
    struct saved {
        std::uint64_t number;
        lsn last;
        std::map<std::uint64_t, work> works;
        catalogue_delta delta;
        typename edit<pager<Policies>>::mark position;
    };

    std::size_t find(std::uint64_t savepoint) const {
        for (std::size_t i = savepoints_.size(); i-- != 0;)
            if (savepoints_[i].number == savepoint)
                return i;
        raise(errc::invalid_argument,
              "the savepoint is not one of this transaction, or was undone");
    }

    std::vector<saved> savepoints_;
    std::uint64_t last_savepoint_ = 0;
};

} // namespace numstore::detail
