// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/catalogue.hpp>
#include <numstore/database/commit_durability.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/reclaimer.hpp>
#include <numstore/database/room.hpp>
#include <numstore/error.hpp>
#include <numstore/format/bytes.hpp>
#include <numstore/format/log_codec.hpp>
#include <numstore/format/log_record.hpp>
#include <numstore/types.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Adds a record of the transaction to the log. Throws no_space, io, failed,
/// no_memory.
template <class Policies, class Body>
lsn write_record(engine<Policies>& e, transaction_state<Policies>& t,
                 Body const& body) {
    t.record.clear();
    format::byte_writer out(t.record);
    format::encode_log_record(out, t.number, t.last, body);
    return e.log->append(t.record);
}

/// Makes what a transaction has done the newest version, with its commit
/// record in the log. Under `work`.
template <class Policies>
class publisher {
    using engine_type = engine<Policies>;
    using transaction = transaction_state<Policies>;
    static constexpr bool logging = engine_type::logging;
    using reserve_scope = typename pager<Policies>::reserve_scope;
    using work_lock = typename engine_type::work_lock;

public:
    explicit publisher(engine_type& e) noexcept : e_(&e) {}

    /// What only gives space back may use the reserve. Tried again while
    /// checkpoints find more room.
    void run(transaction& t, work_lock& lock) {
        std::optional<reserve_scope> scope;
        if (!t.grows)
            scope.emplace(*e_->pages);
        room<Policies> more(*e_);
        more.prepare_promise(lock);
        for (;;) {
            try {
                return publish(t);
            } catch (error const& failure) {
                if (failure.code() != errc::no_space || !more.ripen(lock))
                    throw;
            }
        }
    }

    /// What recovery has redone, of which `last` was the last commit.
    void run_redone(transaction& t, lsn last) {
        catalogue_version next;
        prepare_catalogue(t, next);
        e_->due.arrays += t.changes.made; // until the checkpoint
        install(t, last, std::move(next), prepare(t), 0);
    }

private:
    /// Everything that can fail, then the commit record, then what cannot.
    void publish(transaction& t) {
        auto const mark = t.changes.position();
        lsn at{};
        catalogue_version next;
        prepared ready;
        due_nodes due;
        try {
            e_->expect_commits();
            prepare_catalogue(t, next);
            ready = prepare(t);
            prepare_references(t);
            due = room<Policies>(*e_).ensure(
                t, t.delta.empty() ? e_->catalogue_versions.newest()->value
                                   : next);
            if constexpr (logging) {
                // Others may flush the record before its own commit does, and
                // must not make it durable without its bulk pages.
                if (needs_full_sync<Policies>(*e_, t.bulk_writes))
                    e_->log->want_all();
                at = write_record(*e_, t, format::log_commit{});
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
        e_->due = due;
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
                e_->latest + 1,
                array_version{w.root, w.dropped, w.dimensions}));
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
        auto& meanwhile = e_->meanwhile;
        std::size_t const freed = t.changes.freed.size();
        std::size_t const all = meanwhile.references.size()
                                + meanwhile.catalogue_nodes.size() + freed;
        reserve_more(e_->retired_nodes, all);
        reserve_more(e_->graveyard, all);
        reserve_more(meanwhile.references, freed);
        reserve_more(meanwhile.catalogue_nodes, freed);
        reserve_more(meanwhile.taken, t.changes.allocated.size());
        reserve_more(meanwhile.names, 1);
    }

    /// While a checkpoint is being written that is left to its end.
    void settle(transaction& t, std::uint64_t sequence,
                std::size_t names_from) {
        if (!e_->checkpointing) {
            reclaimer<Policies> references(*e_);
            for (retired& r : t.changes.freed)
                references.settle(std::move(r), sequence);
        } else {
            auto& meanwhile = e_->meanwhile;
            for (std::size_t i = 0; i != t.changes.freed.size(); ++i)
                (i < names_from ? meanwhile.references
                                : meanwhile.catalogue_nodes)
                    .emplace_back(std::move(t.changes.freed[i]), sequence);
            meanwhile.taken.insert(meanwhile.taken.end(),
                                   t.changes.allocated.begin(),
                                   t.changes.allocated.end());
            if (!t.delta.empty())
                meanwhile.names.push_back(std::move(t.delta));
        }
        t.changes.freed.clear();
        t.changes.allocated.clear();
    }

    engine_type* e_;
};

} // namespace numstore::detail
