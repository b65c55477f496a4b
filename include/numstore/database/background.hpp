// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/background_compaction.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/compactor.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/error.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

namespace numstore::detail {

/// The thread of a database that was opened with options::background: writes
/// the checkpoints that commits find due, compacts the file, and revokes
/// snapshots that are past options::snapshot_max_age where nobody commits.
template <class Policies>
class background {
    using engine_type = engine<Policies>;
    using work_lock = typename engine_type::work_lock;

public:
    /// Throws no_memory where there can be no thread more.
    [[gnu::cold]] static void start(engine_type& e) {
        if (!e.opt.background || e.read_only)
            return;
        try {
            e.worker = std::make_unique<std::thread>([&e] { run(e); });
        } catch (std::system_error const& failure) {
            raise(errc::no_memory, e.name + ": cannot start a thread",
                  failure.code().value());
        }
    }

    /// Waits for what it is doing.
    [[gnu::cold]] static void stop(engine_type& e) noexcept {
        std::unique_ptr<std::thread> worker;
        {
            work_lock const lock(e.work);
            e.worker_stops = true;
            worker = std::move(e.worker);
        }
        e.worker_wakes.notify_all();
        if (worker != nullptr)
            worker->join();
    }

    /// In a forked child there is no such thread.
    static void forget(engine_type& e) noexcept {
        static_cast<void>(e.worker.release());
    }

private:
    /// Until it is woken, or until the oldest snapshot might be too old.
    [[gnu::cold]] static void wait(engine_type& e, work_lock& lock) noexcept {
        if (e.opt.snapshot_max_age.count() <= 0)
            return e.worker_wakes.wait(lock);
        auto const most = std::min(e.opt.snapshot_max_age, longest_wait);
        auto const age = e.readers.count().oldest_revocable_age;
        e.worker_wakes.wait_for(lock, std::max(most - age, shortest_wait));
        try {
            if (e.checkpointing || e.pages->failed())
                e.expire_snapshots();
            else
                e.reclaim();
        } catch (std::bad_alloc const&) { // NOLINT: the next one will do it
        }
    }

    static constexpr std::chrono::nanoseconds longest_wait =
        std::chrono::hours(1);
    static constexpr std::chrono::nanoseconds shortest_wait =
        std::chrono::milliseconds(1);

    [[gnu::cold]] static void run(engine_type& e) noexcept {
        work_lock lock(e.work);
        for (;;) {
            while (!e.worker_stops && !e.checkpoint_is_due
                   && !e.compaction_is_due)
                wait(e, lock);
            if (e.worker_stops)
                return;
            if (e.checkpoint_is_due)
                checkpoint(e, lock);
            else
                compact(e, lock);
        }
    }

    [[gnu::cold]]
    static void checkpoint(engine_type& e, work_lock& lock) noexcept {
        try {
            checkpointer<Policies>(e).run(lock);
        } catch (...) { // NOLINT: it stays due, or `failed` tells
        }
        e.checkpoint_is_due = false;
    }

    /// What is done until it fails, or the database is closed, stays.
    [[gnu::cold]]
    static void compact(engine_type& e, work_lock& lock) noexcept {
        lock.unlock();
        try {
            compactor<Policies>(e, compaction::in_background).run();
        } catch (...) { // NOLINT: tried again once more is unused
        }
        lock.lock();
        background_compaction<Policies>::note_done(e);
    }
};

} // namespace numstore::detail
