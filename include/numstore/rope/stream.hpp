// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

// Copies that leave the caches as they are: what is written is not read into
// them first. Where one copy is much larger than they are that is a fifth
// faster.

namespace numstore::detail {

/// Bytes from which on that pays: more than a cache keeps for one thread.
inline constexpr std::size_t streamed_bytes = std::size_t{32} << 20;

/// Copies n bytes, which other threads see after `finish_streaming`.
inline void stream(std::byte const* src, std::byte* dst,
                   std::size_t n) noexcept {
#ifdef __SSE2__
    constexpr std::size_t unit = sizeof(__m128i);
    std::size_t const head = std::min(
        n, (unit - reinterpret_cast<std::uintptr_t>(dst) % unit) % unit);
    std::memcpy(dst, src, head);
    std::size_t at = head;
    for (; n - at >= 4 * unit; at += 4 * unit) {
        __m128i block[4];
        std::memcpy(block, src + at, sizeof block);
        auto* const to = reinterpret_cast<__m128i*>(dst + at);
        _mm_stream_si128(to, block[0]);
        _mm_stream_si128(to + 1, block[1]);
        _mm_stream_si128(to + 2, block[2]);
        _mm_stream_si128(to + 3, block[3]);
    }
    std::memcpy(dst + at, src + at, n - at);
#else
    std::memcpy(dst, src, n);
#endif
}

inline void finish_streaming() noexcept {
#ifdef __SSE2__
    _mm_sfence();
#endif
}

} // namespace numstore::detail
