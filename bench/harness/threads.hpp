// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "meter.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <latch>
#include <thread>
#include <vector>

namespace bench {

/// Runs work(thread number, stop) in so many threads at once for about so
/// many seconds; each gives how much it did. The rates, thread by thread.
/// Throws what a thread threw.
template <class Work>
std::vector<double> rates_of_threads(std::size_t threads, double seconds,
                                     Work const& work) {
    std::atomic<bool> stop{false};
    std::latch ready(static_cast<std::ptrdiff_t>(threads) + 1);
    std::vector<double> rates(threads);
    std::vector<std::exception_ptr> errors(threads);
    std::vector<std::thread> running;
    for (std::size_t i = 0; i != threads; ++i)
        running.emplace_back([&, i] {
            ready.arrive_and_wait();
            double const start = now();
            try {
                rates[i] = static_cast<double>(work(i, stop));
            } catch (...) {
                errors[i] = std::current_exception();
            }
            rates[i] /= now() - start;
        });
    ready.arrive_and_wait();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop.store(true, std::memory_order_relaxed);
    for (std::thread& t : running)
        t.join();
    for (std::exception_ptr const& e : errors)
        if (e)
            std::rethrow_exception(e);
    return rates;
}

} // namespace bench
