// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/policies.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>

namespace numstore::detail {

/// The lock of write transactions: one of them at a time, from its first
/// access to its end. Owned by a transaction, not by a thread; the thread is
/// kept to tell a wait for oneself at once.
template <class Policies>
class writer_lock {
    using threading = typename Policies::threading;

public:
    /// Waits at most `timeout`, behind those that came before. Throws
    /// would_deadlock, timed_out.
    void acquire(std::uint64_t transaction, std::chrono::milliseconds timeout) {
        std::unique_lock lock(guard_);
        if (owner_ != 0 && thread_ == threading::this_thread())
            raise(errc::would_deadlock,
                  "an open transaction of this thread holds the lock that "
                  "this call would wait for; write through that transaction");
        waiting_.push_back(transaction);
        bool const first = freed_.wait_for(lock, timeout, [&] {
            return owner_ == 0 && waiting_.front() == transaction;
        });
        waiting_.erase(std::find(waiting_.begin(), waiting_.end(),
                                 transaction));
        if (!first) {
            freed_.notify_all();
            raise(errc::timed_out, "others have held the lock for "
                                       + std::to_string(timeout.count())
                                       + " ms");
        }
        owner_ = transaction;
        thread_ = threading::this_thread();
    }

    void release() noexcept {
        {
            std::scoped_lock lock(guard_);
            owner_ = 0;
        }
        freed_.notify_all();
    }

private:
    typename threading::mutex guard_;
    typename threading::condition_variable freed_;
    std::uint64_t owner_ = 0;
    std::deque<std::uint64_t> waiting_; ///< in order of arrival
    typename threading::thread_id thread_{};
};

} // namespace numstore::detail
