// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/faults.hpp>
#include <numstore/pager/cached_leaf.hpp>
#include <numstore/pager/frame.hpp>
#include <numstore/pager/page_allocator.hpp>
#include <numstore/pager/page_cache.hpp>
#include <numstore/pager/verified_pages.hpp>
#include <numstore/policies.hpp>
#include <numstore/storage/storage_device.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace numstore::detail {

/// The verified bytes of a leaf on disk: in place where the device can show
/// them, else in the cache, where they stay at least as long as the pin.
template <class Policies>
class leaf_pin {
    using cached_pin = cached_leaf_pin<Policies>;

public:
    leaf_pin() noexcept = default;
    explicit leaf_pin(std::byte const* data) noexcept : data_(data) {}
    explicit leaf_pin(cached_pin leaf) noexcept
        : data_(leaf->data()), leaf_(std::move(leaf)) {}

    std::byte const* data() const noexcept { return data_; }
    explicit operator bool() const noexcept { return data_ != nullptr; }

private:
    std::byte const* data_ = nullptr;
    cached_pin leaf_;
};

/// The device seen as pages: reading with verification, and writing, besides
/// their allocation. Thread-safe. Knows nothing of what pages hold.
template <class Policies>
class pager : public page_allocator<Policies> {
    using base = page_allocator<Policies>;
    template <class T>
    using atomic = typename base::template atomic<T>;
    using base::device_;
    using base::fail;

public:
    using policies = Policies;
    using storage = typename Policies::storage;
    using base::file_pages;
    using base::name;
    using base::page_size;
    using base::set_failed;
    static constexpr bool zero_copy = viewable_device<storage>;

    /// Superblocks stand at byte 0 and 64 KiB; data starts behind both.
    static constexpr std::uint64_t first_data_page =
        std::max<std::uint64_t>(128 * 1024, page_size) / page_size;

    pager(storage device, std::uint64_t cache_bytes)
        : base(std::move(device)),
          account_(leaf_frame::head + page_size, cache_bytes),
          cache_(cache_bytes),
          directory_budget_(cache_bytes / 4) {}

    memory_account& account() noexcept { return account_; }
    memory_account const& account() const noexcept { return account_; }

    static std::uint64_t
    checksum(std::span<std::byte const> bytes) noexcept {
        return Policies::checksum::of(bytes);
    }

    // reading

    /// The leaf of `pages` pages at `first`. Throws corrupt, io.
    leaf_pin<Policies> pin_leaf(page_no first, std::uint64_t pages,
                                std::uint64_t sum) const {
        std::size_t const size = static_cast<std::size_t>(pages) * page_size;
        if constexpr (zero_copy) {
            std::byte const* const p =
                device_.view(to_integer(first) * page_size, size);
            if (p != nullptr) {
                if (!verified_.test(first)) {
                    verify({p, size}, first, sum);
                    verified_.set(first, pages);
                }
                return leaf_pin<Policies>(p);
            }
        }
        if (auto hit = cache_.find(first); hit && hit->size() == size)
            return leaf_pin<Policies>(std::move(hit));
        auto leaf = cache_.make(first, size);
        read_node(first, sum, leaf->bytes());
        cache_.insert(first, leaf);
        return leaf_pin<Policies>(std::move(leaf));
    }

    /// Pages in place, verified or not; null where the device cannot show
    /// them.
    std::byte const* view(page_no first, std::uint64_t pages) const noexcept {
        if constexpr (zero_copy)
            return device_.view(to_integer(first) * page_size,
                                static_cast<std::size_t>(pages) * page_size);
        return nullptr;
    }
    bool is_verified(page_no first) const noexcept {
        return verified_.test(first);
    }
    /// Bytes that directories of leaves may take.
    std::uint64_t directory_budget() const noexcept {
        return directory_budget_;
    }

    /// Whole pages from `first`, verified. Throws corrupt, io.
    void read_node(page_no first, std::uint64_t sum,
                   std::span<std::byte> out) const {
        read(first, out);
        verify(out, first, sum);
    }

    /// Whole pages from `first` as they are. Throws io.
    void read(page_no first, std::span<std::byte> out) const {
        std::error_code ec;
        device_.read(to_integer(first) * page_size, out, ec);
        if (ec)
            raise_device(ec, name() + ": cannot read page "
                                 + std::to_string(to_integer(first)));
        pages_read_.fetch_add(out.size() / page_size,
                              std::memory_order_relaxed);
    }

    /// True if these pages can hold a node. For places read from disk.
    bool contains(page_no first, std::uint64_t pages) const noexcept {
        std::uint64_t end = 0;
        return to_integer(first) >= first_data_page
               && add(to_integer(first), pages, end) && end <= file_pages();
    }

