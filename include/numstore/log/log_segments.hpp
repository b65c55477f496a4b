// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/log_batch.hpp>
#include <numstore/log/segment_source.hpp>
#include <numstore/storage/storage_device.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <system_error>
#include <vector>

namespace numstore::detail {

/// The segments that a log stands in, oldest first; it is written to the last
/// one. Not thread-safe.
template <class Policies>
class log_segments {
    using storage = typename Policies::storage;
    using tuning = typename Policies::tuning;

public:
    log_segments(storage& device, segment_source_ref source,
                 std::uint32_t block)
        : device_(&device), source_(source), block_(block) {}

    /// Adds a segment with room for `size` bytes and more, twice as large as
    /// the last one. Throws no_space, no_memory, or sets `ec` where it cannot
    /// be written; then nothing has changed.
    [[gnu::cold]] void add(lsn first, std::size_t size, std::error_code& ec) {
        acquire(first, size, next_bytes_, ec);
        if (!ec)
            next_bytes_ =
                std::min(next_bytes_ * 2, tuning::max_log_segment_bytes);
    }

    /// The same, but as small as can be; the next one has the first size.
    [[gnu::cold]] void add_small(lsn first, std::error_code& ec) {
        acquire(first, 0, 0, ec);
        if (!ec)
            next_bytes_ = tuning::log_segment_bytes;
    }

    /// Goes on in the last segment of a log.
    [[gnu::cold]] void resume(log_segment const& last) {
        all_.push_back(last);
        resumed_ = true;
        next_bytes_ =
            std::min(last.bytes * 2, tuning::max_log_segment_bytes);
    }

    /// Gives up those that hold nothing from `keep` on.
    std::vector<log_segment> release_before(lsn keep) {
        std::vector<log_segment> given;
        while (all_.size() > 1 && all_.front().end() <= keep) {
            given.push_back(all_.front());
            all_.pop_front();
        }
        return given;
    }

    /// The one that `at` lies in.
    log_segment const& holding(lsn at) const noexcept {
        return *std::find_if(all_.rbegin(), all_.rend(),
                             [&](log_segment const& s) {
                                 return s.first <= at;
                             });
    }
    log_segment const& front() const noexcept { return all_.front(); }
    log_segment const& back() const noexcept { return all_.back(); }
    std::deque<log_segment> const& all() const noexcept { return all_; }

    /// Bytes written to new segments so far.
    std::uint64_t preparation_bytes() const noexcept {
        return preparation_bytes_;
    }

private:
    static constexpr std::uint64_t zeros_bytes = std::uint64_t{1} << 18;

    void acquire(lsn first, std::size_t size, std::uint64_t wanted,
                 std::error_code& ec) {
        // A batch, and the link to the next segment.
        std::uint64_t const least =
            round_up(std::max<std::uint64_t>(size, 1), block_) + block_;
        std::uint64_t const some = least + std::uint64_t{3} * block_;
        log_space const space = source_.acquire(least, std::max(some, wanted));
        try {
            if (!space.written)
                prepare(space, ec);
            if (!ec)
                all_.push_back({space.offset, space.bytes, first});
        } catch (...) {
            source_.give_back(space);
            throw;
        }
        if (ec)
            source_.give_back(space);
    }

    /// Writes a new segment once, so that durable writes overwrite. In a log
    /// that somebody began before, also durably: who went on from the same
    /// place, and lost the link, may have left batches that fit behind it.
    [[gnu::cold]] void prepare(log_space const& space, std::error_code& ec) {
        std::vector<std::byte> const zeros(
            static_cast<std::size_t>(std::min(space.bytes, zeros_bytes)));
        for (std::uint64_t done = 0; done != space.bytes && !ec;) {
            std::uint64_t const n =
                std::min<std::uint64_t>(zeros.size(), space.bytes - done);
            device_->write(space.offset + done,
                           std::span(zeros).first(static_cast<std::size_t>(n)),
                           ec);
            done += n;
        }
        if (!ec && resumed_)
            sync_log_of(*device_, ec);
        preparation_bytes_ += space.bytes;
    }

    storage* device_;
    segment_source_ref source_;
    std::uint32_t block_;
    std::deque<log_segment> all_;
    std::uint64_t next_bytes_ = tuning::log_segment_bytes;
    std::uint64_t preparation_bytes_ = 0;
    bool resumed_ = false;
};

} // namespace numstore::detail
