// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/faults.hpp>
#include <numstore/fwd.hpp>
#include <numstore/types.hpp>

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <thread>

namespace numstore {

/// A checksum policy: a 64-bit digest of bytes, and the number under which
/// the file's fingerprint knows it.
template <class C>
concept checksum_policy = requires(std::span<std::byte const> bytes) {
    { C::of(bytes) } noexcept -> std::same_as<std::uint64_t>;
    { C::id } -> std::convertible_to<std::uint32_t>;
};

/// A threading policy: where mutexes (with `try_lock`), condition variables,
/// atomics and thread identities come from, so that tests can schedule threads
/// and count locks.
/// It may have a static `yield()`, called where a thread waits for others
/// without a lock; else that is `std::this_thread::yield`. And a static
/// `process_wide_fence()`, which makes reads cheaper: see `std_threading`.
template <class T>
concept threading_policy = requires {
    typename T::mutex;
    typename T::condition_variable;
    typename T::template atomic<std::uint64_t>;
    { T::this_thread() } noexcept -> std::same_as<typename T::thread_id>;
};

/// A clock policy: `now()` since some fixed moment; never goes back.
template <class C>
concept clock_policy = requires {
    { C::now() } noexcept -> std::same_as<std::chrono::nanoseconds>;
};

/// XXH3, 64 bits (https://xxhash.com), the default checksum.
struct xxh3_64 {
    static constexpr std::uint32_t id = 1;
    static std::uint64_t of(std::span<std::byte const> bytes) noexcept {
        return XXH3_64bits(bytes.data(), bytes.size());
    }
};

/// The standard library's threads.
struct std_threading {
    using mutex = std::mutex;
    using condition_variable = std::condition_variable;
    template <class T>
    using atomic = std::atomic<T>;
    /// Never used again, unlike `std::thread::id`.
    using thread_id = std::uint64_t;
    static thread_id this_thread() noexcept {
        static std::atomic<thread_id> next{1};
        static thread_local thread_id const id =
            next.fetch_add(1, std::memory_order_relaxed);
        return id;
    }
    static void yield() noexcept { std::this_thread::yield(); }

    /// A sequentially consistent fence in every thread of the process at some
    /// moment of the call, so that those who do something often need none.
    /// False, and no fence, where the system has no such thing: membarrier(2),
    /// Linux 4.14.
    static bool process_wide_fence() noexcept {
        static bool const registered =
            ::syscall(__NR_membarrier,
                      MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0)
            == 0;
        return registered
               && ::syscall(__NR_membarrier,
                            MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0)
                      == 0;
    }
};

/// `std::chrono::steady_clock`.
struct steady_clock {
    static std::chrono::nanoseconds now() noexcept {
        return std::chrono::steady_clock::now().time_since_epoch();
    }
};

/// A tuning policy: sizes that suit a device, none of which changes the file
/// format. Tests on tiny simulated devices make them small.
template <class T>
concept tuning_policy = requires {
    { T::reserve_bytes } -> std::convertible_to<std::uint64_t>;
    { T::growth_bytes } -> std::convertible_to<std::uint64_t>;
    { T::max_growth_bytes } -> std::convertible_to<std::uint64_t>;
    { T::log_segment_bytes } -> std::convertible_to<std::uint64_t>;
    { T::max_log_segment_bytes } -> std::convertible_to<std::uint64_t>;
    { T::bulk_bytes } -> std::convertible_to<std::uint64_t>;
    { T::reclaimed_nodes } -> std::convertible_to<std::size_t>;
};

/// Sizes for ordinary files.
struct default_tuning {
    /// Kept free for checkpoint, recovery, drop and erase: at least this, and
    /// 1/64 of the file.
    static constexpr std::uint64_t reserve_bytes = std::uint64_t{1} << 20;
    /// The file grows by an eighth of itself, at least and at most this.
    static constexpr std::uint64_t growth_bytes = std::uint64_t{1} << 20;
    static constexpr std::uint64_t max_growth_bytes = std::uint64_t{64} << 20;
    /// Log segments double from the first to the second.
    static constexpr std::uint64_t log_segment_bytes = std::uint64_t{1} << 18;
    static constexpr std::uint64_t max_log_segment_bytes = std::uint64_t{1}
                                                           << 24;
    /// What is written in one call goes straight to its pages, past the log,
    /// if it is at least this, and several leaves.
    static constexpr std::uint64_t bulk_bytes = std::uint64_t{1} << 16;
    /// Inner nodes of dropped trees that a checkpoint takes apart at most.
    static constexpr std::size_t reclaimed_nodes = 4096;
};

/// The policy bag: derive from it and replace what should differ.
///
/// | member      | concept            | meaning                              |
/// |-------------|--------------------|--------------------------------------|
/// | `page_size` | power of two, 512 B..1 MiB | unit of allocation           |
/// | `storage`   | `storage_device`   | where bytes live                     |
/// | `logging`   | `log_policy`       | how commits become durable           |
/// | `checksum`  | `checksum_policy`  | what guards pages and log            |
/// | `threading` | `threading_policy` | mutexes, atomics, thread identities  |
/// | `clock`     | `clock_policy`     | time                                 |
/// | `tuning`    | `tuning_policy`    | sizes of growth, reserve, segments   |
/// | `faults`    | `fault_policy`     | mistakes that tests plant; none      |
struct default_policies {
    static constexpr std::size_t page_size = 4096;
    using storage = mapped_storage;
    using logging = write_ahead_log;
    using checksum = xxh3_64;
    using threading = std_threading;
    using clock = steady_clock;
    using tuning = default_tuning;
    using faults = no_faults;
};

/// A policy bag that numstore can be built with.
template <class P>
concept policy_bag = requires {
    { P::page_size } -> std::convertible_to<std::size_t>;
    typename P::storage;
    typename P::logging;
    requires checksum_policy<typename P::checksum>;
    requires threading_policy<typename P::threading>;
    requires clock_policy<typename P::clock>;
    requires tuning_policy<typename P::tuning>;
    requires fault_policy<typename P::faults>;
} && P::page_size >= 512 && P::page_size <= (std::size_t{1} << 20)
    && detail::is_power_of_two(P::page_size);

static_assert(checksum_policy<xxh3_64>);
static_assert(threading_policy<std_threading>);
static_assert(clock_policy<steady_clock>);
static_assert(tuning_policy<default_tuning>);
static_assert(policy_bag<default_policies>);

} // namespace numstore

namespace numstore::detail {

template <threading_policy T>
void yield() {
    if constexpr (requires { T::yield(); })
        T::yield();
    else
        std::this_thread::yield();
}

} // namespace numstore::detail
