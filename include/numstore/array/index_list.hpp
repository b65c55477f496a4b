// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/position.hpp>
#include <numstore/error.hpp>
#include <numstore/rope/selection.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <string>
#include <vector>

namespace numstore {

/// A range of positions: any integers but bool, in any order.
template <class R>
concept index_range =
    std::ranges::input_range<R> && integer<std::ranges::range_value_t<R>>;

namespace detail {

/// A position and where the caller has it.
struct placed_index {
    std::uint64_t position;
    std::uint64_t place;
};

/// Sorts by position, equal ones by place: radix sort, 8 bits at a time, that
/// skips what all positions have in common. O(n).
inline void radix_sort(std::vector<placed_index>& list) {
    std::uint64_t differing = 0;
    for (placed_index const& i : list)
        differing |= i.position ^ list.front().position;
    std::vector<placed_index> other(list.size());
    for (unsigned shift = 0; shift != 64; shift += 8) {
        if ((differing >> shift & 0xff) == 0)
            continue;
        std::array<std::size_t, 257> first{};
        for (placed_index const& i : list)
            ++first[(i.position >> shift & 0xff) + 1];
        for (std::size_t digit = 1; digit != 257; ++digit)
            first[digit] += first[digit - 1];
        for (placed_index const& i : list)
            other[first[i.position >> shift & 0xff]++] = i;
        list.swap(other);
    }
}

/// The positions of a scattered read, write or erase in ascending order, and
/// where the caller has each, so that every leaf is touched once. Positions
/// that ascend already are not sorted. O(n) time, 40 bytes per position
/// while it sorts.
class index_list {
public:
    /// Throws out_of_range where a position is negative or not below `size`.
    template <index_range R>
    index_list(R&& positions, std::uint64_t size) {
        if constexpr (std::ranges::sized_range<R>)
            positions_.reserve(
                static_cast<std::size_t>(std::ranges::size(positions)));
        for (auto const p : positions) {
            std::uint64_t const n = to_count(p, "position");
            if (n >= size)
                raise_out_of_range(n, size);
            positions_.push_back(n);
        }
        if (!std::is_sorted(positions_.begin(), positions_.end()))
            sort();
    }

    std::size_t size() const noexcept { return positions_.size(); }
    bool empty() const noexcept { return positions_.empty(); }

    /// Ascending; a position that was given twice is there twice.
    std::span<std::uint64_t const> positions() const noexcept {
        return positions_;
    }
    /// order()[i] is where the caller has positions()[i]; empty if that is i.
    std::span<std::uint64_t const> order() const noexcept { return order_; }

private:
    void sort() {
        std::vector<placed_index> list(positions_.size());
        for (std::size_t i = 0; i != list.size(); ++i)
            list[i] = {positions_[i], i};
        constexpr std::size_t worth_tables = 2000;
        if (list.size() < worth_tables)
            std::sort(list.begin(), list.end(),
                      [](placed_index const& a, placed_index const& b) {
                          return a.position != b.position
                                     ? a.position < b.position
                                     : a.place < b.place;
                      });
        else
            radix_sort(list);
        order_.resize(list.size());
        for (std::size_t i = 0; i != list.size(); ++i) {
            positions_[i] = list[i].position;
            order_[i] = list[i].place;
        }
    }

    std::vector<std::uint64_t> positions_;
    std::vector<std::uint64_t> order_;
};

} // namespace detail
} // namespace numstore
