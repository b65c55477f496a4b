// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_state.hpp>
#include <numstore/database/catalogue.hpp>
#include <numstore/database/catalogue_pages.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/inline_array.hpp>
#include <numstore/error.hpp>
#include <numstore/format/free_map.hpp>
#include <numstore/pager/edit.hpp>
#include <numstore/pager/node_pages.hpp>
#include <numstore/rope/write_out.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Finds room for new pages among those that were freed and wait: for a
/// superblock, or to be taken out of a dropped tree. Under the engine's work
/// mutex.
template <class Policies>
class room {
    using engine_type = engine<Policies>;
    using work_lock = typename engine_type::work_lock;

public:
    explicit room(engine_type& e) noexcept : e_(&e) {}

    /// Before `pages` are taken: rather than let the file grow, makes much
    /// that waits free. At most some checkpoints; does not throw for want of
    /// space.
    void prepare(std::uint64_t pages, work_lock& lock) {
        make_free(pages + e_->pages->kept_pages(), lock);
    }
    /// The same before a commit, for what `ensure` will promise in place of
    /// what it has promised.
    void prepare_promise(work_lock& lock) {
        std::uint64_t const unwritten =
            e_->pages->account().unwritten_bytes.load(
                std::memory_order_relaxed)
            / Policies::page_size;
        make_free(std::max(e_->pages->kept_pages(),
                           unwritten + e_->pages->kept_besides_promise()),
                  lock);
    }

    /// After an allocation has failed; gives up `work` meanwhile. False if
    /// nothing more was found.
    [[gnu::cold]] bool ripen(work_lock& lock) {
        if (!may_checkpoint())
            return false;
        std::uint64_t const before = free_pages();
        e_->log_pool.release_all();
        if (!e_->checkpointing)
            e_->reclaim(); // snapshots may have gone
        if (free_pages() > before)
            return true;
        // What was promised and not needed comes free as well, once: whoever
        // tries again promises again.
        bool const waits = waiting_pages() != 0;
        if (!waits && (promise_is_spent_ || promised_pages() == 0))
            return false;
        std::uint64_t const free = free_pages();
        std::uint64_t const takeable = takeable_pages();
        std::size_t const buried = e_->graveyard.size();
        try {
            checkpointer<Policies>(*e_).run(lock, {.ripen = true});
        } catch (error const& failure) {
            if (failure.code() == errc::no_space)
                return false;
            throw;
        }
        if (free_pages() > free || e_->graveyard.size() < buried)
            return true;
        return !std::exchange(promise_is_spent_, true)
               && takeable_pages() > takeable;
    }

    /// Makes sure that a checkpoint after the commit of `t`, with `names` as
    /// its catalogue, will find room. Returns what is due then. Throws
    /// no_space, io, corrupt.
    template <class Transaction>
    due_nodes ensure(Transaction const& t, catalogue_version const& names) {
        catalogue_pages<Policies> const ways(*e_->pages);
        due_nodes due = e_->due;
        due.arrays += t.changes.made;
        for (auto const& [id, w] : t.works) {
            if (!w.changed || w.dropped)
                continue;
            due.arrays.add(w.state->shape.pages); // if the catalogue had it
            if (!w.state->dirty)
                due.names += ways.way(names, any_root(*w.state));
        }
        std::uint64_t const lists = list_pages(t.changes.freed.size());
        // Usually there is room for nodes that are not needed any more as
        // well, and for small arrays as if they were trees. If not they are
        // counted.
        node_pages most =
            due.arrays
                .within(e_->pages->account().unwritten_pages.load(
                    std::memory_order_relaxed))
                .with(lists);
        most += ways.at_most(names, due.names);
        if (e_->pages->has_room_for(most)) {
            e_->pages->promise(most);
            return due;
        }
        written_trees const w = trees_after(t);
        due = {w.nodes, ways.count(names, w.roots)};
        node_pages all = due.arrays.with(lists);
        all += due.names;
        e_->pages->promise(all);
        return due;
    }

    /// Free now, or once a checkpoint or two have been written: at most so
    /// many, for trees may share pages with others. And of these, what readers
    /// still need.
    struct unused {
        std::uint64_t pages;
        std::uint64_t pinned;
    };
    unused unused_pages() const {
        return {free_pages() + replaced_pages(), pinned_pages()};
    }

private:
    [[gnu::cold]] void make_free(std::uint64_t wanted, work_lock& lock) {
        if (free_pages() >= wanted)
            return;
        e_->reclaim(); // some may be ripe already
        std::uint64_t const free = free_pages();
        if (free >= wanted
            || waiting_pages()
                   < std::max({wanted - free, e_->pages->file_pages() / 5,
                               few_bytes / Policies::page_size}))
            return;
        while (free_pages() < wanted && ripen(lock)) {
        }
    }

