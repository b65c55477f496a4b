// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/catalogue.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/read_pin.hpp>
#include <numstore/database/statistics.hpp>
#include <numstore/pager/page_bitmap.hpp>
#include <numstore/pager/page_shares.hpp>
#include <numstore/rope/check.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Reads all that is in use, and accounts for every page of the file: it
/// belongs to as many trees as are known to share it, or is free, ripening,
/// log, or part of a list that the superblock names.
///
/// The state of one moment is captured under the engine's work mutex and then
/// read from a pinned version, while others read and write. Memory: a bit for
/// each page, and the lists of free and shared extents.
template <class Policies>
class verifier {
    using engine_type = engine<Policies>;
    using work_lock = typename engine_type::work_lock;
    static constexpr std::size_t page_size = Policies::page_size;

public:
    explicit verifier(engine_type& e)
        : e_(&e), pin_(e.shared_from_this()), used_(0) {}

    /// Throws cancelled, no_memory; what is wrong with the file is reported.
    verify_report run();

private:
    struct owned {
        extent pages;
        char const* owner;
    };

    void say(page_no page, std::string array, std::string what,
             std::uint64_t first = 0, std::uint64_t count = 0) {
        report_.problems.push_back({to_integer(page), std::move(array),
                                    std::move(what), first, count});
    }

    /// False if that is not possible: then writers wait until the end.
    bool write_all(work_lock& lock) {
        if (e_->read_only || e_->pages->failed())
            return e_->dirty.empty();
        try {
            // Others may commit while one is written.
            for (int tries = 0; tries != 4; ++tries) {
                checkpointer<Policies> c(*e_);
                if (c.needed() && (tries == 0 || !is_written()))
                    c.run(lock);
            }
            return is_written();
        } catch (error const&) {
            return false;
        }
    }

    bool is_written() const noexcept {
        return e_->dirty.empty() && !e_->catalogue_dirty;
    }

    void capture() {
        names_ = e_->catalogue_versions.newest()->value;
        shares_ = e_->shares;
        graveyard_ = e_->graveyard;
        {
            std::scoped_lock lock(e_->registry_guard);
            for (auto const& [id, s] : e_->registry)
                roots_.emplace(id, s->versions.newest()->value.root);
        }
        capture_lists();
        capture_space();
        used_ = page_bitmap(report_.pages);
    }

    void capture_lists() {
        auto const add = [&](std::vector<extent> const& pages,
                             char const* what) {
            for (extent const& x : pages)
                others_.push_back({x, what});
        };
        add(e_->lists.free_map, "the free map");
        add(e_->lists.sharing, "the sharing table");
        add(e_->lists.graveyard, "the list of dropped arrays");
    }

    /// All at one moment: transactions take and free pages meanwhile.
    void capture_space() {
        std::uint64_t const oldest = e_->readers.oldest();
        e_->log_pool.with_all([&](std::vector<extent> const& log) {
            for (extent const& x : log) {
                report_.log_pages += x.pages;
                others_.push_back({x, "the log"});
            }
            e_->pages->with_space(
                [&](space_map& m) { capture_map(m, oldest); });
        });
        for (auto const& r : e_->retired_nodes)
            others_.push_back({r.pages, "a replaced node"});
        report_.live_pages =
            report_.pages - pager<Policies>::first_data_page
            - report_.free_pages - report_.ripening_pages - report_.log_pages;
    }

    void capture_map(space_map& m, std::uint64_t oldest) {
        report_.pages = e_->pages->file_pages();
        report_.free_pages = m.free().pages();
        report_.ripening_pages = m.ripening_pages();
        report_.fragmented_pages =
            m.free().pages() - m.free().tail(report_.pages);
        for (extent const& x : m.free().extents())
            others_.push_back({x, "the free list"});
        m.each_ripening([&](space_map::waiting const& w) {
            others_.push_back({w.pages, "the list of freed pages"});
        });
        report_.pinned_pages =
            m.pinned_pages(oldest, e_->pages->oldest_reader());
        for (auto const& t : e_->active)
            for (extent const& x : t->changes.allocated)
                others_.push_back({x, "an open transaction"});
    }

    void mark_unused() {
        std::sort(others_.begin(), others_.end(),
                  [](owned const& a, owned const& b) {
                      return a.pages.first < b.pages.first;
                  });
        for (owned const& o : others_)
            use(o.pages, {}, o.owner);
    }

