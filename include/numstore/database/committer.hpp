// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/background_compaction.hpp>
#include <numstore/database/catalogue.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/lock_table.hpp>
#include <numstore/database/reclaimer.hpp>
#include <numstore/database/room.hpp>
#include <numstore/format/bytes.hpp>
#include <numstore/format/log_codec.hpp>
#include <numstore/format/log_record.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

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
        || std::is_same_v<Body, format::log_drop>
        || std::is_same_v<Body, format::log_erase_attribute>
        || std::is_same_v<Body, format::log_rollback_to>
        || std::is_same_v<Body, format::log_abort>;

public:
    explicit committer(engine_type& e) noexcept : e_(&e) {}

    /// Throws forked, closed, read_only, failed.
    transaction_ptr begin() {
        e_->require_writable();
        std::scoped_lock lock(e_->work);
        e_->require_writable(); // also now that nobody can begin to close it
        reserve_more(e_->active, 1);
        auto t = std::make_shared<transaction>(*e_->pages,
                                               e_->next_transaction++);
        e_->active.push_back(t);
        return t;
    }

    /// Held until the transaction ends. Not within a `call`: others may have
    /// to end it meanwhile. Throws transaction_ended, would_deadlock,
    /// timed_out; and deadlock, after it has been rolled back.
    void lock(transaction& t, lock_key const& key, lock_mode mode) {
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
    /// failed, no_space, no_memory; only after `failed` may it have happened.
    void commit(transaction_ptr const& t) {
        e_->require_writable();
        typename engine_type::file_pin const pin(*e_);
        published at;
        bool changed = false;
        {
            call const alone(*e_, *t);
            work_lock lock(e_->work);
            changed = t->has_changes();
            if (changed)
                publish_with_room(*t, lock);
            else if (t->locks.has_locks() && e_->latest_commit != lsn{})
                at = {e_->latest_commit, e_->latest, 0}; // may have read it
            if (changed)
                at = {e_->latest_commit, e_->latest, t->bulk_writes};
            finish(*t);
        }
        e_->locks.release_all(t->locks);
        if (changed)
            make_durable(at);
        else if (at.version != 0 && e_->opt.durability == durability::full)
            make_read_durable(at);
    }

    /// Never throws: after a failure nothing of it counts anyway.
    void rollback(transaction& t) noexcept {
        std::scoped_lock alone(t.guard);
        if (t.is_active())
            abandon(t);
    }

    std::uint64_t savepoint(transaction& t) {
        e_->require_open();
        call const alone(*e_, t);
        return t.set_savepoint();
    }

    /// Undoes all since the savepoint; says so in the log, so that recovery
    /// does not redo it. Throws invalid_argument, transaction_ended.
    void rollback_to(transaction& t, std::uint64_t savepoint) {
        e_->require_writable();
        call const alone(*e_, t);
        t.require_savepoint(savepoint);
        lsn const newest = t.last;
        lsn const kept = t.restore(savepoint);
        if (kept != newest)
            append(t, format::log_rollback_to{kept});
    }

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
    template <class F>
    void as_one(std::shared_ptr<transaction> const& outer, F&& f) {
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
    }

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
                t.last = write_record(t, body);
            } catch (...) {
                abandon(t);
                throw;
            }
            end_too_old(t);
            t.require_active();
        }
    }

    /// Rolls back, within a `call`, or where nobody else knows `t`.
    void abandon(transaction& t) noexcept {
        {
            std::scoped_lock lock(e_->work);
            abandon_now(t);
        }
        e_->locks.release_all(t.locks);
    }

    /// The end of a transaction that redid what a log says, of which `last`
    /// was the last commit.
    void publish_redone(transaction& t, lsn last) {
        std::scoped_lock lock(e_->work);
        catalogue_version next;
        prepare_catalogue(t, next);
        install(t, last, std::move(next), prepare(t), 0);
        finish(t);
        e_->show_durable();
    }

    /// A checkpoint now. Throws as `checkpointer::run`.
    void checkpoint() {
        e_->require_writable();
        typename engine_type::file_pin const pin(*e_);
        work_lock lock(e_->work);
        e_->require_writable();
        e_->wait_for_checkpoint(lock);
        checkpointer<Policies> c(*e_);
        if (c.needed())
            c.run(lock);
    }

