// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <new>

namespace numstore::detail {

/// How many pages each version has freed, and so how many a reader of an
/// older one keeps. Not thread-safe.
class freed_pages {
public:
    /// Pages that version `sequence` no longer uses. O(1) for the newest one.
    /// Where memory is short they count as if a newer one had freed them.
    void add(std::uint64_t sequence, std::uint64_t pages) noexcept {
        total_ += pages;
        auto at = find(sequence);
        if (at == versions_.end() || at->sequence != sequence) {
            std::uint64_t const before = at == versions_.begin()
                                             ? forgotten_
                                             : std::prev(at)->total;
            try {
                at = versions_.insert(at, {sequence, before});
            } catch (std::bad_alloc const&) { // what comes next counts them
                at = find(sequence);
            }
        }
        for (; at != versions_.end(); ++at)
            at->total += pages;
    }

    /// Pages freed by versions newer than `sequence`. O(log versions).
    std::uint64_t after(std::uint64_t sequence) const noexcept {
        auto const next = std::upper_bound(
            versions_.begin(), versions_.end(), sequence,
            [](std::uint64_t s, version const& v) { return s < v.sequence; });
        return total_
               - (next == versions_.begin() ? forgotten_
                                            : std::prev(next)->total);
    }

    /// Nobody will ask for versions older than `oldest`.
    void forget(std::uint64_t oldest) noexcept {
        while (!versions_.empty() && versions_.front().sequence <= oldest) {
            forgotten_ = versions_.front().total;
            versions_.pop_front();
        }
    }

private:
    struct version {
        std::uint64_t sequence;
        std::uint64_t total; ///< freed by this one and all before
    };
    std::deque<version>::iterator find(std::uint64_t sequence) noexcept {
        return std::lower_bound(
            versions_.begin(), versions_.end(), sequence,
            [](version const& v, std::uint64_t s) { return v.sequence < s; });
    }

    std::deque<version> versions_; ///< ascending
    std::uint64_t forgotten_ = 0;
    std::uint64_t total_ = 0;
};

} // namespace numstore::detail
