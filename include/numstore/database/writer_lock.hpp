// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/policies.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>

namespace numstore::detail {

/// The lock of write transactions: one of them at a time, from its first
/// access to its end. Owned by a transaction, not by a thread; the thread is
/// kept to tell a wait for oneself at once.
template <class Policies>
class writer_lock {
    using threading = typename Policies::threading;

public:
    /// Waits at most `timeout`. Throws would_deadlock, timed_out.
    void acquire(std::uint64_t transaction, std::chrono::milliseconds timeout) {
        std::unique_lock lock(guard_);
        if (owner_ != 0 && thread_ == threading::this_thread())
            raise(errc::would_deadlock,
                  "an open transaction of this thread holds the lock that "
                  "this call would wait for; write through that transaction");
        if (!freed_.wait_for(lock, timeout, [&] { return owner_ == 0; }))
            raise(errc::timed_out, "another transaction has held the lock for "
                                       + std::to_string(timeout.count())
                                       + " ms");
        owner_ = transaction;
        thread_ = threading::this_thread();
    }

    void release() noexcept {
        {
            std::scoped_lock lock(guard_);
            owner_ = 0;
        }
        freed_.notify_one();
    }

private:
    typename threading::mutex guard_;
    typename threading::condition_variable freed_;
    std::uint64_t owner_ = 0;
    typename threading::thread_id thread_{};
};

} // namespace numstore::detail
