// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/faults.hpp>
#include <numstore/format/log_batch.hpp>
#include <numstore/log/batch_queue.hpp>
#include <numstore/log/log_segments.hpp>
#include <numstore/log/segment_source.hpp>
#include <numstore/log/write_turns.hpp>
#include <numstore/policies.hpp>
#include <numstore/storage/storage_device.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
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
/// next batch (`write_turns`). After a failed write or sync nothing is written
/// any more. Thread-safe.
template <class Policies>
class wal {
    using storage = typename Policies::storage;
    using mutex = typename Policies::threading::mutex;
    using lock_type = std::unique_lock<mutex>;

public:
    static constexpr bool enabled = true;

    wal(storage& device, database_id const& id, segment_source_ref source)
        : device_(&device),
          block_(static_cast<std::uint32_t>(
              std::max<std::size_t>(device.block_size(), min_log_block))),
          segments_(device, source, block_), queue_(id, block_, segments_) {}
    wal(wal const&) = delete;
    wal& operator=(wal const&) = delete;

    /// From now on who appends much makes it durable soon.
    void set_syncs_soon(bool soon) noexcept { syncs_soon_ = soon; }

    /// Begins a generation at or behind `first`, in a segment of its own, a
    /// very small one if space may be short.
    void start(lsn first, std::uint64_t salt, bool small = false) {
        lock_type lock(guard_);
        lsn const at{round_up(to_integer(first), block_)};
        queue_.start(at, salt);
        durable_ = at;
        written_ = at;
        std::error_code ec;
        if (small)
            segments_.add_small(at, ec);
        else
            segments_.add(at, 0, ec);
        require_prepared(ec);
    }

    /// Goes on where a log ends. The first batch begins with `mark`, a record
    /// that is not in any log of before: what a lost one may have left behind
    /// `end` does not follow, were the first batch the same again.
    void resume(log_position const& end, std::span<std::byte const> mark) {
        lock_type lock(guard_);
        segments_.resume(end.segment);
        queue_.resume(end, mark);
        durable_ = end.start;
        written_ = end.start;
    }

    /// The LSN of the record, which is in memory only. Throws no_space,
    /// no_memory, failed, io; then nothing has changed.
    lsn append(std::span<std::byte const> record) {
        lock_type lock(guard_);
        require_working();
        while (queue_.is_full_for(record.size())) {
            queue_.seal(durable_);
            if (!turns_.busy() && queue_.bytes() > queue_.batch_bytes)
                write_queue(lock); // others may append meanwhile
        }
        if (queue_.needs_segment_for(record.size())) {
            std::error_code ec;
            queue_.link(record.size(), durable_, ec);
            require_prepared(ec);
            unsynced_ = true;
        }
        return queue_.append(record);
    }

    /// Hands all up to the record at `upto` to the device. Throws failed, io.
    void write(lsn upto) {
        lock_type lock(guard_);
        bool led = false;
        while (written_ <= upto && written_ < queue_.end()) {
            require_working();
            if (!turns_.free()) {
                turns_.wait(lock, upto < taken_);
                led = false;
                continue;
            }
            seal_to_lead();
            write_queue(lock);
            led = true;
        }
        turns_.leave(led);
    }

    /// All up to the record at `upto` is durable on return, and with
    /// `sync_all` everything that the device was given before the call.
    /// Throws failed, io.
    void flush(lsn upto, bool sync_all) {
        flush(upto, sync_all, []() noexcept {});
    }

    /// The same; meanwhile() is called once, without a mutex, if there is time
    /// for it while another thread makes them durable.
    template <class F>
    void flush(lsn upto, bool sync_all, F&& meanwhile) {
        lock_type lock(guard_);
        bool led = false;
        bool gathered = false;
        bool has_time = true;
        std::uint64_t const ticket = full_begun_ + 1;
        while ((durable_ <= upto && durable_ < queue_.end())
               || (sync_all && full_ended_ < ticket)) {
            require_working();
            if (sync_all)
                all_wanted_ = true;
            if (!turns_.free()) {
                bool const for_this_one = upto < taken_ && !sync_all;
                led = false;
                if (std::exchange(has_time, false)
                    && turns_.work_meanwhile(lock, for_this_one, meanwhile))
                    continue;
                turns_.wait(lock, for_this_one);
                continue;
            }
            if (!std::exchange(gathered, true) && turns_.gather(lock))
                continue; // another may write now
            seal_to_lead();
            sync_queue(lock);
            led = true;
        }
        turns_.leave(led);
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
        queue_.seal(durable_);
        std::error_code ec;
        queue_.link_small(durable_, ec);
        require_prepared(ec);
        unsynced_ = true;
    }

    /// Where the next record would go.
    lsn end() const {
        lock_type lock(guard_);
        return queue_.end();
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
        return queue_.position_at(redo);
    }

