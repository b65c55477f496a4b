// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/version_chain.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <utility>

namespace numstore::detail {

/// Versions that have a successor, in publishing order: freed once no reader
/// is older than the successor; and before that without their value, if none
/// reads them. Not thread-safe.
class cut_queue {
public:
    cut_queue() = default;
    cut_queue(cut_queue const&) = delete;
    cut_queue& operator=(cut_queue const&) = delete;
    ~cut_queue() { clear(); }

    /// Makes sure that the next `n` pushes do not allocate.
    void prepare(std::size_t n) {
        if (spare_.size() < n)
            spare_.resize(n);
    }

    /// `newer` was published on top of others. `owner` keeps its chain.
    template <class T>
    void push(std::shared_ptr<void const> owner,
              typename version_chain<T>::node* newer) {
        prepare(1);
        spare_.front() = {newer->sequence, std::move(owner), newer,
                          &calls_of<T>};
        waiting_.splice(waiting_.end(), spare_, spare_.begin());
    }

    /// No reader is older than `oldest` any more.
    void cut(std::uint64_t oldest) noexcept {
        while (!waiting_.empty() && waiting_.front().sequence <= oldest) {
            item const& i = waiting_.front();
            i.calls->cut(i.node);
            i.calls->free_skipped(i.skipped);
            waiting_.pop_front();
        }
    }

    /// Is it worth while to `skip`? So that all of that is O(1) for a push.
    bool is_long() const noexcept { return waiting_.size() >= long_; }

    /// Drops versions between those that are read, so that a reader of an old
    /// one walks past few, and does not keep the memory of newer ones. `held`,
    /// ascending, are the versions below `limit` that are read, but for plain
    /// reads, which are of `limit` and newer ones alone. O(waiting). Throws
    /// std::bad_alloc.
    void skip(std::span<std::uint64_t const> held, std::uint64_t limit) {
        boost::unordered_flat_map<void const*, std::list<item>::iterator>
            places;
        places.reserve(waiting_.size());
        for (auto i = waiting_.begin();
             i != waiting_.end() && i->sequence <= limit; ++i) {
            while (void const* const older = i->calls->older(i->node)) {
                auto const reader = std::lower_bound(
                    held.begin(), held.end(), i->calls->sequence(older));
                if (reader != held.end() && *reader < i->sequence)
                    break;
                void* const skipped = i->calls->skip_before(i->node);
                i->add_skipped(skipped, skipped);
                if (auto const own = places.find(older); own != places.end()) {
                    auto const before = own->second;
                    places.erase(own);
                    i->add_skipped(before->skipped, before->last_skipped);
                    waiting_.erase(before);
                }
            }
            places.emplace(i->node, i);
        }
        long_ = std::max(least_long, 2 * waiting_.size());
    }

    void clear() noexcept {
        for (item const& i : waiting_)
            i.calls->free_skipped(i.skipped);
        waiting_.clear();
    }

private:
    static constexpr std::size_t least_long = 8;

    /// What the type of the versions is needed for.
    struct type_calls {
        void (*cut)(void* node) noexcept;
        void const* (*older)(void const* node) noexcept;
        std::uint64_t (*sequence)(void const* node) noexcept;
        void* (*skip_before)(void* node) noexcept;
        void (*link)(void* skipped, void* next) noexcept;
        void (*free_skipped)(void* list) noexcept;
    };

    template <class T>
    using node_of = typename version_chain<T>::node;

    template <class T>
    static constexpr type_calls calls_of{
        [](void* n) noexcept {
            version_chain<T>::cut(static_cast<node_of<T>*>(n));
        },
        [](void const* n) noexcept -> void const* {
            return static_cast<node_of<T> const*>(n)->older.load(
                std::memory_order_relaxed);
        },
        [](void const* n) noexcept {
            return static_cast<node_of<T> const*>(n)->sequence;
        },
        [](void* n) noexcept -> void* {
            return version_chain<T>::skip_before(static_cast<node_of<T>*>(n));
        },
        [](void* skipped, void* next) noexcept {
            static_cast<node_of<T>*>(skipped)->next_skipped =
                static_cast<node_of<T>*>(next);
        },
        [](void* list) noexcept {
            version_chain<T>::free_skipped(static_cast<node_of<T>*>(list));
        }};

    struct item {
        std::uint64_t sequence = 0;
        std::shared_ptr<void const> owner{};
        void* node = nullptr;
        type_calls const* calls = nullptr;
        /// Versions that stood before it, in a list.
        void* skipped = nullptr;
        void* last_skipped = nullptr;

        void add_skipped(void* first, void* last) noexcept {
            if (first == nullptr)
                return;
            calls->link(last, skipped);
            skipped = first;
            if (last_skipped == nullptr)
                last_skipped = last;
        }
    };
    std::list<item> waiting_;
    std::list<item> spare_;
    std::size_t long_ = least_long;
};

} // namespace numstore::detail