    /// Whatever becomes of the array until it is written.
    static new_root any_root(array_state const& s) noexcept {
        return {s.id, root_bytes(s.form.rank)
                          + std::min(max_inline_bytes,
                                     s.shape.page_bytes / 4)};
    }

    /// What the next checkpoint writes of the arrays that have changed.
    struct written_trees {
        node_pages nodes;
        std::vector<new_root> roots; ///< by id
    };
    template <class Transaction>
    written_trees trees_after(Transaction const& t) const {
        written_trees all;
        auto const add = [&](array_state const& s, auto const& v) {
            bool const in_entry = is_inline(v.root, s.shape);
            if (!in_entry)
                all.nodes += count_unwritten<Policies>(v.root, s.shape);
            all.roots.push_back(
                {s.id,
                 root_bytes(v.dimensions ? v.dimensions->size() : 0)
                     + (in_entry ? s.shape.bytes(v.root.size) : 0)});
        };
        for (array_state_ptr const& s : e_->dirty) {
            auto const i = t.works.find(s->id);
            auto const& v = s->versions.newest()->value;
            if (!v.dropped && (i == t.works.end() || !i->second.changed))
                add(*s, v);
        }
        for (auto const& [id, w] : t.works)
            if (w.changed && !w.dropped)
                add(*w.state, w);
        std::sort(all.roots.begin(), all.roots.end(),
                  [](new_root const& a, new_root const& b) {
                      return a.id < b.id;
                  });
        return all;
    }

    /// Of the free map, the sharing table and the graveyard, once so many
    /// nodes more are freed; and what the nodes leave of a block.
    std::uint64_t list_pages(std::uint64_t freed) const {
        std::uint64_t const segments = 16;
        std::uint64_t const map = format::free_map_bound(
            e_->pages->with_space([](space_map& m) {
                return m.free().count() + m.ripening_count();
            })
            + e_->retired_nodes.size() + 2 * freed + segments);
        std::uint64_t const shares = e_->shares.count();
        return e_->pages->block_pages() + pages_of_list(map)
               + pages_of_list(shares == 0
                                   ? 0
                                   : list_entry * (shares + 2 * freed))
               + pages_of_list(list_entry
                               * (e_->graveyard.size() + 2 * freed));
    }
    /// Perhaps in pieces.
    std::uint64_t pages_of_list(std::uint64_t bytes) const {
        std::uint64_t const block = e_->pages->block_pages();
        std::uint64_t const pages =
            round_up(round_up(bytes, Policies::page_size)
                         / Policies::page_size,
                     block);
        return pages <= block ? pages
                              : pages + round_up(pages / 16 + 1, block);
    }

    static constexpr std::uint64_t list_entry = 40;
    static constexpr std::uint64_t few_bytes = std::uint64_t{2} << 20;

    /// Not while recovery has redone only a part.
    bool may_checkpoint() const noexcept {
        if (e_->read_only || e_->pages->failed())
            return false;
        return !engine_type::logging || e_->log != nullptr;
    }

    std::uint64_t free_pages() const noexcept {
        return e_->pages->free_pages();
    }
    std::uint64_t promised_pages() const noexcept {
        return e_->pages->kept_pages() - e_->pages->reserve_pages();
    }
    std::uint64_t takeable_pages() const noexcept {
        std::uint64_t const free = e_->pages->whole_free_pages();
        return free - std::min(free, promised_pages());
    }

    /// What a checkpoint could free.
    std::uint64_t waiting_pages() const {
        std::uint64_t const all = replaced_pages();
        return all - std::min(all, pinned_pages())
               + checkpointer<Policies>(*e_).unneeded_log_pages();
    }
    std::uint64_t pinned_pages() const {
        std::uint64_t const oldest = e_->readers.oldest();
        std::uint64_t const superblock = e_->pages->oldest_reader();
        return e_->pages->with_space([&](space_map& m) {
            return m.pinned_pages(oldest, superblock);
        });
    }
    std::uint64_t replaced_pages() const {
        std::uint64_t pages = e_->retired_nodes.size();
        for (std::size_t i = e_->unreadable_graves; i < e_->graveyard.size();
             ++i) {
            retired const& t = e_->graveyard[i];
            pages += t.count / t.leaf_capacity * t.leaf_pages + 1;
        }
        return pages + e_->pages->with_space([](space_map& m) {
                   return m.ripening_pages();
               });
    }

    engine_type* e_;
    bool promise_is_spent_ = false;
};

} // namespace numstore::detail
