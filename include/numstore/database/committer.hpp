// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/catalogue.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/reclaimer.hpp>
#include <numstore/database/room.hpp>
#include <numstore/format/bytes.hpp>
#include <numstore/format/log_codec.hpp>
#include <numstore/format/log_record.hpp>
#include <numstore/types.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
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
        e_->active.reserve(e_->active.size() + 1);
        auto t = std::make_shared<transaction>(*e_->pages,
                                               e_->next_transaction++);
        e_->active.push_back(t);
        return t;
    }

    /// The first access of a transaction: nobody else writes until it ends.
    /// Throws would_deadlock, timed_out.
    void lock_for(transaction& t) {
        if (t.locked)
            return;
        t.require_active();
        e_->writers.acquire(t.number, e_->opt.lock_timeout);
        t.locked = true;
    }

    /// Durable on return as the option says. One log write, and one sync, or
    /// less where several commit together. Throws transaction_ended, closed,
    /// failed, no_space, no_memory; only after `failed` may it have happened.
    void commit(transaction_ptr const& t) {
        e_->require_writable();
        lsn at{};
        {
            std::scoped_lock lock(e_->work);
            t->require_active();
            if (t->has_changes())
                at = publish_with_room(*t);
            finish(*t);
        }
        if (at != lsn{})
            make_durable(at);
    }

    /// Never throws: after a failure nothing of it counts anyway.
    void rollback(transaction& t) noexcept {
        std::scoped_lock lock(e_->work);
        if (t.active)
            abandon(t);
    }

    std::uint64_t savepoint(transaction& t) {
        e_->require_open();
        std::scoped_lock lock(e_->work);
        t.require_active();
        return t.set_savepoint();
    }

    /// Undoes all since the savepoint; says so in the log, so that recovery
    /// does not redo it. Throws invalid_argument, transaction_ended.
    void rollback_to(transaction& t, std::uint64_t savepoint) {
        e_->require_writable();
        std::scoped_lock lock(e_->work);
        t.require_active();
        t.require_savepoint(savepoint);
        lsn const newest = t.last;
        lsn const kept = t.restore(savepoint);
        if (kept != newest)
            append(t, format::log_rollback_to{kept});
    }

    /// f(transaction): several changes as one. In `outer` if there is one, else
    /// in a transaction of its own. If f throws there are none.
    template <class F>
    void as_one(std::shared_ptr<transaction> const& outer, F&& f) {
        e_->require_open();
        if (outer == nullptr) {
            auto const t = begin();
            try {
                f(t);
                commit(t);
            } catch (...) {
                rollback(*t);
                throw;
            }
            return;
        }
        lock_for(*outer);
        std::uint64_t const mark = savepoint(*outer);
        try {
            f(outer);
        } catch (...) {
            if (outer->active)
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
                t.last = write_record(t, body);
                if (t.first == lsn{})
                    t.first = t.last;
            } catch (...) {
                abandon(t);
                throw;
            }
            end_too_old();
            t.require_active();
        }
    }

    /// Rolls back, under `work`.
    void abandon(transaction& t) noexcept {
        t.undo_all();
        finish(t);
    }

    /// The end of a transaction that redid what a log says, of which `last`
    /// was the last commit.
    void publish_redone(transaction& t, lsn last) {
        std::scoped_lock lock(e_->work);
        catalogue_version next;
        prepare_catalogue(t, next);
        install(t, last, std::move(next), prepare(t));
        finish(t);
        e_->show_durable();
    }

    /// A checkpoint now. Throws as `checkpointer::run`.
    void checkpoint() {
        e_->require_writable();
        std::scoped_lock lock(e_->work);
        checkpointer<Policies> c(*e_);
        if (c.needed())
            c.run();
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

    /// The log is kept from the first record of any open transaction on:
    /// those that hold on to too much of it are rolled back.
    void end_too_old() noexcept {
        lsn const end = e_->log->end();
        auto const is_too_old = [&](auto const& t) {
            return t->first != lsn{} && end - t->first > e_->opt.max_log_bytes;
        };
        for (;;) {
            auto const i = std::find_if(e_->active.begin(), e_->active.end(),
                                        is_too_old);
            if (i == e_->active.end())
                return;
            std::shared_ptr<transaction> const t = *i;
            abandon(*t);
            t->too_old = true;
        }
    }

    template <class Body>
    lsn write_record(transaction const& t, Body const& body) {
        e_->record.clear();
        format::byte_writer out(e_->record);
        format::encode_log_record(out, t.number, t.last, body);
        return e_->log->append(e_->record);
    }

    /// What only gives space back may use the reserve. Tried again while
    /// checkpoints find more room.
    lsn publish_with_room(transaction& t) {
        std::optional<reserve_scope> scope;
        if (!t.grows)
            scope.emplace(*e_->pages);
        room<Policies> more(*e_);
        more.prepare(more.frames());
        for (;;) {
            try {
                return publish(t);
            } catch (error const& failure) {
                if (failure.code() != errc::no_space || !more.ripen())
                    throw;
            }
        }
    }

    /// Everything that can fail, then the commit record, then what cannot.
    lsn publish(transaction& t) {
        auto const mark = t.changes.position();
        lsn at{};
        catalogue_version next;
        prepared ready;
        try {
            e_->secure_superblock();
            prepare_catalogue(t, next);
            ready = prepare(t);
            e_->retired_nodes.reserve(e_->retired_nodes.size()
                                      + t.changes.freed.size());
            e_->graveyard.reserve(e_->graveyard.size()
                                  + t.changes.freed.size());
            room<Policies>(*e_).ensure(
                t, t.delta.empty() ? e_->catalogue_versions.newest()->value
                                   : next);
            if constexpr (logging) {
                // Others may flush the record before its own commit does, and
                // must not make it durable without its bulk pages.
                if (e_->pages->unsynced()
                    && !planted<Policies>(planted_fault::bulk_pages_not_synced))
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
            install(t, at, std::move(next), std::move(ready));
        } catch (...) {
            e_->pages->set_failed(); // the commit record is in the log
            throw;
        }
        return at;
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
        e_->dirty.reserve(e_->dirty.size() + ready.nodes.size());
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

    /// Only counts of shared pages may take more memory.
    void install(transaction& t, lsn at, catalogue_version next,
                 prepared ready) {
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
        reclaimer<Policies> references(*e_);
        for (retired& r : t.changes.freed)
            references.settle(std::move(r), sequence);
        t.changes.freed.clear();
        t.changes.allocated.clear();
        e_->latest = sequence;
        e_->latest_commit = at;
        {
            std::scoped_lock lock(e_->show_guard);
            ready.unshown.front() = {at, sequence};
            e_->unshown.splice(e_->unshown.end(), ready.unshown);
        }
        e_->commits.fetch_add(1, std::memory_order_relaxed);
    }

    /// The transaction is over, and others may write.
    void finish(transaction& t) noexcept {
        t.active = false;
        t.works.clear();
        t.forget_savepoints();
        std::erase_if(e_->active,
                      [&](transaction_ptr const& p) { return p.get() == &t; });
        if (t.locked)
            e_->writers.release();
        t.locked = false;
    }

    void make_durable(lsn at) {
        if constexpr (logging)
            make_log_durable(at);
        else if (e_->opt.durability == durability::full)
            checkpoint_of_commit();
        e_->show_durable();
        reclaim_and_checkpoint();
    }

    void make_log_durable(lsn at)
        requires logging
    {
        try {
            if (e_->opt.durability != durability::full) {
                e_->log->write(at);
                if (e_->opt.durability == durability::grouped
                    && e_->log->end() - e_->log->durable() >= group_bytes)
                    sync_log(at);
                return;
            }
            sync_log(at);
        } catch (error const& failure) {
            e_->pages->set_failed();
            raise_uncertain(failure);
        } catch (std::bad_alloc const&) {
            e_->pages->set_failed();
            throw error(uncertain_commit);
        }
    }

    void sync_log(lsn at)
        requires logging
    {
        std::uint64_t const writes = e_->pages->writes();
        bool const all =
            e_->pages->unsynced()
            && !planted<Policies>(planted_fault::bulk_pages_not_synced);
        e_->log->flush(at, all);
        if (all)
            e_->pages->note_synced(writes);
    }

    /// Without a log: others may see the commit already, so that one which
    /// cannot be written ends writing.
    void checkpoint_of_commit() {
        std::scoped_lock lock(e_->work);
        try {
            checkpointer<Policies>(*e_).run();
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
        std::scoped_lock lock(e_->work);
        try {
            e_->reclaim();
            reclaimer<Policies>(*e_).dig(reclaimer<Policies>::commit_step);
            if (wants_checkpoint())
                checkpointer<Policies>(*e_).run();
        } catch (error const&) { // NOLINT: `failed` tells, and recovery mends
        } catch (std::bad_alloc const&) {
        }
    }

    bool wants_checkpoint() const noexcept {
        if (e_->pages->account().leaf_bytes.load(std::memory_order_relaxed)
            > e_->in_proportion(e_->opt.cache_bytes / 2))
            return !e_->dirty.empty();
        if constexpr (logging)
            return e_->log->end() - e_->checkpoint_end
                   >= e_->in_proportion(e_->opt.log_bytes);
        return false;
    }

    static constexpr std::uint64_t group_bytes = std::uint64_t{1} << 20;

    engine_type* e_;
};

} // namespace numstore::detail
