// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace numstore::detail {

/// A set of pages as sorted, disjoint, coalesced extents, with best-fit
/// search. A page may be taken only where all pages of its device block are
/// free (`unit` pages), because a power loss may damage the whole block.
class extent_set {
public:
    explicit extent_set(std::uint64_t unit) noexcept : unit_(unit) {}

    /// Makes sure of memory for `n` more extents, which `insert` and `erase`
    /// then do not allocate. Throws bad_alloc.
    void prepare(std::size_t n) {
        while (spare_.firsts.size() < n)
            spare_.add_first();
        while (spare_.sizes.size() < n)
            spare_.add_size();
    }
    /// How many it is sure of.
    std::size_t prepared() const noexcept {
        return std::min(spare_.firsts.size(), spare_.sizes.size());
    }

    std::uint64_t pages() const noexcept { return pages_; }
    /// Of these, those that may be taken: in blocks that are free as a whole.
    std::uint64_t whole() const noexcept { return whole_; }
    /// Extents.
    std::size_t count() const noexcept { return by_first_.size(); }

    /// Pages that are in the set already stay: damaged files use pages twice,
    /// which are then freed twice. Throws bad_alloc before anything changes.
    void insert(extent e) {
        if (e.pages == 0)
            return;
        if (overlaps(e)) {
            prepare(3);
            erase(e);
        }
        prepare(1);
        std::uint64_t first = to_integer(e.first);
        std::uint64_t end = first + e.pages;
        auto next = by_first_.lower_bound(first);
        if (next != by_first_.begin()) {
            auto const before = std::prev(next);
            if (before->first + before->second == first) {
                first = before->first;
                forget(before);
            }
        }
        if (next != by_first_.end() && next->first == end) {
            end += next->second;
            forget(next);
        }
        put(first, end);
        pages_ += e.pages;
    }

    /// Takes every page of `e` that is in the set out of it. Throws bad_alloc
    /// before anything changes.
    void erase(extent e) {
        prepare(2);
        std::uint64_t const first = to_integer(e.first);
        std::uint64_t const end = first + e.pages;
        auto i = by_first_.upper_bound(first);
        if (i != by_first_.begin())
            --i;
        while (i != by_first_.end() && i->first < end) {
            auto const [start, count] = *i;
            std::uint64_t const stop = start + count;
            if (stop <= first) {
                ++i;
                continue;
            }
            forget(i++);
            pages_ -= count;
            if (start < first)
                put_back(start, first);
            if (stop > end)
                put_back(end, stop);
        }
    }

    /// `pages` neighbouring pages from the smallest extent that has them.
    std::optional<extent> take(std::uint64_t pages) {
        auto const i = by_size_.lower_bound({round_up(pages, unit_), 0});
        if (i == by_size_.end())
            return std::nullopt;
        return cut(i->second, pages);
    }

    /// Up to `most` pages, a multiple of `multiple`, from the smallest extent
    /// that has any: keeps the long ones.
    std::optional<extent> take_smallest(std::uint64_t multiple,
                                        std::uint64_t most) {
        auto const i = by_size_.lower_bound({round_up(multiple, unit_), 0});
        if (i == by_size_.end())
            return std::nullopt;
        return cut(i->second, round_down(std::min(i->first, most), multiple));
    }

    /// `pages` neighbouring pages as near to the start of the file as can be.
    std::optional<extent> take_lowest(std::uint64_t pages) {
        for (auto const& [first, count] : by_first_) {
            auto const [start, length] = usable(first, count);
            if (length >= round_up(pages, unit_))
                return cut(start, pages);
        }
        return std::nullopt;
    }

    /// Up to `most` pages, a multiple of `multiple`, from one of the first
    /// extents of the file that have `least`: keeps the end free.
    std::optional<extent> take_first(std::uint64_t least,
                                     std::uint64_t multiple,
                                     std::uint64_t most) {
        constexpr int tries = 1024;
        auto i = by_first_.begin();
        for (int n = 0; n != tries && i != by_first_.end(); ++i) {
            auto const [start, length] = usable(i->first, i->second);
            if (length >= round_up(least, unit_))
                return cut(start, round_down(std::min(length, most), multiple));
            n += length >= unit_ ? 1 : 0;
        }
        return std::nullopt;
    }

    /// The extent of `pages` pages at `first`, if it is free as a whole.
    bool take_at(page_no first, std::uint64_t pages) {
        std::uint64_t const start = to_integer(first);
        if (start % unit_ != 0 || !contains({first, round_up(pages, unit_)}))
            return false;
        erase({first, pages});
        return true;
    }

    /// Length of the longest run that `take` could give.
    std::uint64_t longest() const noexcept {
        return by_size_.empty() ? 0 : by_size_.rbegin()->first;
    }

