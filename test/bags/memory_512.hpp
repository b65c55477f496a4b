// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/instances.hpp>
#include <numstore/testing/manual_clock.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

namespace bags {

/// The manual clock, or one that stands at zero.
/// Shows the time that the running test wants.
struct chosen_clock {
    enum class time { manual, zero, real };
    inline static std::atomic<time> shown{time::manual};

    static std::chrono::nanoseconds now() noexcept {
        switch (shown.load(std::memory_order_relaxed)) {
        case time::zero: return {};
        case time::real: return numstore::steady_clock::now();
        case time::manual: break;
        }
        return numstore::testing::manual_clock::now();
    }
};

/// As long as it lives.
class clock_choice {
public:
    explicit clock_choice(chosen_clock::time t) { chosen_clock::shown = t; }
    clock_choice(clock_choice const&) = delete;
    clock_choice& operator=(clock_choice const&) = delete;
    ~clock_choice() { chosen_clock::shown = chosen_clock::time::manual; }
};

/// A few thousand elements make a deep tree.
/// Making something durable takes its time where a test asks for that.
class paced_memory : public numstore::memory_storage {
public:
    paced_memory() = default;
    paced_memory(numstore::memory_storage m)
        : numstore::memory_storage(std::move(m)) {}

    void write_durable(std::uint64_t offset, std::span<std::byte const> bytes,
                       std::error_code& ec) noexcept {
        wait();
        memory_storage::write_durable(offset, bytes, ec);
    }
    void sync(std::error_code& ec) noexcept {
        syncing = true;
        while (held)
            std::this_thread::yield();
        wait();
        memory_storage::sync(ec);
    }

    inline static std::atomic<bool> held{false};
    inline static std::atomic<bool> syncing{false};
    inline static std::atomic<int> milliseconds{0};

private:
    static void wait() {
        if (int const n = milliseconds; n != 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(n));
    }
};

struct memory_512 : numstore::default_policies {
    static constexpr std::size_t page_size = 512;
    using storage = paced_memory;
    using clock = chosen_clock;
};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::memory_512)
