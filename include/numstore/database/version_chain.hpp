// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace numstore::detail {

/// The versions of one thing, newest first. Readers walk it without locks,
/// protected by an epoch; one publisher at a time adds and cuts.
template <class T>
class version_chain {
public:
    struct node {
        node(std::uint64_t s, T v) : sequence(s), value(std::move(v)) {}
        std::uint64_t sequence;
        T value;
        std::atomic<node*> older{nullptr};
        node* next_skipped = nullptr; ///< no reader looks at it
    };

    version_chain() = default;
    version_chain(version_chain const&) = delete;
    version_chain& operator=(version_chain const&) = delete;
    ~version_chain() { clear(); }

    /// Pairs with `publish`.
    node const* newest() const noexcept {
        return newest_.load(std::memory_order_acquire);
    }

    /// What a reader at `sequence` sees, or null if it is older than all.
    node const* at(std::uint64_t sequence) const noexcept {
        node const* n = newest();
        while (n != nullptr && n->sequence > sequence)
            n = n->older.load(std::memory_order_acquire);
        return n;
    }

    node* publish(std::unique_ptr<node> fresh) noexcept {
        fresh->older.store(newest_.load(std::memory_order_relaxed),
                           std::memory_order_relaxed);
        node* const n = fresh.release();
        newest_.store(n, std::memory_order_release); // pairs with newest()
        return n;
    }

    /// Frees all versions older than `n`. Precondition: no reader is older
    /// than `n`.
    static void cut(node* n) noexcept {
        node* old = n->older.exchange(nullptr, std::memory_order_acq_rel);
        while (old != nullptr)
            delete std::exchange(old,
                                 old->older.load(std::memory_order_relaxed));
    }

    /// Takes the version before `n` out of the chain and drops its value. The
    /// node stays, for who walks past it just now: `free_skipped` is for when
    /// no reader is older than `n`. Precondition: there is one, and nobody
    /// reads it or will.
    static node* skip_before(node* n) noexcept {
        node* const skipped = n->older.load(std::memory_order_relaxed);
        n->older.store(skipped->older.load(std::memory_order_relaxed),
                       std::memory_order_release); // pairs with `at`
        skipped->value = T{};
        return skipped;
    }
    static void free_skipped(node* first) noexcept {
        while (first != nullptr)
            delete std::exchange(first, first->next_skipped);
    }

    bool single() const noexcept {
        node const* const n = newest();
        return n == nullptr
               || n->older.load(std::memory_order_acquire) == nullptr;
    }

    void clear() noexcept {
        node* n = newest_.exchange(nullptr, std::memory_order_acq_rel);
        while (n != nullptr)
            delete std::exchange(n, n->older.load(std::memory_order_relaxed));
    }

private:
    std::atomic<node*> newest_{nullptr};
};

} // namespace numstore::detail
