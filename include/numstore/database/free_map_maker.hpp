// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/engine.hpp>
#include <numstore/database/list_pages.hpp>
#include <numstore/faults.hpp>
#include <numstore/format/free_map.hpp>
#include <numstore/format/superblock.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace numstore::detail {

/// The free map of superblock `generation`, whose log starts at `redo`, which
/// no longer uses the pages `replaced`. Pages that the map takes are noted in
/// `own`. Under `work`.
template <class Policies>
class free_map_maker {
    using engine_type = engine<Policies>;
    static constexpr std::size_t page_size = Policies::page_size;
    static constexpr bool logging = engine_type::logging;

public:
    free_map_maker(engine_type& e, std::uint64_t generation, lsn redo,
                   std::vector<extent> const& replaced,
                   std::vector<extent>& own) noexcept
        : e_(&e), generation_(generation), redo_(redo), replaced_(&replaced),
          own_(&own) {}

    struct made {
        typename list_pages<Policies>::image list;
        std::vector<extent> places;
    };

    /// To be written from now on. `next` gets to know where, and the size of
    /// the file; with `cut` its free end is cut off before. Throws no_space,
    /// no_memory.
    /// Its own pages are taken before it is made, by an upper bound: others
    /// take and free pages meanwhile.
    [[gnu::cold]] made make(format::superblock& next, bool cut) {
        for (std::uint64_t slack = 2;; slack *= 4) {
            std::size_t const own = own_->size();
            list_pages<Policies> pages(*e_->pages, *own_);
            pages.take(format::free_map_bound(count_extents() + slack));
            if (cut)
                e_->pages->cut_tail();
            std::vector<std::byte> bytes;
            format::encode_free_map(free_lists(next), bytes);
            if (bytes.size() > pages.room()) {
                e_->pages->release(*own_, own);
                continue;
            }
            made m{pages.make(std::move(bytes)), pages.all()};
            if (planted<Policies>(planted_fault::free_map_in_place))
                stay(m);
            next.free_map = m.list.root;
            return m;
        }
    }

private:
    [[gnu::cold]] std::uint64_t count_extents() const {
        std::uint64_t const log = e_->log_pool.with_all(
            [](std::vector<extent> const& all) { return all.size(); });
        return log + replaced_->size() + e_->meanwhile.taken.size()
               + e_->pages->with_space([&](space_map& m) {
                     std::uint64_t n = m.free().count() + m.ripening_count();
                     for (auto const& t : e_->active)
                         n += t->changes.allocated.size();
                     return n;
                 });
    }

    /// What is free once the superblock is opened, and one superblock later.
    /// The log's segments and the private pages of transactions are free in
    /// its eyes, for recovery reserves what it reads of them; but segments
    /// that only the superblock before needs become free with the next.
    [[gnu::cold]] format::free_map free_lists(format::superblock& next) {
        std::vector<extent> const kept = log_of_older_superblock();
        std::vector<extent> also_next = *replaced_;
        also_next.insert(also_next.end(), kept.begin(), kept.end());
        auto [now, later] = e_->log_pool.with_all([&](auto const& log) {
            return e_->pages->with_space([&](space_map& m) {
                std::vector<extent> also_free;
                for (extent const& x : log)
                    if (std::find(kept.begin(), kept.end(), x) == kept.end())
                        also_free.push_back(x);
                add_private_pages(also_free);
                next.file_pages = e_->pages->file_pages();
                return m.stored(generation_, also_free, also_next);
            });
        });
        if (planted<Policies>(planted_fault::ripening_pages_not_stored))
            later.clear();
        return {std::move(now), std::move(later)};
    }

    [[gnu::cold]] void add_private_pages(std::vector<extent>& to) const {
        if (planted<Policies>(planted_fault::private_pages_not_stored_free))
            return;
        for (auto const& t : e_->active)
            to.insert(to.end(), t->changes.allocated.begin(),
                      t->changes.allocated.end());
        auto const& taken = e_->meanwhile.taken;
        to.insert(to.end(), taken.begin(), taken.end());
    }

    [[gnu::cold]] std::vector<extent> log_of_older_superblock() {
        std::vector<extent> kept;
        if constexpr (logging)
            for (log_segment const& s : e_->log->segments())
                if (s.end() <= redo_ && s.end() > e_->newest.redo)
                    kept.push_back(log_space_pool<Policies>::extent_of(
                        {s.offset, s.bytes, true}));
        return kept;
    }

    /// The fault: where the old one is, if that is one run as long.
    void stay(made& m) const {
        auto const& old = e_->newest.free_map;
        auto& [place, bytes] = m.list.parts.front();
        if (m.list.parts.size() != 1 || old.levels != 0
            || old.pages < place.pages)
            return;
        bytes.resize(static_cast<std::size_t>(old.pages * page_size));
        place = {old.place, old.pages};
        m.list.root.place = old.place;
        m.list.root.pages = old.pages;
        m.list.root.checksum = pager<Policies>::checksum(bytes);
        m.places = {place};
    }

    engine_type* e_;
    std::uint64_t generation_;
    lsn redo_;
    std::vector<extent> const* replaced_;
    std::vector<extent>* own_;
};

} // namespace numstore::detail
