// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/policies.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace numstore::detail {

/// Who writes the log, and who waits for it. Threads take turns: one of them
/// works while the others sleep, those whom its turn serves and those who
/// need the next one in groups of their own.
///
/// Whoever has been served is likely to come again soon. So the next to work
/// may first gather: wait a moment for as many as shared the turn before or
/// waited at its end. That is worth it where a turn takes long for all of
/// them together; it ends early when all have come, in any case after the time
/// of a turn, and is left out more and more often while nobody comes.
///
/// All under the mutex of the log.
template <class Policies>
class write_turns {
    using mutex = typename Policies::threading::mutex;
    using condition = typename Policies::threading::condition_variable;
    using nanoseconds = std::chrono::nanoseconds;

public:
    using lock_type = std::unique_lock<mutex>;

    bool busy() const noexcept { return busy_; }
    /// A turn may begin.
    bool free() const noexcept { return !busy_ && !gathering_; }

    /// Sleeps until the turn that writes has ended, if that is all the caller
    /// waits for, or the one that gathers, which serves all who come; else
    /// until one must begin the next.
    void wait(lock_type& lock, bool for_this_one) {
        waiters& group = join(for_this_one);
        group.wakes.wait(lock);
        --group.count;
    }

    /// The same for who has something else to do, which is done without the
    /// mutex and instead of sleeping, if nobody else is still to come: true,
    /// and turns may have ended and begun since.
    template <class F>
    bool work_meanwhile(lock_type& lock, bool for_this_one, F&& f) {
        static_assert(noexcept(f()));
        waiters& group = join(for_this_one);
        bool const all_wait = busy_ || committers() >= expected_;
        if (all_wait) {
            lock.unlock();
            f();
            lock.lock();
        }
        --group.count;
        return all_wait;
    }

    /// Waits for others, if that is worth it: what they want by then goes with
    /// this turn. False if it has not waited. Another turn may have begun.
    bool gather(lock_type& lock) {
        if (!is_worth_gathering())
            return false;
        std::size_t const before = committers();
        gathering_ = true;
        all_came_.wait_for(lock, std::min(took_, longest_gathering), [this] {
            return committers() >= expected_ || stopped_;
        });
        gathering_ = false;
        vain_ = committers() > before ? 0 : std::min(vain_ + 1, 6u);
        turns_without_ = vain_ == 0 ? 0 : 1u << vain_;
        return true;
    }

    void begin() noexcept {
        busy_ = true;
        began_ = Policies::clock::now();
    }

    /// Wakes those who waited for this turn, and one of those who wait for the
    /// next, to begin it. If another begins it first, then that one's end
    /// wakes them all.
    void end(lock_type& lock) {
        busy_ = false;
        took_ = Policies::clock::now() - began_;
        waiters& done = waiting_[turn_++ % 2];
        waiters& next = waiting_[turn_ % 2];
        bool const any_done = done.count != 0;
        bool const any_next = next.count != 0;
        expected_ = done.count + next.count + 1;
        lock.unlock(); // whom they wake need not wait for it
        if (any_next)
            next.wakes.notify_one();
        if (any_done)
            done.wakes.notify_all();
        lock.lock();
    }

    /// Whoever leaves may have been woken to begin the next turn, and find
    /// that nothing is left to do for it; not one that has `led` a turn since,
    /// whose end has woken another.
    void leave(bool led) noexcept {
        if (waiters& next = waiting_[turn_ % 2];
            !led && free() && next.count != 0)
            next.wakes.notify_one();
    }

    /// For good: there will be no turn any more.
    void wake_all() noexcept {
        stopped_ = true;
        for (waiters& group : waiting_)
            group.wakes.notify_all();
        all_came_.notify_all();
    }

private:
    struct waiters {
        condition wakes{};
        std::size_t count = 0;
    };

    /// What all would wait together for another turn; below that they are
    /// better off with their own.
    static constexpr nanoseconds worth_waiting{500'000};
    static constexpr nanoseconds longest_gathering{250'000};

    waiters& join(bool for_this_one) noexcept {
        std::uint64_t const next = for_this_one || gathering_ ? 0 : 1;
        waiters& group = waiting_[(turn_ + next) % 2];
        ++group.count;
        if (gathering_ && committers() >= expected_)
            all_came_.notify_one();
        return group;
    }

    /// Those who wait for the turn that gathers, and who leads it.
    std::size_t committers() const noexcept {
        return waiting_[turn_ % 2].count + 1;
    }

    bool is_worth_gathering() noexcept {
        if (committers() >= expected_
            || took_ * static_cast<std::int64_t>(expected_) < worth_waiting)
            return false;
        if (turns_without_ == 0)
            return true;
        --turns_without_;
        return false;
    }

    std::array<waiters, 2> waiting_; ///< for even turns, and for odd ones
    std::uint64_t turn_ = 0;         ///< that writes, or will next
    bool busy_ = false;              ///< it writes
    bool stopped_ = false;
    nanoseconds began_{0}; ///< the turn that writes
    nanoseconds took_{0};  ///< the one before

    condition all_came_{};
    bool gathering_ = false;     ///< one waits on `all_came_`, to lead
    std::size_t expected_ = 0;   ///< committers in the next turn
    unsigned vain_ = 0;          ///< gatherings to which nobody came
    unsigned turns_without_ = 0; ///< until one gathers again
};

} // namespace numstore::detail
