// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/faults.hpp>
#include <numstore/format/log_batch.hpp>
#include <numstore/log/log_batch_view.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace numstore::detail {

/// What reading a log came to.
struct scan_result {
    lsn end{};     ///< where the log ends: behind the last good batch
    lsn durable{}; ///< the highest LSN that a batch knew to be durable
    bool remains = false; ///< there are batches behind the end, out of reach
    bool replaced = false; ///< a later log stands where it should start
    std::vector<log_segment> segments; ///< read, oldest first
};

/// What is known of a log before it is read.
enum class log_state {
    unknown,
    /// The superblock that leads to it says so; a commit is durable only
    /// together with one that does not. Batches that were never durable may
    /// stand behind the first block.
    empty
};

/// Reads the batches of a log from a device, one at a time.
template <class Policies, class Storage>
class log_scanner {
    using checksum = typename Policies::checksum;

public:
    log_scanner(Storage const& device, log_position const& from,
                database_id const& id, log_state known)
        : device_(&device), id_(id), segment_(from.segment), start_(from.start),
          at_(from.start), salt_(from.salt), previous_(from.previous_checksum),
          block_(from.block), known_(known) {
        std::error_code ec;
        device_bytes_ = device.size(ec);
        if (ec)
            raise_device(ec, device.name() + ": cannot tell the size");
        if (!inside(segment_))
            raise(errc::corrupt, device.name() + ": the log is cut off");
    }

    /// Calls sink(log_batch_view) for every good batch until it says false.
    template <class Sink>
    [[gnu::cold]] scan_result run(Sink&& sink) {
        result_.segments.push_back(segment_);
        bool stopped = false;
        bool const any =
            read_batch(sink, stopped) || (is_first_a_link() && follow_link());
        while (any && !stopped
               && (read_batch(sink, stopped) || follow_link())) {
        }
        result_.end = at_;
        if (!stopped && (any || known_ == log_state::unknown)) {
            result_.replaced = at_ == start_ && is_used_again();
            look_behind();
        }
        return std::move(result_);
    }

private:
    /// At the first block of a log that is known to be empty, or wherever one
    /// is possible.
    bool is_first_a_link() const noexcept {
        return known_ == log_state::unknown
               || at_ == segment_.link_slot(block_);
    }

    bool inside(log_segment const& s) const noexcept {
        return is_valid(s, block_) && s.offset + s.bytes <= device_bytes_;
    }

    [[gnu::cold]]
    std::optional<log_batch> head_at(log_segment const& s, lsn at) {
        buffer_.resize(block_);
        read(s.place_of(at), buffer_);
        return head_in(buffer_, at);
    }

    std::optional<log_batch> head_in(std::span<std::byte const> block,
                                     lsn at) const {
        auto batch = decode_batch<checksum>(block, id_);
        if (batch && planted<Policies>(planted_fault::stale_batches_accepted))
            batch->first = at;
        else if (batch && (batch->salt != salt_ || batch->first != at))
            return std::nullopt;
        return batch;
    }

    /// The rest of a batch whose head is in the buffer; true if it is whole.
    bool body_of(log_segment const& s, log_batch const& b) {
        buffer_.resize(static_cast<std::size_t>(b.length));
        if (b.length > block_)
            read(s.place_of(b.first) + block_,
                 std::span(buffer_).subspan(block_));
        return checksum::of(body()) == b.body_checksum
               || planted<Policies>(planted_fault::torn_batches_accepted);
    }
    std::span<std::byte const> body() const noexcept {
        return std::span(buffer_).subspan(sizeof(format::log_batch_header));
    }

    bool follows(log_batch const& b) const noexcept {
        return b.previous == previous_
               || planted<Policies>(planted_fault::stale_batches_accepted);
    }

    template <class Sink>
    [[gnu::cold]] bool read_batch(Sink& sink, bool& stopped) {
        lsn const link = segment_.link_slot(block_);
        if (at_ >= link)
            return false;
        auto const batch = head_at(segment_, at_);
        if (!batch || !follows(*batch)
            || batch->kind != format::log_batch_kind::records
            || batch->length > link - at_ || !body_of(segment_, *batch)
            || !has_valid_records(body(), batch->records))
            return false;
        if (!sink(log_batch_view(*batch, buffer_))) {
            stopped = true;
            return true;
        }
        previous_ = batch->checksum;
        result_.durable = std::max(result_.durable, batch->durable);
        at_ = at_ + round_up(batch->length, block_);
        return true;
    }

