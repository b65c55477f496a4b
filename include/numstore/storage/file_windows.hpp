// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/storage/address_space.hpp>
#include <numstore/types.hpp>

#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace numstore::detail {

/// Read-only windows on one file, each longer than those before it. The first
/// one is meant to be the only one: it reaches far past the end of the file.
/// All stay mapped until destruction, so that no address ever changes.
///
/// One thread at a time adds windows; any number look addresses up.
class file_windows {
public:
    file_windows() noexcept = default;
    file_windows(file_windows&& other) noexcept
        : newest_(other.newest_.exchange(nullptr, std::memory_order_relaxed)) {}
    file_windows& operator=(file_windows&& other) noexcept {
        newest_.store(
            other.newest_.exchange(newest_.load(std::memory_order_relaxed),
                                   std::memory_order_relaxed),
            std::memory_order_relaxed);
        return *this;
    }
    ~file_windows() {
        window const* next = newest_.load(std::memory_order_relaxed);
        while (next)
            delete std::exchange(next, next->older);
    }

    /// Makes the first `bytes` of the file addressable if they are not, and
    /// what it may grow by. Without address space nothing changes.
    void cover(int fd, std::uint64_t bytes) noexcept {
        window const* const newest = newest_.load(std::memory_order_relaxed);
        if (bytes > most || (newest && bytes <= newest->map.length()))
            return;
        std::uint64_t const least =
            round_up(std::max<std::uint64_t>(bytes, 1), system_page_bytes());
        std::uint64_t const roomy = std::max(2 * least, small);
        mapping map = mapping::of_file(
            fd, window_length(roomy, std::max(roomy, reach(fd))));
        if (!map)
            map = mapping::of_file(fd, least);
        if (!map)
            return;
        auto* const added = new (std::nothrow) window{std::move(map), newest};
        // Pairs with the load in `find`.
        if (added)
            newest_.store(added, std::memory_order_release);
    }

    /// The address of a range of the file, or null past the newest window.
    std::byte const* find(std::uint64_t offset,
                          std::size_t length) const noexcept {
        window const* const newest = newest_.load(std::memory_order_acquire);
        if (!newest || length > newest->map.length()
            || offset > newest->map.length() - length)
            return nullptr;
        return newest->map.base() + offset;
    }

private:
    struct window {
        mapping map;
        window const* older;
    };

    static constexpr std::uint64_t small = std::uint64_t{64} << 20;
    static constexpr std::uint64_t usual = std::uint64_t{1} << 44;
    static constexpr std::uint64_t most = std::uint64_t{1} << 47;

    /// A length that the file cannot outgrow while its file system has about
    /// the size it has now.
    static std::uint64_t reach(int fd) noexcept {
        struct statvfs about{};
        std::uint64_t blocks = 0;
        if (::fstatvfs(fd, &about) != 0
            || !multiply(about.f_blocks, about.f_frsize, blocks) || blocks == 0)
            return usual;
        return std::min(usual, 2 * std::bit_ceil(std::min(blocks, usual)));
    }

    std::atomic<window const*> newest_ = nullptr;
};

} // namespace numstore::detail
