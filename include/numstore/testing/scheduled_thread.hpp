// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>

namespace numstore::testing {
class schedule;
} // namespace numstore::testing

namespace numstore::detail {

/// The points at which another thread may go on.
enum class schedule_point : unsigned char {
    lock = 1,
    unlock,
    wait,
    notify,
    atomic,
    yield,
    device,
    start,
    end
};

struct scheduled_thread;

/// What `schedule` knows of a mutex.
struct scheduled_lock {
    scheduled_thread* owner = nullptr;
};

/// Thrown through the threads of a schedule that has failed; not a
/// std::exception, so that nobody takes it for an error of numstore.
struct schedule_stopped {};

struct scheduled_thread {
    static constexpr auto never = std::chrono::nanoseconds::max();

    scheduled_thread(testing::schedule& s, std::size_t i, std::string n,
                     std::function<void()> f)
        : owner(&s), index(i), name(std::move(n)), work(std::move(f)) {}

    testing::schedule* owner;
    std::size_t index;
    std::string name;
    std::function<void()> work;
    std::thread os;
    std::binary_semaphore baton{0};
    bool blocked = false;
    bool done = false;
    bool yielded = false;
    bool timed_out = false;
    bool unwinding = false;
    scheduled_lock const* lock = nullptr; ///< what it waits for, or
    void const* condition = nullptr;
    std::chrono::nanoseconds deadline = never;
    std::int64_t priority = 0;
    std::exception_ptr error;

    /// The thread of a schedule that calls, or null.
    static scheduled_thread*& current() noexcept {
        thread_local scheduled_thread* t = nullptr;
        return t;
    }
};

} // namespace numstore::detail
