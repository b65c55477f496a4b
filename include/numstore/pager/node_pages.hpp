// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace numstore::detail {

/// What nodes of trees take once they are written.
struct node_pages {
    std::uint64_t pages = 0;   ///< of all
    std::uint64_t runs = 0;    ///< leaves of several pages, each in one run
    std::uint64_t in_runs = 0; ///< pages of these
    std::uint64_t longest = 1; ///< pages of the longest of these

    void add_leaf(std::uint64_t leaf_pages) noexcept {
        pages += leaf_pages;
        if (leaf_pages > 1) {
            ++runs;
            in_runs += leaf_pages;
            longest = std::max(longest, leaf_pages);
        }
    }
    node_pages& operator+=(node_pages const& other) noexcept {
        pages += other.pages;
        runs += other.runs;
        in_runs += other.in_runs;
        longest = std::max(longest, other.longest);
        return *this;
    }
    /// The same where there are no more than `most` pages in all.
    node_pages within(std::uint64_t most) const noexcept {
        return {std::min(pages, most), std::min(runs, most / 2),
                std::min(in_runs, most), longest};
    }
    /// So many nodes of one page more.
    node_pages with(std::uint64_t single) const noexcept {
        node_pages all = *this;
        all.pages += single;
        return all;
    }
    /// Runs of the longest leaf's length in which all of it fits, in whatever
    /// order it is written.
    std::uint64_t runs_of_longest() const noexcept {
        return runs + (pages - in_runs + longest - 1) / longest;
    }
};

} // namespace numstore::detail