    /// The file as it was captured: free pages at its end may be cut off
    /// meanwhile.
    bool in_file(extent e) const noexcept {
        std::uint64_t end = 0;
        return to_integer(e.first) >= pager<Policies>::first_data_page
               && add(to_integer(e.first), e.pages, end)
               && end <= report_.pages;
    }

    /// A page is used by one thing only.
    bool use(extent e, std::string const& array, std::string_view what,
             std::uint64_t first = 0, std::uint64_t count = 0) {
        if (!in_file(e)) {
            say(e.first, array,
                "a page outside of the file is used by " + std::string(what),
                first, count);
            complete_ = false;
            return false;
        }
        done_ += e.pages;
        page_no const twice = used_.set(e);
        if (twice == no_page)
            return true;
        say(twice, array,
            "a page of " + std::string(what) + " is also used by "
                + other_owner(twice),
            first, count);
        return false;
    }

    std::string other_owner(page_no p) const {
        auto const i = std::upper_bound(
            others_.begin(), others_.end(), p,
            [](page_no a, owned const& b) { return a < b.pages.first; });
        if (i != others_.begin() && p < std::prev(i)->pages.end())
            return std::prev(i)->owner;
        return "another tree, without being shared";
    }

    void progress() {
        if (done_ < next_report_)
            return;
        next_report_ = done_ + 4096;
        tell(std::min(done_, report_.pages));
    }

    /// Not with the mutex, which the callback may want.
    void tell(std::uint64_t done) {
        if (!is_alone_
            && !e_->opt.progress({done, report_.pages, "verify: pages"}))
            raise(errc::cancelled, e_->name + ": verify was cancelled");
    }

    void check_catalogue() {
        catalogue<Policies> const c(*e_->pages);
        c.check(
            names_,
            [&](extent e) {
                use(e, {}, "the catalogue");
                progress();
            },
            [&](std::string const& name, format::catalogue_entry entry) {
                ++report_.arrays;
                check_array(c, name, entry);
            },
            [&](page_no page, std::string array, std::string what) {
                complete_ = false;
                say(page, std::move(array), std::move(what));
            });
    }

    void check_array(catalogue<Policies> const& c, std::string const& name,
                     format::catalogue_entry const& entry) {
        leaf_shape const shape = leaf_shape_of(entry.element_size, page_size);
        rope_root root;
        try {
            auto const known = roots_.find(entry.id);
            root = known != roots_.end() ? known->second
                                         : c.root_of(entry, shape);
        } catch (error const& failure) {
            complete_ = false;
            return say(no_page, name, failure.what());
        }
        check_tree(name, shape, root);
    }

    /// The largest element that such leaves can have, for nobody knows the
    /// element of a dropped array: what is behind all of them is zero.
    static leaf_shape shape_of(retired const& t) noexcept {
        leaf_shape shape;
        shape.element_size = t.leaf_pages * page_size / t.leaf_capacity;
        shape.pages = t.leaf_pages;
        shape.capacity = t.leaf_capacity;
        shape.page_bytes = t.leaf_pages * page_size;
        return shape;
    }

    void check_tree(std::string const& name, leaf_shape const& shape,
                    rope_root const& root) {
        node_source<Policies> const nodes(*e_->pages, shape);
        check_rope(
            nodes, root, true,
            [&](rope_problem const& p) {
                complete_ = complete_ && !p.unread;
                say(p.place, name,
                    "elements " + std::to_string(p.first) + " to "
                        + std::to_string(p.first + p.count) + ": " + p.what,
                    p.first, p.count);
            },
            [&](child_ref const& ref, std::uint64_t pages, std::uint64_t first,
                std::uint64_t count) {
                return enter(name, ref, pages, first, count);
            });
    }

    /// A node that is shared is read once, and counted each time.
    bool enter(std::string const& name, child_ref const& ref,
               std::uint64_t pages, std::uint64_t first,
               std::uint64_t count) {
        progress();
        page_no const place = ref.place();
        if (place == no_page)
            return ref.node()->shares() == 0
                   || unwritten_.insert(ref.node()).second;
        if (shares_.extra(place) == 0)
            return use({place, pages}, name, "an array", first, count);
        bool const again = visits_.extra(place) != 0;
        visits_.add({place, pages});
        if (again)
            return false;
        report_.shared_pages += pages;
        return use({place, pages}, name, "an array", first, count);
    }

