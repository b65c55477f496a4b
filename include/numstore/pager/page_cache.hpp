// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/policies.hpp>
#include <numstore/types.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <new>
#include <span>
#include <unordered_map>
#include <utility>

namespace numstore::detail {

/// The bytes of one leaf read from a device that cannot show them in place.
class cached_leaf
    : public boost::intrusive_ref_counter<cached_leaf> {
public:
    static constexpr std::size_t alignment = 64;

    explicit cached_leaf(std::size_t size)
        : size_(size), data_(static_cast<std::byte*>(::operator new(
                           size, std::align_val_t{alignment}))) {}
    cached_leaf(cached_leaf const&) = delete;
    cached_leaf& operator=(cached_leaf const&) = delete;
    ~cached_leaf() { ::operator delete(data_, std::align_val_t{alignment}); }

    std::span<std::byte> bytes() noexcept { return {data_, size_}; }
    std::byte const* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

private:
    std::size_t size_;
    std::byte* data_;
};

using cached_leaf_ptr = boost::intrusive_ptr<cached_leaf>;

/// Leaves by their first page, least recently used out first, within a byte
/// budget. Pinned leaves leave the cache but stay with their holders.
/// Thread-safe; sharded, so that readers seldom meet.
template <class Policies>
class page_cache {
    using mutex = typename Policies::threading::mutex;

public:
    explicit page_cache(std::uint64_t budget) noexcept
        : shard_budget_(budget / shard_count) {}

    cached_leaf_ptr find(page_no first) {
        shard& s = shard_of(first);
        std::scoped_lock lock(s.guard);
        auto const i = s.leaves.find(to_integer(first));
        if (i == s.leaves.end())
            return nullptr;
        s.order.splice(s.order.begin(), s.order, i->second);
        return i->second->second;
    }

    void insert(page_no first, cached_leaf_ptr const& leaf) {
        shard& s = shard_of(first);
        std::list<entry> node;
        node.emplace_front(first, leaf);
        std::scoped_lock lock(s.guard);
        auto const [i, fresh] =
            s.leaves.try_emplace(to_integer(first), node.begin());
        if (!fresh)
            return;
        s.order.splice(s.order.begin(), node);
        s.bytes += leaf->size();
        while (s.bytes > shard_budget_ && s.order.size() > 1)
            drop(s, std::prev(s.order.end()));
    }

    /// The pages hold something else now.
    void forget(page_no first, std::uint64_t pages) {
        for (std::uint64_t i = 0; i != pages; ++i) {
            shard& s = shard_of(first + i);
            std::scoped_lock lock(s.guard);
            auto const found = s.leaves.find(to_integer(first) + i);
            if (found != s.leaves.end())
                drop(s, found->second);
        }
    }

    std::uint64_t bytes() {
        std::uint64_t sum = 0;
        for (shard& s : shards_) {
            std::scoped_lock lock(s.guard);
            sum += s.bytes;
        }
        return sum;
    }

private:
    static constexpr std::size_t shard_count = 8;
    using entry = std::pair<page_no, cached_leaf_ptr>;

    struct shard {
        mutex guard;
        std::list<entry> order;
        std::unordered_map<std::uint64_t, std::list<entry>::iterator> leaves;
        std::uint64_t bytes = 0;
    };

    shard& shard_of(page_no first) noexcept {
        return shards_[(to_integer(first) * 0x9E3779B97F4A7C15u) >> 61];
    }
    static void drop(shard& s, std::list<entry>::iterator i) {
        s.bytes -= i->second->size();
        s.leaves.erase(to_integer(i->first));
        s.order.erase(i);
    }

    std::uint64_t shard_budget_;
    std::array<shard, shard_count> shards_;
};

} // namespace numstore::detail
