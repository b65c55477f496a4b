// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/pager.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace numstore::detail {

/// Writes the nodes of a checkpoint or a spill to fresh pages in call order,
/// merged into large writes. What was taken but not used goes back at the
/// end; and all of it does if the end comes without `finish`.
template <class Policies>
class page_writer {
    using pager_type = pager<Policies>;
    static constexpr std::size_t page_size = Policies::page_size;

public:
    struct placed {
        page_no place;
        std::uint64_t checksum;
    };

    /// `expected` pages in all, a guess that makes places contiguous. Every
    /// page is noted in `allocated`, which must outlive the writer and is its
    /// alone until `finish`.
    page_writer(pager_type& pages, std::uint64_t expected,
                std::vector<extent>& allocated)
        : pages_(&pages), expected_(expected), allocated_(&allocated),
          own_from_(allocated.size()) {
        buffer_.reserve(std::min<std::uint64_t>(
            buffer_bytes, std::max<std::uint64_t>(1, expected) * page_size));
    }
    page_writer(page_writer const&) = delete;
    page_writer& operator=(page_writer const&) = delete;
    ~page_writer() {
        give_back();
        if (!finished_)
            take_back();
    }

    /// A better guess for what is still to come.
    void expect(std::uint64_t pages) noexcept { expected_ = pages; }

    /// One node of `count` pages; `bytes` are copied and padded with zeros.
    placed put(std::span<std::byte const> bytes, std::uint64_t count) {
        finished_ = false;
        if (run_.pages - used_ < count)
            next_run(count);
        std::size_t const size = static_cast<std::size_t>(count) * page_size;
        if (!buffer_.empty() && buffer_.size() + size > buffer_bytes)
            write_buffer();
        std::size_t const at = buffer_.size();
        buffer_.resize(at + size);
        std::memcpy(buffer_.data() + at, bytes.data(), bytes.size());
        std::memset(buffer_.data() + at + bytes.size(), 0,
                    size - bytes.size());
        page_no const place = run_.first + used_;
        used_ += count;
        expected_ -= std::min(expected_, count);
        return {place, pager_type::checksum({buffer_.data() + at, size})};
    }

    /// Everything put so far is with the device. Not durable.
    void finish() {
        write_buffer();
        give_back();
        finished_ = true;
        own_from_ = allocated_->size();
    }

private:
    static constexpr std::size_t buffer_bytes = std::size_t{1} << 20;
    static constexpr std::size_t sync_bytes = buffer_bytes;

    void next_run(std::uint64_t count) {
        write_buffer();
        give_back();
        run_ = pages_->allocate_run(std::max(expected_, count), count, no_page,
                                    *allocated_);
        used_ = 0;
        written_ = 0;
    }

    void write_buffer() {
        if (buffer_.empty())
            return;
        page_no const first = run_.first + written_;
        pages_->write(first, buffer_);
        written_ = used_;
        start_sync(first, buffer_.size() / page_size);
        buffer_.clear();
    }

    /// Many small runs together: what lies between them is synced as well.
    void start_sync(page_no first, std::uint64_t pages) {
        low_ = unsynced_ == 0 ? first : std::min(low_, first);
        high_ = unsynced_ == 0 ? first + pages : std::max(high_, first + pages);
        unsynced_ += pages;
        if (unsynced_ * page_size < sync_bytes)
            return;
        pages_->start_sync(low_, to_integer(high_) - to_integer(low_));
        unsynced_ = 0;
    }

    void take_back() noexcept {
        pages_->release(*allocated_, own_from_);
    }

    void give_back() noexcept {
        if (used_ < run_.pages)
            pages_->shorten(*allocated_, run_.pages - used_);
        run_.pages = used_;
    }

    pager_type* pages_;
    std::uint64_t expected_;
    std::vector<extent>* allocated_;
    std::size_t own_from_;
    std::vector<std::byte> buffer_;
    extent run_{};
    std::uint64_t used_ = 0;
    std::uint64_t written_ = 0;
    page_no low_{}; ///< where what no sync has begun with lies
    page_no high_{};
    std::uint64_t unsynced_ = 0; ///< pages of it
    bool finished_ = true; ///< all that was put
};

} // namespace numstore::detail
