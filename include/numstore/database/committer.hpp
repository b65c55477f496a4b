// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/checkpointer.hpp>
#include <numstore/database/commit_durability.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/lock_table.hpp>
#include <numstore/database/publisher.hpp>
#include <numstore/database/room.hpp>
#include <numstore/error.hpp>
#include <numstore/format/log_record.hpp>
#include <numstore/function_ref.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace numstore::detail {

/// Begins and ends transactions.
template <class Policies>
class committer {
    using engine_type = engine<Policies>;
    using transaction = transaction_state<Policies>;
    using transaction_ptr = std::shared_ptr<transaction>;
    static constexpr bool logging = engine_type::logging;

    using reserve_scope = typename pager<Policies>::reserve_scope;
    using work_lock = typename engine_type::work_lock;

    template <class Body>
    static constexpr bool gives_back =
        std::is_same_v<Body, format::log_erase>
        || std::is_same_v<Body, format::log_erase_at>
        || std::is_same_v<Body, format::log_erase_blocks>
        || std::is_same_v<Body, format::log_drop>
        || std::is_same_v<Body, format::log_erase_attribute>
        || std::is_same_v<Body, format::log_rollback_to>
        || std::is_same_v<Body, format::log_abort>;

public:
    explicit committer(engine_type& e) noexcept : e_(&e) {}

    /// Throws forked, closed, read_only, failed.
    transaction_ptr begin();

    /// Held until the transaction ends. Not within a `call`: others may have
    /// to end it meanwhile. Throws transaction_ended, would_deadlock,
    /// timed_out; and deadlock, after it has been rolled back.
    void lock(transaction& t, lock_key const& key, lock_mode mode) {
        if (t.locks.has_just_got(key, mode))
            return;
        locking(t, [&] {
            e_->locks.acquire(t.locks, key, mode, e_->opt.lock_timeout);
        });
    }
    void lock_name(transaction& t, std::string_view name, lock_mode mode) {
        locking(t, [&] {
            e_->locks.acquire_name(t.locks, name, mode, e_->opt.lock_timeout);
        });
    }

    /// While one lives its thread works in the transaction, which nobody else
    /// ends meanwhile. Throws transaction_ended, transaction_too_old.
    class call {
    public:
        call(engine_type& e, transaction& t)
            : engine_(&e), transaction_(&t), lock_(t.guard) {
            if (t.too_old.load(std::memory_order_seq_cst) && t.is_active())
                committer(e).abandon(t); // nobody else could
            if (!t.is_active())
                e.require_not_closing(); // or else it says that `t` has ended
            t.require_active();
        }
        call(call const&) = delete;
        call& operator=(call const&) = delete;
        ~call() {
            if (transaction_->too_old.load(std::memory_order_seq_cst)
                && transaction_->is_active())
                committer(*engine_).abandon(*transaction_);
        }

    private:
        engine_type* engine_;
        transaction* transaction_;
        std::unique_lock<typename engine_type::mutex> lock_;
    };

    /// Durable on return as the option says. One log write, and one sync, or
    /// less where several commit together. Throws transaction_ended, closed,
    /// failed, no_space, io, corrupt, no_memory; only after `failed` may it
    /// have happened.
    void commit(transaction_ptr const& t);

    /// Never throws: after a failure nothing of it counts anyway.
    void rollback(transaction& t) noexcept;

    std::uint64_t savepoint(transaction& t);

    /// Undoes all since the savepoint; says so in the log, so that recovery
    /// does not redo it. Throws invalid_argument, transaction_ended.
    void rollback_to(transaction& t, std::uint64_t savepoint);

    /// f(transaction ptr) in a transaction of its own.
    template <class F>
    decltype(auto) in_own(F&& f) {
        transaction_ptr const t = begin();
        struct cleanup {
            committer& c;
            transaction& t;
            ~cleanup() { c.rollback(t); }
        } const guard{*this, *t};
        using result = decltype(f(t));
        if constexpr (std::is_void_v<result>) {
            f(t);
            commit(t);
        } else {
            result r = f(t);
            commit(t);
            return r;
        }
    }

    /// f(transaction): several changes as one. In `outer` if there is one, else
    /// in a transaction of its own. If f throws there are none.
    void as_one(std::shared_ptr<transaction> const& outer,
                function_ref<void(std::shared_ptr<transaction> const&)> f);

    /// Adds a record of the transaction to the log. If that fails the
    /// transaction is rolled back: its tree has changed already.
    template <class Body>
    void append(transaction& t, Body const& body) {
        t.grows = t.grows || !gives_back<Body>;
        if constexpr (logging) {
            if (e_->log == nullptr)
                return; // recovery redoes what the log says
            std::optional<reserve_scope> scope;
            if (gives_back<Body>)
                scope.emplace(*e_->pages);
            try {
                if (t.first.load(std::memory_order_seq_cst) == lsn{}) // none
                    t.first.store(std::max(e_->log->end(), lsn{1}));
                write_with_room(t, body);
            } catch (...) {
                abandon(t);
                throw;
            }
            end_too_old(t);
            t.require_active();
        }
    }

    /// Rolls back, within a `call`, or where nobody else knows `t`.
    void abandon(transaction& t) noexcept;

    /// The end of a transaction that redid what a log says, of which `last`
    /// was the last commit.
    void publish_redone(transaction& t, lsn last);

    /// A checkpoint now. Throws as `checkpointer::run`.
    void checkpoint();

private:
    /// One that finds no space is tried again while more can be found.
    template <class Body>
    void write_with_room(transaction& t, Body const& body)
        requires logging
    {
        room<Policies> more(*e_);
        for (;;) {
            try {
                t.last = write_record(*e_, t, body);
                return;
            } catch (error const& failure) {
                if (failure.code() != errc::no_space)
                    throw;
                work_lock lock(e_->work);
                if (!more.ripen(lock))
                    throw;
            }
        }
    }

