// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/fwd.hpp>
#include <numstore/storage/address_space.hpp>
#include <numstore/storage/posix_io.hpp>
#include <numstore/storage/storage_device.hpp>
#include <numstore/types.hpp>

#include <sys/mman.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace numstore {

/// A storage device in memory, gone with its object. Its bytes never move, and
/// memory is taken when a page is first written and given back by shrinking.
/// Durable means nothing here: `sync` does nothing. errc::no_memory when the
/// system has no more.
///
/// Reads, views and writes of other ranges may run while one thread resizes.
class memory_storage {
public:
    memory_storage() noexcept : window_(reserve()) {}

    memory_storage(memory_storage&& other) noexcept
        : window_(std::move(other.window_)),
          committed_(std::exchange(other.committed_, 0)),
          size_(other.size_.exchange(0, std::memory_order_relaxed)) {}

    memory_storage& operator=(memory_storage&& other) noexcept {
        window_ = std::move(other.window_);
        std::swap(committed_, other.committed_);
        size_.store(
            other.size_.exchange(load_size(), std::memory_order_relaxed),
            std::memory_order_relaxed);
        return *this;
    }

    ~memory_storage() = default;

    std::size_t block_size() const noexcept { return 512; }
    std::string name() const { return "memory"; }

    std::uint64_t size(std::error_code& ec) const noexcept {
        ec.clear();
        return load_size();
    }

    void read(std::uint64_t offset, std::span<std::byte> bytes,
              std::error_code& ec) const noexcept {
        if (check(offset, bytes.size(), ec) && !bytes.empty())
            std::memcpy(bytes.data(), window_.base() + offset, bytes.size());
    }

    void write(std::uint64_t offset, std::span<std::byte const> bytes,
               std::error_code& ec) noexcept {
        if (check(offset, bytes.size(), ec) && !bytes.empty())
            std::memcpy(window_.base() + offset, bytes.data(), bytes.size());
    }

    void write_durable(std::uint64_t offset, std::span<std::byte const> bytes,
                       std::error_code& ec) noexcept {
        write(offset, bytes, ec);
    }

    void sync(std::error_code& ec) noexcept { ec.clear(); }

    void resize(std::uint64_t bytes, std::error_code& ec) noexcept {
        ec.clear();
        std::uint64_t const old = load_size();
        if (bytes > committed_ && !commit(bytes)) {
            ec = errc::no_memory;
            return;
        }
        size_.store(bytes, std::memory_order_release);
        if (bytes < old)
            forget(bytes, old);
    }

    /// The bytes at `offset`, valid until the device is destroyed or shrinks
    /// below them; null past the end.
    std::byte const* view(std::uint64_t offset,
                          std::size_t length) const noexcept {
        return detail::in_range(offset, length, load_size())
                   ? window_.base() + offset
                   : nullptr;
    }

private:
    /// Memory is made usable in steps of this size: one system call each.
    static constexpr std::uint64_t step = std::uint64_t{2} << 20;

    /// A window that no content this machine can hold outgrows, or the largest
    /// there is.
    static detail::mapping reserve() noexcept {
        constexpr std::uint64_t least = std::uint64_t{1} << 30;
        constexpr std::uint64_t most = std::uint64_t{1} << 40;
        struct sysinfo about{};
        std::uint64_t memory = most;
        if (::sysinfo(&about) == 0)
            memory = (std::uint64_t{about.totalram} + about.totalswap)
                     * about.mem_unit;
        auto length = detail::window_length(
            least, std::min(most, 4 * std::bit_ceil(std::min(memory, most))));
        // Under a limit on address space half of what is left must do.
        while (length > step && !detail::mapping::reserve(2 * length))
            length /= 2;
        return detail::mapping::reserve(length);
    }

    std::uint64_t load_size() const noexcept {
        return size_.load(std::memory_order_acquire);
    }

    bool check(std::uint64_t offset, std::size_t length,
               std::error_code& ec) const noexcept {
        bool const inside = detail::in_range(offset, length, load_size());
        ec = inside ? std::error_code() : detail::past_the_end();
        return inside;
    }

    bool commit(std::uint64_t bytes) noexcept {
        if (bytes > window_.length())
            return false;
        auto const end = std::min<std::uint64_t>(detail::round_up(bytes, step),
                                                 window_.length());
        if (::mprotect(window_.base() + committed_, end - committed_,
                       PROT_READ | PROT_WRITE)
            != 0)
            return false;
        committed_ = end;
        return true;
    }

    /// Zeros [from, to), which a later growth must find so, and gives whole
    /// pages of it back.
    void forget(std::uint64_t from, std::uint64_t to) noexcept {
        auto const page = detail::system_page_bytes();
        auto const whole = std::min(detail::round_up(from, page), to);
        std::memset(window_.base() + from, 0, whole - from);
        auto const end = detail::round_up(to, page);
        if (end > whole
            && ::madvise(window_.base() + whole, end - whole, MADV_DONTNEED)
                   != 0)
            std::memset(window_.base() + whole, 0, to - whole);
    }

    detail::mapping window_;
    std::uint64_t committed_ = 0;
    /// Stored with release after the memory is usable; loads acquire.
    std::atomic<std::uint64_t> size_ = 0;
};

static_assert(viewable_device<memory_storage>);

} // namespace numstore
