// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "meter.hpp"

#include <time.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <latch>
#include <thread>
#include <vector>

namespace bench {

/// What one thread did.
struct thread_work {
    double amount = 0;
    double seconds = 0;
    double cpu_seconds = 0; ///< where others use the machine, what counts

    double rate() const { return amount / seconds; }
    double cpu_rate() const { return amount / cpu_seconds; }
};

/// Seconds that the calling thread has been running.
inline double thread_cpu() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

/// Runs work(thread number, stop) in so many threads at once for about so
/// many seconds; each gives how much it did. Throws what a thread threw.
template <class Work>
std::vector<thread_work> in_threads(std::size_t threads, double seconds,
                                    Work const& work) {
    std::atomic<bool> stop{false};
    std::latch ready(static_cast<std::ptrdiff_t>(threads) + 1);
    std::vector<thread_work> all(threads);
    std::vector<std::exception_ptr> errors(threads);
    std::vector<std::thread> running;
    for (std::size_t i = 0; i != threads; ++i)
        running.emplace_back([&, i] {
            ready.arrive_and_wait();
            double const start = now();
            double const cpu = thread_cpu();
            try {
                all[i].amount = static_cast<double>(work(i, stop));
            } catch (...) {
                errors[i] = std::current_exception();
            }
            all[i].seconds = now() - start;
            all[i].cpu_seconds = thread_cpu() - cpu;
        });
    ready.arrive_and_wait();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop.store(true, std::memory_order_relaxed);
    for (std::thread& t : running)
        t.join();
    for (std::exception_ptr const& e : errors)
        if (e)
            std::rethrow_exception(e);
    return all;
}

} // namespace bench
