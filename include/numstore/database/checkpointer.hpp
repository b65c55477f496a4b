// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/catalogue.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/free_map_maker.hpp>
#include <numstore/database/inline_array.hpp>
#include <numstore/database/keyed_write_out.hpp>
#include <numstore/database/reclaimer.hpp>
#include <numstore/format/sharing_table.hpp>
#include <numstore/format/superblock.hpp>
#include <numstore/pager/page_shares.hpp>
#include <numstore/pager/page_writer.hpp>
#include <numstore/rope/write_out.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Writes everything that is published to fresh pages, then a superblock
/// that refers to it. The order that recovery relies on: log up to the
/// version, pages, sync, superblock (durable), only then reuse of pages and
/// log. A failure before the superblock changes nothing that counts.
///
/// What is written is captured in one step under the engine's work mutex,
/// which is free while it is written: readers, transactions and commits go
/// on. Meanwhile commits leave what they do to references and to the catalogue
/// to the end of the checkpoint (`since_capture`). The log is kept from the
/// first record of the oldest transaction that was open.
template <class Policies>
class checkpointer {
    using engine_type = engine<Policies>;
    using work_lock = typename engine_type::work_lock;
    using writer = page_writer<Policies>;
    static constexpr std::size_t page_size = Policies::page_size;
    static constexpr bool logging = engine_type::logging;

public:
    explicit checkpointer(engine_type& e) noexcept : e_(&e) {}

    struct purpose {
        bool clean = false; ///< the database is being closed
        bool ripen = false; ///< pages freed before are wanted at once
        bool cut = false;   ///< the file is to end with what is in use
    };

    /// Waits for one that another thread writes. With `work`, which is free
    /// meanwhile. Throws no_space, io, failed, corrupt, no_memory.
    void run(work_lock& lock, purpose why = {}) {
        e_->wait_for_checkpoint(lock);
        if (e_->pages->failed())
            raise(errc::failed, e_->name + ": a write or sync has failed");
        e_->reclaim(); // it may need what has become ripe
        typename pager<Policies>::checkpoint_scope const all(*e_->pages);
        auto const start = Policies::clock::now();
        capture();
        try {
            write(lock, why);
        } catch (...) {
            put_back();
            throw;
        }
        try {
            install();
        } catch (...) {
            e_->pages->set_failed(); // the file is right, memory may not be
            end();
            throw;
        }
        end();
        if (why.clean || why.cut)
            e_->pages->shrink_device();
        std::chrono::nanoseconds const took = Policies::clock::now() - start;
        e_->checkpoint_time.fetch_add(took.count(), std::memory_order_relaxed);
    }

    /// True if a checkpoint would write something that recovery lacks.
    bool needed() const noexcept {
        if (!e_->dirty.empty() || e_->catalogue_dirty
            || e_->graveyard.size() > e_->unreadable_graves)
            return true;
        if constexpr (logging)
            return e_->log != nullptr
                   && (e_->log->end() != e_->checkpoint_end
                       || redo_point() != e_->newest.redo
                       || older_keeps_segments());
        return false;
    }

    /// Pages of the log that one would give up whose superblock is written
    /// twice.
    std::uint64_t unneeded_log_pages() const {
        std::uint64_t bytes = 0;
        if constexpr (logging)
            if (e_->log != nullptr) {
                lsn const from = redo_point();
                auto const all = e_->log->segments();
                for (std::size_t i = 0; i + 1 < all.size(); ++i)
                    bytes += all[i].end() <= from ? all[i].bytes : 0;
            }
        return bytes / page_size;
    }

private:
    /// Where a recovery has to start: at the first record of an open
    /// transaction.
    lsn redo_point() const noexcept
        requires logging
    {
        lsn from = e_->log->end();
        for (auto const& t : e_->active)
            if (lsn const first = t->first.load(std::memory_order_seq_cst);
                first != lsn{})
                from = std::min(from, first);
        return from;
    }

    /// Segments that the older superblock alone needs.
    bool older_keeps_segments() const noexcept
        requires logging
    {
        lsn const end = e_->log->first_segment_end();
        return e_->log->segment_count() > 1 && e_->older_redo < end
               && end <= e_->newest.redo;
    }

