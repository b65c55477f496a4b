// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/inner_page.hpp>
#include <numstore/pager/frame.hpp>
#include <numstore/rope/leaf_directory.hpp>
#include <numstore/types.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

namespace numstore::detail {

/// Levels of inner nodes that a tree can have. The smallest page has 20
/// children, at least 10 of them used, so 2^63 elements need 20 levels.
inline constexpr unsigned max_height = 32;

/// An inner node of a count tree in memory: for each child how many elements
/// are below it, and how to find it. Level 1 is the parent of leaves.
///
/// Invariants of a tree, which `check` verifies:
/// - every inner node but the root is at least half full, and the root has
///   two children or more;
/// - any two neighbouring leaves together hold more than one leaf can;
/// - a hole stands for at least as many elements as a leaf can hold, and has
///   no hole as its neighbour.
template <std::size_t PageSize>
class inner_frame final : public frame {
public:
    static constexpr std::uint32_t capacity =
        format::inner_page<PageSize>::capacity;
    static constexpr std::uint32_t minimum = capacity / 2;

    inner_frame(edit_token owner, memory_account& account, unsigned level)
        : frame(frame_kind::inner, owner),
          account_(&account),
          level_(static_cast<std::uint8_t>(level)) {
        account_->inner_bytes.fetch_add(sizeof(inner_frame),
                                        std::memory_order_relaxed);
        account_->note_unwritten(PageSize, 1);
    }
    ~inner_frame() override {
        account_->inner_bytes.fetch_sub(sizeof(inner_frame),
                                        std::memory_order_relaxed);
        if (place() == no_page)
            forget_unwritten();
        destroy(0, size_);
    }
    void set_written(page_no place, std::uint64_t checksum) noexcept override {
        frame::set_written(place, checksum);
        forget_unwritten();
    }

    unsigned level() const noexcept { return level_; }
    std::uint32_t size() const noexcept { return size_; }
    std::uint64_t count(std::uint32_t i) const noexcept { return counts_[i]; }
    child_ref& child(std::uint32_t i) noexcept { return children_[i]; }
    child_ref const& child(std::uint32_t i) const noexcept {
        return children_[i];
    }

    /// True if none of the leaves below is in memory by way of this node. What
    /// readers install, which comes from disk, leaves it so.
    bool is_without_leaves() const noexcept { return without_leaves_; }
    void set_without_leaves() noexcept { without_leaves_ = true; }

    /// Of the whole tree, where this is the root of one that others may read.
    directory_slot& directory() noexcept { return directory_; }

    /// Child `i`, if there is one, is about to be looked at.
    void expect_child(std::uint64_t i) const noexcept {
        if (i < capacity)
            __builtin_prefetch(&children_[i]);
    }

    /// Elements below the children [begin, end).
    std::uint64_t total(std::uint32_t begin, std::uint32_t end) const noexcept {
        std::uint64_t sum = 0;
        for (std::uint32_t i = begin; i != end; ++i)
            sum += counts_[i];
        return sum;
    }
    std::uint64_t total() const noexcept { return total(0, size_); }

    /// A child, and how many elements are below the children before it.
    struct found {
        std::uint32_t index;
        std::uint64_t first;
    };
    /// The child that holds element `pos`. Precondition: pos < total().
    found find(std::uint64_t pos) const noexcept { return find(pos, {0, 0}); }

    /// The same, not before `from`. Divides where the first children are
    /// even, as those of an array that was appended are: no search, whose
    /// branches nobody predicts. Else sums whole blocks, which compilers turn
    /// into vector code, then looks inside one.
    found find(std::uint64_t pos, found from) const noexcept {
        if (std::uint64_t const each = counts_[0]; pos < even_ * each) {
            std::uint64_t const index = pos / each;
            return {static_cast<std::uint32_t>(index), index * each};
        }
        constexpr std::uint32_t block = capacity < 256 ? 8 : 32;
        auto [i, first] = from;
        for (; i + block <= size_; i += block) {
            std::uint64_t sum = 0;
            for (std::uint32_t k = 0; k != block; ++k)
                sum += counts_[i + k];
            if (pos - first < sum)
                break;
            first += sum;
        }
        while (pos - first >= counts_[i])
            first += counts_[i++];
        assert(i < size_);
        return {i, first};
    }

