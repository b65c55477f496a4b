// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/engine.hpp>
#include <numstore/error.hpp>
#include <numstore/format/log_lists.hpp>
#include <numstore/pager/page_writer.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Bulk pages that a log names, written again elsewhere: those of commits of
/// which no later batch says that they were durable. After a sync that has
/// failed the system may show pages that the device does not have, and take
/// them for written. Not in place: a power loss while they are written would
/// damage what may have been durable all along.
///
/// Where there is no room they stay where they are. Before any page is
/// allocated, all that the log names must have been reserved.
template <class Policies>
class bulk_copies {
    using engine_type = engine<Policies>;

public:
    explicit bulk_copies(engine_type& e) noexcept : e_(&e) {}

    /// Precondition: the pages of `runs` have the checksums that it says.
    /// Throws io, failed.
    [[gnu::cold]] void copy(format::bulk_runs const& runs) {
        std::uint64_t leaves = 0;
        for (format::bulk_run const run : runs)
            leaves += run.checksums.size();
        page_writer<Policies> out(*e_->pages, leaves * runs.leaf_pages(),
                                  new_places_);
        for (format::bulk_run const run : runs)
            copy(run, runs.leaf_pages(), out);
        out.finish();
    }

    /// Calls f(first page, first leaf of the run, leaves) for the pieces in
    /// which the run is now.
    template <class F>
    void each_piece(format::bulk_run const& run, F&& f) const {
        auto const i = pieces_.find(to_integer(run.first));
        if (i == pieces_.end())
            return f(run.first, std::size_t{0}, run.checksums.size());
        std::size_t leaf = 0;
        for (auto const& [first, leaves] : i->second) {
            f(first, leaf, leaves);
            leaf += leaves;
        }
    }

    /// Once nothing but the log refers to them: the pages that were copied
    /// are free when neither superblock needs that log.
    void retire_originals() {
        for (extent const& e : originals_)
            e_->pages->retire(e, 0, e_->newest.generation);
        originals_.clear();
    }

private:
    using piece = std::pair<page_no, std::size_t>; ///< and how many leaves

    void copy(format::bulk_run const& run, std::uint64_t leaf_pages,
              page_writer<Policies>& out) {
        auto& pieces = pieces_[to_integer(run.first)];
        pieces.clear();
        std::vector<std::byte> leaf(
            static_cast<std::size_t>(leaf_pages * Policies::page_size));
        for (std::size_t i = 0; i != run.checksums.size(); ++i) {
            page_no const from = run.first + i * leaf_pages;
            page_no to = from;
            if (has_room_) {
                e_->pages->read(from, leaf);
                to = put(leaf, leaf_pages, from, out);
            }
            if (pieces.empty()
                || pieces.back().first + pieces.back().second * leaf_pages
                       != to)
                pieces.push_back({to, 0});
            ++pieces.back().second;
        }
    }

    page_no put(std::vector<std::byte> const& leaf, std::uint64_t leaf_pages,
                page_no from, page_writer<Policies>& out) {
        if (planted<Policies>(planted_fault::bulk_pages_rewritten_in_place)) {
            e_->pages->write(from, leaf);
            return from;
        }
        try {
            page_no const to = out.put(leaf, leaf_pages).place;
            originals_.push_back({from, leaf_pages});
            return to;
        } catch (error const& failure) {
            if (failure.code() != errc::no_space)
                throw;
            has_room_ = false;
            return from;
        }
    }

    engine_type* e_;
    bool has_room_ = true;
    std::vector<extent> new_places_;
    std::vector<extent> originals_;
    std::unordered_map<std::uint64_t, std::vector<piece>> pieces_;
};

} // namespace numstore::detail
