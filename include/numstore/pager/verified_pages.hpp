// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/types.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace numstore::detail {

/// One bit a page: its checksum was verified, or we wrote it, since the
/// database was opened. Lock-free. Pages past the last chunk are never
/// remembered and so are verified each time.
class verified_pages {
public:
    verified_pages() = default;
    verified_pages(verified_pages const&) = delete;
    verified_pages& operator=(verified_pages const&) = delete;
    ~verified_pages() {
        for (auto& c : chunks_)
            delete c.load(std::memory_order_relaxed);
    }

    bool test(page_no n) const noexcept {
        std::uint64_t const i = to_integer(n);
        if (i / chunk_pages >= chunks_.size())
            return false;
        chunk const* const c =
            chunks_[i / chunk_pages].load(std::memory_order_acquire);
        return c != nullptr
               && ((*c)[i % chunk_pages / 64].load(std::memory_order_relaxed)
                   >> (i % 64)
                   & 1);
    }

    /// Best effort: without memory the page is verified again next time.
    void set(page_no first, std::uint64_t pages) noexcept {
        for (std::uint64_t i = to_integer(first); pages != 0; ++i, --pages) {
            if (i / chunk_pages >= chunks_.size())
                return;
            chunk* const c = chunk_of(i / chunk_pages);
            if (c == nullptr)
                return;
            (*c)[i % chunk_pages / 64].fetch_or(std::uint64_t{1} << (i % 64),
                                                std::memory_order_relaxed);
        }
    }

private:
    static constexpr std::uint64_t chunk_pages = std::uint64_t{1} << 18;
    using chunk = std::array<std::atomic<std::uint64_t>, chunk_pages / 64>;

    chunk* chunk_of(std::uint64_t index) noexcept {
        auto& at = chunks_[index];
        chunk* c = at.load(std::memory_order_acquire); // pairs with the swap
        if (c != nullptr)
            return c;
        auto fresh = std::unique_ptr<chunk>(new (std::nothrow) chunk{});
        if (fresh != nullptr
            && at.compare_exchange_strong(c, fresh.get(),
                                          std::memory_order_acq_rel))
            return fresh.release();
        return c;
    }

    std::array<std::atomic<chunk*>, 8192> chunks_{};
};

} // namespace numstore::detail
