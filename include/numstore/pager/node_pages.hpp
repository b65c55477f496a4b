// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace numstore::detail {

/// What nodes of trees take once they are written.
struct node_pages {
    std::uint64_t pages = 0;   ///< of all
    std::uint64_t runs = 0;    ///< nodes of several pages, each in one run
    std::uint64_t in_runs = 0; ///< pages of these
    std::uint64_t longest = 1; ///< pages of the longest of these

    /// So many nodes of `each` pages.
    void add(std::uint64_t each, std::uint64_t nodes = 1) noexcept {
        pages += nodes * each;
        if (each > 1 && nodes != 0) {
            runs += nodes;
            in_runs += nodes * each;
            longest = std::max(longest, each);
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
    /// Runs of the longest node's length in which all of it fits, in whatever
    /// order it is written: one for each node of several pages, or where those
    /// are much shorter, for any two runs hold more than one of them could.
    std::uint64_t runs_of_longest() const noexcept {
        return std::min(runs + (pages - in_runs + longest - 1) / longest,
                        2 * pages / longest + 1);
    }
};

/// What the next checkpoint is known to write, at most.
struct due_nodes {
    node_pages arrays; ///< the nodes of those that have changed
    node_pages names;  ///< the catalogue's, on the ways to these

    due_nodes& operator+=(due_nodes const& other) noexcept {
        arrays += other.arrays;
        names += other.names;
        return *this;
    }
};

} // namespace numstore::detail