    /// How many of `wanted` runs of `pages` pages could not be taken, one by
    /// one. Linear in the number of extents at worst, where space is short.
    std::uint64_t missing_runs(std::uint64_t pages,
                               std::uint64_t wanted) const noexcept {
        if (whole_ / pages >= wanted + by_size_.size())
            return 0; // each extent wastes less than one
        for (auto i = by_size_.rbegin();
             wanted != 0 && i != by_size_.rend() && i->first >= pages; ++i)
            wanted -= std::min(wanted, i->first / pages);
        return wanted;
    }

    bool contains(extent e) const noexcept {
        auto i = by_first_.upper_bound(to_integer(e.first));
        if (i == by_first_.begin())
            return false;
        --i;
        return to_integer(e.end()) <= i->first + i->second;
    }

    /// True if any page of `e` is in the set.
    bool overlaps(extent e) const noexcept {
        auto i = by_first_.lower_bound(to_integer(e.end()));
        if (i == by_first_.begin())
            return false;
        --i;
        return i->first + i->second > to_integer(e.first);
    }

    /// Pages at the end of a file of `file_pages` pages that are free.
    std::uint64_t tail(std::uint64_t file_pages) const noexcept {
        if (by_first_.empty())
            return 0;
        auto const last = std::prev(by_first_.end());
        return last->first + last->second == file_pages ? last->second : 0;
    }

    std::vector<extent> extents() const {
        std::vector<extent> all;
        all.reserve(by_first_.size());
        for (auto const& [first, count] : by_first_)
            all.push_back({page_no{first}, count});
        return all;
    }

private:
    using position = std::map<std::uint64_t, std::uint64_t>::const_iterator;

    /// The part of [first, first + count) that is whole blocks.
    std::pair<std::uint64_t, std::uint64_t>
    usable(std::uint64_t first, std::uint64_t count) const noexcept {
        std::uint64_t const start = round_up(first, unit_);
        std::uint64_t const end = round_down(first + count, unit_);
        return {start, end > start ? end - start : 0};
    }

    void put(std::uint64_t first, std::uint64_t end) noexcept {
        auto node = spare_.take(spare_.firsts);
        node.key() = first;
        node.mapped() = end - first;
        by_first_.insert(std::move(node));
        auto const [start, length] = usable(first, end - first);
        if (length == 0)
            return;
        whole_ += length;
        auto size = spare_.take(spare_.sizes);
        size.value() = {length, start};
        by_size_.insert(std::move(size));
    }
    void forget(position i) noexcept {
        auto const [start, length] = usable(i->first, i->second);
        whole_ -= length;
        if (length != 0)
            spare_.keep(spare_.sizes, by_size_.extract({length, start}));
        spare_.keep(spare_.firsts, by_first_.extract(i));
    }
    void put_back(std::uint64_t first, std::uint64_t end) noexcept {
        put(first, end);
        pages_ += end - first;
    }
    extent cut(std::uint64_t first, std::uint64_t pages) {
        extent const taken{page_no{first}, pages};
        erase(taken);
        return taken;
    }

    using first_map = std::map<std::uint64_t, std::uint64_t>;
    using size_set = std::set<std::pair<std::uint64_t, std::uint64_t>>;

    /// Nodes that hold no extent. A copy of a set has none.
    struct spare_nodes {
        static constexpr std::size_t most = 64;
        std::vector<first_map::node_type> firsts;
        std::vector<size_set::node_type> sizes;

        spare_nodes() = default;
        spare_nodes(spare_nodes const&) noexcept {}
        spare_nodes(spare_nodes&&) noexcept = default;
        spare_nodes& operator=(spare_nodes const&) = delete;
        spare_nodes& operator=(spare_nodes&&) noexcept = default;

        void add_first() {
            firsts.reserve(most);
            first_map one{{0, 0}};
            firsts.push_back(one.extract(one.begin()));
        }
        void add_size() {
            sizes.reserve(most);
            size_set one{{0, 0}};
            sizes.push_back(one.extract(one.begin()));
        }
        template <class Node>
        static Node take(std::vector<Node>& from) noexcept {
            Node node = std::move(from.back());
            from.pop_back();
            return node;
        }
        template <class Node>
        static void keep(std::vector<Node>& in, Node node) noexcept {
            if (in.size() < in.capacity())
                in.push_back(std::move(node));
        }
    };

    std::uint64_t unit_;
    std::uint64_t pages_ = 0;
    std::uint64_t whole_ = 0;
    first_map by_first_;
    size_set by_size_;
    spare_nodes spare_;
};

/// Which pages of the file are free, and which will be.
///
/// A page that a commit frees after superblock g was captured, and before
/// superblock g + 1 was, still belongs to superblock g. It is free for reuse
/// once superblock g + 2 is durable, so that neither superblock of the file
/// refers to it, and once no reader is older than the commit. What no version
/// refers to, as lists and log, has no commit, and waits for superblocks alone.
class space_map {
public:
    struct waiting {
        extent pages;
        std::uint64_t sequence;   ///< of the version that freed them; 0: none
        std::uint64_t generation; ///< of the last superblock captured before
    };

