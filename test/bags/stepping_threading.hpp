// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/policies.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

namespace bags {

/// Of one thread: runs `then` at its nth step, and tells when it waits.
struct thread_steps {
    std::uint64_t nth = 0; ///< 0: at none
    std::function<void()> then{};
    /// Where it loads an atomic with a mutex locked, too, not only where it
    /// has left the last one.
    bool at_loads = false;
    std::atomic<bool>* waits = nullptr;
    int held = 0;

    void left_mutex() {
        if (--held == 0)
            step();
    }
    void loaded() {
        if (at_loads && held != 0)
            step();
    }
    void about_to_wait() const {
        if (waits != nullptr)
            waits->store(true);
    }

private:
    void step() {
        if (nth != 0 && --nth == 0)
            std::exchange(then, nullptr)();
    }
};
inline thread_local thread_steps steps;

class stepping_mutex {
public:
    void lock() {
        if (!inner_.try_lock()) {
            steps.about_to_wait();
            inner_.lock();
        }
        ++steps.held;
    }
    bool try_lock() {
        bool const locked = inner_.try_lock();
        steps.held += locked;
        return locked;
    }
    void unlock() {
        inner_.unlock();
        steps.left_mutex();
    }

private:
    std::mutex inner_;
};

template <class T>
struct stepping_atomic : std::atomic<T> {
    using std::atomic<T>::atomic;
    using std::atomic<T>::operator=;
    T load(std::memory_order order = std::memory_order_seq_cst) const
        noexcept {
        T const value = std::atomic<T>::load(order);
        steps.loaded();
        return value;
    }
};

struct stepping_condition : std::condition_variable_any {
    template <class Lock>
    void wait(Lock& lock) {
        steps.about_to_wait();
        std::condition_variable_any::wait(lock);
    }
};

/// Threads that can be stopped between the steps of a call.
struct stepping_threading : numstore::std_threading {
    using mutex = stepping_mutex;
    using condition_variable = stepping_condition;
    template <class T>
    using atomic = stepping_atomic<T>;
};

} // namespace bags
