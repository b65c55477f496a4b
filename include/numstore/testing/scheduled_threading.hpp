// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/policies.hpp>
#include <numstore/testing/manual_clock.hpp>
#include <numstore/testing/schedule.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

namespace numstore::detail {

/// The point `p`, in a thread of a schedule.
inline void come_to(schedule_point p) {
    if (scheduled_thread* const t = scheduled_thread::current())
        t->owner->step(p);
}

class scheduled_mutex {
public:
    void lock() {
        if (scheduled_thread* const t = scheduled_thread::current())
            t->owner->lock(state_);
        else
            plain_.lock();
    }
    bool try_lock() {
        if (scheduled_thread* const t = scheduled_thread::current())
            return t->owner->try_lock(state_);
        return plain_.try_lock();
    }
    void unlock() noexcept {
        if (scheduled_thread* const t = scheduled_thread::current())
            t->owner->unlock(state_);
        else
            plain_.unlock();
    }

private:
    scheduled_lock state_;
    std::mutex plain_;
};

class scheduled_condition {
    using nanoseconds = std::chrono::nanoseconds;

public:
    void notify_one() { notify(false); }
    void notify_all() { notify(true); }

    template <class Lock>
    void wait(Lock& lock) {
        if (scheduled_thread* const t = scheduled_thread::current())
            t->owner->wait(this, lock, scheduled_thread::never);
        else
            plain_.wait(lock);
    }
    template <class Lock, class Condition>
    void wait(Lock& lock, Condition holds) {
        while (!holds())
            wait(lock);
    }

    template <class Lock, class Rep, class Period>
    std::cv_status wait_for(Lock& lock,
                            std::chrono::duration<Rep, Period> most) {
        if (scheduled_thread::current() == nullptr)
            return plain_.wait_for(lock, most);
        return wait_to(lock, deadline_of(most));
    }
    template <class Lock, class Rep, class Period, class Condition>
    bool wait_for(Lock& lock, std::chrono::duration<Rep, Period> most,
                  Condition holds) {
        if (scheduled_thread::current() == nullptr)
            return plain_.wait_for(lock, most, std::move(holds));
        nanoseconds const deadline = deadline_of(most);
        while (!holds())
            if (wait_to(lock, deadline) == std::cv_status::timeout)
                return holds();
        return true;
    }

    template <class Lock, class Clock, class Duration>
    std::cv_status wait_until(Lock& lock,
                              std::chrono::time_point<Clock, Duration> moment) {
        return wait_for(lock, moment - Clock::now());
    }
    template <class Lock, class Clock, class Duration, class Condition>
    bool wait_until(Lock& lock, std::chrono::time_point<Clock, Duration> moment,
                    Condition holds) {
        return wait_for(lock, moment - Clock::now(), std::move(holds));
    }

private:
    void notify(bool all) {
        if (scheduled_thread* const t = scheduled_thread::current())
            t->owner->notify(this, all);
        else if (all)
            plain_.notify_all();
        else
            plain_.notify_one();
    }

    template <class Lock>
    std::cv_status wait_to(Lock& lock, nanoseconds deadline) {
        return scheduled_thread::current()->owner->wait(this, lock, deadline)
                   ? std::cv_status::no_timeout
                   : std::cv_status::timeout;
    }

    /// As far ahead as a deadline may lie, if `most` is too long for one.
    template <class Rep, class Period>
    static nanoseconds deadline_of(std::chrono::duration<Rep, Period> most) {
        constexpr std::chrono::hours far{24 * 365 * 100};
        nanoseconds const now = testing::manual_clock::now();
        if (most >= far)
            return now + nanoseconds(far);
        return now
               + std::max(nanoseconds(0), std::chrono::ceil<nanoseconds>(most));
    }

