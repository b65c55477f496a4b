// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/faults.hpp>
#include <numstore/format/log_batch.hpp>
#include <numstore/log/log_buffer.hpp>
#include <numstore/log/segment_source.hpp>
#include <numstore/policies.hpp>
#include <numstore/types.hpp>

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace numstore::detail {

/// What a log has done. Bytes unless the name says otherwise.
struct log_counters {
    std::uint64_t batches = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t syncs = 0;
    std::uint64_t durable_writes = 0;
    std::uint64_t preparation_bytes = 0; ///< of new segments, counted apart
};

/// The write-ahead log: append-only records in batches of whole blocks. A
/// block that holds a durable record is never written again. Threads that
/// wait for durability together share one write and one sync: one of them
/// works while the others wait, and what is appended meanwhile goes into the
/// next batch. After a failed write or sync nothing is written any more.
/// Thread-safe.
template <class Policies>
class wal {
    using storage = typename Policies::storage;
    using mutex = typename Policies::threading::mutex;
    using tuning = typename Policies::tuning;
    using lock_type = std::unique_lock<mutex>;
    static constexpr std::size_t head = sizeof(format::log_batch_header);

public:
    static constexpr bool enabled = true;

    wal(storage& device, database_id const& id, segment_source_ref source)
        : device_(&device), id_(id), source_(source),
          block_(static_cast<std::uint32_t>(
              std::max<std::size_t>(device.block_size(), min_log_block))) {}
    wal(wal const&) = delete;
    wal& operator=(wal const&) = delete;

    /// Begins a generation at or behind `first`, in a segment of its own, a
    /// very small one if space may be short.
    void start(lsn first, std::uint64_t salt, bool small = false) {
        lock_type lock(guard_);
        salt_ = salt;
        at_ = lsn{round_up(to_integer(first), block_)};
        durable_ = at_;
        written_ = at_;
        if (small)
            next_bytes_ = 0;
        add_segment(at_, 0);
        next_bytes_ = std::max(next_bytes_, tuning::log_segment_bytes);
    }

    /// Goes on where a log ends, of which nothing follows.
    void resume(log_position const& end) {
        lock_type lock(guard_);
        salt_ = end.salt;
        at_ = end.start;
        durable_ = at_;
        written_ = at_;
        previous_ = end.previous_checksum;
        segments_.push_back(end.segment);
        next_bytes_ = std::min(end.segment.bytes * 2,
                               tuning::max_log_segment_bytes);
    }

    /// The LSN of the record, which is in memory only. Throws no_space,
    /// no_memory, failed, io; then nothing has changed.
    lsn append(std::span<std::byte const> record) {
        lock_type lock(guard_);
        require_working();
        std::size_t const size = format::log_record_prefix + record.size();
        while (open_.size() != 0 // others may append during a write
               && (open_.size() + size > batch_bytes
                   || !fits(open_.size() + size))) {
            seal();
            if (!busy_ && queued_bytes_ > batch_bytes)
                write_queue(lock);
        }
        if (open_.size() == 0) {
            if (!fits(head + size))
                next_segment(head + size);
            open_.reserve(std::max<std::size_t>(block_, head + size));
            open_.resize(head);
            records_ = 0;
        }
        open_.reserve(open_.size() + size);
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

    /// Hands all up to the record at `upto` to the device. Throws failed, io.
    void write(lsn upto) {
        lock_type lock(guard_);
        while (written_ <= upto) {
            require_working();
            if (busy_) {
                changed_.wait(lock);
                continue;
            }
            seal_open();
            write_queue(lock);
        }
    }

    /// All up to the record at `upto` is durable on return, and with
    /// `sync_all` everything that the device was given before the call.
    /// Throws failed, io.
    void flush(lsn upto, bool sync_all) {
        lock_type lock(guard_);
        std::uint64_t const ticket = full_begun_ + 1;
        while (durable_ <= upto || (sync_all && full_ended_ < ticket)) {
            require_working();
            if (sync_all)
                all_wanted_ = true;
            if (busy_) {
                changed_.wait(lock);
                continue;
            }
            seal_open();
            sync_queue(lock);
        }
    }

    /// Whoever makes the records from here on durable syncs everything that
    /// the device was given before this call as well.
    void want_all() noexcept {
        lock_type lock(guard_);
        all_wanted_ = true;
    }

    /// Goes on in another segment, a very small one, so that this one can be
    /// given up. Throws no_space, no_memory, io, failed.
    void rotate() {
        lock_type lock(guard_);
        require_working();
        seal_open();
        std::uint64_t const wanted = std::exchange(next_bytes_, 0);
        try {
            next_segment(0);
        } catch (...) {
            next_bytes_ = wanted;
            throw;
        }
        next_bytes_ = tuning::log_segment_bytes;
    }

    /// Where the next record would go.
    lsn end() const {
        lock_type lock(guard_);
        return open_.size() == 0 ? at_ : at_ + open_.size();
    }
    /// Records below it are durable.
    lsn durable() const {
        lock_type lock(guard_);
        return durable_;
    }
    bool failed() const {
        lock_type lock(guard_);
        return failed_;
    }

    /// From where a scan sees every record from `redo` on.
    log_position position_at(lsn redo) const {
        lock_type lock(guard_);
        auto const behind = std::upper_bound(
            batches_.begin(), batches_.end(), redo,
            [](lsn a, batch_place const& b) { return a < b.first; });
        batch_place p{at_, previous_};
        if (redo < at_ && behind != batches_.begin())
            p = *std::prev(behind);
        auto const segment =
            std::find_if(segments_.rbegin(), segments_.rend(),
                         [&](log_segment const& s) {
                             return s.first <= p.first;
                         });
        return {p.first, *segment, salt_, p.previous, block_};
    }

    /// Gives up the segments that hold nothing from `redo` on.
    std::vector<log_segment> release_before(lsn redo) {
        lock_type lock(guard_);
        std::vector<log_segment> given;
        while (segments_.size() > 1 && segments_.front().end() <= redo
               && segments_.front().end() <= durable_) {
            given.push_back(segments_.front());
            segments_.pop_front();
        }
        while (!batches_.empty() && batches_.front().first < redo
               && batches_.size() > 1 && batches_[1].first <= redo)
            batches_.pop_front();
        return given;
    }

    std::vector<log_segment> segments() const {
        lock_type lock(guard_);
        return {segments_.begin(), segments_.end()};
    }

    std::size_t segment_count() const noexcept {
        lock_type lock(guard_);
        return segments_.size();
    }
    lsn first_segment_end() const noexcept {
        lock_type lock(guard_);
        return segments_.front().end();
    }

    log_counters counters() const {
        lock_type lock(guard_);
        return counters_;
    }

private:
    /// A batch is closed when it has grown to this.
    static constexpr std::size_t batch_bytes = std::size_t{1} << 18;

    struct batch_place {
        lsn first;
        std::uint64_t previous; ///< checksum of the batch before
    };
    struct sealed_batch {
        log_buffer bytes;
        std::uint64_t place;
        lsn end;
    };

    void require_working() const {
        if (failed_)
            raise(errc::failed, device_->name() + ": the log has failed");
    }

    bool fits(std::size_t size) const noexcept {
        return round_up(size, block_)
               <= segments_.back().link_slot(block_) - at_;
    }

    void seal_open() {
        if (open_.size() != 0)
            seal();
    }

    /// Closes the open batch and queues it. Throws no_memory before it
    /// changes anything.
    void seal() {
        std::size_t const size = open_.size();
        open_.reserve(static_cast<std::size_t>(round_up(size, block_)));
        queue_.reserve(queue_.size() + 1);
        batches_.push_back({at_, previous_});
        queue_.emplace_back();
        finish_batch(queue_.back(), open_, segments_.back(), at_,
                     format::log_batch_kind::records, records_);
        at_ = at_ + queue_.back().bytes.size();
        queue_.back().end = at_;
        open_ = log_buffer();
    }

    void finish_batch(sealed_batch& to, log_buffer& bytes,
                      log_segment const& in, lsn at,
                      format::log_batch_kind kind, std::uint32_t records) {
        std::size_t const size = bytes.size();
        log_batch const b{.salt = salt_,
                          .first = at,
                          .length = size,
                          .previous = previous_,
                          .durable = std::min(durable_, at),
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
        ++counters_.batches;
    }

    /// Links a fresh segment in which `size` bytes fit.
    void next_segment(std::size_t size) {
        log_segment const old = segments_.back();
        log_buffer link;
        link.reserve(block_);
        queue_.emplace_back();
        try {
            add_segment(old.end(), size);
        } catch (...) {
            queue_.pop_back();
            throw;
        }
        log_segment const fresh = segments_.back();
        auto const body = encode_link(fresh);
        link.resize(head);
        link.append(std::as_bytes(std::span(&body, 1)));
        finish_batch(queue_.back(), link, old, old.link_slot(block_),
                     format::log_batch_kind::link, 1);
        at_ = fresh.first;
        queue_.back().end = at_;
    }

    void add_segment(lsn first, std::size_t size) {
        std::uint64_t const least = round_up(size, block_) + 4ull * block_;
        log_space const space =
            source_.acquire(least, std::max(least, next_bytes_));
        try {
            if (!space.written)
                prepare(space);
            segments_.push_back({space.offset, space.bytes, first});
        } catch (...) {
            source_.give_back(space);
            throw;
        }
        next_bytes_ = std::min(next_bytes_ * 2, tuning::max_log_segment_bytes);
    }

    /// Writes a new segment once, so that durable writes overwrite.
    void prepare(log_space const& space) {
        std::vector<std::byte> const zeros(static_cast<std::size_t>(
            std::min<std::uint64_t>(space.bytes, batch_bytes)));
        std::error_code ec;
        for (std::uint64_t done = 0; done != space.bytes && !ec;) {
            std::uint64_t const n =
                std::min<std::uint64_t>(zeros.size(), space.bytes - done);
            device_->write(space.offset + done,
                           std::span(zeros).first(static_cast<std::size_t>(n)),
                           ec);
            done += n;
        }
        if (!ec)
            device_->sync(ec);
        counters_.preparation_bytes += space.bytes;
        if (ec)
            fail(ec, "cannot prepare the log");
    }

    [[noreturn]] void fail(std::error_code const& ec, char const* what) {
        failed_ = true;
        changed_.notify_all();
        raise_device(ec, device_->name() + ": " + what);
    }

    std::vector<sealed_batch> take_queue() noexcept {
        queued_bytes_ = 0;
        return std::exchange(queue_, {});
    }

    void put(std::vector<sealed_batch>& batches, std::error_code& ec) {
        for (sealed_batch const& b : batches) {
            device_->write(b.place, b.bytes.bytes(), ec);
            if (ec)
                return;
        }
    }

    static std::uint64_t size_of(std::vector<sealed_batch> const& batches) {
        std::uint64_t sum = 0;
        for (sealed_batch const& b : batches)
            sum += b.bytes.size();
        return sum;
    }

    void write_durable(sealed_batch const& b, std::error_code& ec) {
        if (planted(planted_fault::rewrite_acknowledged_block)) {
            std::vector<std::byte> block(block_);
            device_->read(b.place - block_, block, ec);
            device_->write(b.place - block_, block, ec);
        }
        if (planted(planted_fault::acknowledge_before_sync)
            || planted(planted_fault::log_write_is_not_durable))
            device_->write(b.place, b.bytes.bytes(), ec);
        else
            device_->write_durable(b.place, b.bytes.bytes(), ec);
    }

    static bool planted(planted_fault f) noexcept {
        return detail::planted<Policies>(f);
    }

    void write_queue(lock_type& lock) {
        if (queue_.empty())
            return;
        auto batches = take_queue();
        busy_ = true;
        lock.unlock();
        std::error_code ec;
        put(batches, ec);
        lock.lock();
        busy_ = false;
        counters_.bytes_written += size_of(batches);
        if (ec)
            fail(ec, "cannot write the log");
        written_ = batches.back().end;
        unsynced_ = true;
        changed_.notify_all();
    }

    /// One durable write where that is all, else writes and one sync.
    void sync_queue(lock_type& lock) {
        auto batches = take_queue();
        lsn const end = batches.empty() ? written_ : batches.back().end;
        bool const full = std::exchange(all_wanted_, false) || unsynced_
                          || batches.size() != 1;
        if (full)
            ++full_begun_;
        busy_ = true;
        lock.unlock();
        std::error_code ec;
        if (full) {
            put(batches, ec);
            if (!ec && !planted(planted_fault::acknowledge_before_sync))
                device_->sync(ec);
        } else {
            write_durable(batches.front(), ec);
        }
        if (planted(planted_fault::failed_sync_is_ignored))
            ec.clear();
        lock.lock();
        busy_ = false;
        counters_.bytes_written += size_of(batches);
        ++(full ? counters_.syncs : counters_.durable_writes);
        if (ec)
            fail(ec, "cannot make the log durable");
        if (full) {
            ++full_ended_;
            unsynced_ = false;
        }
        written_ = end;
        durable_ = end;
        changed_.notify_all();
    }

    storage* device_;
    database_id id_;
    segment_source_ref source_;
    std::uint32_t block_;

    mutable mutex guard_;
    typename Policies::threading::condition_variable changed_;
    std::uint64_t salt_ = 0;
    std::uint64_t previous_ = 0;
    lsn at_{}; ///< of the open batch, or where the next one will be
    log_buffer open_;
    std::uint32_t records_ = 0;
    std::vector<sealed_batch> queue_;
    std::uint64_t queued_bytes_ = 0;
    std::deque<batch_place> batches_;
    std::deque<log_segment> segments_;
    std::uint64_t next_bytes_ = tuning::log_segment_bytes;
    lsn written_{};
    lsn durable_{};
    bool unsynced_ = false;
    bool busy_ = false;
    bool failed_ = false;
    bool all_wanted_ = false;
    std::uint64_t full_begun_ = 0;
    std::uint64_t full_ended_ = 0;
    log_counters counters_;
};

} // namespace numstore::detail
