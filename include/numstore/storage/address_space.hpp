// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace numstore::detail {

/// Owns a mapping.
class mapping {
public:
    mapping() noexcept = default;
    mapping(mapping&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)),
          length_(std::exchange(other.length_, 0)) {}
    mapping& operator=(mapping&& other) noexcept {
        std::swap(base_, other.base_);
        std::swap(length_, other.length_);
        return *this;
    }
    ~mapping() {
        if (base_)
            ::munmap(base_, length_);
    }

    /// Address space without memory behind it, or nothing.
    static mapping reserve(std::uint64_t length) noexcept {
        return make(length, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    }

    /// A read-only window on a file, also past its end, or nothing.
    static mapping of_file(int fd, std::uint64_t length) noexcept {
        return make(length, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd);
    }

    std::byte* base() const noexcept { return base_; }
    std::size_t length() const noexcept { return length_; }
    explicit operator bool() const noexcept { return base_ != nullptr; }

private:
    static mapping make(std::uint64_t length, int protection, int flags,
                        int fd) noexcept {
        mapping result;
        if (length == 0 || !std::in_range<std::size_t>(length))
            return result;
        auto const bytes = static_cast<std::size_t>(length);
        void* const base = ::mmap(nullptr, bytes, protection, flags, fd, 0);
        if (base == MAP_FAILED)
            return result;
        result.base_ = static_cast<std::byte*>(base);
        result.length_ = bytes;
        return result;
    }

    std::byte* base_ = nullptr;
    std::size_t length_ = 0;
};

inline std::uint64_t system_page_bytes() noexcept {
    return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// How much address space to take for something that needs `least` and may
/// grow to `wanted`: halved until it is at most a quarter of the longest free
/// run, and the rest of the process keeps `spare`. Many databases open at once
/// would otherwise leave nothing for the heap.
inline std::uint64_t window_length(std::uint64_t least,
                                   std::uint64_t wanted) noexcept {
    constexpr std::uint64_t spare = std::uint64_t{1} << 38;
    while (wanted > least && !mapping::reserve(std::max(4 * wanted, spare)))
        wanted /= 2;
    return std::max(least, wanted);
}

} // namespace numstore::detail