    std::condition_variable_any plain_;
};

template <class T>
class scheduled_atomic {
    using order = std::memory_order;
    static constexpr order strict = std::memory_order_seq_cst;
    template <class U>
    using difference = typename std::atomic<U>::difference_type;

public:
    scheduled_atomic() noexcept = default;
    constexpr scheduled_atomic(T value) noexcept : value_(value) {}
    scheduled_atomic(scheduled_atomic const&) = delete;
    scheduled_atomic& operator=(scheduled_atomic const&) = delete;

    T load(order o = strict) const {
        come_to(schedule_point::atomic);
        return value_.load(o);
    }
    void store(T value, order o = strict) {
        come_to(schedule_point::atomic);
        value_.store(value, o);
    }
    T exchange(T value, order o = strict) {
        come_to(schedule_point::atomic);
        return value_.exchange(value, o);
    }
    bool compare_exchange_strong(T& expected, T value, order o = strict) {
        come_to(schedule_point::atomic);
        return value_.compare_exchange_strong(expected, value, o);
    }
    bool compare_exchange_strong(T& expected, T value, order yes, order no) {
        come_to(schedule_point::atomic);
        return value_.compare_exchange_strong(expected, value, yes, no);
    }
    bool compare_exchange_weak(T& expected, T value, order o = strict) {
        return compare_exchange_strong(expected, value, o);
    }
    bool compare_exchange_weak(T& expected, T value, order yes, order no) {
        return compare_exchange_strong(expected, value, yes, no);
    }

    template <class U>
    T fetch_add(U by, order o = strict) {
        come_to(schedule_point::atomic);
        return value_.fetch_add(static_cast<difference<T>>(by), o);
    }
    template <class U>
    T fetch_sub(U by, order o = strict) {
        come_to(schedule_point::atomic);
        return value_.fetch_sub(static_cast<difference<T>>(by), o);
    }
    T fetch_and(T bits, order o = strict)
        requires std::integral<T>
    {
        come_to(schedule_point::atomic);
        return value_.fetch_and(bits, o);
    }
    T fetch_or(T bits, order o = strict)
        requires std::integral<T>
    {
        come_to(schedule_point::atomic);
        return value_.fetch_or(bits, o);
    }

    operator T() const { return load(); }
    T operator=(T value) {
        store(value);
        return value;
    }
    T operator++() { return fetch_add(1) + 1; }
    T operator--() { return fetch_sub(1) - 1; }
    T operator++(int) { return fetch_add(1); }
    T operator--(int) { return fetch_sub(1); }

private:
    std::atomic<T> value_;
};

} // namespace numstore::detail

namespace numstore::testing {

/// A threading policy for threads of a `schedule`: each lock, unlock, wait,
/// notification and access of an atomic is a point at which another one may go
/// on. Timed waits go by `manual_clock`, so take that as the clock policy.
/// Other threads, such as the one that sets up a test, may use the same
/// objects before and after the schedule runs; then they are those of the
/// standard library.
struct scheduled_threading {
    using mutex = detail::scheduled_mutex;
    using condition_variable = detail::scheduled_condition;
    template <class T>
    using atomic = detail::scheduled_atomic<T>;
    using thread_id = std::uint64_t;

    /// The threads of a schedule have the same numbers in each run.
    static thread_id this_thread() noexcept {
        if (auto const* const t = detail::scheduled_thread::current())
            return t->index + 1;
        return outside();
    }

    /// Others go on first, if they can.
    static void yield() { detail::come_to(detail::schedule_point::yield); }

    /// Another thread may go on here: for hooks of simulated devices.
    static void point() noexcept {
        if (auto* const t = detail::scheduled_thread::current())
            t->owner->quiet_step(detail::schedule_point::device);
    }

private:
    static thread_id outside() noexcept {
        static std::atomic<thread_id> next{thread_id{1} << 32};
        thread_local thread_id const id = next++;
        return id;
    }
};
static_assert(threading_policy<scheduled_threading>);

} // namespace numstore::testing
