// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/log/segment_source.hpp>
#include <numstore/pager/pager.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Gives the log its segments: recycled ones first, else fresh pages.
/// Thread-safe. What it holds is free in the eyes of any superblock.
template <class Policies>
class log_space_pool {
    static constexpr std::uint64_t page_size = Policies::page_size;

public:
    explicit log_space_pool(pager<Policies>& pages) noexcept
        : pages_(&pages) {}

    /// Small beside a small file, whatever is `wanted`.
    [[gnu::cold]] log_space acquire(std::uint64_t least, std::uint64_t wanted) {
        std::scoped_lock lock(guard_);
        auto const fits = std::find_if(
            spare_.begin(), spare_.end(),
            [&](log_space const& s) { return s.bytes >= least; });
        if (fits != spare_.end()) {
            log_space const s = *fits;
            used_.push_back(extent_of(s));
            spare_.erase(fits);
            return s;
        }
        std::uint64_t const file = pages_->file_pages() * page_size;
        wanted = std::max(
            least, std::min(wanted, std::max<std::uint64_t>(
                                        Policies::tuning::log_segment_bytes,
                                        file / 32)));
        auto pages_of = [&](std::uint64_t bytes) {
            return round_up(round_up(bytes, page_size) / page_size,
                            pages_->block_pages());
        };
        // Where room is short the long runs of pages are left to others.
        std::uint64_t const modest = std::min(wanted, 2 * least + least / 2);
        if (pages_->is_tight(pages_of(wanted)))
            wanted = modest;
        extent e;
        for (;;) {
            try {
                e = pages_->allocate(pages_of(wanted), used_);
                break;
            } catch (error const& failure) {
                if (wanted == least || failure.code() != errc::no_space)
                    throw;
                wanted = wanted > modest ? modest : least;
            }
        }
        return {to_integer(e.first) * page_size, e.pages * page_size, false};
    }

    /// A segment that the log has, though not from here.
    [[gnu::cold]] void adopt(log_space const& s) {
        std::scoped_lock lock(guard_);
        used_.push_back(extent_of(s));
    }

    [[gnu::cold]] void give_back(log_space s) noexcept {
        std::scoped_lock lock(guard_);
        forget(s);
        pages_->release(extent_of(s));
    }

    /// A segment that the log has used and neither superblock needs. It is
    /// kept for the log if that has no more than `keep_bytes` then: once given
    /// up it would be in pieces soon.
    [[gnu::cold]] void recycle(log_space s, std::uint64_t keep_bytes) {
        s.written = true;
        std::scoped_lock lock(guard_);
        std::uint64_t kept = 0;
        for (extent const& e : used_)
            kept += e.pages * page_size;
        for (log_space const& other : spare_)
            kept += other.bytes;
        if (kept <= keep_bytes)
            spare_.push_back(s);
        else
            pages_->release(extent_of(s));
        forget(s);
    }

    /// Frees those that the log does not use now.
    [[gnu::cold]] void release_all() noexcept {
        std::scoped_lock lock(guard_);
        for (log_space const& s : spare_)
            pages_->release(extent_of(s));
        spare_.clear();
    }

    /// f(extents) with all that it holds, of which nothing changes meanwhile.
    template <class F>
    [[gnu::cold]] decltype(auto) with_all(F&& f) {
        std::scoped_lock lock(guard_);
        std::vector<extent> all = used_;
        for (log_space const& s : spare_)
            all.push_back(extent_of(s));
        return f(std::as_const(all));
    }

    /// Pages.
    std::uint64_t size() {
        return with_all([](std::vector<extent> const& all) {
            std::uint64_t pages = 0;
            for (extent const& x : all)
                pages += x.pages;
            return pages;
        });
    }

    static extent extent_of(log_space const& s) noexcept {
        return {page_no{s.offset / page_size}, s.bytes / page_size};
    }

private:
    void forget(log_space const& s) noexcept {
        std::erase(used_, extent_of(s));
    }

    pager<Policies>* pages_;
    typename Policies::threading::mutex guard_;
    std::vector<extent> used_;
    std::vector<log_space> spare_;
};

} // namespace numstore::detail
