// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_state.hpp>
#include <numstore/database/catalogue.hpp>
#include <numstore/database/cut_queue.hpp>
#include <numstore/database/fork_guard.hpp>
#include <numstore/database/list_pages.hpp>
#include <numstore/database/lock_table.hpp>
#include <numstore/database/log_space.hpp>
#include <numstore/database/options.hpp>
#include <numstore/database/transaction_state.hpp>
#include <numstore/error.hpp>
#include <numstore/format/superblock.hpp>
#include <numstore/log/log_policy.hpp>
#include <numstore/pager/edit.hpp>
#include <numstore/pager/epochs.hpp>
#include <numstore/pager/freed_pages.hpp>
#include <numstore/pager/page_shares.hpp>
#include <numstore/pager/pager.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace numstore::detail {

/// An open database: what its parts share. The parts are in headers of their
/// own: `committer` ends transactions, `checkpointer` writes superblocks,
/// `recovery` opens, `array_writer` changes arrays, `array_ref` reads them.
///
/// Mutexes, in the order in which they are taken: `compacting`, that of a
/// transaction (during a call), `work` (a publication, a checkpoint),
/// `registry_guard`, those of log, pager and lock table. The locks of
/// transactions (`locks`) are waited for without any of them. Readers take
/// none but, to open an array by name, `registry_guard`.
template <class Policies>
struct engine : std::enable_shared_from_this<engine<Policies>> {
    using pager_type = pager<Policies>;
    using storage = typename Policies::storage;
    using log_type = typename Policies::logging::template type<Policies>;
    using transaction = transaction_state<Policies>;
    using mutex = typename Policies::threading::mutex;
    template <class T>
    using atomic = typename Policies::threading::template atomic<T>;
    using slot = typename epochs<Policies>::slot;

    static constexpr bool logging = log_type::enabled;

    [[gnu::cold]] engine(storage device, numstore::options o)
        : opt(std::move(o)), name(device.name()),
          pages(std::make_unique<pager_type>(std::move(device),
                                             opt.cache_bytes / 2)),
          log_pool(*pages) {
        pages->set_syncs_soon(opt.durability == durability::full);
    }
    engine(engine const&) = delete;
    engine& operator=(engine const&) = delete;
    [[gnu::cold]] ~engine() {
        cuts.clear();
        registry.clear();
        catalogue_versions.clear();
        retired_nodes.clear();
        graveyard.clear();
        meanwhile.clear();
    }

    /// Bytes of log, or of changed leaves, that a checkpoint waits for: less
    /// than the options say beside little data, so that the file does not
    /// become a multiple of it. There may be two such lengths of log.
    std::uint64_t most_log() const noexcept {
        return in_proportion(opt.log_bytes, 12);
    }
    std::uint64_t most_unwritten() const noexcept {
        return in_proportion(opt.cache_bytes / 2, 6);
    }

    /// Do leaves in memory, which are no copies of pages, take so much that
    /// open transactions must write theirs? They share `cache_bytes` with
    /// what was read, which takes next to nothing where storage shows its
    /// bytes, and with the directories of leaves.
    bool is_full_of_leaves() const {
        std::uint64_t const half = opt.cache_bytes / 2;
        std::uint64_t const bytes =
            pages->account().leaf_bytes.load(std::memory_order_relaxed);
        if constexpr (viewable_device<storage>)
            return bytes > half
                   && bytes + std::min(pages->cached_bytes(), half / 2)
                          > half + half / 2;
        else
            return bytes > half;
    }

    numstore::options const opt;
    std::string const name;
    fork_guard fork;
    std::unique_ptr<pager_type> pages; ///< null once closed and unused
    log_space_pool<Policies> log_pool;
    std::unique_ptr<log_type> log; ///< null if read-only
    std::unique_ptr<std::thread> worker; ///< see `background`
    epochs<Policies> readers;
    lock_table<Policies> locks; ///< of write transactions

    bool read_only = false;
    atomic<bool> closing{false}; ///< no transaction begins any more
    atomic<bool> closed{false};
    atomic<std::uint64_t> pins{0}; ///< snapshots and views alive
    mutex compacting;              ///< held by who compacts the file

