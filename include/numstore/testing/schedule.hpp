// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/testing/manual_clock.hpp>
#include <numstore/testing/schedule_options.hpp>
#include <numstore/testing/scheduled_thread.hpp>
#include <numstore/testing/simulated_power_loss.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <functional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace numstore::testing {

/// Runs threads one at a time. At each use of a `scheduled_threading`
/// primitive a seeded choice decides who goes on, so that a seed is an
/// interleaving that can be had again; it is sequentially consistent, so what
/// needs a weaker memory order to fail is not found. Timed waits end when no
/// thread can run: then `manual_clock` is moved to the first deadline. When
/// nobody can run at all, or the threads take too many steps, the schedule
/// fails: it reports on stderr, and unwinds the threads by an exception. Where
/// that meets a `noexcept` the program ends, hence the report.
///
///     schedule s({.seed = 17});
///     s.spawn("writer", [&] { ... });
///     s.spawn("reader", [&] { ... });
///     schedule_trace const t = s.run();
class schedule {
    using thread = detail::scheduled_thread;
    using point = detail::schedule_point;

public:
    explicit schedule(schedule_options o = {}) : options_(o), random_(o.seed) {
        if (o.how == scheduling::priorities)
            for (unsigned i = 0; i != o.changes; ++i)
                changes_.push_back(1 + random_() % o.expected_steps);
    }
    schedule(schedule const&) = delete;
    schedule& operator=(schedule const&) = delete;

    /// Another thread, also while they run. Names are for reports.
    void spawn(std::string name, std::function<void()> work) {
        thread& t = threads_.emplace_back(*this, threads_.size(),
                                          std::move(name), std::move(work));
        t.priority = static_cast<std::int64_t>(random_() >> 2);
        if (running_)
            start(t);
    }
    void spawn(std::function<void()> work) { spawn({}, std::move(work)); }

    /// Until all threads have ended. Throws schedule_failure, or what the
    /// first thread has thrown that ended by an exception.
    schedule_trace run() {
        running_ = true;
        for (thread& t : threads_)
            start(t);
        if (!threads_.empty()) {
            resume(*choose());
            all_done_.acquire();
        }
        for (thread& t : threads_)
            t.os.join();
        if (!failure_.empty())
            throw schedule_failure(failure_);
        for (thread& t : threads_)
            if (t.error != nullptr)
                std::rethrow_exception(t.error);
        return trace_;
    }

    // What follows is for the primitives, and called by the running thread.

    /// Throws schedule_stopped after the schedule has failed.
    void step(point p) {
        quiet_step(p);
        check();
    }

    void quiet_step(point p) noexcept {
        if (p == point::atomic && options_.atomic_percent < 100
            && !random_.percent(options_.atomic_percent))
            return;
        thread& self = *thread::current();
        record(self, p);
        if (failed())
            return limit_unwinding();
        if (trace_.steps > options_.max_steps)
            return fail("more than " + std::to_string(options_.max_steps)
                        + " steps");
        if (p == point::yield)
            self.yielded = true;
        else if (options_.only_atomics && p != point::atomic && !self.blocked)
            return;
        ++points_;
        if (options_.how == scheduling::priorities)
            change_priority(self, p);
        else if (p != point::yield && !random_.percent(options_.switch_percent))
            return;
        hand_over(self);
    }

    void lock(detail::scheduled_lock& l) {
        step(point::lock);
        thread& self = *thread::current();
        while (l.owner != nullptr && !self.unwinding) {
            self.lock = &l;
            block(self);
            self.lock = nullptr;
            check();
        }
        if (l.owner == nullptr)
            l.owner = &self;
    }

    bool try_lock(detail::scheduled_lock& l) {
        step(point::lock);
        if (l.owner != nullptr)
            return false;
        l.owner = thread::current();
        return true;
    }

    /// What an unwinding thread only seemed to lock, stays with its owner.
    void unlock(detail::scheduled_lock& l) noexcept {
        if (l.owner == thread::current()) {
            l.owner = nullptr;
            for (thread& t : threads_)
                t.blocked = t.blocked && t.lock != &l;
        }
        quiet_step(point::unlock);
    }

    /// False at the deadline.
    template <class Lock>
    bool wait(void const* condition, Lock& lock,
              std::chrono::nanoseconds deadline) {
        step(point::wait);
        thread& self = *thread::current();
        if (random_.percent(options_.spurious_percent)) {
            lock.unlock();
            lock.lock();
            return true;
        }
        self.condition = condition;
        self.deadline = deadline;
        self.blocked = true;
        spins_ = 0;
        lock.unlock(); // may hand over already
        if (self.blocked)
            hand_over(self);
        self.condition = nullptr;
        self.deadline = thread::never;
        bool const in_time = !std::exchange(self.timed_out, false);
        if (failed() && !self.unwinding) {
            self.unwinding = true;
            lock.lock();
            throw detail::schedule_stopped();
        }
        lock.lock();
        return in_time;
    }

    void notify(void const* condition, bool all) {
        step(point::notify);
        std::vector<thread*> waiting;
        for (thread& t : threads_)
            if (t.blocked && t.condition == condition)
                waiting.push_back(&t);
        if (!all && waiting.size() > 1)
            waiting = {waiting[random_.below(waiting.size())]};
        for (thread* const t : waiting)
            t->blocked = false;
    }

private:
    bool failed() const noexcept { return !failure_.empty(); }

