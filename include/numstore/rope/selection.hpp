// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace numstore::detail {

// A selection names elements of an array in ascending order, and says where
// in the caller's buffer each belongs. Operations take from it, leaf by leaf,
// the group of all elements in that leaf.

/// Neighbouring elements.
class range_selection {
public:
    struct group {
        std::uint64_t offset; ///< of the first, in the leaf
        std::uint64_t count;
        std::uint64_t index; ///< of the first, in the caller's buffer
    };

    range_selection(std::uint64_t pos, std::uint64_t count) noexcept
        : next_(pos), end_(pos + count), begin_(pos) {}

    bool done() const noexcept { return next_ == end_; }
    std::uint64_t position() const noexcept { return next_; }
    std::uint64_t last() const noexcept { return end_ - 1; }
    std::uint64_t count() const noexcept { return end_ - next_; }

    /// The elements in a leaf, which are then done. Precondition: the leaf
    /// holds `position()`.
    group take(std::uint64_t first, std::uint64_t count) noexcept {
        std::uint64_t const n = std::min(end_, first + count) - next_;
        group const g{next_ - first, n, next_ - begin_};
        next_ += n;
        return g;
    }

private:
    std::uint64_t next_;
    std::uint64_t end_;
    std::uint64_t begin_;
};

/// Every step-th element; a negative step selects backwards.
class strided_selection {
public:
    struct group {
        std::uint64_t offset; ///< in the leaf, of the one that comes first
                              ///< in the caller's buffer
        std::uint64_t count;
        std::uint64_t index; ///< in the caller's buffer
        std::int64_t stride;
        std::uint64_t lowest; ///< offset of the lowest
    };

    /// Elements pos, pos + step, ..., `count` of them.
    strided_selection(std::uint64_t pos, std::int64_t step,
                      std::uint64_t count) noexcept
        : count_(count),
          step_(magnitude(step)),
          backwards_(step < 0),
          low_(backwards_ && count != 0 ? pos - (count - 1) * step_ : pos) {}

    bool done() const noexcept { return taken_ == count_; }
    std::uint64_t position() const noexcept { return low_ + taken_ * step_; }
    std::uint64_t last() const noexcept { return low_ + (count_ - 1) * step_; }
    std::uint64_t count() const noexcept { return count_ - taken_; }
    std::uint64_t step() const noexcept { return step_; }

    group take(std::uint64_t first, std::uint64_t count) noexcept {
        std::uint64_t const lowest = position() - first;
        std::uint64_t n = 1;
        if (step_ < count)
            n = std::min(count_ - taken_, (count - 1 - lowest) / step_ + 1);
        group g{lowest, n, taken_, 1, lowest};
        if (n > 1)
            g.stride = static_cast<std::int64_t>(step_);
        if (backwards_) {
            g.stride = -g.stride;
            g.offset = lowest + (n - 1) * step_;
            g.index = count_ - taken_ - n;
        }
        taken_ += n;
        return g;
    }

    static constexpr std::uint64_t magnitude(std::int64_t step) noexcept {
        return step < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(step)
                        : static_cast<std::uint64_t>(step);
    }

private:
    std::uint64_t count_;
    std::uint64_t step_;
    bool backwards_;
    std::uint64_t low_;
    std::uint64_t taken_ = 0;
};

/// Elements at given positions, in ascending order. `order` says where in the
/// caller's buffer each belongs; empty means in this order.
class indexed_selection {
public:
    struct group {
        std::span<std::uint64_t const> positions;
        std::uint64_t first; ///< of the leaf
        std::uint64_t count;
        std::uint64_t index; ///< of the first among all positions
        std::span<std::uint64_t const> order;
    };

    indexed_selection(std::span<std::uint64_t const> positions,
                      std::span<std::uint64_t const> order) noexcept
        : positions_(positions), order_(order) {}

    bool done() const noexcept { return taken_ == positions_.size(); }
    std::uint64_t position() const noexcept { return positions_[taken_]; }
    std::uint64_t last() const noexcept { return positions_.back(); }
    std::uint64_t count() const noexcept { return positions_.size() - taken_; }

    group take(std::uint64_t first, std::uint64_t count) noexcept {
        std::size_t end = taken_ + 1;
        while (end != positions_.size() && positions_[end] - first < count)
            ++end;
        std::size_t const n = end - taken_;
        group const g{positions_.subspan(taken_, n), first, n, taken_,
                      order_.empty() ? order_ : order_.subspan(taken_, n)};
        taken_ = end;
        return g;
    }

private:
    std::span<std::uint64_t const> positions_;
    std::span<std::uint64_t const> order_;
    std::size_t taken_ = 0;
};

[[noreturn]] inline void raise_out_of_range(std::uint64_t pos,
                                            std::uint64_t size) {
    raise(errc::out_of_range, "position " + std::to_string(pos)
                                  + " in an array of " + std::to_string(size)
                                  + " elements");
}

/// Throws out_of_range unless [pos, pos + count) lies in [0, size).
inline void check_range(std::uint64_t pos, std::uint64_t count,
                        std::uint64_t size) {
    if (pos > size || count > size - pos)
        raise_out_of_range(pos > size ? pos : size, size);
}

/// Throws invalid_argument for a step of 0, and out_of_range unless all of
/// pos, pos + step, ... are positions.
inline void check_stride(std::uint64_t pos, std::int64_t step,
                         std::uint64_t count, std::uint64_t size) {
    if (step == 0)
        raise(errc::invalid_argument, "a step of 0");
    if (count == 0)
        return;
    if (pos >= size)
        raise_out_of_range(pos, size);
    std::uint64_t const room = step < 0 ? pos : size - 1 - pos;
    if (count - 1 > room / strided_selection::magnitude(step))
        raise(errc::out_of_range,
              std::to_string(count) + " elements from position "
                  + std::to_string(pos) + " with a step of "
                  + std::to_string(step) + " in an array of "
                  + std::to_string(size) + " elements");
}

/// Throws out_of_range unless all positions are below `size`; and
/// invalid_argument unless they ascend, strictly where `distinct`.
inline void check_positions(std::span<std::uint64_t const> positions,
                            std::uint64_t size, bool distinct) {
    for (std::size_t i = 1; i < positions.size(); ++i)
        if (distinct ? positions[i - 1] >= positions[i]
                     : positions[i - 1] > positions[i])
            raise(errc::invalid_argument,
                  "position " + std::to_string(positions[i])
                      + (positions[i - 1] == positions[i]
                             ? " is given twice"
                             : " is out of order"));
    if (!positions.empty() && positions.back() >= size)
        raise_out_of_range(positions.back(), size);
}

} // namespace numstore::detail