    // Guarded by `work`.
    mutex work;
    format::superblock newest;  ///< the last one that is durable
    places_of_lists lists;      ///< that it names
    bool newest_is_unsure = false; ///< found in the file, and not written
    lsn older_redo{};           ///< where the log of the one before starts
    std::uint64_t captured = 0; ///< generation of the last one begun
    /// At least the nodes that a checkpoint would write for what is `dirty`,
    /// but for those that one writes now.
    due_nodes due;
    /// One is being written, with `work` released: see `checkpointer`.
    bool checkpointing = false;
    typename Policies::threading::condition_variable checkpointed;
    bool checkpoint_is_due = false; ///< for `worker`, which clears them
    bool compaction_is_due = false;
    std::uint64_t incompressible = 0; ///< pages that the last one left unused
    bool worker_stops = false;
    typename Policies::threading::condition_variable worker_wakes;
    /// What transactions have done that have committed since.
    struct since_capture {
        std::vector<extent> taken; ///< their pages
        std::vector<std::pair<retired, std::uint64_t>> references;
        std::vector<catalogue_delta> names;
        /// Of the captured catalogue, and those that came after it.
        std::vector<std::pair<retired, std::uint64_t>> catalogue_nodes;

        void clear() noexcept {
            taken.clear();
            references.clear();
            names.clear();
            catalogue_nodes.clear();
        }
    } meanwhile;
    std::uint64_t latest = 1;   ///< sequence of the newest version
    lsn latest_commit{};
    std::vector<std::shared_ptr<transaction>> active;
    std::vector<array_state_ptr> dirty;
    bool catalogue_dirty = false;
    bool move_catalogue = false; ///< the next checkpoint writes all of it
    /// Of replaced nodes, until the next checkpoint.
    std::vector<space_map::waiting> retired_nodes;
    page_shares shares;
    bool shares_dirty = false;
    /// Dropped trees whose pages have not all been given back; the last one
    /// is next.
    std::vector<retired> graveyard;
    std::size_t unreadable_graves = 0; ///< these come first, and stay
    bool graveyard_dirty = false;
    cut_queue cuts;
    typename Policies::threading::template atomic<unsigned>
        commits_since_reclaim{0};
    freed_pages freed; ///< in pages of the file, by version
    std::uint64_t next_transaction = 1;
    lsn checkpoint_end{}; ///< end of the log at the last checkpoint
    std::uint64_t left_unwritten_bytes = 0; ///< by the last checkpoint

    version_chain<catalogue_version> catalogue_versions;

    mutex registry_guard;
    std::unordered_map<std::uint64_t, array_state_ptr> registry;

    // Versions that are published but not yet durable, oldest first.
    mutex show_guard;
    std::list<std::pair<lsn, std::uint64_t>> unshown;

    atomic<std::uint64_t> next_array{1};
    /// What the next superblock says in `must_understand` besides what the
    /// last one said. Relaxed: the work mutex orders it.
    atomic<std::uint64_t> features{0};
    /// Where the log has to end before a transaction may be too old.
    atomic<lsn> next_age_check{lsn{}};

    atomic<std::uint64_t> commits{0};
    atomic<std::uint64_t> checkpoints{0};
    atomic<std::int64_t> checkpoint_time{0}; ///< nanoseconds

    using work_lock = std::unique_lock<mutex>;

    /// Under `work`, which it gives up meanwhile.
    void wait_for_checkpoint(work_lock& lock) {
        while (checkpointing)
            checkpointed.wait(lock);
    }

    /// Keeps file and memory of a database that is closed meanwhile.
    class file_pin {
    public:
        /// Throws forked, closed.
        explicit file_pin(engine& e) : engine_(&e) {
            e.pins.fetch_add(1, std::memory_order_seq_cst);
            try {
                e.require_open();
            } catch (...) {
                e.unpin();
                throw;
            }
        }
        file_pin(file_pin const&) = delete;
        file_pin& operator=(file_pin const&) = delete;
        ~file_pin() { engine_->unpin(); }

    private:
        engine* engine_;
    };

    // states

    /// Others may write the file meanwhile.
    bool is_beside() const noexcept { return read_only && opt.beside_writer; }

    /// Throws forked, closed.
    void require_open() const {
        if (fork.forked())
            raise(errc::forked,
                  name + ": a forked child must open the database itself");
        if (closed.load(std::memory_order_seq_cst))
            raise(errc::closed, name + ": the database is closed");
    }

