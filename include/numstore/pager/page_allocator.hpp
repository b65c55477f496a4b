// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/faults.hpp>
#include <numstore/pager/node_pages.hpp>
#include <numstore/pager/space_map.hpp>
#include <numstore/policies.hpp>
#include <numstore/storage/storage_device.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Which pages of a device are free, who may take them, and when the device
/// grows for more. Thread-safe.
template <class Policies>
class page_allocator {
    using mutex = typename Policies::threading::mutex;
    using tuning = typename Policies::tuning;

protected:
    template <class T>
    using atomic = typename Policies::threading::template atomic<T>;

public:
    using storage = typename Policies::storage;
    static constexpr std::size_t page_size = Policies::page_size;

    explicit page_allocator(storage device)
        : device_(std::move(device)),
          block_pages_(std::max<std::uint64_t>(
              1, device_.block_size() / page_size)),
          space_(block_pages_) {}
    page_allocator(page_allocator const&) = delete;
    page_allocator& operator=(page_allocator const&) = delete;

    storage& device() noexcept { return device_; }
    storage const& device() const noexcept { return device_; }
    std::uint64_t block_pages() const noexcept { return block_pages_; }
    std::string name() const { return device_.name(); }

    /// A checkpoint of little needs about so many, lists and log included.
    std::uint64_t few_pages() const noexcept {
        return (page_size > 65536 ? 8 : 16) * block_pages_;
    }

    /// After a failed write or sync nothing may be written any more.
    bool failed() const noexcept {
        return failed_.load(std::memory_order_acquire);
    }
    void set_failed() noexcept {
        failed_.store(true, std::memory_order_release);
    }

    std::uint64_t file_pages() const noexcept {
        return file_pages_.load(std::memory_order_acquire);
    }

    /// Takes over the device as it was found: `pages` pages, of which these
    /// are free now, and these after the superblock behind `generation`.
    void adopt(std::uint64_t pages, std::vector<extent> const& free,
               std::vector<extent> const& next, std::uint64_t generation) {
        std::scoped_lock lock(guard_);
        file_pages_.store(pages, std::memory_order_release);
        device_pages_ = pages;
        space_.adopt(free, next, generation);
    }
    /// These pages are in use, whatever the lists say.
    [[gnu::cold]] void reserve(extent e) {
        std::scoped_lock lock(guard_);
        space_.reserve(e);
    }
    /// All that is in use is reserved.
    void settle() {
        std::scoped_lock lock(guard_);
        space_.settle();
    }

    /// Neighbouring pages. Throws no_space.
    extent allocate(std::uint64_t pages) {
        std::scoped_lock lock(guard_);
        space_.free().prepare(spare_extents);
        return take(pages);
    }

    /// Up to `wanted` neighbouring pages, a multiple of `unit`, at `hint` if
    /// that is free. Shorter runs rather than a larger file, once more than
    /// an eighth of the file is free. Within a `low_scope` at the first place
    /// of the file that has as many as the scope says. Throws no_space.
    extent allocate_run(std::uint64_t wanted, std::uint64_t unit,
                        page_no hint = no_page) {
        std::scoped_lock lock(guard_);
        return take_run(wanted, unit, hint);
    }

    /// The same, noted in `taken`: a list that `with_space` may read while
    /// its owner works, because it changes under the lock of the map alone.
    extent allocate_run(std::uint64_t wanted, std::uint64_t unit, page_no hint,
                        std::vector<extent>& taken) {
        std::scoped_lock lock(guard_);
        reserve_more(taken, 1);
        taken.push_back(take_run(wanted, unit, hint));
        return taken.back();
    }
    extent allocate(std::uint64_t pages, std::vector<extent>& taken) {
        std::scoped_lock lock(guard_);
        reserve_more(taken, 1);
        space_.free().prepare(spare_extents);
        taken.push_back(take(pages));
        return taken.back();
    }
    /// Frees the last `pages` pages of the last extent of `taken`.
    void shorten(std::vector<extent>& taken, std::uint64_t pages) noexcept {
        std::scoped_lock lock(guard_);
        extent& last = taken.back();
        last.pages -= pages;
        free_now({last.end(), pages});
        if (last.pages == 0)
            taken.pop_back();
    }
    /// Frees the extents of `taken` from `first` on.
    void release(std::vector<extent>& taken, std::size_t first) noexcept {
        std::scoped_lock lock(guard_);
        for (std::size_t i = first; i < taken.size(); ++i)
            if (!planted<Policies>(planted_fault::undone_pages_stay_taken))
                free_now(taken[i]);
        if (first < taken.size())
            taken.resize(first);
    }