private:
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

    template <class Body>
    lsn write_record(transaction& t, Body const& body) {
        t.record.clear();
        format::byte_writer out(t.record);
        format::encode_log_record(out, t.number, t.last, body);
        return e_->log->append(t.record);
    }

    /// What only gives space back may use the reserve. Tried again while
    /// checkpoints find more room.
    void publish_with_room(transaction& t, work_lock& lock) {
        std::optional<reserve_scope> scope;
        if (!t.grows)
            scope.emplace(*e_->pages);
        room<Policies> more(*e_);
        more.prepare(more.frames(), lock);
        for (;;) {
            try {
                return publish(t);
            } catch (error const& failure) {
                if (failure.code() != errc::no_space || !more.ripen(lock))
                    throw;
            }
        }
    }

    /// Everything that can fail, then the commit record, then what cannot.
    void publish(transaction& t) {
        auto const mark = t.changes.position();
        lsn at{};
        catalogue_version next;
        prepared ready;
        try {
            e_->secure_superblock();
            prepare_catalogue(t, next);
            ready = prepare(t);
            prepare_references(t);
            room<Policies>(*e_).ensure(
                t, t.delta.empty() ? e_->catalogue_versions.newest()->value
                                   : next);
            if constexpr (logging) {
                // Others may flush the record before its own commit does, and
                // must not make it durable without its bulk pages.
                if (needs_full_sync(t.bulk_writes))
                    e_->log->want_all();
                at = write_record(t, format::log_commit{});
            } else
                at = e_->latest_commit + 1;
        } catch (...) {
            unregister_created(t);
            t.undo_to(mark);
            throw;
        }
        try {
            install(t, at, std::move(next), std::move(ready), mark.freed);
        } catch (...) {
            e_->pages->set_failed(); // the commit record is in the log
            throw;
        }
    }

    void prepare_catalogue(transaction& t, catalogue_version& next) {
        if (t.delta.empty())
            return;
        next = e_->catalogue_versions.newest()->value;
        t.changes.new_token();
        catalogue<Policies>(*e_->pages).apply(t.changes, next, t.delta);
    }

    using names_chain = version_chain<catalogue_version>;

    /// The memory that `install` needs.
    struct prepared {
        std::vector<std::unique_ptr<array_state::chain::node>> nodes{};
        std::unique_ptr<typename names_chain::node> names{};
        std::list<std::pair<lsn, std::uint64_t>> unshown{};
    };

    prepared prepare(transaction& t) {
        prepared ready;
        for (auto& [id, w] : t.works) {
            if (!w.changed)
                continue;
            ready.nodes.push_back(std::make_unique<array_state::chain::node>(
                e_->latest + 1, array_version{w.root, w.dropped}));
            if (w.created) {
                std::scoped_lock lock(e_->registry_guard);
                e_->registry.emplace(id, w.state);
            }
        }
        if (!t.delta.empty())
            ready.names = std::make_unique<typename names_chain::node>(
                e_->latest + 1, catalogue_version{});
        ready.unshown.emplace_back();
        reserve_more(e_->dirty, ready.nodes.size());
        e_->cuts.prepare(ready.nodes.size() + 1);
        return ready;
    }

    /// A commit that failed leaves no array without a version behind.
    void unregister_created(transaction const& t) noexcept {
        std::scoped_lock lock(e_->registry_guard);
        for (auto const& [id, w] : t.works)
            if (w.created && w.state->versions.newest() == nullptr)
                e_->registry.erase(id);
    }

    /// Only counts of shared pages may take more memory. From `names_from` on
    /// the transaction has freed nodes of the catalogue.
    void install(transaction& t, lsn at, catalogue_version next,
                 prepared ready, std::size_t names_from) {
        std::uint64_t const sequence = e_->latest + 1;
        auto node = ready.nodes.begin();
        for (auto& [id, w] : t.works) {
            if (!w.changed)
                continue;
            bool const first = w.state->versions.newest() == nullptr;
            auto* const fresh = w.state->versions.publish(std::move(*node++));
            if (!first)
                e_->cuts.template push<array_version>(w.state, fresh);
            if (!std::exchange(w.state->dirty, true))
                e_->dirty.push_back(w.state);
        }
        if (!t.delta.empty()) {
            ready.names->value = std::move(next);
            e_->cuts.template push<catalogue_version>(
                nullptr,
                e_->catalogue_versions.publish(std::move(ready.names)));
            e_->catalogue_dirty = true;
        }
        settle(t, sequence, names_from);
        e_->latest = sequence;
        e_->latest_commit = at;
        {
            std::scoped_lock lock(e_->show_guard);
            ready.unshown.front() = {at, sequence};
            e_->unshown.splice(e_->unshown.end(), ready.unshown);
        }
        e_->commits.fetch_add(1, std::memory_order_relaxed);
    }

    /// The memory that `settle` needs, now or at the end of a checkpoint.
    void prepare_references(transaction const& t) {
        auto& since = e_->since;
        std::size_t const freed = t.changes.freed.size();
        std::size_t const all = since.references.size()
                                + since.catalogue_nodes.size() + freed;
        reserve_more(e_->retired_nodes, all);
        reserve_more(e_->graveyard, all);
        reserve_more(since.references, freed);
        reserve_more(since.catalogue_nodes, freed);
        reserve_more(since.taken, t.changes.allocated.size());
        reserve_more(since.names, 1);
    }

    /// While a checkpoint is being written that is left to its end.
    void settle(transaction& t, std::uint64_t sequence,
                std::size_t names_from) {
        if (!e_->checkpointing) {
            reclaimer<Policies> references(*e_);
            for (retired& r : t.changes.freed)
                references.settle(std::move(r), sequence);
        } else {
            auto& since = e_->since;
            for (std::size_t i = 0; i != t.changes.freed.size(); ++i)
                (i < names_from ? since.references : since.catalogue_nodes)
                    .emplace_back(std::move(t.changes.freed[i]), sequence);
            since.taken.insert(since.taken.end(), t.changes.allocated.begin(),
                               t.changes.allocated.end());
            if (!t.delta.empty())
                since.names.push_back(std::move(t.delta));
        }
        t.changes.freed.clear();
        t.changes.allocated.clear();
    }

    /// The transaction is over, but for its locks.
    void finish(transaction& t) noexcept {
        t.active.store(false);
        t.works.clear();
        t.forget_savepoints();
        std::erase_if(e_->active,
                      [&](transaction_ptr const& p) { return p.get() == &t; });
    }

    /// Where a commit is in the log, and in which version.
    struct published {
        lsn at{};
        std::uint64_t version = 0;
        std::uint64_t bulk_writes = 0;
    };

    bool needs_full_sync(std::uint64_t bulk_writes) const noexcept {
        return e_->pages->synced() < bulk_writes
               && !planted<Policies>(planted_fault::bulk_pages_not_synced);
    }

    void make_durable(published const& p) {
        if constexpr (logging)
            make_log_durable(p);
        else if (e_->opt.durability == durability::full)
            checkpoint_of_commit(p.version);
        e_->show_durable();
        reclaim_and_checkpoint();
    }

    void make_log_durable(published const& p)
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

    void sync_log(published const& p)
        requires logging
    {
        std::uint64_t const writes = e_->pages->writes();
        bool const all = needs_full_sync(p.bulk_writes);
        e_->log->flush(p.at, all);
        if (all)
            e_->pages->note_synced(writes);
    }

    /// What a transaction without changes has read is as durable as what one
    /// with changes writes.
    void make_read_durable(published const& p) {
        if constexpr (logging) {
            if (!(p.at < e_->log->durable()))
                make_log_durable(p);
        } else {
            checkpoint_of_commit(p.version);
        }
        e_->show_durable();
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

    /// The commit stands; a checkpoint that finds no room is tried again
    /// after the next one.
    void reclaim_and_checkpoint() {
        work_lock lock(e_->work);
        if (e_->checkpointing && log_is_long(2))
            e_->wait_for_checkpoint(lock); // it does not keep up with commits
        if (e_->checkpointing || e_->closed.load(std::memory_order_seq_cst))
            return;
        try {
            e_->reclaim();
            reclaimer<Policies>(*e_).dig(reclaimer<Policies>::commit_step);
            if (background_compaction<Policies>::is_due(*e_)) {
                e_->compaction_is_due = true;
                e_->worker_wakes.notify_one();
            }
            if (!wants_checkpoint())
                return;
            if (e_->worker != nullptr && !log_is_long(2)) {
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
        if (e_->pages->account().leaf_bytes.load(std::memory_order_relaxed)
            > e_->in_proportion(e_->opt.cache_bytes / 2))
            return !e_->dirty.empty();
        return log_is_long(1);
    }

    /// Since the last checkpoint began it has grown by so many times what a
    /// checkpoint should wait for.
    bool log_is_long(std::uint64_t times) const noexcept {
        if constexpr (logging)
            return e_->log->end() - e_->checkpoint_end
                   >= times * e_->in_proportion(e_->opt.log_bytes);
        return false;
    }

    static constexpr std::uint64_t group_bytes = std::uint64_t{1} << 20;

    engine_type* e_;
};

} // namespace numstore::detail
