// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/catalogue.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/statistics.hpp>
#include <numstore/rope/check.hpp>
#include <numstore/rope/retire.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Reads all that is in use, and accounts for every page of the file: it is
/// used by one tree, free, ripening, log, or part of the free map. Holds the
/// engine's work mutex, so writers wait; readers do not.
template <class Policies>
class verifier {
    using engine_type = engine<Policies>;
    static constexpr std::size_t page_size = Policies::page_size;

public:
    explicit verifier(engine_type& e) noexcept : e_(&e) {}

    verify_report run() {
        std::scoped_lock lock(e_->work);
        report_.pages = e_->pages->file_pages();
        check_catalogue();
        check_arrays();
        count_unused();
        account();
        return std::move(report_);
    }

private:
    void say(page_no page, std::string array, std::string what) {
        report_.problems.push_back(
            {to_integer(page), std::move(array), std::move(what)});
    }

    void use(extent e, std::string const& owner) {
        if (!e_->pages->contains(e.first, e.pages)) {
            say(e.first, owner, "a page outside of the file is in use");
            return;
        }
        used_.push_back({e, owner});
    }

    catalogue_version const& names() const noexcept {
        return e_->catalogue_versions.newest()->value;
    }

    void check_catalogue() {
        catalogue<Policies> const c(*e_->pages);
        try {
            c.walk(names(), [&](extent e) { use(e, "the catalogue"); });
            c.check(names(), [&](page_no page, std::string what) {
                say(page, {}, "catalogue: " + std::move(what));
            });
        } catch (error const& failure) {
            say(no_page, {}, failure.what());
        }
    }

    void check_arrays() {
        catalogue<Policies> const c(*e_->pages);
        std::vector<std::pair<std::string, std::uint64_t>> all;
        try {
            c.each(names(), "*", [&](std::string_view n, std::uint64_t id) {
                all.emplace_back(n, id);
            });
        } catch (error const& failure) {
            say(no_page, {}, failure.what());
        }
        std::uint64_t done = 0;
        for (auto const& [name, id] : all) {
            check_array(name, id);
            if (!e_->opt.progress({++done, all.size(), "verify: arrays"}))
                raise(errc::cancelled, e_->name + ": verify was cancelled");
        }
    }

    void check_array(std::string const& name, std::uint64_t id) {
        try {
            array_state_ptr const s = e_->state_of(id, names());
            if (s == nullptr)
                return say(no_page, name, "a name without an array");
            ++report_.arrays;
            rope_root const root = s->versions.newest()->value.root;
            node_source<Policies> const nodes(*e_->pages, s->shape);
            check_rope(nodes, root, true, [&](rope_problem const& p) {
                say(p.place, name,
                    "elements " + std::to_string(p.first) + " to "
                        + std::to_string(p.first + p.count) + ": " + p.what);
            });
            walk_pages(nodes, root, [&](extent e) { use(e, name); });
        } catch (error const& failure) {
            say(no_page, name, failure.what());
        }
    }

    void count_unused() {
        if (auto const& m = e_->newest.free_map; m.place != no_page)
            use({m.place, m.pages}, "the free map");
        if constexpr (engine_type::logging)
            if (e_->log != nullptr)
                for (log_segment const& s : e_->log->segments()) {
                    extent const x = log_space_pool<Policies>::extent_of(
                        {s.offset, s.bytes, true});
                    report_.log_pages += x.pages;
                    use(x, "the log");
                }
        for (extent const& x : e_->log_pool.spare()) {
            report_.log_pages += x.pages;
            use(x, "the log");
        }
        e_->pages->with_space([&](space_map& m) {
            report_.free_pages = m.free().pages();
            report_.ripening_pages = m.ripening_pages();
            for (extent const& x : m.free().extents())
                use(x, "the free list");
            for (auto const& w : m.ripening())
                use(w.pages, "the ripening list");
        });
        for (auto const& r : e_->retired_nodes)
            walk_retired(*e_->pages, r.what,
                         [&](extent x) { use(x, "a replaced node"); });
        for (auto const& t : e_->active)
            for (extent const& x : t->changes.allocated)
                use(x, "an open transaction");
    }

    /// Every page once.
    void account() {
        std::sort(used_.begin(), used_.end(), [](auto const& a, auto const& b) {
            return a.first.first < b.first.first;
        });
        page_no next{pager<Policies>::first_data_page};
        std::string const* before = nullptr;
        for (auto const& [e, owner] : used_) {
            if (e.first < next)
                say(e.first, owner,
                    "a page is used twice, also by "
                        + (before != nullptr ? *before : "the superblocks"));
            if (next < e.first && !e_->read_only)
                say(next, {},
                    std::to_string(to_integer(e.first) - to_integer(next))
                        + " pages are used by nothing and not free");
            if (next < e.end()) {
                next = e.end();
                before = &owner;
            }
        }
        if (to_integer(next) < report_.pages && !e_->read_only)
            say(next, {}, "pages at the end are used by nothing and not free");
        report_.live_pages = report_.pages - report_.free_pages
                             - report_.ripening_pages - report_.log_pages;
    }

    engine_type* e_;
    verify_report report_;
    std::vector<std::pair<extent, std::string>> used_;
};

template <class Policies>
statistics collect_statistics(engine<Policies>& e) {
    std::scoped_lock lock(e.work);
    statistics s;
    auto const readers = e.readers.count();
    s.pages = e.pages->file_pages();
    s.file_bytes = s.pages * Policies::page_size;
    e.pages->with_space([&](space_map& m) {
        s.free_pages = m.free().pages();
        s.ripening_pages = m.ripening_pages();
        std::uint64_t const oldest = e.readers.oldest();
        for (auto const& w : m.ripening())
            if (w.sequence > oldest)
                s.pinned_bytes += w.pages.pages * Policies::page_size;
    });
    s.cache_bytes = e.pages->account().leaf_bytes.load()
                    + e.pages->cached_bytes();
    s.commits = e.commits.load();
    s.checkpoints = e.checkpoints.load();
    s.syncs = e.pages->syncs();
    s.bytes_written = e.pages->bytes_written();
    s.pages_read = e.pages->pages_read();
    s.snapshots = readers.readers;
    s.oldest_snapshot_age = readers.oldest_age;
    if constexpr (engine<Policies>::logging)
        if (e.log != nullptr) {
            auto const c = e.log->counters();
            s.log_bytes = e.log->end() - e.checkpoint_end;
            s.log_bytes_written = c.bytes_written;
            s.log_preparation_bytes = c.preparation_bytes;
            s.bytes_written += c.bytes_written;
            s.syncs += c.syncs + c.durable_writes;
        }
    return s;
}

} // namespace numstore::detail
