// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/engine.hpp>
#include <numstore/format/log_codec.hpp>
#include <numstore/format/log_record.hpp>
#include <numstore/log/log_scan.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace numstore::detail {

/// The analysis pass of recovery: where the log ends, and which of its
/// records are to be redone: those of transactions whose commit is in the
/// log behind the version that the superblock has, but for what a rollback to
/// a savepoint compensates. Memory is bounded by the transactions that were
/// rolled back or open, not by the length of the log.
template <class Policies>
class log_analysis {
    using engine_type = engine<Policies>;
    static constexpr std::size_t page_size = Policies::page_size;

public:
    log_analysis(engine_type& e, log_position const& from,
                 database_id const& id, log_state known)
        : e_(&e), from_(from), id_(id), known_(known) {}

    /// Reads the log, as often as it takes. Throws corrupt, io.
    [[gnu::cold]] void run() {
        read_statuses();
        verify_bulk();
    }

    lsn first() const noexcept { return from_.start; }
    lsn end() const noexcept { return end_; }
    /// Of the last transaction to redo, or 0.
    lsn last_commit() const noexcept { return last_commit_; }
    std::uint64_t last_transaction() const noexcept {
        return last_transaction_;
    }
    /// Records, or a link to a segment without any.
    bool found_batches() const noexcept {
        return batches_ != 0 || segments_.size() > 1;
    }
    /// Batches behind a torn end: a log that went on here might meet them.
    bool has_remains() const noexcept { return remains_; }
    /// Some of its bulk pages are to be written again.
    bool has_unsure_bulk() const noexcept { return !unsure_.empty(); }
    bool is_unsure_bulk(format::log_record const& r) const {
        return unsure_.contains(r.transaction);
    }
    /// The log was given up, and its place used for a later one.
    bool is_replaced() const noexcept { return replaced_; }
    std::vector<log_segment> const& segments() const noexcept {
        return segments_;
    }

    bool is_redone(lsn at, format::log_record const& r) const {
        if (skipped_.contains(r.transaction))
            return false;
        if (planted<Policies>(planted_fault::compensated_is_redone))
            return true;
        auto const [first, last] = compensated_.equal_range(r.transaction);
        return std::none_of(first, last, [&](auto const& c) {
            return c.second.first < at && at < c.second.second;
        });
    }

    /// Calls f(lsn, log_record) for every record of the log.
    template <class F>
    void each_record(F&& f) const {
        read([&](log_batch_view const& batch) {
            for (log_record const r : batch)
                f(r.at, format::decode_log_record(r.body));
            return true;
        });
    }

private:
    template <class Sink>
    scan_result read(Sink&& sink) const {
        return scan<Policies>(
            e_->pages->device(), from_, id_, [&](log_batch_view const& batch) {
                return batch.first() < end_ && sink(batch);
            },
            known_);
    }

    [[gnu::cold]] void read_statuses() {
        skipped_.clear();
        compensated_.clear();
        last_commit_ = {};
        batches_ = 0;
        std::unordered_set<std::uint64_t> open;
        scan_result const result = read([&](log_batch_view const& batch) {
            ++batches_;
            for (log_record const r : batch)
                note(r.at, format::decode_log_record(r.body), open);
            return true;
        });
        if (!planted<Policies>(planted_fault::losers_are_redone))
            skipped_.merge(open);
        end_ = std::min(end_, result.end);
        durable_ = result.durable;
        remains_ = result.remains;
        replaced_ = result.replaced;
        segments_ = result.segments;
    }

    [[gnu::cold]]
    void note(lsn at, format::log_record const& r,
              std::unordered_set<std::uint64_t>& open) {
        last_transaction_ = std::max(last_transaction_, r.transaction);
        switch (r.kind()) {
        case format::log_kind::commit:
            open.erase(r.transaction);
            if (at <= e_->newest.version) {
                skipped_.insert(r.transaction);
                compensated_.erase(r.transaction);
            } else {
                last_commit_ = at;
            }
            break;
        case format::log_kind::abort:
            open.erase(r.transaction);
            skipped_.insert(r.transaction);
            compensated_.erase(r.transaction);
            break;
        case format::log_kind::rollback_to:
            compensated_.emplace(
                r.transaction,
                std::pair{std::get<format::log_rollback_to>(r.body).undo_next,
                          at});
            [[fallthrough]];
        default: open.insert(r.transaction);
        }
    }

    /// Bulk pages of commits that were not known to be durable may be lost:
    /// then the log ends before the first such commit. All pages that will be
    /// needed are reserved.
    [[gnu::cold]] void verify_bulk() {
        if (batches_ == 0)
            return;
        std::unordered_map<std::uint64_t, std::vector<placed_run>> open;
        lsn cut = end_;
        read([&](log_batch_view const& batch) {
            for (log_record const r : batch) {
                auto const record = format::decode_log_record(r.body);
                if (!is_redone(r.at, record))
                    continue;
                auto& runs = open[record.transaction];
                collect(record, runs);
                if (record.kind() != format::log_kind::commit)
                    continue;
                if (r.at >= durable_ && !runs.empty()) {
                    if (!are_whole(runs)) {
                        cut = batch.first();
                        return false;
                    }
                    unsure_.insert(record.transaction);
                }
                if (planted<Policies>(planted_fault::bulk_pages_not_reserved))
                    runs.clear();
                for (placed_run const& run : runs)
                    e_->pages->reserve(
                        {run.first, run.checksums.size() * run.leaf_pages});
                open.erase(record.transaction);
            }
            return true;
        });
        if (cut < end_) {
            end_ = cut;
            read_statuses();
        }
    }

    struct placed_run {
        page_no first;
        std::uint64_t leaf_pages;
        std::vector<std::uint64_t> checksums;
    };

    [[gnu::cold]]
    static void collect(format::log_record const& r,
                        std::vector<placed_run>& to) {
        format::bulk_runs runs;
        if (auto const* b = std::get_if<format::log_insert_bulk>(&r.body))
            runs = b->runs;
        else if (auto const* m = std::get_if<format::log_bulk_more>(&r.body))
            runs = m->runs;
        for (format::bulk_run const run : runs)
            to.push_back({run.first,
                          runs.leaf_pages(),
                          {run.checksums.begin(), run.checksums.end()}});
    }

    [[gnu::cold]] bool are_whole(std::vector<placed_run> const& runs) const {
        if (planted<Policies>(planted_fault::lost_bulk_pages_accepted))
            return true;
        for (placed_run const& run : runs) {
            if (!e_->pages->contains(run.first, run.checksums.size()
                                                    * run.leaf_pages))
                return false;
            std::vector<std::byte> leaf(run.leaf_pages * page_size);
            for (std::size_t i = 0; i != run.checksums.size(); ++i) {
                page_no const place = run.first + i * run.leaf_pages;
                e_->pages->read(place, leaf);
                if (pager<Policies>::checksum(leaf) != run.checksums[i])
                    return false;
            }
        }
        return true;
    }

    engine_type* e_;
    log_position from_;
    database_id id_;
    log_state known_;
    lsn end_{std::numeric_limits<std::uint64_t>::max()};
    lsn durable_{};
    lsn last_commit_{};
    std::uint64_t last_transaction_ = 0;
    std::uint64_t batches_ = 0;
    bool remains_ = false;
    bool replaced_ = false;
    std::vector<log_segment> segments_;
    std::unordered_set<std::uint64_t> skipped_;
    std::unordered_set<std::uint64_t> unsure_; ///< transactions
    std::unordered_multimap<std::uint64_t, std::pair<lsn, lsn>> compensated_;
};

} // namespace numstore::detail
