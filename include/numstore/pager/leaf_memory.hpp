// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define NUMSTORE_DETAIL_WATCHED_MEMORY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NUMSTORE_DETAIL_WATCHED_MEMORY
#endif
#endif

namespace numstore::detail {

/// Memory of new leaves, all of one size, in slabs of 2 MiB that the kernel
/// may give as one page: writers would spend half of their time on page
/// faults otherwise, and in clearing memory if they had fresh one for what each
/// checkpoint has written. Where there are few leaves it has nothing to give.
/// An empty slab goes back where all take more than is to be kept. Thread-safe.
class leaf_memory {
public:
    static constexpr std::size_t alignment = 64;
    static constexpr std::size_t slab_bytes = std::size_t{1} << 21;
    /// Of leaves in memory, before there are slabs.
    static constexpr std::uint64_t least_bytes = std::uint64_t{2} << 20;
    /// Of empty slabs that are kept in any case.
    static constexpr std::size_t least_spare = 4;

    /// For leaves of up to `most` bytes, with what stands in front of them;
    /// so many bytes of slabs stay though they are empty.
    explicit leaf_memory(std::size_t most, std::uint64_t kept = 0) noexcept
        : block_((most + alignment - 1) / alignment * alignment), kept_(kept) {}
    leaf_memory(leaf_memory const&) = delete;
    leaf_memory& operator=(leaf_memory const&) = delete;
    /// Precondition: all blocks are given back.
    ~leaf_memory() {
        while (slab* const s = open_) {
            unlink(*s);
            ::munmap(s, slab_bytes);
        }
    }

    /// A block for `bytes` bytes, where leaves already take `in_use` bytes; or
    /// null: there is none for so few, or so small ones. O(1).
    void* take(std::size_t bytes, std::uint64_t in_use) noexcept {
#ifdef NUMSTORE_DETAIL_WATCHED_MEMORY
        (void)bytes, (void)in_use; // each leaf by itself is watched better
        return nullptr;
#else
        if (bytes > block_ || bytes <= block_ / 2 || in_slab() < 8)
            return nullptr;
        std::scoped_lock lock(guard_);
        if (open_ == nullptr && (in_use < least_bytes || !add_slab()))
            return nullptr;
        slab& s = *open_;
        if (s.used++ == 0)
            --spare_;
        void* given = s.free;
        if (given != nullptr)
            s.free = *static_cast<void**>(given);
        else
            given = at(s, s.touched++);
        if (s.used == in_slab())
            unlink(s);
        return given;
#endif
    }

    /// A block that `take` gave.
    void give_back(void* block) noexcept {
        std::scoped_lock lock(guard_);
        slab& s = *reinterpret_cast<slab*>(
            reinterpret_cast<std::uintptr_t>(block) & ~(slab_bytes - 1));
        *static_cast<void**>(block) = s.free;
        s.free = block;
        if (s.used-- == in_slab())
            link(s);
        if (s.used != 0 || ++spare_ <= least_spare
            || std::uint64_t{slabs_} * slab_bytes <= kept_)
            return;
        --spare_;
        unlink(s);
        ::munmap(&s, slab_bytes);
        --slabs_;
    }

    /// Bytes of all slabs.
    std::uint64_t bytes() const noexcept {
        std::scoped_lock lock(guard_);
        return std::uint64_t{slabs_} * slab_bytes;
    }

private:
    /// What stands at the beginning of a slab. Those with a free block are in
    /// a list.
    struct alignas(alignment) slab {
        slab* next;
        slab* previous;
        void* free; ///< blocks that were given back, each with the next
        std::size_t used;
        std::size_t touched; ///< the blocks behind have never been used
    };

    std::size_t in_slab() const noexcept {
        return (slab_bytes - sizeof(slab)) / block_;
    }
    void* at(slab& s, std::size_t i) const noexcept {
        return reinterpret_cast<std::byte*>(&s) + sizeof(slab) + i * block_;
    }

    void link(slab& s) noexcept {
        s.previous = nullptr;
        s.next = open_;
        if (open_ != nullptr)
            open_->previous = &s;
        open_ = &s;
    }
    void unlink(slab& s) noexcept {
        (s.previous != nullptr ? s.previous->next : open_) = s.next;
        if (s.next != nullptr)
            s.next->previous = s.previous;
    }

    bool add_slab() noexcept {
        void* const place = map_aligned();
        if (place == nullptr)
            return false;
        link(*::new (place) slab{});
        ++spare_;
        ++slabs_;
        return true;
    }

    /// Of slab_bytes, at a multiple of it. Null if there is no memory.
    static void* map_aligned() noexcept {
        void* const all =
            ::mmap(nullptr, 2 * slab_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (all == MAP_FAILED)
            return nullptr;
        auto const begin = reinterpret_cast<std::uintptr_t>(all);
        std::size_t const before = (0 - begin) & (slab_bytes - 1);
        auto* const place = static_cast<std::byte*>(all) + before;
        if (before != 0)
            ::munmap(all, before);
        ::munmap(place + slab_bytes, slab_bytes - before);
#ifdef MADV_HUGEPAGE
        ::madvise(place, slab_bytes, MADV_HUGEPAGE); // as far as it can
#endif
        return place;
    }

    std::size_t const block_;
    std::uint64_t const kept_;
    mutable std::mutex guard_; ///< of all that follows
    slab* open_ = nullptr;     ///< those with a free block
    std::size_t slabs_ = 0;
    std::size_t spare_ = 0; ///< of these, empty
};

} // namespace numstore::detail

#undef NUMSTORE_DETAIL_WATCHED_MEMORY