    /// An array whose newest version the last superblock does not have.
    struct changed_array {
        array_state_ptr state;
        std::uint64_t sequence;
        array_version version;
        placed_root place;
        rope_root written{}; ///< where it has pages
    };

    [[gnu::cold]] void capture() {
        generation_ = e_->newest.generation + 1;
        reclaimer<Policies> references(*e_);
        references.release_replaced();
        references.dig(reclaimer<Policies>::checkpoint_step);
        references.dig_unwritten();
        arrays_.reserve(e_->dirty.size());
        for (array_state_ptr const& s : e_->dirty) {
            auto const& newest = *s->versions.newest();
            arrays_.push_back({s, newest.sequence, newest.value, {}, {}});
        }
        catalogue_ = e_->catalogue_versions.newest()->value;
        capture_lists();
        capture_log();
        token_ = edit_token{e_->next_transaction++ << 24};
        next_transaction_ = e_->next_transaction;
        sequence_ = e_->latest;
        move_catalogue_ = e_->move_catalogue;
        for (array_state_ptr const& s : e_->dirty)
            s->dirty = false;
        e_->dirty.clear();
        e_->captured = generation_;
        e_->pages->begin_promised();
        due_ = std::exchange(e_->due, {});
        e_->checkpointing = true;
    }

    /// Which pages are shared, and which trees are buried.
    [[gnu::cold]] void capture_lists() {
        next_.sharing = e_->newest.sharing;
        next_.graveyard = e_->newest.graveyard;
        lists_ = e_->lists;
        if (e_->shares_dirty
            && !planted<Policies>(planted_fault::sharing_not_stored))
            shares_ = e_->shares;
        if (e_->graveyard_dirty
            && !planted<Policies>(planted_fault::graveyard_not_stored))
            graveyard_ = reclaimer<Policies>(*e_).encode_graveyard();
        was_ = {e_->catalogue_dirty, e_->shares_dirty, e_->graveyard_dirty};
        e_->catalogue_dirty = e_->shares_dirty = e_->graveyard_dirty = false;
    }

    [[gnu::cold]] void capture_log() {
        commit_ = e_->latest_commit;
        redo_ = commit_;
        flush_ = commit_;
        if constexpr (logging) {
            redo_ = redo_point();
            log_end_ = e_->log->end();
            // Whole segments are given up only where nothing is on the way.
            if (e_->log->segment_count() > 1)
                flush_ = lsn{to_integer(log_end_) - 1};
        }
    }

    /// With `work` free but for a moment.
    void write(work_lock& lock, purpose why) {
        std::uint64_t file = 0;
        unlocked(lock, [&] {
            flush_log();
            write_pages();
            write_lists();
            file = e_->pages->file_pages();
        });
        auto map =
            free_map_maker<Policies>(*e_, generation_, redo_, replaced_, own_)
                .make(next_, why.clean || why.cut);
        lists_.free_map = std::move(map.places);
        // Or a torn one would leave none; and commits that come from now on
        // must not write one beside it.
        e_->expect_commits();
        // Before the file is cut, no superblock may think it is longer.
        twin_ = (why.ripen || worth_a_twin()
                 || next_.file_pages < std::max(file, e_->newest.file_pages))
                && !planted<Policies>(planted_fault::no_twin_superblock);
        unlocked(lock, [&] {
            map.list.write(*e_->pages);
            if (!planted<Policies>(planted_fault::no_sync_before_superblock))
                e_->pages->sync();
            write_superblock(why.clean);
            if (twin_)
                write_twin();
        });
    }

    template <class F>
    static void unlocked(work_lock& lock, F&& f) {
        struct again {
            work_lock& lock;
            ~again() { lock.lock(); }
        };
        lock.unlock();
        again const relock{lock};
        f();
    }

    void flush_log() {
        if constexpr (logging) {
            if (to_integer(flush_) != 0)
                e_->log->flush(flush_, false);
            if (planted<Policies>(
                    planted_fault::redo_forgets_open_transactions))
                redo_ = e_->log->end(); // behind the batch just closed
            e_->show_durable();
        }
    }