    /// The same, but readers of versions before `sequence` may still see them.
    void retire(std::vector<extent>& taken, std::size_t first,
                std::uint64_t sequence) noexcept {
        std::scoped_lock lock(guard_);
        try {
            for (std::size_t i = first; i < taken.size(); ++i)
                space_.retire(taken[i], sequence, 0);
        } catch (std::bad_alloc const&) {
            failed_.store(true, std::memory_order_release);
        }
        if (first < taken.size())
            taken.resize(first);
    }

    /// Pages that no durable state refers to: free at once. Where memory is
    /// short for much at once they are only for who opens the file again, and
    /// nobody may write until then.
    void release(extent e) noexcept {
        std::scoped_lock lock(guard_);
        free_now(e);
    }

    /// Pages that a version published as `sequence`, after superblock
    /// `generation` was captured, no longer uses.
    void retire(extent e, std::uint64_t sequence, std::uint64_t generation) {
        std::scoped_lock lock(guard_);
        if (planted<Policies>(planted_fault::reuse_at_once))
            space_.free().insert(e);
        else
            space_.retire(e, sequence, generation);
    }
    [[gnu::cold]] void ripen(std::uint64_t generation, std::uint64_t oldest) {
        std::scoped_lock lock(guard_);
        if (planted<Policies>(planted_fault::reuse_after_one_superblock))
            ++generation;
        if (planted<Policies>(planted_fault::reuse_despite_snapshots))
            oldest = std::numeric_limits<std::uint64_t>::max();
        if (space_.is_ripe(generation, oldest))
            space_.ripen(generation, oldest, oldest_reader());
    }

    /// The oldest superblock that other processes read beside this one: 0
    /// while one opens the device, the largest number where there is none.
    std::uint64_t oldest_reader() const noexcept {
        constexpr auto nobody = std::numeric_limits<std::uint64_t>::max();
        if constexpr (shared_device<storage>) {
            if (planted<Policies>(planted_fault::readers_beside_overlooked))
                return nobody;
            std::error_code ec;
            std::uint64_t const oldest = device_.oldest_reader(ec);
            return ec ? 0 : oldest;
        }
        return nobody;
    }

    std::uint64_t free_pages() const noexcept {
        std::scoped_lock lock(guard_);
        return space_.free().pages();
    }
    /// True if this thread is about to take `pages` from the reserve.
    bool is_tight(std::uint64_t pages) const noexcept {
        std::scoped_lock lock(guard_);
        return is_short(pages);
    }
    /// In device blocks that are free as a whole.
    std::uint64_t whole_free_pages() const noexcept {
        std::scoped_lock lock(guard_);
        return space_.free().whole();
    }

    /// Work with the map under its lock.
    template <class F>
    decltype(auto) with_space(F&& f) {
        std::scoped_lock lock(guard_);
        return f(space_);
    }

    /// How many pages are kept free.
    std::uint64_t reserve_pages() const noexcept {
        return std::max({tuning::reserve_bytes / page_size, file_pages() / 64,
                         2 * few_pages()});
    }

    /// What a file that was cut keeps of it, with so many pages in use.
    std::uint64_t least_reserve(std::uint64_t used) const noexcept {
        return std::max({tuning::reserve_bytes / 16 / page_size, used / 64,
                         few_pages()});
    }

    /// While one lives, its thread may allocate from the reserve: for what
    /// gives space back.
    class reserve_scope {
    public:
        explicit reserve_scope(page_allocator& p) noexcept
            : reserve_scope(p, false) {}
        reserve_scope(reserve_scope const&) = delete;
        reserve_scope& operator=(reserve_scope const&) = delete;
        ~reserve_scope() { owner_->end_privilege(*this); }