    /// Each shared page was found as often as the table says.
    void compare_shares() {
        if (!complete_)
            return;
        for (format::shared_pages const& s : shares_.extents())
            for (page_no p = s.pages.first; p != s.pages.end(); p = p + 1)
                if (std::uint64_t const n = visits_.extra(p);
                    n != s.extra + 1) {
                    say(p, {},
                        "a page is used by " + std::to_string(n)
                            + " trees, and the sharing table says "
                            + std::to_string(s.extra + 1));
                    break;
                }
    }

    /// Pages that nothing uses. What lies below a node that cannot be read is
    /// not known, nor what a write that failed has left; then nothing is said.
    void report_lost() {
        if (!complete_ || e_->read_only || e_->pages->failed())
            return;
        used_.each_clear(
            page_no{pager<Policies>::first_data_page}, [&](extent x) {
                say(x.first, {},
                    std::to_string(x.pages)
                        + " pages are used by nothing and not free");
            });
    }

    engine_type* e_;
    read_pin<Policies> pin_;
    verify_report report_;
    catalogue_version names_;
    std::unordered_map<std::uint64_t, rope_root> roots_;
    page_shares shares_;
    page_shares visits_; ///< how often shared pages were reached
    /// Shared nodes that have no page yet.
    std::unordered_set<frame const*> unwritten_;
    std::vector<retired> graveyard_;
    std::vector<owned> others_;
    page_bitmap used_;
    std::uint64_t done_ = 0;
    std::uint64_t next_report_ = 0;
    bool is_alone_ = false; ///< writers wait until the end
    bool complete_ = true; ///< all that is in use could be read
};

template <class Policies>
statistics collect_statistics(engine<Policies>& e) {
    typename engine<Policies>::file_pin const pin(e);
    std::scoped_lock lock(e.work);
    statistics s;
    auto const readers = e.readers.count();
    s.pages = e.pages->file_pages();
    s.file_bytes = s.pages * Policies::page_size;
    std::uint64_t const log_pages = e.log_pool.size();
    e.pages->with_space([&](space_map& m) {
        s.free_pages = m.free().pages();
        s.ripening_pages = m.ripening_pages();
        s.fragmented_bytes =
            (m.free().pages() - m.free().tail(s.pages)) * Policies::page_size;
    });
    s.free_bytes = s.free_pages * Policies::page_size;
    s.ripening_bytes = s.ripening_pages * Policies::page_size;
    s.live_bytes =
        s.file_bytes - s.free_bytes - s.ripening_bytes
        - (log_pages + pager<Policies>::first_data_page) * Policies::page_size;
    s.cache_bytes = e.pages->account().leaf_bytes.load()
                    + e.pages->account().directory_bytes.load()
                    + e.pages->cached_bytes();
    s.commits = e.commits.load();
    s.checkpoints = e.checkpoints.load();
    s.checkpoint_time = std::chrono::nanoseconds(e.checkpoint_time.load());
    s.syncs = e.pages->syncs();
    s.bytes_written = e.pages->bytes_written();
    s.pages_read = e.pages->pages_read();
    s.snapshots = readers.readers;
    s.oldest_snapshot_age = readers.oldest_age;
    std::uint64_t const in_others = e.pages->with_space([&](space_map& m) {
        return m.pinned_pages(epochs<Policies>::idle,
                              e.pages->oldest_reader());
    });
    s.pinned_bytes =
        std::max(in_others,
                 readers.readers != 0 ? e.freed.after(readers.oldest) : 0)
        * Policies::page_size;
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

template <class Policies>
auto verifier<Policies>::run() -> verify_report {
    work_lock lock(e_->work);
    e_->wait_for_checkpoint(lock);
    bool const written = write_all(lock);
    capture();
    // From here on no captured node gets a place.
    if (written || e_->read_only || e_->pages->failed())
        lock.unlock();
    is_alone_ = lock.owns_lock();
    mark_unused();
    check_catalogue();
    for (retired const& t : graveyard_)
        check_tree("a dropped array", shape_of(t),
                   {t.node, t.height, t.count});
    compare_shares();
    report_lost();
    tell(report_.pages);
    return std::move(report_);
}

} // namespace numstore::detail