    /// Gives up the segments that hold nothing from `redo` on.
    std::vector<log_segment> release_before(lsn redo) {
        lock_type lock(guard_);
        auto given = segments_.release_before(std::min(redo, durable_));
        queue_.forget_before(redo);
        return given;
    }

    std::vector<log_segment> segments() const {
        lock_type lock(guard_);
        return {segments_.all().begin(), segments_.all().end()};
    }

    std::size_t segment_count() const noexcept {
        lock_type lock(guard_);
        return segments_.all().size();
    }
    lsn first_segment_end() const noexcept {
        lock_type lock(guard_);
        return segments_.front().end();
    }

    log_counters counters() const {
        lock_type lock(guard_);
        log_counters all = counters_;
        all.batches = queue_.count();
        all.preparation_bytes = segments_.preparation_bytes();
        return all;
    }

private:
    void require_working() const {
        if (failed_)
            raise(errc::failed, device_->name() + ": the log has failed");
    }

    void require_prepared(std::error_code const& ec) {
        if (ec)
            fail(ec, "cannot prepare the log");
    }

    [[noreturn]] void fail(std::error_code const& ec, char const* what) {
        failed_ = true;
        turns_.wake_all();
        raise_device(ec, device_->name() + ": " + what);
    }

    /// Who waits for the turn that the caller does not begin must know.
    void seal_to_lead() {
        try {
            queue_.seal(durable_);
        } catch (...) {
            turns_.leave(false);
            throw;
        }
    }

    void put(std::vector<sealed_batch>& batches, std::error_code& ec) {
        for (sealed_batch const& b : batches) {
            device_->write(b.place, b.bytes.bytes(), ec);
            if (ec)
                return;
        }
    }

    void start_sync(std::vector<sealed_batch> const& batches,
                    std::error_code& ec) {
        if constexpr (eager_device<storage>)
            for (sealed_batch const& b : batches)
                if (!ec)
                    device_->start_sync(b.place, b.bytes.size(), ec);
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
        else if constexpr (log_device<storage>)
            device_->write_log_durable(b.place, b.bytes.bytes(), ec);
        else
            device_->write_durable(b.place, b.bytes.bytes(), ec);
    }

    static bool planted(planted_fault f) noexcept {
        return detail::planted<Policies>(f);
    }

    void write_queue(lock_type& lock) {
        if (queue_.empty())
            return;
        auto batches = queue_.take();
        taken_ = batches.back().end;
        turns_.begin();
        lock.unlock();
        std::error_code ec;
        put(batches, ec);
        if (!ec && syncs_soon_)
            start_sync(batches, ec);
        lock.lock();
        counters_.bytes_written += size_of(batches);
        queue_.recycle(batches);
        if (ec)
            fail(ec, "cannot write the log");
        written_ = taken_;
        unsynced_ = true;
        turns_.end(lock);
    }

    /// One durable write where that is all, else writes and one sync.
    void sync_queue(lock_type& lock) {
        auto batches = queue_.take();
        lsn const end = batches.empty() ? written_ : batches.back().end;
        bool const full = std::exchange(all_wanted_, false) || unsynced_
                          || batches.size() != 1;
        if (full) {
            ++full_begun_;
            unsynced_ = false; // a segment made meanwhile waits for the next
        }
        taken_ = end;
        turns_.begin();
        lock.unlock();
        std::error_code ec;
        if (full) {
            put(batches, ec);
            if (!ec && !planted(planted_fault::acknowledge_before_sync))
                sync_log_of(*device_, ec);
        } else {
            write_durable(batches.front(), ec);
        }
        if (planted(planted_fault::failed_sync_is_ignored))
            ec.clear();
        lock.lock();
        counters_.bytes_written += size_of(batches);
        ++(full ? counters_.syncs : counters_.durable_writes);
        queue_.recycle(batches);
        if (ec)
            fail(ec, "cannot make the log durable");
        require_working(); // or a segment made meanwhile has taken the error
        if (full)
            ++full_ended_;
        written_ = end;
        durable_ = end;
        turns_.end(lock);
    }

    storage* device_;
    std::uint32_t block_;
    bool syncs_soon_ = false; ///< set before others use it
    log_segments<Policies> segments_;
    batch_queue<Policies> queue_;

    mutable mutex guard_; ///< guards all from here on, and those two
    write_turns<Policies> turns_;
    lsn taken_{}; ///< where what turns have written or write ends
    lsn written_{};
    lsn durable_{};
    bool unsynced_ = false;
    bool failed_ = false;
    bool all_wanted_ = false;
    std::uint64_t full_begun_ = 0;
    std::uint64_t full_ended_ = 0;
    log_counters counters_;
};

} // namespace numstore::detail