    protected:
        reserve_scope(page_allocator& p, bool checkpoint) noexcept
            : owner_(&p), checkpoint_(checkpoint) {
            owner_->begin_privilege(*this);
        }

    private:
        friend page_allocator;
        page_allocator* owner_;
        bool checkpoint_;
        typename Policies::threading::thread_id thread_ =
            Policies::threading::this_thread();
        reserve_scope* next_ = nullptr;
    };

    /// And what was promised to checkpoints: for these, and for recovery.
    class checkpoint_scope : public reserve_scope {
    public:
        explicit checkpoint_scope(page_allocator& p) noexcept
            : reserve_scope(p, true) {}
    };

    /// While one lives, its thread takes pages as near to the start of the
    /// file as can be, and runs of no less than `least` units: for compaction.
    class low_scope {
    public:
        low_scope(page_allocator& p, std::uint64_t least) noexcept
            : owner_(&p) {
            std::scoped_lock lock(p.guard_);
            p.low_ = least;
            p.low_thread_ = Policies::threading::this_thread();
        }
        low_scope(low_scope const&) = delete;
        low_scope& operator=(low_scope const&) = delete;
        ~low_scope() {
            std::scoped_lock lock(owner_->guard_);
            owner_->low_ = 0;
        }

    private:
        page_allocator* owner_;
    };

    /// Whether `promise` would not let the file grow.
    bool has_room_for(node_pages const& nodes) const noexcept {
        std::scoped_lock lock(guard_);
        return space_.free().whole() >= least_for(nodes)
               && missing_pages(nodes) == 0;
    }
    /// Makes sure that there is room for these nodes beyond the reserve, and
    /// that it stays so for the next checkpoint. Throws no_space.
    void promise(node_pages const& nodes) {
        std::scoped_lock lock(guard_);
        space_.free().prepare(spare_extents);
        std::uint64_t const least = least_for(nodes);
        // Some more, or each commit would come here.
        if (space_.free().whole() < least
            && !try_grow(least - space_.free().whole() + file_pages() / 32))
            grow(least - space_.free().whole());
        if (auto const more = missing_pages(nodes); more != 0)
            grow(more); // what is free is in too many pieces
        promised_ = nodes;
    }
    /// Free pages that ordinary allocation leaves alone.
    std::uint64_t kept_pages() const noexcept {
        std::scoped_lock lock(guard_);
        return promised_.pages + begun_ + reserve_pages();
    }
    /// The same without what is promised to the next checkpoint.
    std::uint64_t kept_besides_promise() const noexcept {
        std::scoped_lock lock(guard_);
        return begun_ + reserve_pages();
    }
    /// A checkpoint begins to take what it was promised; what is promised from
    /// now on is for the next.
    void begin_promised() noexcept {
        std::scoped_lock lock(guard_);
        begun_with_ = std::exchange(promised_, {});
        begun_ = begun_with_.pages;
    }
    /// It has taken what it needs; or the next one is to write that, too.
    void end_promised(bool written) noexcept {
        std::scoped_lock lock(guard_);
        if (!written)
            promised_ += begun_with_;
        begun_with_ = {};
        begun_ = 0;
    }

    /// Gives up the free pages at the end of the file, but for a small reserve.
    /// The device keeps its size until `shrink_device`, which follows once a
    /// superblock with the new size is durable.
    [[gnu::cold]] void cut_tail() {
        std::scoped_lock lock(guard_);
        std::uint64_t const free = space_.free().pages();
        std::uint64_t const spare = least_reserve(file_pages() - free);
        std::uint64_t const cut =
            round_down(std::min(space_.free().tail(file_pages()),
                                free > spare ? free - spare : 0),
                       block_pages_);
        std::uint64_t const pages = file_pages() - cut;
        space_.free().erase({page_no{pages}, cut});
        file_pages_.store(pages, std::memory_order_release);
    }
    /// Best effort: a device that is too long does no harm.
    [[gnu::cold]] void shrink_device() noexcept {
        std::scoped_lock lock(guard_);
        std::error_code ec;
        device_.resize(file_pages() * page_size, ec);
        if (!ec)
            device_pages_ = file_pages();
    }

protected:
    storage device_;

