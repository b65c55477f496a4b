// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/cache_lines.hpp>
#include <numstore/pager/frame.hpp>
#include <numstore/rope/leaf_shape.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

namespace numstore::detail {

/// Where each element of a tree is, as a table: leaves that lie one behind
/// the other in the file are one run, so that an array that was written in
/// one piece is a single run, whatever its size. Finds an element in O(1)
/// where the runs are about as long as each other, else in O(log runs).
/// Immutable; belongs to the root node that it describes, which keeps what it
/// points to.
class alignas(cache_line) leaf_directory {
public:
    /// Neighbouring leaves, all but the last of them full; or a hole, without
    /// data; or a leaf that is in memory, without a place.
    struct run {
        std::uint64_t first = 0; ///< element
        std::byte const* data = nullptr;
        page_no place = no_page;
    };
    using run_list = cache_line_vector<run>;

    /// A leaf, or a hole.
    struct found {
        std::byte const* data;
        std::uint64_t first;
        std::uint64_t count;
        page_no place;
    };

    /// `runs` ends with one that only says how many elements there are. To
    /// remember elements takes at most `most` bytes, 8 for each leaf or two.
    /// Precondition: some elements, and `fits`.
    leaf_directory(run_list runs, leaf_shape const& shape,
                   memory_account& account, std::uint64_t most)
        : runs_(std::move(runs)),
          capacity_shift_(std::has_single_bit(shape.capacity)
                              ? static_cast<unsigned>(
                                  std::countr_zero(shape.capacity))
                              : 0),
          account_(&account) {
        std::uint64_t const size = runs_.back().first;
        std::uint64_t const wanted = std::bit_ceil(runs_.size());
        while ((size - 1) >> shift_ >= wanted)
            ++shift_;
        starts_.resize(static_cast<std::size_t>((size - 1) >> shift_) + 2);
        std::size_t i = 0;
        for (std::size_t b = 0; b != starts_.size(); ++b) {
            while (i + 2 < runs_.size()
                   && runs_[i + 1].first <= std::uint64_t{b} << shift_)
                ++i;
            starts_[b] = static_cast<std::uint32_t>(i);
        }
        make_direct(shape, most);
        account_->directory_bytes.fetch_add(bytes(),
                                            std::memory_order_relaxed);
    }
    leaf_directory(leaf_directory const&) = delete;
    leaf_directory& operator=(leaf_directory const&) = delete;
    ~leaf_directory() {
        account_->directory_bytes.fetch_sub(bytes(),
                                            std::memory_order_relaxed);
    }

    static bool fits(std::size_t runs) noexcept {
        return runs < std::numeric_limits<std::uint32_t>::max() / 2;
    }
    /// Of a directory of so many runs, at most, that remembers no elements.
    static std::uint64_t bytes_of(std::size_t runs) noexcept {
        return runs * (sizeof(run) + 2 * sizeof(std::uint32_t))
               + 4 * cache_line;
    }

    /// The leaf that holds `pos`. Precondition: pos < size. Member by member:
    /// a whole that is copied at once would be waited for.
    void find(leaf_shape const& shape, std::uint64_t pos,
              found& leaf) const noexcept {
        run const* const r = &run_of(pos);
        std::uint64_t const end = r[1].first;
        leaf.place = r->place;
        if (r->place == no_page) {
            leaf.data = r->data;
            leaf.first = r->first;
            leaf.count = end - r->first;
            return;
        }
        std::uint64_t const k =
            capacity_shift_ != 0 ? (pos - r->first) >> capacity_shift_
                                 : (pos - r->first) / shape.capacity;
        leaf.first = r->first + k * shape.capacity;
        leaf.count = std::min(shape.capacity, end - leaf.first);
        leaf.data = r->data + k * shape.page_bytes;
        leaf.place = r->place + k * shape.pages;
    }

    /// The bytes of element `pos` where `remember` has found them; else null.
    /// Nothing goes through memory, so that many searches overlap.
    [[gnu::always_inline]] std::byte const*
    known(std::uint64_t element_size, std::uint64_t pos) const noexcept {
        std::uintptr_t const zero =
            direct_[static_cast<std::size_t>(pos >> direct_shift_)].load(
                std::memory_order_relaxed);
        return zero == 0 ? nullptr
                         : reinterpret_cast<std::byte const*>(
                             zero + pos * element_size);
    }