    /// Throws closed.
    void require_not_closing() const {
        if (closing.load(std::memory_order_seq_cst))
            raise(errc::closed, name + ": the database is being closed");
    }

    /// Throws forked, closed, read_only, failed.
    void require_writable() const {
        file_pin const pin(const_cast<engine&>(*this)); // for `pages`
        require_not_closing();
        if (read_only)
            raise(errc::read_only, name + ": opened for reading only");
        if (pages->failed())
            raise(errc::failed,
                  name + ": a write or sync has failed; open the database "
                         "again to recover");
    }

    // reading

    /// One plain read: announces the visible version while it lives.
    class read_scope {
    public:
        /// Throws forked, closed.
        explicit read_scope(engine const& e)
            : slot_(&const_cast<engine&>(e).readers.enter_here()) {
            try {
                e.require_open(); // after the announcement, as `close` expects
            } catch (...) {
                epochs<Policies>::leave_here(*slot_);
                throw;
            }
        }
        read_scope(read_scope const&) = delete;
        read_scope& operator=(read_scope const&) = delete;
        ~read_scope() { epochs<Policies>::leave_here(*slot_); }

        std::uint64_t sequence() const noexcept {
            return slot_->sequence.load(std::memory_order_relaxed);
        }

    private:
        slot* slot_;
    };

    /// The array `id` as a shared state, read from the catalogue if it is
    /// not in use. Null if that version has no such array.
    array_state_ptr state_of(std::uint64_t id, catalogue_version const& in) {
        std::scoped_lock lock(registry_guard);
        if (auto const i = registry.find(id); i != registry.end())
            return i->second;
        auto entry = catalogue<Policies>(*pages).find_entry(in, id);
        if (!entry)
            return nullptr;
        array_state_ptr state = make_state(*entry);
        rope_root root = catalogue<Policies>(*pages).root_of(*entry,
                                                             state->shape);
        state->versions.publish(
            std::make_unique<array_state::chain::node>(
                0, array_version{std::move(root), false,
                                 dimensions_of(entry->shape)}));
        registry.emplace(id, state);
        return state;
    }

    static array_state_ptr make_state(format::catalogue_entry const& e) {
        return std::make_shared<array_state>(
            e.id, e.name, e.element, e.element_size,
            leaf_shape_of(e.element_size, Policies::page_size),
            format::array_shape{
                e.shape.rank, e.shape.layout, {}, e.shape.fill, e.shape.tile});
    }

    static dimensions_ptr dimensions_of(format::array_shape const& shape) {
        if (shape.rank == 1)
            return {};
        return std::make_shared<std::vector<std::uint64_t> const>(
            shape.dimensions);
    }

    // versions

    /// Readers may see what is durable now. Under `full` that follows the
    /// log, or without one `show_written`; else it is all that is published.
    void show_durable() noexcept {
        std::scoped_lock lock(show_guard);
        std::uint64_t sequence = 0;
        while (!unshown.empty()) {
            if (opt.durability == durability::full) {
                if constexpr (!logging)
                    break;
                else if (log != nullptr
                         && !(unshown.front().first < log->durable()))
                    break;
            }
            sequence = unshown.front().second;
            unshown.pop_front();
        }
        if (sequence > readers.visible())
            readers.show(sequence);
    }

    /// And this one, whose pages are durable. In order with `show_durable`:
    /// what is visible never goes back.
    void show_written(std::uint64_t sequence) noexcept {
        std::scoped_lock lock(show_guard);
        while (!unshown.empty() && unshown.front().second <= sequence)
            unshown.pop_front();
        if (sequence > readers.visible())
            readers.show(sequence);
    }

    /// Revokes snapshots that are past a bound. Those of newer versions keep
    /// less, so that it is always the oldest that go. Under `work`.
    void expire_snapshots() noexcept {
        if (!opt.bounds_snapshots())
            return;
        auto const now = Policies::clock::now();
        auto const age = opt.snapshot_max_age;
        std::uint64_t const most = opt.snapshot_max_bytes;
        readers.revoke_if([&](std::uint64_t sequence, auto since) {
            return (age.count() > 0 && now - since > age)
                   || (most != 0
                       && freed.after(sequence) > most / Policies::page_size);
        });
    }