    /// The newest nodes of all changed arrays, then the catalogue's.
    [[gnu::cold]] void write_pages() {
        std::uint64_t expected = 0;
        for (changed_array const& a : arrays_)
            if (has_pages(a))
                expected += count_unwritten<Policies>(a.version.root,
                                                      a.state->shape)
                                .pages;
        expected += count_unwritten_keyed<page_size>(catalogue_.names.node)
                    + count_unwritten_keyed<page_size>(catalogue_.entries.node)
                    + std::min<std::uint64_t>(arrays_.size(), 8)
                          * (catalogue_.entries.height + 1u);
        out_.emplace(*e_->pages, expected, own_);
        batch_.emplace(*out_, keeps_inner_nodes() ? &e_->pages->account()
                                                  : nullptr);
        for (changed_array& a : arrays_)
            if (has_pages(a)) {
                a.place = batch_->write(a.version.root, a.state->shape);
                a.written = batch_->written(a.version.root);
            }
        write_catalogue();
        out_->finish();
    }

    /// Of arrays that have been changed, or would they take too much memory?
    bool keeps_inner_nodes() const noexcept {
        return e_->pages->account().inner_bytes.load(std::memory_order_relaxed)
               <= e_->opt.cache_bytes / 4;
    }

    static bool has_pages(changed_array const& a) {
        return !a.version.dropped
               && !is_inline(a.version.root, a.state->shape);
    }

    [[gnu::cold]] void write_catalogue() {
        catalogue<Policies> const c(*e_->pages);
        edit<pager<Policies>> changes{e_->pages.get(), token_, {}, {}};
        for (changed_array const& a : arrays_)
            if (!a.version.dropped)
                c.set_root(changes, catalogue_, a.state->id, a.version, a.place,
                           a.state->shape);
        if (move_catalogue_)
            c.renew(changes, catalogue_);
        out_->expect(count_unwritten_keyed<page_size>(catalogue_.names.node)
                     + count_unwritten_keyed<page_size>(
                         catalogue_.entries.node));
        names_batch_.emplace(*out_);
        unwritten_ = catalogue_; // keeps the frames until `keep`
        catalogue_ = {names_batch_->write(catalogue_.names),
                      names_batch_->write(catalogue_.entries)};
        for (retired const& r : changes.freed)
            if (r.node.place() != no_page)
                replaced_.push_back({r.node.place(), r.pages});
        lists_from_ = replaced_.size();
        if (!planted<Policies>(planted_fault::free_map_in_place))
            replace(e_->lists.free_map);
    }

    [[gnu::cold]] void write_lists() {
        if (shares_) {
            for (format::shared_pages const& s : batch_->shares())
                shares_->add(s.pages, s.extra);
            std::vector<std::byte> bytes;
            if (shares_->count() != 0)
                format::encode_sharing_table(shares_->extents(), bytes);
            write_list(std::move(bytes), next_.sharing, lists_.sharing);
        }
        if (graveyard_)
            write_list(std::move(*graveyard_), next_.graveyard,
                       lists_.graveyard);
    }

    void replace(std::vector<extent> const& pages) {
        replaced_.insert(replaced_.end(), pages.begin(), pages.end());
    }

    /// Replaces a list, which has no pages if it is empty.
    void write_list(std::vector<std::byte> bytes, format::list_root& root,
                    std::vector<extent>& places) {
        replace(places);
        places.clear();
        root = {};
        if (bytes.empty())
            return;
        list_pages<Policies> list(*e_->pages, own_);
        list.take(bytes.size());
        auto const image = list.make(std::move(bytes));
        image.write(*e_->pages);
        root = image.root;
        places = list.all();
    }

