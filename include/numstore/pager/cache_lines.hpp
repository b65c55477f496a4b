// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <vector>

namespace numstore::detail {

/// Bytes that processors fetch, and take from each other, at once.
inline constexpr std::size_t cache_line = 64;

/// Memory in whole cache lines: what many threads read shares none with what
/// one of them writes.
template <class T>
struct cache_line_allocator {
    using value_type = T;
    /// Elements of a vector, as atomics, need not be movable.
    using propagate_on_container_move_assignment = std::true_type;

    cache_line_allocator() = default;
    template <class U>
    cache_line_allocator(cache_line_allocator<U> const&) noexcept {}

    T* allocate(std::size_t n) {
        if (n > (static_cast<std::size_t>(-1) - cache_line) / sizeof(T))
            throw std::bad_array_new_length();
        std::size_t const lines =
            (n * sizeof(T) + cache_line - 1) / cache_line;
        return static_cast<T*>(::operator new(lines * cache_line,
                                              std::align_val_t{cache_line}));
    }
    void deallocate(T* p, std::size_t) noexcept {
        ::operator delete(p, std::align_val_t{cache_line});
    }

    friend bool operator==(cache_line_allocator,
                           cache_line_allocator) noexcept {
        return true;
    }
};

template <class T>
using cache_line_vector = std::vector<T, cache_line_allocator<T>>;

} // namespace numstore::detail