    void set_count(std::uint32_t i, std::uint64_t count) noexcept {
        if (i == 0 && count != counts_[0])
            even_ = 1;
        else if (count != counts_[0])
            even_ = std::min(even_, i);
        counts_[i] = count;
    }

    void push_back(child_ref child, std::uint64_t count) noexcept {
        assert(size_ < capacity);
        new (&children_[size_]) child_ref(std::move(child));
        counts_[size_] = count;
        if (even_ == size_ && count == counts_[0])
            ++even_;
        ++size_;
    }

    /// Makes room for `n` children before child `at`: holes of no elements.
    void open(std::uint32_t at, std::uint32_t n) noexcept {
        assert(at <= size_ && n <= capacity - size_);
        std::memmove(counts_ + at + n, counts_ + at,
                     (size_ - at) * sizeof *counts_);
        relocate(children_ + at + n, children_ + at, size_ - at);
        for (std::uint32_t i = at; i != at + n; ++i) {
            new (&children_[i]) child_ref();
            counts_[i] = 0;
        }
        size_ += n;
        even_ = std::min(even_, at);
    }

    /// Removes the children [at, at + n).
    void erase(std::uint32_t at, std::uint32_t n) noexcept {
        destroy(at, at + n);
        close(at, n);
    }

    /// Copies the children [begin, end) of another node to the end.
    void append(inner_frame const& from, std::uint32_t begin,
                std::uint32_t end) noexcept {
        assert(end - begin <= capacity - size_);
        for (std::uint32_t i = begin; i != end; ++i)
            new (&children_[size_ + i - begin]) child_ref(from.children_[i]);
        std::memcpy(counts_ + size_, from.counts_ + begin,
                    (end - begin) * sizeof *counts_);
        size_ += end - begin;
        while (even_ != size_ && counts_[even_] == counts_[0])
            ++even_;
    }

    /// Moves the children [begin, end) of another node to before child `at`.
    void take(std::uint32_t at, inner_frame& from, std::uint32_t begin,
              std::uint32_t end) noexcept {
        std::uint32_t const n = end - begin;
        assert(&from != this && n <= capacity - size_);
        std::memmove(counts_ + at + n, counts_ + at,
                     (size_ - at) * sizeof *counts_);
        relocate(children_ + at + n, children_ + at, size_ - at);
        std::memcpy(counts_ + at, from.counts_ + begin, n * sizeof *counts_);
        relocate(children_ + at, from.children_ + begin, n);
        size_ += n;
        even_ = std::min(even_, at);
        from.close(begin, n);
    }

private:
    /// A `child_ref` is what its bytes say wherever they stand: its moves
    /// run no code that knows its address, so whole ranges move as bytes.
    static void relocate(child_ref* to, child_ref* from,
                         std::uint32_t n) noexcept {
        std::memmove(static_cast<void*>(to), static_cast<void const*>(from),
                     n * sizeof(child_ref));
    }

    /// Forgets the children [at, at + n), which are gone.
    void close(std::uint32_t at, std::uint32_t n) noexcept {
        std::uint32_t const rest = size_ - at - n;
        std::memmove(counts_ + at, counts_ + at + n, rest * sizeof *counts_);
        relocate(children_ + at, children_ + at + n, rest);
        size_ -= n;
        even_ = std::min(even_, at);
    }

    void forget_unwritten() noexcept {
        account_->forget_unwritten(PageSize, 1);
    }

    void destroy(std::uint32_t begin, std::uint32_t end) noexcept {
        for (std::uint32_t i = begin; i != end; ++i)
            children_[i].~child_ref();
    }

    memory_account* account_;
    directory_slot directory_;
    std::uint8_t level_;
    bool without_leaves_ = false;
    std::uint32_t size_ = 0;
    /// So many of the first children, at least, have as many elements as the
    /// very first.
    std::uint32_t even_ = 0;
    std::uint64_t counts_[capacity];
    union {
        child_ref children_[capacity]; // the first size_ of them live
    };
};

template <std::size_t PageSize>
using inner_ptr = boost::intrusive_ptr<inner_frame<PageSize>>;

} // namespace numstore::detail