    [[gnu::cold]] void write_superblock(bool clean) {
        format::superblock const& old = e_->newest;
        next_.features = old.features;
        next_.features.must_understand |=
            e_->features.load(std::memory_order_relaxed);
        next_.features.must_understand &= ~format::lists_in_pieces;
        if ((next_.free_map.levels | next_.sharing.levels
             | next_.graveyard.levels)
            != 0)
            next_.features.must_understand |= format::lists_in_pieces;
        next_.policies = old.policies;
        next_.database_id = old.database_id;
        next_.generation = generation_;
        next_.version = commit_;
        next_.redo = redo_;
        next_.clean = clean;
        next_.twin =
            twin_ ? format::twin_role::followed : format::twin_role::none;
        catalogue<Policies>::store(catalogue_, next_);
        next_.next_array = e_->next_array.load(std::memory_order_seq_cst);
        next_.next_transaction = next_transaction_;
        if constexpr (logging)
            next_.log = e_->stored_position(redo_);
        e_->write_superblock(next_);
        is_durable_ = true;
    }

    /// Pages freed before this checkpoint wait for the next but one
    /// superblock. Where they are many it is written at once: the same again,
    /// for one durable write more.
    bool worth_a_twin() const {
        return e_->pages->with_space([&](space_map& m) {
            return m.ripening_pages() > e_->pages->file_pages() / 32;
        });
    }

    void write_twin() {
        ++next_.generation;
        next_.twin = format::twin_role::twin;
        e_->write_superblock(next_);
    }

    /// The superblock is durable: what it replaced may ripen, and memory
    /// that has been written may go.
    [[gnu::cold]] void install() {
        std::uint64_t const sequence = e_->latest + 1;
        lsn const previous_redo = e_->newest.redo;
        e_->newest = next_;
        e_->lists = std::move(lists_);
        e_->newest_is_unsure = false;
        e_->captured = next_.generation;
        for (format::shared_pages const& s : batch_->shares())
            e_->shares.add(s.pages, s.extra);
        batch_->keep();
        names_batch_->keep();
        change_names_again(sequence);
        swap_clean_versions(sequence);
        for (std::size_t i = 0; i != lists_from_; ++i) {
            e_->freed.add(sequence, replaced_[i].pages);
            e_->pages->retire(replaced_[i], sequence, generation_ - 1);
        }
        // Only who opens the file reads lists.
        for (std::size_t i = lists_from_; i != replaced_.size(); ++i)
            e_->pages->retire(replaced_[i], 0, generation_ - 1);
        if (move_catalogue_)
            e_->move_catalogue = false;
        bool const quiet = e_->latest == sequence_;
        e_->latest = sequence;
        e_->show_written(quiet ? sequence : sequence_);
        if (!quiet && (logging || e_->opt.durability != durability::full))
            show_later(sequence);
        settle(e_->meanwhile.references);
        e_->reclaim();
        e_->forget_unused();
        recycle_log(twin_ || planted<Policies>(
                        planted_fault::log_recycled_too_early)
                        ? next_.redo
                        : previous_redo);
        if constexpr (logging)
            e_->checkpoint_end = quiet ? e_->log->end() : log_end_;
        e_->left_unwritten_bytes = e_->pages->account().unwritten_bytes.load(
            std::memory_order_relaxed);
        e_->pages->end_promised(true);
        e_->checkpoints.fetch_add(1, std::memory_order_relaxed);
    }

    /// As soon as the commits are durable that came meanwhile.
    void show_later(std::uint64_t sequence) {
        {
            std::scoped_lock lock(e_->show_guard);
            e_->unshown.emplace_back(e_->latest_commit, sequence);
        }
        e_->show_durable();
    }

    /// What commits did to the catalogue meanwhile, now to the one that was
    /// written: its nodes are those that the next superblock replaces.
    [[gnu::cold]] void change_names_again(std::uint64_t sequence) {
        if (e_->meanwhile.names.empty())
            return;
        edit<pager<Policies>> changes{
            e_->pages.get(), edit_token{e_->next_transaction++ << 24}, {}, {}};
        for (catalogue_delta const& delta : e_->meanwhile.names)
            catalogue<Policies>(*e_->pages).apply(changes, catalogue_, delta);
        reclaimer<Policies> references(*e_);
        for (retired& r : changes.freed)
            references.settle(std::move(r), sequence);
    }

    /// What commits did to references meanwhile.
    void settle(std::vector<std::pair<retired, std::uint64_t>>& all) {
        reclaimer<Policies> references(*e_);
        for (auto& [r, sequence] : all)
            references.settle(std::move(r), sequence);
        all.clear();
    }