    /// Frees versions that nobody can read any more, forgets arrays that are
    /// not in use, and lets pages ripen. Under `work`.
    void reclaim() {
        commits_since_reclaim.store(0, std::memory_order_relaxed);
        expire_snapshots();
        std::uint64_t const oldest = readers.oldest();
        cuts.cut(oldest);
        skip_unread_versions();
        freed.forget(oldest);
        pages->ripen(newest.generation, oldest);
    }

    /// Frees what no reader sees between versions that snapshots hold.
    void skip_unread_versions() noexcept {
        if (!cuts.is_long())
            return;
        try {
            auto const all = readers.held();
            cuts.skip(all.held, all.limit);
        } catch (std::bad_alloc const&) { // another time
        }
    }

    /// Forgets arrays that are not in use, once all that changed is written.
    void forget_unused() {
        std::scoped_lock lock(registry_guard);
        std::erase_if(registry, [](auto const& i) {
            array_state_ptr const& s = i.second;
            return s.use_count() == 1 && !s->dirty && s->versions.single();
        });
    }

    // superblocks

    void needs_features(std::uint64_t bits) noexcept {
        features.fetch_or(bits, std::memory_order_relaxed);
    }

    /// Durable on return. Throws io, failed.
    void write_superblock(format::superblock const& s) {
        if (planted<Policies>(planted_fault::superblock_is_not_durable))
            pages->write_at(place_of(s), image_of(s));
        else
            pages->write_durable(place_of(s), image_of(s));
    }

    /// Before each commit, and before a checkpoint writes superblocks: the
    /// newest one may no longer say that nothing follows it.
    void expect_commits() {
        if constexpr (logging)
            if (std::exchange(newest.clean, false))
                newest_is_unsure = true;
        secure_superblock();
    }

    /// Before the first commit or checkpoint after opening: the newest
    /// superblock may be in a cache of the system only, left there by a process
    /// that was killed or that saw a sync fail. Durable with the next sync,
    /// without which no commit is. If power goes while it is written, the other
    /// one and the log lead to the same.
    void secure_superblock() {
        if (!newest_is_unsure
            || planted<Policies>(
                planted_fault::trusts_the_superblock_it_found))
            return;
        pages->write_at(place_of(newest), image_of(newest));
        newest_is_unsure = false;
        if constexpr (logging)
            if (log != nullptr)
                log->want_all();
    }

    format::log_start stored_position(lsn redo) const
        requires logging
    {
        log_position const p = log->position_at(redo);
        return {p.segment.offset, p.segment.bytes, p.segment.first,
                p.salt, p.previous_checksum, p.start};
    }

private:
    std::uint64_t in_proportion(std::uint64_t most,
                                std::uint64_t part) const noexcept {
        constexpr std::uint64_t small = std::uint64_t{4} << 20;
        std::uint64_t const used =
            (pages->file_pages() - pages->free_pages()) * Policies::page_size;
        return std::min(most, std::max(small, used / part));
    }

    static std::uint64_t place_of(format::superblock const& s) noexcept {
        if (planted<Policies>(planted_fault::superblocks_in_one_place))
            return format::superblock_offsets[0];
        return format::superblock_offsets[s.generation % 2];
    }
    std::vector<std::byte> image_of(format::superblock const& s) const {
        auto const image = format::encode_superblock(s);
        std::vector<std::byte> block(
            std::max(image.size(), pages->device().block_size()));
        std::copy(image.begin(), image.end(), block.begin());
        return block;
    }

public:
    // ending

    /// The last view or snapshot of a closed database gives up the file.
    void unpin() noexcept {
        if (pins.fetch_sub(1, std::memory_order_seq_cst) == 1
            && closed.load(std::memory_order_seq_cst))
            release_storage();
    }

    /// Frees all versions, unmaps and unlocks. Precondition: closed, and
    /// nobody reads.
    void release_storage() noexcept {
        std::scoped_lock lock(release_guard);
        if (pages == nullptr || pins.load(std::memory_order_seq_cst) != 0)
            return;
        cuts.clear();
        for (auto& [id, state] : registry)
            state->versions.clear();
        registry.clear();
        dirty.clear();
        catalogue_versions.clear();
        retired_nodes.clear();
        graveyard.clear();
        meanwhile.clear();
        log.reset();
        pages.reset();
    }

    mutex release_guard;
};

} // namespace numstore::detail
