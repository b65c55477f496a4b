// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/thread_owned.hpp>
#include <numstore/policies.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

namespace numstore::detail {

/// Who reads which version. A reader announces a version number in a slot;
/// what a version needs is kept until no slot names that version or an
/// older one. Lock-free: opening and closing never wait.
///
/// Protocol (all seq_cst): a reader loads `visible`, stores it in its slot
/// and loads `visible` again; if that changed it announces the new one. A
/// reclaimer loads `visible` first and then all slots. Had it missed a slot,
/// its `visible` was loaded before the reader's second load, so what it
/// reclaims is older than what the reader uses.
///
/// What orders the store and the second load takes longer than a short read.
/// So plain reads use a slot of their thread's own (`enter_here`), without a
/// fence, where the reclaimer can have all threads pass one (`threading::
/// process_wide_fence`) between its loads: each reader passes it either after
/// the store, which the reclaimer then sees, or before the second load, which
/// then sees no less than the reclaimer did.
///
/// A slot that its reader has made revocable may be revoked, and then no
/// longer counts. So each use of its version announces that in a slot of its
/// own and then looks whether the first was revoked (`enter_beside`); the
/// reclaimer revokes first and then loads all slots. If the use saw nothing
/// the reclaimer sees the use. Both revoke and reclaim under one mutex, or a
/// use might be announced behind the back of a reclaimer that meets the
/// revoked slot later. The first slot stays taken as long as those beside it.
template <class Policies>
class epochs {
    template <class T>
    using atomic = typename Policies::threading::template atomic<T>;

public:
    static constexpr std::uint64_t idle =
        std::numeric_limits<std::uint64_t>::max();

    struct alignas(64) slot {
        atomic<std::uint64_t> sequence{idle};
        /// Nanoseconds. Not positive in a plain read: `in_pinned` in one of a
        /// version that another slot holds, or else 0.
        atomic<std::int64_t> since{0};
        /// What the slot is used for, beside the number of that use: who
        /// revokes must not meet the next one.
        atomic<std::uint64_t> use{0};
    };

    epochs() : has_fence_(fence()) {}
    epochs(epochs const&) = delete;
    epochs& operator=(epochs const&) = delete;
    ~epochs() {
        for (block* b = first_.next.load(std::memory_order_relaxed); b;) {
            block* const next = b->next.load(std::memory_order_relaxed);
            delete b;
            b = next;
        }
    }

    std::uint64_t visible() const noexcept {
        return visible_.load(std::memory_order_seq_cst);
    }
    /// Versions up to `sequence` may be seen from now on.
    void show(std::uint64_t sequence) noexcept {
        visible_.store(sequence, std::memory_order_seq_cst);
    }

    /// Announces the visible version. O(1) unless slots are short; throws
    /// std::bad_alloc when more are needed and cannot be had.
    slot& enter() {
        slot& s = acquire(visible());
        std::uint64_t seen = s.sequence.load(std::memory_order_relaxed);
        for (;;) {
            std::uint64_t const now = visible();
            if (now == seen)
                break;
            s.sequence.store(now, std::memory_order_seq_cst);
            seen = now;
        }
        return s;
    }
    /// The same for a plain read: the calling thread leaves the slot soon, with
    /// `leave_here`.
    slot& enter_here() {
        if (has_fence_)
            if (slot* const s = own_.of_this_thread();
                s != nullptr
                && s->sequence.load(std::memory_order_relaxed) == idle) {
                announce(*s);
                return *s;
            }
        return enter();
    }
    static void leave_here(slot& s) noexcept {
        s.sequence.store(idle, std::memory_order_release);
    }

    /// Announces what `held` does, which stays taken longer. Null if that was
    /// revoked. Throws std::bad_alloc.
    slot* enter_beside(slot const& held) {
        slot& s = acquire(held.sequence.load(std::memory_order_relaxed));
        s.since.store(in_pinned, std::memory_order_release); // for `held`
        if (!is_revoked(held))
            return &s;
        leave(s);
        return nullptr;
    }
    /// The time goes first: who sees the next announcement of the slot must
    /// not see the time of this one.
    static void leave(slot& s) noexcept {
        s.since.store(0, std::memory_order_relaxed);
        if (std::uint64_t const use = s.use.load(std::memory_order_relaxed);
            (use & what) != 0)
            s.use.store((use & ~what) + one_use, std::memory_order_seq_cst);
        s.sequence.store(idle, std::memory_order_release);
    }

    /// From now on it may be revoked. It has its time. Pairs with `revoke_if`.
    static void make_revocable(slot& s) noexcept {
        s.use.store(s.use.load(std::memory_order_relaxed) | revocable,
                    std::memory_order_seq_cst);
    }
    static bool is_revoked(slot const& s) noexcept {
        return (s.use.load(std::memory_order_seq_cst) & what) == revoked;
    }

    /// Revokes those that may be, and for which past(sequence, since) holds.
    template <class F>
    void revoke_if(F&& past) noexcept {
        each([&](slot const& seen) {
            auto& s = const_cast<slot&>(seen);
            std::uint64_t use = s.use.load(std::memory_order_seq_cst);
            if ((use & what) == revocable
                && past(s.sequence.load(std::memory_order_seq_cst),
                        std::chrono::nanoseconds(
                            s.since.load(std::memory_order_seq_cst))))
                s.use.compare_exchange_strong(use, (use & ~what) | revoked,
                                              std::memory_order_seq_cst);
        });
    }