    /// Others may write one again.
    [[gnu::cold]] void end() noexcept {
        e_->checkpointing = false;
        e_->meanwhile.clear();
        e_->checkpointed.notify_all();
    }

    /// After a failure: what was captured is still to be written.
    [[gnu::cold]] void put_back() noexcept {
        out_.reset();
        e_->pages->end_promised(false);
        e_->due += due_;
        if (!is_durable_)
            e_->pages->release(own_, 0);
        else
            e_->pages->set_failed(); // there is no second superblock of it
        e_->catalogue_dirty |= was_.catalogue;
        e_->shares_dirty |= was_.shares;
        e_->graveyard_dirty |= was_.graveyard;
        if (move_catalogue_)
            e_->move_catalogue = false; // nobody promised room for that
        try {
            e_->dirty.reserve(e_->dirty.size() + arrays_.size());
            for (changed_array const& a : arrays_)
                if (!std::exchange(a.state->dirty, true))
                    e_->dirty.push_back(a.state);
            settle(e_->meanwhile.references);
            settle(e_->meanwhile.catalogue_nodes);
        } catch (std::bad_alloc const&) {
            e_->pages->set_failed();
        } catch (error const&) {
            e_->pages->set_failed();
        }
        end();
    }

    /// Versions that refer to the written pages alone, so that frames go. Each
    /// array gets one, even where nothing changes: a reader older than this
    /// must find it in memory, for its catalogue has the root of before. Those
    /// that have changed again stay as they are.
    [[gnu::cold]] void swap_clean_versions(std::uint64_t sequence) {
        using chain = version_chain<catalogue_version>;
        auto* const fresh = e_->catalogue_versions.publish(
            std::make_unique<chain::node>(sequence, catalogue_));
        e_->cuts.template push<catalogue_version>(nullptr, fresh);
        for (changed_array const& a : arrays_) {
            array_state_ptr const& s = a.state;
            if (a.version.dropped
                || s->versions.newest()->sequence != a.sequence)
                continue;
            auto node = std::make_unique<array_state::chain::node>(
                sequence,
                array_version{has_pages(a) ? a.written : a.version.root, false,
                              a.version.dimensions});
            e_->cuts.template push<array_version>(
                s, s->versions.publish(std::move(node)));
        }
        arrays_.clear();
    }

    /// Who opens the file just now in another process reads the log; what is
    /// not given up this time goes with the next checkpoint.
    [[gnu::cold]] void recycle_log(lsn previous_redo) {
        if constexpr (logging) {
            e_->older_redo = previous_redo;
            if (e_->pages->oldest_reader() == 0
                && !planted<Policies>(
                    planted_fault::log_recycled_under_readers))
                return;
            for (log_segment const& s : e_->log->release_before(previous_redo))
                e_->log_pool.recycle({s.offset, s.bytes, true},
                                     3 * e_->most_log());
        }
    }

    engine_type* e_;
    // captured
    std::uint64_t generation_ = 0;
    std::uint64_t sequence_ = 0;
    lsn commit_{};
    lsn redo_{};
    lsn flush_{};
    lsn log_end_{};
    edit_token token_{};
    std::uint64_t next_transaction_ = 0;
    std::vector<changed_array> arrays_;
    std::optional<page_shares> shares_;
    std::optional<std::vector<std::byte>> graveyard_;
    bool move_catalogue_ = false;
    due_nodes due_;
    struct {
        bool catalogue = false;
        bool shares = false;
        bool graveyard = false;
    } was_;
    // written
    bool twin_ = false;
    bool is_durable_ = false;
    format::superblock next_;
    places_of_lists lists_; ///< of `next_`
    catalogue_version catalogue_;
    catalogue_version unwritten_;
    std::vector<extent> replaced_; ///< of before: catalogue, then lists
    std::size_t lists_from_ = 0;   ///< where these begin
    std::vector<extent> own_; ///< taken; go back if the checkpoint fails
    std::optional<writer> out_;
    std::optional<write_out_batch<Policies>> batch_;
    std::optional<keyed_write_out<Policies>> names_batch_;
};

} // namespace numstore::detail