    void start(thread& t) {
        t.os = std::thread([this, &t] {
            t.baton.acquire();
            thread::current() = &t;
            record(t, point::start);
            if (!failed())
                work(t);
            record(t, point::end);
            finish(t);
        });
    }

    static void work(thread& t) noexcept {
        try {
            t.work();
        } catch (detail::schedule_stopped const&) { // NOLINT: was reported
        } catch (...) {
            t.error = std::current_exception();
        }
        t.work = nullptr; // what it holds ends with it
    }

    void finish(thread& self) noexcept {
        self.done = true;
        if (std::ranges::all_of(threads_, &thread::done))
            return all_done_.release();
        thread& next = *choose();
        ++trace_.choices;
        resume(next);
    }

    static void resume(thread& t) noexcept { t.baton.release(); }

    void record(thread const& self, point p) noexcept {
        ++trace_.steps;
        mix(self.index * 16 + static_cast<unsigned>(p));
    }
    void mix(std::uint64_t value) noexcept {
        trace_.hash = (trace_.hash ^ value) * 0x100000001b3;
        trace_.hash ^= trace_.hash >> 29;
    }

    void block(thread& self) noexcept {
        spins_ = 0;
        self.blocked = true;
        hand_over(self);
    }

    void hand_over(thread& self) noexcept {
        thread& next = *choose();
        mix(next.index);
        if (&next == &self)
            return;
        ++trace_.choices;
        resume(next);
        self.baton.acquire();
    }

    /// Throws in a thread whose schedule has failed, once; while it unwinds,
    /// nothing waits any more.
    void check() {
        thread& self = *thread::current();
        if (!failed() || self.unwinding)
            return;
        self.unwinding = true;
        if (std::uncaught_exceptions() == 0)
            throw detail::schedule_stopped();
    }

    void limit_unwinding() noexcept {
        if (++unwinding_steps_ < options_.max_steps)
            return;
        std::fputs("schedule: a thread does not end by an exception\n", stderr);
        std::abort();
    }

    void change_priority(thread& self, point p) noexcept {
        if (p == point::yield
            || std::ranges::find(changes_, points_) != changes_.end())
            self.priority = --lowest_;
    }

    /// Who goes on. Who has yielded goes on when nobody else can, and after
    /// many times in vain the clock is moved for those that wait for it.
    thread* choose() noexcept {
        if (failed())
            return first_not_done();
        if (thread* const t = pick(false))
            return t;
        thread* const spinning = pick(true);
        constexpr unsigned spins_in_vain = 100;
        if (spinning == nullptr || ++spins_ > spins_in_vain)
            if (thread* const late = wake_first_deadline())
                return late;
        if (spinning == nullptr) {
            fail("deadlock");
            return first_not_done();
        }
        for (thread& t : threads_)
            t.yielded = false;
        return spinning;
    }

    thread* pick(bool yielded) noexcept {
        thread* best = nullptr;
        std::size_t candidates = 0;
        for (thread& t : threads_) {
            if (t.blocked || t.done || t.yielded != yielded)
                continue;
            ++candidates;
            if (best == nullptr
                || (options_.how == scheduling::priorities
                        ? t.priority > best->priority
                        : random_.below(candidates) == 0))
                best = &t;
        }
        return best;
    }

    thread* wake_first_deadline() noexcept {
        thread* first = nullptr;
        for (thread& t : threads_)
            if (t.blocked && t.deadline != thread::never
                && (first == nullptr || t.deadline < first->deadline))
                first = &t;
        if (first == nullptr)
            return nullptr;
        trace_.waited += std::max(std::chrono::nanoseconds(0),
                                  first->deadline - manual_clock::now());
        manual_clock::advance_to(first->deadline);
        first->blocked = false;
        first->timed_out = true;
        spins_ = 0;
        return first;
    }

    thread* first_not_done() noexcept {
        return &*std::ranges::find(threads_, false, &thread::done);
    }

    void fail(std::string const& why) noexcept {
        failure_ = "schedule: seed " + std::to_string(options_.seed) + ": "
                   + why + " after " + std::to_string(trace_.steps) + " steps";
        for (thread& t : threads_) {
            if (!t.done)
                failure_ += "\n  " + label(t) + state_of(t);
            t.blocked = false;
        }
        if (!options_.quiet)
            std::fprintf(stderr, "%s\n", failure_.c_str());
    }

    static std::string label(thread const& t) {
        return "thread " + std::to_string(t.index)
               + (t.name.empty() ? "" : " (" + t.name + ")");
    }
    static std::string state_of(thread const& t) {
        if (!t.blocked)
            return thread::current() == &t ? " runs" : " can run";
        if (t.lock != nullptr)
            return " waits for a mutex that "
                   + (t.lock->owner ? label(*t.lock->owner) : "nobody")
                   + " holds";
        return " waits for a condition";
    }

    schedule_options options_;
    detail::split_mix random_;
    std::deque<thread> threads_; // grows while they run
    std::vector<std::uint64_t> changes_;
    std::int64_t lowest_ = 0;
    std::uint64_t points_ = 0;
    bool running_ = false;
    unsigned spins_ = 0;
    std::uint64_t unwinding_steps_ = 0;
    std::string failure_;
    schedule_trace trace_;
    std::binary_semaphore all_done_{0};
};

} // namespace numstore::testing