    /// Makes `known` answer for `pos` and its neighbours, if they lie one
    /// behind the other in leaves that are verified.
    template <class IsVerified>
    void remember(leaf_shape const& shape, std::uint64_t pos,
                  IsVerified&& is_verified) const noexcept {
        if (direct_shift_ == no_direct)
            return;
        std::uint64_t const begin = pos >> direct_shift_ << direct_shift_;
        std::uint64_t const last = std::min(
            begin + (std::uint64_t{1} << direct_shift_), runs_.back().first)
                                   - 1;
        if (&run_of(begin) != &run_of(last))
            return;
        found from{};
        found to{};
        find(shape, begin, from);
        find(shape, last, to);
        if (from.data == nullptr
            || (from.first != to.first && !shape.without_waste())
            || (from.place != no_page
                && !(is_verified(from.place) && is_verified(to.place))))
            return;
        direct_[static_cast<std::size_t>(pos >> direct_shift_)].store(
            reinterpret_cast<std::uintptr_t>(from.data)
                - shape.bytes(from.first),
            std::memory_order_relaxed);
    }

    std::size_t runs() const noexcept { return runs_.size() - 1; }

private:
    using direct_list = cache_line_vector<std::atomic<std::uintptr_t>>;
    static constexpr unsigned no_direct = 63;

    /// None where that would take more than `most` bytes, or most of the
    /// elements are in holes.
    void make_direct(leaf_shape const& shape, std::uint64_t most) {
        std::uint64_t leaves = 0;
        for (std::size_t i = 0; i + 1 != runs_.size(); ++i)
            if (runs_[i].data != nullptr)
                leaves += (runs_[i + 1].first - runs_[i].first - 1)
                              / shape.capacity
                          + 1;
        std::uint64_t const last = runs_.back().first - 1;
        auto const shift =
            static_cast<unsigned>(std::bit_width(shape.capacity) - 1);
        if (last >> shift < std::min(4 * leaves + 64,
                                     most / sizeof(std::uintptr_t)))
            direct_shift_ = shift;
        direct_ =
            direct_list(static_cast<std::size_t>(last >> direct_shift_) + 1);
    }

    std::uint64_t bytes() const noexcept {
        return runs_.capacity() * sizeof(run)
               + starts_.capacity() * sizeof(std::uint32_t)
               + direct_.capacity() * sizeof(std::uintptr_t);
    }

    run const& run_of(std::uint64_t pos) const noexcept {
        std::size_t const bucket = static_cast<std::size_t>(pos >> shift_);
        run const* r = &runs_[starts_[bucket]];
        run const* const last = &runs_[starts_[bucket + 1]];
        if (last - r <= 4) {
            while (r != last && r[1].first <= pos)
                ++r;
            return *r;
        }
        return *(std::upper_bound(r, last + 1, pos,
                                  [](std::uint64_t p, run const& x) {
                                      return p < x.first;
                                  })
                 - 1);
    }

    run_list runs_;
    /// Of the elements that begin at a multiple of 2^shift: the run.
    cache_line_vector<std::uint32_t> starts_;
    unsigned shift_ = 0;
    /// Of the elements that begin at a multiple of 2^direct_shift_, no more
    /// than a leaf holds: where element 0 would be if it lay with them.
    mutable direct_list direct_;
    unsigned direct_shift_ = no_direct;
    unsigned capacity_shift_; ///< 0 if the capacity is no power of two
    memory_account* account_;
};

/// The directory of a root node, if there is one: it is made after as many
/// searches as pay for it. Thread-safe.
class directory_slot {
public:
    directory_slot() = default;
    directory_slot(directory_slot const&) = delete;
    directory_slot& operator=(directory_slot const&) = delete;
    ~directory_slot() { delete shown_.load(std::memory_order_relaxed); }

    /// Pairs with `show`.
    leaf_directory const* get() const noexcept {
        return shown_.load(std::memory_order_acquire);
    }

    /// Counts a search for `pos`; true for one caller, once there were about
    /// `enough`. Where many are needed, one in 16 counts for all, so that
    /// threads that search at once seldom write to the same place.
    bool is_due(std::uint64_t enough, std::uint64_t pos) noexcept {
        constexpr std::uint64_t golden = 0x9E37'79B9'7F4A'7C15;
        bool const sampled = enough >= 1024;
        if (sampled && (pos * golden) >> 60 != 0)
            return false;
        std::uint64_t const n = sampled ? 16 : 1;
        if (searches_.load(std::memory_order_relaxed) >= enough)
            return false;
        std::uint64_t const before =
            searches_.fetch_add(n, std::memory_order_relaxed);
        return before < enough && before + n >= enough;
    }
    void show(std::unique_ptr<leaf_directory const> d) noexcept {
        shown_.store(d.release(), std::memory_order_release);
    }

private:
    std::atomic<leaf_directory const*> shown_{nullptr};
    std::atomic<std::uint64_t> searches_{0};
};

} // namespace numstore::detail
