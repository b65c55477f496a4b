// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/sharing_table.hpp>
#include <numstore/types.hpp>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <vector>

namespace numstore::detail {

/// How many trees refer to a page beyond the first, for the pages that a
/// clone shares: as few extents as there can be. Not thread-safe.
class page_shares {
public:
    std::size_t count() const noexcept { return runs_.size(); }

    /// References beyond the first; 0 for most pages.
    std::uint64_t extra(page_no p) const noexcept {
        auto const i = runs_.upper_bound(to_integer(p));
        if (i == runs_.begin())
            return 0;
        auto const& [first, r] = *std::prev(i);
        return to_integer(p) < first + r.pages ? r.extra : 0;
    }

    /// `n` more references to each of these pages.
    void add(extent e, std::uint64_t n = 1) {
        if (e.pages == 0 || n == 0)
            return;
        std::uint64_t const end = to_integer(e.end());
        split(to_integer(e.first));
        split(end);
        std::uint64_t at = to_integer(e.first);
        auto i = runs_.lower_bound(at);
        while (at != end) {
            if (i != runs_.end() && i->first == at) {
                i->second.extra += n;
                at += i->second.pages;
            } else {
                std::uint64_t const next =
                    i == runs_.end() || i->first > end ? end : i->first;
                i = runs_.emplace_hint(i, at, run{next - at, n});
                at = next;
            }
            ++i;
        }
        merge(to_integer(e.first), end);
    }

    /// One reference fewer. Precondition: each page has an extra one.
    void remove(extent e) {
        std::uint64_t const end = to_integer(e.end());
        split(to_integer(e.first));
        split(end);
        auto i = runs_.lower_bound(to_integer(e.first));
        while (i != runs_.end() && i->first < end) {
            assert(i->second.extra != 0);
            if (--i->second.extra == 0)
                i = runs_.erase(i);
            else
                ++i;
        }
        merge(to_integer(e.first), end);
    }

    std::vector<format::shared_pages> extents() const {
        std::vector<format::shared_pages> all;
        all.reserve(runs_.size());
        for (auto const& [first, r] : runs_)
            all.push_back({{page_no{first}, r.pages}, r.extra});
        return all;
    }

private:
    struct run {
        std::uint64_t pages;
        std::uint64_t extra;
    };

    /// No run goes across `at` afterwards.
    void split(std::uint64_t at) {
        auto i = runs_.upper_bound(at);
        if (i == runs_.begin())
            return;
        --i;
        std::uint64_t const end = i->first + i->second.pages;
        if (i->first == at || end <= at)
            return;
        runs_.emplace(at, run{end - at, i->second.extra});
        i->second.pages = at - i->first;
    }

    /// Neighbours of one count in and around [first, end) become one run.
    void merge(std::uint64_t first, std::uint64_t end) noexcept {
        auto i = runs_.lower_bound(first);
        if (i != runs_.begin())
            --i;
        while (i != runs_.end() && i->first <= end) {
            auto const next = std::next(i);
            if (next == runs_.end())
                return;
            if (i->first + i->second.pages == next->first
                && i->second.extra == next->second.extra) {
                i->second.pages += next->second.pages;
                runs_.erase(next);
            } else {
                i = next;
            }
        }
    }

    std::map<std::uint64_t, run> runs_;
};

} // namespace numstore::detail