    /// No reader that counts is on a version older than this.
    std::uint64_t oldest() const noexcept {
        std::uint64_t least = visible();
        if (has_fence_ && !fence())
            return 0; // for want of memory in the kernel
        each([&](slot const& s) {
            std::uint64_t const sequence =
                s.sequence.load(std::memory_order_seq_cst);
            if (sequence < least && !is_revoked(s))
                least = sequence;
        });
        return least;
    }

    /// Which versions are read. Those that snapshots and views hold, ascending;
    /// plain reads, and what is seen from now on, are of `limit` or newer.
    struct held_versions {
        std::vector<std::uint64_t> held{};
        std::uint64_t limit = 0;
    };
    /// Throws std::bad_alloc.
    held_versions held() const {
        held_versions all;
        std::uint64_t limit = visible(); // first, as in `oldest`
        if (has_fence_ && !fence())
            return all;
        each([&](slot const& s) {
            std::uint64_t const sequence =
                s.sequence.load(std::memory_order_seq_cst);
            if (sequence == idle || is_revoked(s))
                return;
            // A time, or `in_pinned`, stands beside the version that its
            // reader has settled on; without it the reader may still go on to
            // a newer version, and so may who took the slot between the two
            // loads.
            bool const settled =
                s.since.load(std::memory_order_seq_cst) != 0
                && s.sequence.load(std::memory_order_seq_cst) == sequence;
            if (settled)
                all.held.push_back(sequence);
            else
                limit = std::min(limit, sequence);
        });
        std::sort(all.held.begin(), all.held.end());
        all.limit = limit;
        return all;
    }

    /// Readers now that count and have a time.
    struct census {
        std::uint64_t readers = 0;
        std::chrono::nanoseconds oldest_age{0};
        std::uint64_t oldest = idle; ///< version
        /// Of those that may be revoked.
        std::chrono::nanoseconds oldest_revocable_age{0};
    };
    census count() const noexcept {
        census c;
        std::int64_t const now = Policies::clock::now().count();
        each([&](slot const& s) {
            std::uint64_t const sequence =
                s.sequence.load(std::memory_order_acquire);
            if (sequence == idle)
                return;
            std::int64_t const since =
                s.since.load(std::memory_order_relaxed);
            if (since <= 0 || is_revoked(s))
                return;
            ++c.readers;
            c.oldest = std::min(c.oldest, sequence);
            std::chrono::nanoseconds const age(now - since);
            c.oldest_age = std::max(c.oldest_age, age);
            if ((s.use.load(std::memory_order_relaxed) & what) == revocable)
                c.oldest_revocable_age =
                    std::max(c.oldest_revocable_age, age);
        });
        return c;
    }

    /// Waits until the plain reads of now, which are short, are over; slots
    /// with a time belong to snapshots and views, and stay.
    void wait_for_plain() const noexcept {
        while (has_fence_ && !fence())
            yield<typename Policies::threading>();
        each([&](slot const& s) {
            while (s.sequence.load(std::memory_order_seq_cst) != idle
                   && s.since.load(std::memory_order_acquire) <= 0)
                yield<typename Policies::threading>();
        });
    }

private:
    static constexpr std::size_t slots_per_block = 64;
    static constexpr std::uint64_t revocable = 1;
    static constexpr std::uint64_t revoked = 2;
    static constexpr std::uint64_t what = 3; ///< one of these, or none
    static constexpr std::uint64_t one_use = 4;
    static constexpr std::int64_t in_pinned = -1;

    struct block {
        slot slots[slots_per_block];
        atomic<block*> next{nullptr};
    };

    /// False where there is none.
    static bool fence() noexcept {
        using threading = typename Policies::threading;
        if constexpr (requires { threading::process_wide_fence(); })
            return threading::process_wide_fence();
        return false;
    }

    /// As `enter`, in a slot that is the thread's own.
    void announce(slot& s) const noexcept {
        std::uint64_t seen = visible_.load(std::memory_order_acquire);
        for (;;) {
            s.sequence.store(seen, std::memory_order_release);
            std::atomic_signal_fence(std::memory_order_seq_cst);
            std::uint64_t const now = visible_.load(std::memory_order_acquire);
            if (now == seen)
                return;
            seen = now;
        }
    }

    template <class F>
    void each(F&& f) const {
        own_.each(f);
        for (block const* b = &first_; b != nullptr;
             b = b->next.load(std::memory_order_seq_cst))
            for (slot const& s : b->slots)
                f(s);
    }

    slot& acquire(std::uint64_t sequence) {
        using id = typename Policies::threading::thread_id;
        std::size_t const start =
            (std::hash<id>{}(Policies::threading::this_thread())
             * 0x9E3779B97F4A7C15u)
            >> 58;
        for (block* b = &first_;;) {
            for (std::size_t i = 0; i != slots_per_block; ++i) {
                slot& s = b->slots[(start + i) % slots_per_block];
                std::uint64_t expected = idle;
                if (s.sequence.load(std::memory_order_relaxed) == idle
                    && s.sequence.compare_exchange_strong(
                        expected, sequence, std::memory_order_seq_cst))
                    return s;
            }
            b = &after(*b);
        }
    }

    static block& after(block& b) {
        if (block* const next = b.next.load(std::memory_order_seq_cst))
            return *next;
        block* const fresh = new block;
        block* expected = nullptr;
        if (b.next.compare_exchange_strong(expected, fresh,
                                           std::memory_order_seq_cst))
            return *fresh;
        delete fresh;
        return *expected;
    }

    atomic<std::uint64_t> visible_{1};
    bool const has_fence_;
    block first_;
    thread_owned<slot> own_;
};

} // namespace numstore::detail