    // writing

    /// Whole pages at `first`; not durable until `sync`.
    void write(page_no first, std::span<std::byte const> bytes) {
        cache_.forget(first, bytes.size() / page_size);
        std::error_code ec;
        device_.write(to_integer(first) * page_size, bytes, ec);
        bytes_written_.fetch_add(bytes.size(), std::memory_order_relaxed);
        writes_.fetch_add(1, std::memory_order_release);
        if (ec)
            fail(ec, "cannot write page " + std::to_string(to_integer(first)));
        verified_.set(first, bytes.size() / page_size);
    }

    /// From now on a sync follows what is written within moments.
    void set_syncs_soon(bool soon) noexcept { syncs_soon_ = soon; }
    bool syncs_soon() const noexcept { return syncs_soon_; }

    /// Has the device begin with the sync of these pages, if one follows.
    void start_sync(page_no first, std::uint64_t pages) {
        if constexpr (eager_device<storage>) {
            if (!syncs_soon_)
                return;
            std::error_code ec;
            device_.start_sync(to_integer(first) * page_size,
                               static_cast<std::size_t>(pages) * page_size, ec);
            if (ec) {
                set_failed(); // as after a sync
                fail(ec, "cannot write page "
                             + std::to_string(to_integer(first)));
            }
        }
    }

    /// How many writes have ended; `note_synced` says that all of the first
    /// `n` are durable.
    std::uint64_t writes() const noexcept {
        return writes_.load(std::memory_order_acquire);
    }
    /// How many of them are durable.
    std::uint64_t synced() const noexcept {
        return synced_.load(std::memory_order_acquire);
    }
    void note_synced(std::uint64_t n) noexcept {
        std::uint64_t seen = synced_.load(std::memory_order_relaxed);
        while (seen < n
               && !synced_.compare_exchange_weak(seen, n,
                                                 std::memory_order_acq_rel)) {
        }
    }

    /// All writes that began before are durable on return. What a sync that
    /// fails has lost, even for want of space, no later one brings back.
    void sync() {
        std::uint64_t const n = writes();
        std::error_code ec;
        device_.sync(ec);
        syncs_.fetch_add(1, std::memory_order_relaxed);
        if (planted<Policies>(planted_fault::failed_sync_is_ignored))
            ec.clear();
        if (ec) {
            set_failed(); // even without space: what it lost stays lost
            fail(ec, "cannot sync");
        }
        note_synced(n);
    }

    /// A range outside of the pages, a superblock; not durable until `sync`.
    void write_at(std::uint64_t offset, std::span<std::byte const> bytes) {
        std::error_code ec;
        device_.write(offset, bytes, ec);
        bytes_written_.fetch_add(bytes.size(), std::memory_order_relaxed);
        writes_.fetch_add(1, std::memory_order_release);
        if (ec)
            fail(ec, "cannot write the superblock");
    }

    /// The same, durable on return.
    void write_durable(std::uint64_t offset,
                       std::span<std::byte const> bytes) {
        std::error_code ec;
        device_.write_durable(offset, bytes, ec);
        syncs_.fetch_add(1, std::memory_order_relaxed);
        bytes_written_.fetch_add(bytes.size(), std::memory_order_relaxed);
        if (ec) {
            set_failed(); // it may be there, and refer to the new pages
            fail(ec, "cannot write the superblock");
        }
    }

    // counters

    std::uint64_t bytes_written() const noexcept {
        return bytes_written_.load(std::memory_order_relaxed);
    }
    std::uint64_t syncs() const noexcept {
        return syncs_.load(std::memory_order_relaxed);
    }
    std::uint64_t pages_read() const noexcept {
        return pages_read_.load(std::memory_order_relaxed);
    }
    std::uint64_t cached_bytes() { return cache_.bytes(); }

private:
    void verify(std::span<std::byte const> bytes, page_no first,
                std::uint64_t sum) const {
        if (checksum(bytes) != sum)
            raise(errc::corrupt, name() + ": page "
                                     + std::to_string(to_integer(first))
                                     + " does not match its checksum");
    }

    memory_account account_;
    mutable page_cache<Policies> cache_;
    std::uint64_t const directory_budget_;
    mutable verified_pages verified_;
    bool syncs_soon_ = false; ///< set before others use it

    atomic<std::uint64_t> writes_{0};
    atomic<std::uint64_t> synced_{0};
    atomic<std::uint64_t> bytes_written_{0};
    atomic<std::uint64_t> syncs_{0};
    mutable atomic<std::uint64_t> pages_read_{0};
};

} // namespace numstore::detail
