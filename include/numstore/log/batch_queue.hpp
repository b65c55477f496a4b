// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/log_batch.hpp>
#include <numstore/log/log_buffer.hpp>
#include <numstore/log/log_segments.hpp>
#include <numstore/types.hpp>

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace numstore::detail {

/// A closed batch, and where it goes.
struct sealed_batch {
    log_buffer bytes;
    std::uint64_t place{};
    lsn end{};
};

/// The end of a log that is in memory only: a batch that takes records, and
/// those that are closed and wait to be written. Knows which segment each
/// goes to, and where the batches of the log begin. Not thread-safe.
template <class Policies>
class batch_queue {
    static constexpr std::size_t head = sizeof(format::log_batch_header);

public:
    /// A batch is closed when it has grown to this.
    static constexpr std::size_t batch_bytes = std::size_t{1} << 18;
    /// Two are written at once where one thread appends much.
    static constexpr std::size_t most_spare = 4;

    batch_queue(database_id const& id, std::uint32_t block,
                log_segments<Policies>& segments)
        : id_(id), block_(block), segments_(&segments) {
        spare_.reserve(most_spare);
    }

    /// Begins a generation. The caller adds its first segment.
    void start(lsn first, std::uint64_t salt) {
        salt_ = salt;
        at_ = first;
        places_.push_back({at_, previous_});
    }
    /// Goes on at `end`. The first batch begins with `mark`, a record.
    void resume(log_position const& end, std::span<std::byte const> mark) {
        mark_.assign(mark.begin(), mark.end());
        salt_ = end.salt;
        at_ = end.start;
        previous_ = end.previous_checksum;
        places_.push_back({at_, previous_});
    }

    /// True if the open batch must be sealed before it can take a record of
    /// `bytes` bytes.
    bool is_full_for(std::size_t bytes) const noexcept {
        std::size_t const size =
            open_.size() + format::log_record_prefix + bytes;
        return open_.size() != 0 && (size > batch_bytes || !fits(size));
    }
    /// True if there is no open batch and the last segment has no room for
    /// one with such a record.
    bool needs_segment_for(std::size_t bytes) const noexcept {
        return open_.size() == 0 && !fits(size_with(bytes));
    }

    /// The LSN of the record. Throws no_memory; then nothing has changed.
    /// Precondition: neither of the two above.
    lsn append(std::span<std::byte const> record) {
        if (open_.size() == 0) {
            if (open_.capacity() == 0 && !spare_.empty()) {
                open_ = std::move(spare_.back());
                spare_.pop_back();
            }
            open_.reserve(
                std::max<std::size_t>(block_, size_with(record.size())));
            open_.resize(head);
            records_ = 0;
            if (!mark_.empty()) {
                add(mark_);
                mark_.clear();
            }
        }
        open_.reserve(open_.size() + format::log_record_prefix
                      + record.size());
        return add(record);
    }

    /// Closes the open batch, if there is one, and queues it. `durable` is
    /// what is known to be so. Throws no_memory; then nothing has changed.
    void seal(lsn durable) {
        if (open_.size() == 0)
            return;
        std::size_t const size = open_.size();
        open_.reserve(static_cast<std::size_t>(round_up(size, block_)));
        queue_.reserve(queue_.size() + 1);
        if (places_.back().first != at_)
            places_.push_back({at_, previous_});
        queue_.emplace_back();
        finish(queue_.back(), open_, segments_->back(), at_, durable,
               format::log_batch_kind::records, records_);
        at_ = at_ + queue_.back().bytes.size();
        queue_.back().end = at_;
        open_ = log_buffer();
    }

    /// Goes on in a fresh segment, in which a record of `bytes` bytes fits.
    /// Throws no_space, no_memory, or sets `ec` where the segment cannot be
    /// written; then nothing has changed. Precondition: no open batch.
    void link(std::size_t bytes, lsn durable, std::error_code& ec) {
        link_with(durable, ec, [&](lsn first) {
            segments_->add(first, size_with(bytes), ec);
        });
    }
    /// The same, in one as small as can be.
    void link_small(lsn durable, std::error_code& ec) {
        link_with(durable, ec,
                  [&](lsn first) { segments_->add_small(first, ec); });
    }

    bool empty() const noexcept { return queue_.empty(); }
    std::uint64_t bytes() const noexcept { return queued_bytes_; }
    std::vector<sealed_batch> take() noexcept {
        queued_bytes_ = 0;
        return std::exchange(queue_, {});
    }

    /// Takes the memory of batches that are written for later ones: fresh
    /// memory would cost more than what goes into it.
    void recycle(std::vector<sealed_batch>& written) noexcept {
        for (sealed_batch& b : written) {
            if (spare_.size() == spare_.capacity())
                return;
            if (b.bytes.capacity() > 2 * batch_bytes)
                continue;
            b.bytes.clear();
            spare_.push_back(std::move(b.bytes));
        }
    }

    /// Where the next record would go.
    lsn end() const noexcept {
        return open_.size() == 0 ? at_ : at_ + open_.size();
    }

    /// From where a scan sees every record from `redo` on.
    log_position position_at(lsn redo) const noexcept {
        auto const behind = std::upper_bound(
            places_.begin(), places_.end(), redo,
            [](lsn a, batch_place const& b) { return a < b.first; });
        batch_place p{at_, previous_};
        if (redo < at_ && behind != places_.begin())
            p = *std::prev(behind);
        return {p.first, segments_->holding(p.first), salt_, p.previous,
                block_};
    }
    /// Forgets where batches begin that hold nothing from `redo` on.
    void forget_before(lsn redo) noexcept {
        while (places_.size() > 1 && places_[1].first <= redo)
            places_.pop_front();
    }

    /// Batches closed so far, links included.
    std::uint64_t count() const noexcept { return count_; }

private:
    /// Of a batch with one record, and the mark if it is the first.
    std::size_t size_with(std::size_t bytes) const noexcept {
        std::size_t const mark =
            mark_.empty() ? 0 : format::log_record_prefix + mark_.size();
        return head + mark + format::log_record_prefix + bytes;
    }

    /// To the open batch, which has room.
    lsn add(std::span<std::byte const> record) {
        lsn const at = at_ + open_.size();
        std::array<std::byte, format::log_record_prefix> prefix;
        boost::endian::endian_store<std::uint32_t, 4,
                                    boost::endian::order::little>(
            reinterpret_cast<unsigned char*>(prefix.data()),
            static_cast<std::uint32_t>(record.size()));
        open_.append(prefix);
        open_.append(record);
        ++records_;
        return at;
    }

    struct batch_place {
        lsn first;
        std::uint64_t previous; ///< checksum of the batch before
    };

    bool fits(std::size_t size) const noexcept {
        return round_up(size, block_)
               <= segments_->back().link_slot(block_) - at_;
    }

    template <class Add>
    void link_with(lsn durable, std::error_code const& ec, Add add) {
        log_segment const old = segments_->back();
        log_buffer link;
        link.reserve(block_);
        queue_.reserve(queue_.size() + 1);
        places_.push_back({old.end(), 0});
        try {
            add(old.end());
        } catch (...) {
            places_.pop_back();
            throw;
        }
        if (ec)
            return places_.pop_back();
        queue_.emplace_back();
        log_segment const fresh = segments_->back();
        auto const body = encode_link(fresh);
        link.resize(head);
        link.append(std::as_bytes(std::span(&body, 1)));
        finish(queue_.back(), link, old, old.link_slot(block_), durable,
               format::log_batch_kind::link, 1);
        at_ = fresh.first;
        queue_.back().end = at_;
        places_.back() = {at_, previous_};
    }

    void finish(sealed_batch& to, log_buffer& bytes, log_segment const& in,
                lsn at, lsn durable, format::log_batch_kind kind,
                std::uint32_t records) noexcept {
        std::size_t const size = bytes.size();
        log_batch const b{.salt = salt_,
                          .first = at,
                          .length = size,
                          .previous = previous_,
                          .durable = std::min(durable, at),
                          .body_checksum = Policies::checksum::of(
                              bytes.bytes().subspan(head)),
                          .records = records,
                          .kind = kind,
                          .checksum = 0};
        bytes.resize(static_cast<std::size_t>(round_up(size, block_)));
        previous_ = encode_batch<typename Policies::checksum>(
            b, id_, bytes.bytes());
        to.place = in.place_of(at);
        queued_bytes_ += bytes.size();
        to.bytes = std::move(bytes);
        ++count_;
    }

    database_id id_;
    std::uint32_t block_;
    log_segments<Policies>* segments_;
    std::uint64_t salt_ = 0;
    std::uint64_t previous_ = 0;
    std::vector<std::byte> mark_; ///< until the first batch has it
    lsn at_{}; ///< of the open batch, or where the next one will be
    log_buffer open_;
    std::vector<log_buffer> spare_; ///< never grows
    std::uint32_t records_ = 0; ///< in the open batch
    std::vector<sealed_batch> queue_;
    std::uint64_t queued_bytes_ = 0;
    std::deque<batch_place> places_; ///< where batches or segments begin
    std::uint64_t count_ = 0;
};

} // namespace numstore::detail