    /// No space leaves the database working; all else makes it failed.
    [[noreturn]] void fail(std::error_code const& ec, std::string const& what) {
        if (errc_of(ec) != errc::no_space)
            set_failed();
        raise_device(ec, name() + ": " + what);
    }

private:
    /// More is free than a file should have, and enough.
    bool is_roomy(std::uint64_t wanted) const noexcept {
        std::uint64_t const free = space_.free().pages();
        return free >= wanted + reserve_pages() && free > file_pages() / 8;
    }

    /// The reserve is being used.
    bool is_short(std::uint64_t wanted) const noexcept {
        return is_privileged()
               && space_.free().pages() < wanted + 2 * reserve_pages();
    }

    /// What is promised to the next checkpoint stays free, and the reserve,
    /// of which a part is in one piece, for what has several pages.
    [[gnu::cold]] bool keep_reserve() {
        if (is_checkpoint())
            return true;
        std::uint64_t const free = space_.free().whole();
        std::uint64_t const runs = missing_pages(promised_);
        std::uint64_t least = promised_.pages + begun_;
        if (is_privileged()) {
            if (free >= least && runs == 0)
                return true;
        } else {
            least += reserve_pages();
            if (free >= least && space_.free().longest() >= few_pages()
                && runs == 0)
                return true;
        }
        return try_grow(
            std::max({least - std::min(free, least), few_pages(), runs}));
    }
    /// With what a checkpoint takes now.
    std::uint64_t least_for(node_pages const& nodes) const noexcept {
        return nodes.pages + begun_ + (is_privileged() ? 0 : reserve_pages());
    }
    /// How many pages must be new if a checkpoint is to find runs for these
    /// nodes, and whoever gives space back a few runs.
    std::uint64_t missing_pages(node_pages const& nodes) const noexcept {
        node_pages all = nodes;
        if (begun_ != 0)
            all += begun_with_;
        if (all.longest <= 1)
            return 0; // any page will do
        constexpr std::uint64_t small = (std::uint64_t{1} << 20) / page_size;
        std::uint64_t const few =
            is_privileged()
                ? 1
                : std::clamp<std::uint64_t>(small / all.longest, 4, 12);
        return all.longest
               * space_.free().missing_runs(all.longest,
                                            all.runs_of_longest() + few);
    }

    void begin_privilege(reserve_scope& s) noexcept {
        std::scoped_lock lock(guard_);
        s.next_ = std::exchange(privileged_, &s);
    }
    void end_privilege(reserve_scope& s) noexcept {
        std::scoped_lock lock(guard_);
        reserve_scope** at = &privileged_;
        while (*at != &s)
            at = &(*at)->next_;
        *at = s.next_;
    }

    bool is_privileged() const noexcept {
        return any_privilege([](reserve_scope const&) { return true; });
    }
    bool is_checkpoint() const noexcept {
        return any_privilege(
            [](reserve_scope const& s) { return s.checkpoint_; });
    }
    template <class F>
    bool any_privilege(F&& f) const noexcept {
        auto const thread = Policies::threading::this_thread();
        for (auto const* s = privileged_; s != nullptr; s = s->next_)
            if (s->thread_ == thread && f(*s))
                return true;
        return false;
    }

    bool prefers_low() const noexcept {
        return low_ != 0
               && low_thread_ == Policies::threading::this_thread();
    }

    void free_now(extent e) noexcept {
        try {
            space_.free().insert(e);
        } catch (std::bad_alloc const&) {
            set_failed();
        }
    }

