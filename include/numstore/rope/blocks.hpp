// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/rope/selection.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace numstore::detail {

/// Where blocks of equal length stand, in ascending order: at first, first +
/// stride, ..., or at the positions of a list, which must outlive it.
class block_places {
public:
    block_places(std::uint64_t first, std::uint64_t stride,
                 std::uint64_t count) noexcept
        : first_(first), stride_(stride), count_(count) {}
    explicit block_places(std::span<std::uint64_t const> list) noexcept
        : count_(list.size()), list_(list) {}

    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t first() const noexcept { return first_; }
    std::uint64_t stride() const noexcept { return stride_; }
    std::span<std::uint64_t const> list() const noexcept { return list_; }

    /// Precondition: i < count.
    std::uint64_t operator[](std::uint64_t i) const noexcept {
        assert(i < count_);
        return list_.empty() ? first_ + i * stride_
                             : list_[static_cast<std::size_t>(i)];
    }

    /// How many of the places from the i-th on are before `end`.
    std::uint64_t before(std::uint64_t end, std::uint64_t i) const noexcept {
        if (i == count_ || (*this)[i] >= end)
            return 0;
        if (list_.empty())
            return stride_ == 0 ? count_ - i
                                : std::min(count_ - i,
                                           (end - 1 - (*this)[i]) / stride_
                                               + 1);
        auto const from = list_.begin() + static_cast<std::ptrdiff_t>(i);
        return static_cast<std::uint64_t>(
            std::lower_bound(from, list_.end(), end) - from);
    }

    /// `n` of them from the i-th on, all `moved` further; a list is put into
    /// `buffer`.
    block_places piece(std::uint64_t i, std::uint64_t n, std::uint64_t moved,
                       std::vector<std::uint64_t>& buffer) const {
        if (list_.empty())
            return {(*this)[i] + moved, stride_, n};
        auto const part = list_.subspan(static_cast<std::size_t>(i),
                                        static_cast<std::size_t>(n));
        if (moved == 0)
            return block_places(part);
        buffer.assign(part.begin(), part.end());
        for (std::uint64_t& p : buffer)
            p += moved;
        return block_places(buffer);
    }

    /// Throws out_of_range unless all are in [0, size], and invalid_argument
    /// unless they ascend; one may be there more than once.
    void check_ascending(std::uint64_t size) const { check(0, size); }

    /// The same for blocks of which none may overlap another, nor the end.
    void check_disjoint(std::uint64_t block, std::uint64_t size) const {
        check(block, size);
    }

private:
    void check(std::uint64_t block, std::uint64_t size) const {
        if (count_ == 0)
            return;
        if (!list_.empty())
            return check_list(block, size);
        if (first_ > size || block > size - first_)
            raise_out_of_range(first_, size);
        if (count_ == 1 || (stride_ == 0 && block == 0))
            return;
        if (stride_ < block)
            raise(errc::invalid_argument, "blocks overlap");
        if (count_ - 1 > (size - first_ - block) / stride_)
            raise(errc::out_of_range,
                  std::to_string(count_) + " blocks from position "
                      + std::to_string(first_) + " in an array of "
                      + std::to_string(size) + " elements");
    }

    void check_list(std::uint64_t block, std::uint64_t size) const {
        for (std::size_t i = 0; i != list_.size(); ++i) {
            if (list_[i] > size || block > size - list_[i])
                raise_out_of_range(list_[i], size);
            if (i != 0
                && (list_[i] < list_[i - 1]
                    || list_[i] - list_[i - 1] < block))
                raise(errc::invalid_argument,
                      "the block at position " + std::to_string(list_[i])
                          + " overlaps another, or is out of order");
        }
    }

    std::uint64_t first_ = 0;
    std::uint64_t stride_ = 0;
    std::uint64_t count_ = 0;
    std::span<std::uint64_t const> list_;
};

/// Blocks of neighbouring elements, as a selection: one group for all that
/// is in a leaf. The caller's buffer has them one behind the other.
class block_selection {
public:
    struct group {
        block_places const* places;
        std::uint64_t block;
        std::uint64_t first; ///< of the leaf
        std::uint64_t index; ///< of the first, in the caller's buffer
        std::uint64_t count;

        /// f(offset in the leaf, count, index in the buffer) for each run.
        template <class F>
        void each(F&& f) const {
            std::uint64_t i = index;
            while (i != index + count) {
                std::uint64_t const within = i % block;
                std::uint64_t const n =
                    std::min(block - within, index + count - i);
                f((*places)[i / block] + within - first, n, i);
                i += n;
            }
        }
    };

    /// Precondition: a block has elements, and none overlaps another. The
    /// places must outlive it.
    block_selection(block_places const& places, std::uint64_t block) noexcept
        : places_(&places), block_(block), total_(places.count() * block) {}

    bool done() const noexcept { return taken_ == total_; }
    std::uint64_t position() const noexcept {
        return (*places_)[taken_ / block_] + taken_ % block_;
    }
    std::uint64_t last() const noexcept {
        return (*places_)[places_->count() - 1] + block_ - 1;
    }
    std::uint64_t count() const noexcept { return total_ - taken_; }

    /// The elements in a leaf, which are then done. Precondition: the leaf
    /// holds `position()`.
    group take(std::uint64_t first, std::uint64_t count) noexcept {
        std::uint64_t const end = first + count;
        std::uint64_t const begun = taken_ / block_;
        std::uint64_t const blocks = places_->before(end, begun);
        std::uint64_t const last = begun + blocks - 1;
        std::uint64_t const in_last =
            std::min(block_, end - (*places_)[last]);
        group const g{places_, block_, first, taken_,
                      last * block_ + in_last - taken_};
        taken_ += g.count;
        return g;
    }

private:
    block_places const* places_;
    std::uint64_t block_;
    std::uint64_t total_;
    std::uint64_t taken_ = 0;
};

} // namespace numstore::detail