    explicit space_map(std::uint64_t unit) : free_(unit) {}

    extent_set& free() noexcept { return free_; }
    extent_set const& free() const noexcept { return free_; }
    std::uint64_t ripening_pages() const noexcept { return waiting_pages_; }
    /// Extents.
    std::size_t ripening_count() const noexcept {
        return seen_.size() + unseen_.size();
    }
    /// f(waiting)
    template <class F>
    void each_ripening(F&& f) const {
        for (auto const* all : {&seen_, &unseen_})
            for (waiting const& w : *all)
                f(w);
    }

    void retire(extent e, std::uint64_t sequence, std::uint64_t generation) {
        (sequence == 0 ? unseen_ : seen_).push_back({e, sequence, generation});
        waiting_pages_ += e.pages;
    }

    /// As found in a file: free now, and after the superblock behind
    /// `generation`. A log may know that some of both is in use: until
    /// `settle`, `reserve` takes pages out of the two lists.
    void adopt(std::vector<extent> const& free,
               std::vector<extent> const& next, std::uint64_t generation) {
        for (extent const& e : free)
            free_.insert(e);
        for (extent const& e : next)
            adopted_.insert(e);
        adopted_generation_ = generation;
    }
    void reserve(extent e) {
        free_.erase(e);
        adopted_.erase(e);
    }
    [[gnu::cold]] void settle() {
        for (extent const& e : std::exchange(adopted_, extent_set(1)).extents())
            retire(e, 0, adopted_generation_ - 1);
    }

    /// Frees what neither superblock (the newest is `generation`) nor a
    /// reader needs; the oldest reader sees version `oldest`, and the oldest
    /// in another process superblock `superblock`. In order: what was retired
    /// later waits for what was before, of those that readers see and of the
    /// others.
    void ripen(std::uint64_t generation, std::uint64_t oldest,
               std::uint64_t superblock) {
        for (auto* all : {&seen_, &unseen_})
            while (is_ripe(*all, generation, oldest)
                   && all->front().generation < superblock) {
                extent const pages = all->front().pages;
                free_.insert(pages);
                waiting_pages_ -= pages.pages;
                all->pop_front();
            }
    }

    /// Freed, but for readers: the oldest here sees version `oldest`, and the
    /// oldest in another process `superblock`.
    std::uint64_t pinned_pages(std::uint64_t oldest,
                               std::uint64_t superblock) const noexcept {
        std::uint64_t pages = 0;
        each_ripening([&](waiting const& w) {
            if (w.sequence > oldest || w.generation >= superblock)
                pages += w.pages.pages;
        });
        return pages;
    }

    /// Whether anything is free but for readers in other processes.
    bool is_ripe(std::uint64_t generation,
                 std::uint64_t oldest) const noexcept {
        return is_ripe(seen_, generation, oldest)
               || is_ripe(unseen_, generation, oldest);
    }

    /// The two lists that superblock `generation` stores: what is free when
    /// it is opened, and what is free one superblock later. `also_free` and
    /// `also_next` are in use now but not in the eyes of that superblock.
    [[gnu::cold]] std::pair<std::vector<extent>, std::vector<extent>>
    stored(std::uint64_t generation, std::vector<extent> const& also_free,
           std::vector<extent> const& also_next) const {
        std::vector<extent> now = free_.extents();
        std::vector<extent> next = also_next;
        now.insert(now.end(), also_free.begin(), also_free.end());
        each_ripening([&](waiting const& w) {
            (w.generation + 2 <= generation ? now : next).push_back(w.pages);
        });
        coalesce(now);
        coalesce(next);
        return {std::move(now), std::move(next)};
    }

private:
    static bool is_ripe(std::deque<waiting> const& all,
                        std::uint64_t generation,
                        std::uint64_t oldest) noexcept {
        return !all.empty() && all.front().generation + 2 <= generation
               && all.front().sequence <= oldest;
    }

    /// Sorted, and without two that touch or overlap.
    static void coalesce(std::vector<extent>& all) {
        std::sort(all.begin(), all.end(), [](extent const& a, extent const& b) {
            return a.first < b.first;
        });
        auto last = all.begin();
        for (extent const& e : all) {
            if (e.pages == 0)
                continue;
            if (last != all.begin() && e.first <= std::prev(last)->end()) {
                extent& before = *std::prev(last);
                before.pages = to_integer(std::max(before.end(), e.end()))
                               - to_integer(before.first);
            } else {
                *last++ = e;
            }
        }
        all.erase(last, all.end());
    }

    extent_set free_;
    extent_set adopted_{1};
    std::uint64_t adopted_generation_ = 0;
    std::deque<waiting> seen_;   ///< by readers of older versions
    std::deque<waiting> unseen_; ///< by none
    std::uint64_t waiting_pages_ = 0;
};

} // namespace numstore::detail
