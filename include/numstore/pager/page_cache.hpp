// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/cached_leaf.hpp>
#include <numstore/policies.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Leaves by their first page, within a byte budget; those that were not used
/// for long go first (CLOCK: Corbato 1968), and before others those that were
/// read once, as by a scan. Pinned leaves leave the cache but stay with their
/// holders, whom it must outlive. Thread-safe: to find a leaf takes no mutex,
/// and waits for nobody.
template <class Policies>
class page_cache {
    using mutex = typename Policies::threading::mutex;
    using leaf = cached_leaf<Policies>;

public:
    using pin = cached_leaf_pin<Policies>;

    explicit page_cache(std::uint64_t budget) noexcept
        : shard_budget_(budget / shard_count),
          most_sets_(std::bit_ceil(std::max<std::uint64_t>(
              1, 2 * (shard_budget_ / Policies::page_size) / ways))) {}
    page_cache(page_cache const&) = delete;
    page_cache& operator=(page_cache const&) = delete;

    /// The leaf at `first`, if it is there.
    pin find(page_no first) const noexcept {
        table const* const t = shard_of(first).leaves();
        if (t == nullptr)
            return {};
        for (way const& w : t->set_of(first)) {
            leaf* const l = w.load(std::memory_order_acquire);
            if (l == nullptr || l->page() != first || !l->try_share())
                continue;
            pin held(l);
            if (l->page() != first)
                continue; // it was given up meanwhile, and used again
            l->note_use();
            return held;
        }
        return {};
    }

    /// For `size` bytes at `first`, which the caller reads and then inserts.
    /// Throws bad_alloc.
    pin make(page_no first, std::size_t size) {
        shard& s = shard_of(first);
        std::scoped_lock lock(s.guard);
        return pin(s.leaf_pool.take(size));
    }

    /// Keeps what `make` made, filled, unless there is such a leaf by now.
    /// Throws bad_alloc.
    void insert(page_no first, pin const& filled) {
        leaf* const l = filled.get();
        shard& s = shard_of(first);
        std::scoped_lock lock(s.guard);
        if (s.tables.empty())
            s.grow(first_sets);
        if (find_in(s.current().set_of(first), first) != nullptr)
            return;
        way* free = find_in(s.current().set_of(first), no_page);
        while (free == nullptr && s.current().count < most_sets_) {
            s.grow(std::min(4 * s.current().count, most_sets_));
            free = find_in(s.current().set_of(first), no_page);
        }
        way& w = free != nullptr
                     ? *free
                     : evict_from(s, s.current().set_of(first));
        l->set_page(first);
        l->share();
        w.store(l, std::memory_order_release); // pairs with `find`
        s.bytes += l->size();
        while (s.bytes > shard_budget_ && s.bytes > l->size())
            evict_next(s, l);
    }

    /// The pages hold something else now. Nobody reads them meanwhile.
    void forget(page_no first, std::uint64_t pages) noexcept {
        for (std::uint64_t i = 0; i != pages; ++i)
            if (find(first + i)) // seldom: what is written was free
                drop(first + i);
    }

    std::uint64_t bytes() {
        std::uint64_t sum = 0;
        for (shard& s : shards_) {
            std::scoped_lock lock(s.guard);
            sum += s.bytes;
        }
        return sum;
    }

private:
    static constexpr std::size_t shard_count = 8;
    static constexpr std::size_t ways = 8;
    static constexpr std::size_t first_sets = 8;
    template <class T>
    using atomic = typename Policies::threading::template atomic<T>;
    using way = atomic<leaf*>;
    using set = std::array<way, ways>;

    struct table {
        explicit table(std::size_t n) : count(n), sets(new set[n]{}) {}
        /// A larger table parts a set: what was in it finds room.
        set& set_of(page_no first) const noexcept {
            return sets[static_cast<std::size_t>(hash(first) >> 20)
                        & (count - 1)];
        }
        way& at(std::size_t i) const noexcept {
            return sets[i / ways][i % ways];
        }
        std::size_t count; ///< a power of two
        std::unique_ptr<set[]> sets;
    };

    /// A leaf is in a way of its set while the cache has a share of it.
    struct shard {
        mutex guard; ///< of all changes
        cached_leaf_pool<Policies> leaf_pool;
        /// The last one is used; who looks may still be in one before.
        std::vector<std::unique_ptr<table>> tables;
        atomic<table*> shown{nullptr};
        std::uint64_t bytes = 0;
        std::size_t hand = 0; ///< the way where eviction goes on

        ~shard() {
            for (std::size_t i = 0; i != ways_in_use(); ++i)
                if (leaf* const l =
                        current().at(i).load(std::memory_order_relaxed))
                    l->release();
        }
        table& current() const noexcept { return *tables.back(); }
        std::size_t ways_in_use() const noexcept {
            return tables.empty() ? 0 : current().count * ways;
        }
        table* leaves() const noexcept {
            return shown.load(std::memory_order_acquire);
        }
        void grow(std::size_t sets) {
            auto fresh = std::make_unique<table>(sets);
            for (std::size_t i = 0; i != ways_in_use(); ++i)
                if (leaf* const l =
                        current().at(i).load(std::memory_order_relaxed))
                    find_in(fresh->set_of(l->page()), no_page)
                        ->store(l, std::memory_order_relaxed);
            tables.push_back(std::move(fresh));
            hand = 0;
            shown.store(tables.back().get(), std::memory_order_release);
        }
    };

    static std::uint64_t hash(page_no p) noexcept {
        return to_integer(p) * 0x9E3779B97F4A7C15u;
    }
    shard& shard_of(page_no first) noexcept {
        return shards_[hash(first) >> 61];
    }
    shard const& shard_of(page_no first) const noexcept {
        return shards_[hash(first) >> 61];
    }
    /// The way of the leaf of a page; of none, for `no_page`.
    static way* find_in(set& s, page_no page) noexcept {
        for (way& w : s) {
            leaf const* const l = w.load(std::memory_order_relaxed);
            if (l == nullptr ? page == no_page : l->page() == page)
                return &w;
        }
        return nullptr;
    }

    void drop(page_no first) noexcept {
        shard& s = shard_of(first);
        std::scoped_lock lock(s.guard);
        if (way* const w = find_in(s.current().set_of(first), first))
            evict(s, *w);
    }

    static void evict(shard& s, way& w) noexcept {
        leaf* const l = w.exchange(nullptr, std::memory_order_acq_rel);
        s.bytes -= l->size();
        l->release();
    }

    /// One that was not used since the last time; `kept` is not looked at.
    static void evict_next(shard& s, leaf const* kept) noexcept {
        for (;;) {
            way& w = s.current().at(s.hand);
            s.hand = (s.hand + 1) % s.ways_in_use();
            leaf* const l = w.load(std::memory_order_relaxed);
            if (l != nullptr && l != kept && !l->forget_use())
                return evict(s, w);
        }
    }

    /// Makes room in a set that is full.
    static way& evict_from(shard& s, set& full) noexcept {
        for (;;)
            for (way& w : full)
                if (!w.load(std::memory_order_relaxed)->forget_use()) {
                    evict(s, w);
                    return w;
                }
    }

    std::uint64_t shard_budget_;
    std::size_t most_sets_; ///< in a shard: a power of two
    std::array<shard, shard_count> shards_;
};

} // namespace numstore::detail