    /// Rather nothing of the transaction than half of a change.
    void undo_to(transaction& t, std::uint64_t savepoint) noexcept {
        try {
            rollback_to(t, savepoint);
        } catch (...) { // NOLINT: there is nothing to go back to
            rollback(t);
        }
    }

    template <class Acquire>
    void locking(transaction& t, Acquire&& acquire) {
        t.require_active();
        try {
            acquire();
        } catch (error const& failure) {
            if (failure.code() == errc::deadlock)
                rollback(t);
            throw;
        }
    }

    /// Under `work`; its locks are still to be released.
    void abandon_now(transaction& t) noexcept {
        t.undo_all();
        finish(t);
    }

    /// The log is kept from the first record of any open transaction on:
    /// those that hold on to too much of it are rolled back. Within a call of
    /// `own`; one that is in a call elsewhere ends after it.
    void end_too_old(transaction& own) noexcept {
        if (e_->log->end() < e_->next_age_check.load(std::memory_order_seq_cst))
            return;
        std::scoped_lock lock(e_->work);
        lsn const end = e_->log->end();
        lsn oldest = end;
        for (std::size_t i = e_->active.size(); i-- != 0;) {
            transaction_ptr const t = e_->active[i];
            lsn const first = t->first.load(std::memory_order_seq_cst);
            if (first == lsn{} || first >= end // which begins just now
                || end - first <= e_->opt.max_log_bytes) {
                if (first != lsn{})
                    oldest = std::min(oldest, first);
                continue;
            }
            t->too_old.store(true);
            if (t.get() == &own || !t->guard.try_lock())
                continue;
            abandon_now(*t);
            e_->locks.release_all(t->locks);
            t->guard.unlock();
        }
        e_->next_age_check.store(oldest + e_->opt.max_log_bytes + 1);
    }

    /// The transaction is over, but for its locks.
    void finish(transaction& t) noexcept {
        t.active.store(false);
        t.works.clear();
        t.forget_savepoints();
        std::erase_if(e_->active,
                      [&](transaction_ptr const& p) { return p.get() == &t; });
    }

    engine_type* e_;
};

template <class Policies>
auto committer<Policies>::begin() -> transaction_ptr {
    e_->require_writable();
    std::scoped_lock lock(e_->work);
    e_->require_writable(); // also now that nobody can begin to close it
    reserve_more(e_->active, 1);
    auto t = std::make_shared<transaction>(*e_->pages,
                                           e_->next_transaction++);
    e_->active.push_back(t);
    return t;
}

template <class Policies>
void committer<Policies>::commit(transaction_ptr const& t) {
    e_->require_writable();
    typename engine_type::file_pin const pin(*e_);
    place_of_commit at;
    bool changed = false;
    {
        call const alone(*e_, *t);
        work_lock lock(e_->work);
        changed = t->has_changes();
        if (changed)
            publisher<Policies>(*e_).run(*t, lock);
        else if (t->locks.has_locks() && e_->latest_commit != lsn{})
            at = {e_->latest_commit, e_->latest, 0, false}; // it has read
        if (changed)
            at = {e_->latest_commit, e_->latest, t->bulk_writes,
                  commit_durability<Policies>(*e_).wants_care()};
        finish(*t);
    }
    e_->locks.release_all(t->locks);
    if (changed)
        commit_durability<Policies>(*e_).make_durable(at);
    else if (at.version != 0 && e_->opt.durability == durability::full)
        commit_durability<Policies>(*e_).make_read_durable(at);
}

template <class Policies>
void committer<Policies>::rollback(transaction& t) noexcept {
    std::scoped_lock alone(t.guard);
    if (t.is_active())
        abandon(t);
}

template <class Policies>
std::uint64_t committer<Policies>::savepoint(transaction& t) {
    e_->require_open();
    call const alone(*e_, t);
    return t.set_savepoint();
}

template <class Policies>
void committer<Policies>::rollback_to(transaction& t, std::uint64_t savepoint) {
    e_->require_writable();
    call const alone(*e_, t);
    t.require_savepoint(savepoint);
    lsn const newest = t.last;
    lsn const kept = t.restore(savepoint);
    if (kept != newest)
        append(t, format::log_rollback_to{kept});
}

template <class Policies>
void committer<Policies>::as_one(std::shared_ptr<transaction> const& outer,
    function_ref<void(std::shared_ptr<transaction> const&)> f) {
    e_->require_open();
    if (outer == nullptr)
        return in_own(f);
    std::uint64_t const mark = savepoint(*outer);
    try {
        f(outer);
    } catch (...) {
        if (outer->is_active())
            undo_to(*outer, mark);
        throw;
    }
    std::scoped_lock const alone(outer->guard);
    outer->drop_savepoint(mark);
}

template <class Policies>
void committer<Policies>::abandon(transaction& t) noexcept {
    {
        std::scoped_lock lock(e_->work);
        abandon_now(t);
    }
    e_->locks.release_all(t.locks);
}

template <class Policies>
void committer<Policies>::checkpoint() {
    e_->require_writable();
    typename engine_type::file_pin const pin(*e_);
    work_lock lock(e_->work);
    e_->require_writable();
    e_->wait_for_checkpoint(lock);
    checkpointer<Policies> c(*e_);
    if (c.needed())
        c.run(lock);
    else
        e_->reclaim(); // a bound on snapshots may have been passed
}

template <class Policies>
void committer<Policies>::publish_redone(transaction& t, lsn last) {
    std::scoped_lock lock(e_->work);
    publisher<Policies>(*e_).run_redone(t, last);
    finish(t);
    e_->show_durable();
}

} // namespace numstore::detail
