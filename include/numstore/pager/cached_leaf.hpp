// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/types.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace numstore::detail {

template <class Policies>
class cached_leaf_pool;

/// The bytes of one leaf read from a device that cannot show them in place.
/// Shares are counted. Once there is none the bytes are gone, but the object
/// stays, and may become another leaf: so whoever meets one by chance may ask
/// for a share at any time, and then has to look which leaf it is.
template <class Policies>
class cached_leaf {
    template <class T>
    using atomic = typename Policies::threading::template atomic<T>;

public:
    static constexpr std::size_t alignment = 64;

    cached_leaf() = default;
    cached_leaf(cached_leaf const&) = delete;
    cached_leaf& operator=(cached_leaf const&) = delete;
    ~cached_leaf() { free_bytes(); }

    /// `no_page` until it is filled. Pairs with `set_page`.
    page_no page() const noexcept {
        return page_.load(std::memory_order_acquire);
    }

    // With a share:

    void set_page(page_no page) noexcept {
        page_.store(page, std::memory_order_release);
    }
    std::span<std::byte> bytes() noexcept { return {data_, size_}; }
    std::byte const* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

    void share() noexcept { shares_.fetch_add(1, std::memory_order_relaxed); }

    /// The last one frees the bytes. Pairs with itself, and with `try_share`
    /// by way of the count.
    void release() noexcept {
        if (shares_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            pool_->give_back(*this);
    }

    void note_use() noexcept {
        if (!used_.load(std::memory_order_relaxed))
            used_.store(true, std::memory_order_relaxed);
    }
    bool forget_use() noexcept {
        return used_.exchange(false, std::memory_order_relaxed);
    }

    /// False if there are no shares left.
    bool try_share() noexcept {
        std::uint64_t n = shares_.load(std::memory_order_relaxed);
        while (n != 0)
            if (shares_.compare_exchange_weak(n, n + 1,
                                              std::memory_order_acquire,
                                              std::memory_order_relaxed))
                return true;
        return false;
    }

private:
    friend cached_leaf_pool<Policies>;

    void free_bytes() noexcept {
        ::operator delete(data_, std::align_val_t{alignment});
        data_ = nullptr;
    }

    atomic<std::uint64_t> shares_{0};
    atomic<page_no> page_{no_page};
    atomic<bool> used_{false};
    std::size_t size_ = 0;
    std::byte* data_ = nullptr;
    cached_leaf_pool<Policies>* pool_ = nullptr;
    cached_leaf* next_ = nullptr; ///< without shares
};

/// A share of a leaf, or none.
template <class Policies>
class cached_leaf_pin {
    using leaf = cached_leaf<Policies>;

public:
    cached_leaf_pin() noexcept = default;
    /// Takes a share over.
    explicit cached_leaf_pin(leaf* l) noexcept : leaf_(l) {}
    cached_leaf_pin(cached_leaf_pin const& other) noexcept
        : leaf_(other.leaf_) {
        if (leaf_ != nullptr)
            leaf_->share();
    }
    cached_leaf_pin(cached_leaf_pin&& other) noexcept
        : leaf_(std::exchange(other.leaf_, nullptr)) {}
    cached_leaf_pin& operator=(cached_leaf_pin other) noexcept {
        std::swap(leaf_, other.leaf_);
        return *this;
    }
    ~cached_leaf_pin() {
        if (leaf_ != nullptr)
            leaf_->release();
    }

    leaf* get() const noexcept { return leaf_; }
    leaf* operator->() const noexcept { return leaf_; }
    explicit operator bool() const noexcept { return leaf_ != nullptr; }
    bool operator==(cached_leaf_pin const&) const = default;

private:
    leaf* leaf_ = nullptr;
};

/// Leaf objects to be used again: taken by one thread at a time, given back
/// by any, without waiting.
template <class Policies>
class cached_leaf_pool {
    using leaf = cached_leaf<Policies>;
    template <class T>
    using atomic = typename Policies::threading::template atomic<T>;

public:
    /// With one share. Throws bad_alloc.
    leaf* take(std::size_t size) {
        if (free_ == nullptr)
            free_ = returned_.exchange(nullptr, std::memory_order_acquire);
        if (free_ == nullptr)
            grow();
        auto* const bytes = static_cast<std::byte*>(
            ::operator new(size, std::align_val_t{leaf::alignment}));
        leaf* const l = std::exchange(free_, free_->next_);
        l->data_ = bytes;
        l->size_ = size;
        l->pool_ = this;
        l->used_.store(false, std::memory_order_relaxed);
        l->page_.store(no_page, std::memory_order_relaxed);
        l->shares_.store(1, std::memory_order_release); // with `try_share`
        return l;
    }

    /// One that has no shares any more.
    void give_back(leaf& l) noexcept {
        l.free_bytes();
        l.next_ = returned_.load(std::memory_order_relaxed);
        while (!returned_.compare_exchange_weak(l.next_, &l,
                                                std::memory_order_release,
                                                std::memory_order_relaxed)) {
        }
    }

private:
    static constexpr std::size_t block = 64;

    void grow() {
        blocks_.push_back(std::make_unique<leaf[]>(block));
        for (std::size_t i = 0; i != block; ++i)
            blocks_.back()[i].next_ = std::exchange(free_,
                                                    &blocks_.back()[i]);
    }

    std::vector<std::unique_ptr<leaf[]>> blocks_;
    leaf* free_ = nullptr;
    atomic<leaf*> returned_{nullptr}; ///< pairs with itself
};

} // namespace numstore::detail