    extent take_run(std::uint64_t wanted, std::uint64_t unit, page_no hint) {
        space_.free().prepare(spare_extents);
        if (prefers_low()) {
            std::uint64_t const least = std::min(wanted, low_ * unit);
            if (auto const e = space_.free().take_first(least, unit, wanted))
                return take_if_spare(*e);
            return take(wanted, unit);
        }
        if (hint != no_page && space_.free().take_at(hint, wanted)) {
            if (keep_reserve())
                return {hint, wanted};
            space_.free().insert({hint, wanted});
        }
        if (is_short(wanted))
            if (auto const e = space_.free().take_smallest(unit, wanted))
                return take_if_spare(*e);
        std::uint64_t const longest =
            round_down(space_.free().longest(), unit);
        if (longest < wanted && longest != 0) {
            if (is_roomy(wanted))
                if (auto const e = space_.free().take_first(unit, unit, wanted))
                    return take_if_spare(*e);
            if (is_roomy(wanted) || (longest >= wanted / 8
                                     && longest >= 4 * unit))
                return take(longest);
        }
        return take(wanted, unit);
    }

    std::optional<extent> take_free(std::uint64_t pages) {
        return prefers_low() ? space_.free().take_lowest(pages)
                             : space_.free().take(pages);
    }

    /// Where the file cannot grow for it a multiple of `unit` will do, if
    /// that is not 0.
    extent take(std::uint64_t pages, std::uint64_t unit = 0) {
        std::optional<extent> e = take_free(pages);
        if (!e && try_grow(pages))
            e = take_free(pages);
        if (!e && unit != 0)
            if (auto const n = round_down(space_.free().longest(), unit))
                e = take_free(std::min(n, pages));
        if (!e)
            raise_no_space(pages);
        return take_if_spare(*e);
    }

    /// What has been taken out of the free pages, unless it is promised or of
    /// the reserve: then it goes back. Throws no_space.
    extent take_if_spare(extent e) {
        if (!keep_reserve()) {
            space_.free().insert(e);
            raise_no_space(e.pages);
        }
        if (begun_ != 0 && is_checkpoint())
            begun_ -= std::min(begun_, e.pages);
        return e;
    }

    [[gnu::cold]] void grow(std::uint64_t pages) {
        if (!try_grow(pages))
            raise_no_space(pages);
    }

    [[noreturn]] void raise_no_space(std::uint64_t pages) const {
        raise(errc::no_space, name() + ": no room for "
                                  + std::to_string(pages) + " more pages");
    }

    /// Grows the file by a generous step, or else, or where what is free is
    /// only in too many pieces, by just what is needed.
    [[gnu::cold]] bool try_grow(std::uint64_t pages) {
        std::uint64_t const now = file_pages();
        std::uint64_t const generous =
            space_.free().pages() > now / 16 + reserve_pages()
                ? pages
                : std::clamp<std::uint64_t>(
                    now / 8, tuning::growth_bytes / page_size,
                    tuning::max_growth_bytes / page_size);
        for (std::uint64_t step : {std::max(pages, generous), pages}) {
            std::uint64_t const wanted =
                round_up(now + step + block_pages_, block_pages_);
            std::error_code ec;
            if (wanted > device_pages_) // else a superblock may need the rest
                device_.resize(wanted * page_size, ec);
            if (ec) {
                if (errc_of(ec) == errc::no_space)
                    continue;
                fail(ec, "cannot grow");
            }
            device_pages_ = std::max(device_pages_, wanted);
            file_pages_.store(wanted, std::memory_order_release);
            space_.free().insert({page_no{now}, wanted - now});
            return true;
        }
        return false;
    }

    /// Memory that is kept to give pages back.
    static constexpr std::size_t spare_extents = 32;

    std::uint64_t block_pages_;
    atomic<bool> failed_{false};

    mutable mutex guard_; ///< guards `space_` and growth
    space_map space_;
    atomic<std::uint64_t> file_pages_{0};
    std::uint64_t device_pages_ = 0; ///< more after `cut_tail`
    node_pages promised_; ///< to the next checkpoint
    node_pages begun_with_; ///< to one that is being written
    std::uint64_t begun_ = 0; ///< pages that this has still to take
    reserve_scope* privileged_ = nullptr; ///< those that live
    std::uint64_t low_ = 0; ///< in a `low_scope` of this thread:
    typename Policies::threading::thread_id low_thread_{};
};

} // namespace numstore::detail
