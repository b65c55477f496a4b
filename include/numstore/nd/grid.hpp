// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/rope/blocks.hpp>
#include <numstore/rope/selection.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace numstore::detail {

/// The elements of a layout in ascending order, with axes that are one run
/// taken as one. Axes whose stride was negative are flipped: what is read
/// this way is to be turned around, see `reverse_axes`.
template <std::size_t Rank>
class grid {
public:
    struct axis {
        std::uint64_t count;
        std::uint64_t stride;
    };

    template <class Layout>
    explicit grid(Layout const& layout) : first_(layout.first()) {
        for (std::size_t k = 0; k != Rank; ++k) {
            counts_[k] = layout.extent(k);
            size_ *= counts_[k];
        }
        if (size_ == 0)
            return;
        for (std::size_t k = 0; k != Rank; ++k)
            add_axis(k, layout.stride(k));
    }

    std::uint64_t size() const noexcept { return size_; }
    std::array<std::uint64_t, Rank> const& counts() const noexcept {
        return counts_;
    }
    std::array<bool, Rank> const& flipped() const noexcept { return flipped_; }
    bool any_flipped() const noexcept {
        return std::find(flipped_.begin(), flipped_.end(), true)
               != flipped_.end();
    }
    std::uint64_t first() const noexcept { return first_; }

    /// Are all elements neighbours, in order?
    bool is_run() const noexcept {
        return size_ != 0 && !any_flipped()
               && (used_ == 0 || (used_ == 1 && axes_[0].stride == 1));
    }

    /// Calls blocks(places, block, index) or strided(first, stride, count,
    /// index) until all elements are named in ascending order; `index` is
    /// where the buffer has the first.
    template <class Blocks, class Strided>
    void each_pass(Blocks&& blocks, Strided&& strided) const {
        if (size_ == 0)
            return;
        bool const in_runs = used_ == 0 || axes_[used_ - 1].stride == 1;
        std::size_t const inner = std::min<std::size_t>(used_, in_runs ? 2 : 1);
        std::uint64_t index = 0;
        walk(0, used_ - inner, first_, [&](std::uint64_t at) {
            if (!in_runs) {
                axis const a = axes_[used_ - 1];
                strided(at, a.stride, a.count, index);
                index += a.count;
                return;
            }
            std::uint64_t const block = used_ == 0 ? 1 : axes_[used_ - 1].count;
            axis const a = used_ < 2 ? axis{1, 0} : axes_[used_ - 2];
            blocks(block_places(at, a.stride, a.count), block, index);
            index += block * a.count;
        });
    }

private:
    void add_axis(std::size_t k, std::int64_t stride) {
        std::uint64_t const n = counts_[k];
        if (n == 1)
            return;
        auto const apart = strided_selection::magnitude(stride);
        if (stride < 0) {
            flipped_[k] = true;
            first_ -= (n - 1) * apart;
        }
        // Flipped in the buffer one by one, so that merging stays allowed.
        if (used_ != 0 && axes_[used_ - 1].stride == n * apart)
            axes_[used_ - 1] = {axes_[used_ - 1].count * n, apart};
        else
            axes_[used_++] = {n, apart};
    }

    template <class F>
    void walk(std::size_t from, std::size_t to, std::uint64_t at,
              F&& f) const {
        if (from == to)
            return f(at);
        for (std::uint64_t i = 0; i != axes_[from].count; ++i)
            walk(from + 1, to, at + i * axes_[from].stride, f);
    }

    std::uint64_t first_;
    std::uint64_t size_ = 1;
    std::array<std::uint64_t, Rank> counts_{};
    std::array<bool, Rank> flipped_{};
    std::array<axis, Rank> axes_{};
    std::size_t used_ = 0;
};

/// Turns the elements of a grid around along its flipped axes, in place;
/// twice is nothing.
template <std::size_t Rank>
void reverse_axes(grid<Rank> const& g,
                  std::span<std::byte> bytes) noexcept {
    std::size_t slab = bytes.size();
    for (std::size_t k = 0; k != Rank && slab != 0; ++k) {
        auto const n = static_cast<std::size_t>(g.counts()[k]);
        std::size_t const part = slab / n;
        if (g.flipped()[k])
            for (std::size_t at = 0; at != bytes.size(); at += slab)
                for (std::size_t i = 0; i != n / 2; ++i) {
                    auto const a = bytes.subspan(at + i * part, part);
                    auto const b = bytes.subspan(at + (n - 1 - i) * part, part);
                    std::swap_ranges(a.begin(), a.end(), b.begin());
                }
        slab = part;
    }
}

} // namespace numstore::detail