    std::optional<std::pair<log_segment, log_batch>>
    link_of(log_segment const& s) {
        auto const batch = head_at(s, s.link_slot(block_));
        if (!batch || batch->kind != format::log_batch_kind::link
            || batch->length > block_ || !body_of(s, *batch))
            return std::nullopt;
        auto const next = decode_link(body(), block_);
        if (!next || next->first < s.end() || !inside(*next))
            return std::nullopt;
        return std::pair{*next, *batch};
    }

    [[gnu::cold]] bool follow_link() {
        auto const link = link_of(segment_);
        if (!link || link->second.previous != previous_)
            return false;
        previous_ = link->second.checksum;
        result_.durable = std::max(result_.durable, link->second.durable);
        segment_ = link->first;
        at_ = segment_.first;
        result_.segments.push_back(segment_);
        return true;
    }

    /// LSNs never go back, so what was written there later has a higher one.
    bool is_used_again() {
        buffer_.resize(block_);
        read(segment_.place_of(at_), buffer_);
        auto const batch = decode_batch<checksum>(buffer_, id_);
        return batch && batch->first > at_;
    }

    /// The end is damage, and not just a torn tail, if a later batch of this
    /// generation knows that more was durable.
    [[gnu::cold]] void look_behind() {
        log_segment s = segment_;
        lsn from = at_;
        for (;;) {
            look_at(s, from);
            auto const link = link_of(s);
            if (!link)
                return;
            s = link->first;
            from = s.first;
        }
    }

    /// The blocks of a segment from `from` on, many with one call.
    [[gnu::cold]] void look_at(log_segment const& s, lsn from) {
        constexpr std::uint64_t most = std::uint64_t{1} << 16;
        lsn const end = s.link_slot(block_) + block_;
        std::vector<std::byte> blocks(static_cast<std::size_t>(std::min(
            std::max<std::uint64_t>(most, block_),
            from < end ? end - from : 0)));
        while (from < end) {
            auto const part = std::span(blocks).first(static_cast<std::size_t>(
                std::min<std::uint64_t>(blocks.size(), end - from)));
            read(s.place_of(from), part);
            for (std::size_t i = 0; i != part.size(); i += block_)
                look_at(from + i, part.subspan(i, block_));
            from = from + part.size();
        }
    }
    void look_at(lsn at, std::span<std::byte const> block) {
        auto const batch = head_in(block, at);
        if (!batch)
            return;
        result_.remains = true;
        if (batch->durable > at_)
            raise(errc::corrupt,
                  device_->name() + ": the log is damaged at LSN "
                      + std::to_string(to_integer(at_))
                      + ": what follows was durable up to LSN "
                      + std::to_string(to_integer(batch->durable)));
    }

    void read(std::uint64_t place, std::span<std::byte> out) const {
        std::error_code ec;
        device_->read(place, out, ec);
        if (ec)
            raise_device(ec, device_->name() + ": cannot read the log");
    }

    Storage const* device_;
    database_id id_;
    log_segment segment_;
    lsn start_;
    lsn at_;
    std::uint64_t salt_;
    std::uint64_t previous_;
    std::uint32_t block_;
    log_state known_;
    std::uint64_t device_bytes_ = 0;
    std::vector<std::byte> buffer_;
    scan_result result_;
};

/// Reads a log from `from` on: sink(log_batch_view) gets every good batch; it
/// answers false to end the log before that batch. A torn, short or stale
/// tail just ends the log. One that is known to be empty, and looks so at its
/// first block, is not read any further. Bounded memory: one batch. Throws
/// corrupt if batches are missing that were durable, io.
template <class Policies, class Storage, class Sink>
scan_result scan(Storage const& device, log_position const& from,
                 database_id const& id, Sink&& sink,
                 log_state known = log_state::unknown) {
    return log_scanner<Policies, Storage>(device, from, id, known).run(sink);
}

} // namespace numstore::detail
