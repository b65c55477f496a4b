// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/types.hpp>

#include <boost/endian/buffers.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace numstore::format {

/// The head of a log batch. A batch starts at a block, is padded to whole
/// blocks, and can be verified alone: it is of this database (`database`), of
/// this generation (`salt`), of this lap (`position` is where it was written)
/// and follows that batch (`previous`).
struct log_batch_header {
    boost::endian::little_uint64_buf_t magic;       //  0
    boost::endian::little_uint64_buf_t checksum;    //  8 of bytes 16..87
    std::array<std::byte, 16> database;             // 16
    boost::endian::little_uint64_buf_t salt;        // 32
    boost::endian::little_uint64_buf_t position;    // 40 LSN of this header
    boost::endian::little_uint64_buf_t length;      // 48 head and body
    boost::endian::little_uint64_buf_t previous;    // 56 its `checksum`
    boost::endian::little_uint64_buf_t durable;     // 64 LSN synced before
    boost::endian::little_uint64_buf_t body;        // 72 checksum of the body
    boost::endian::little_uint32_buf_t records;     // 80 how many
    boost::endian::little_uint32_buf_t kind;        // 84 log_batch_kind
};
static_assert(sizeof(log_batch_header) == 88
              && alignof(log_batch_header) == 1);
static_assert(offsetof(log_batch_header, database) == 16
              && offsetof(log_batch_header, position) == 40
              && offsetof(log_batch_header, durable) == 64
              && offsetof(log_batch_header, kind) == 84);

inline constexpr std::uint64_t log_batch_magic = 0x3162676f6c736e89;

/// LSNs are below this, so that sums of them do not overflow.
inline constexpr std::uint64_t max_lsn = std::uint64_t{1} << 62;

/// What the body of a batch holds.
enum class log_batch_kind : std::uint32_t {
    records = 1, ///< each: length (little_uint32), bytes
    link = 2     ///< one log_link; only in the last block of a segment
};

/// Bytes before each record of a batch.
inline constexpr std::size_t log_record_prefix = 4;

/// The body of a link batch: the segment in which the log goes on.
struct log_link {
    boost::endian::little_uint64_buf_t offset; //  0 place on the device
    boost::endian::little_uint64_buf_t bytes;  //  8
    boost::endian::little_uint64_buf_t first;  // 16 LSN of its first byte
};
static_assert(sizeof(log_link) == 24 && alignof(log_link) == 1);

} // namespace numstore::format

namespace numstore::detail {

using database_id = std::array<std::byte, 16>;

inline constexpr std::uint32_t min_log_block = 512;
inline constexpr std::uint32_t max_log_block = std::uint32_t{1} << 20;

/// A contiguous piece of the log: its place on the device and the LSN of its
/// first byte. Its last block is the link slot.
struct log_segment {
    std::uint64_t offset{};
    std::uint64_t bytes{};
    lsn first{};

    constexpr lsn end() const noexcept { return first + bytes; }
    constexpr lsn link_slot(std::uint32_t block) const noexcept {
        return first + (bytes - block);
    }
    constexpr std::uint64_t place_of(lsn at) const noexcept {
        return offset + (at - first);
    }
    friend constexpr bool operator==(log_segment const&,
                                     log_segment const&) = default;
};

/// Where a scan starts: the batch at `start` (or where it would be, at the
/// end of the log), and what a batch there must carry to be its continuation.
struct log_position {
    lsn start{};
    log_segment segment{};
    std::uint64_t salt{};
    std::uint64_t previous_checksum{};
    std::uint32_t block{};

    friend constexpr bool operator==(log_position const&,
                                     log_position const&) = default;
};

/// A decoded batch head.
struct log_batch {
    std::uint64_t salt{};
    lsn first{};
    std::uint64_t length{};
    std::uint64_t previous{};
    lsn durable{};
    std::uint64_t body_checksum{};
    std::uint32_t records{};
    format::log_batch_kind kind{};
    std::uint64_t checksum{}; // of the head; what the next one must name
};

/// True if a segment may be used with blocks of `block` bytes: aligned, room
/// for one batch and the link, and no sum that overflows.
inline bool is_valid(log_segment const& s, std::uint32_t block) noexcept {
    std::uint64_t end = 0;
    return block >= min_log_block && block <= max_log_block
           && is_power_of_two(block) && s.offset % block == 0
           && s.bytes % block == 0 && s.bytes >= std::uint64_t{2} * block
           && add(s.offset, s.bytes, end)
           && add(to_integer(s.first), s.bytes, end)
           && end <= format::max_lsn;
}

/// True if `p` is a block of its segment.
inline bool is_valid(log_position const& p) noexcept {
    return is_valid(p.segment, p.block) && p.start >= p.segment.first
           && p.start <= p.segment.link_slot(p.block)
           && (p.start - p.segment.first) % p.block == 0;
}

inline format::log_link encode_link(log_segment const& s) noexcept {
    format::log_link out{};
    out.offset = s.offset;
    out.bytes = s.bytes;
    out.first = to_integer(s.first);
    return out;
}

/// The segment that the body of a link batch names, unless it makes no sense.
inline std::optional<log_segment> decode_link(std::span<std::byte const> body,
                                              std::uint32_t block) noexcept {
    format::log_link link;
    if (body.size() != sizeof link)
        return std::nullopt;
    std::memcpy(&link, body.data(), sizeof link);
    log_segment const out{link.offset.value(), link.bytes.value(),
                          lsn{link.first.value()}};
    return is_valid(out, block) ? std::optional(out) : std::nullopt;
}

/// Writes the head of a batch to the first bytes of `out`, but for `checksum`,
/// which is computed and returned.
template <class Checksum>
std::uint64_t encode_batch(log_batch const& b, database_id const& id,
                           std::span<std::byte> out) noexcept {
    format::log_batch_header head{};
    head.magic = format::log_batch_magic;
    head.database = id;
    head.salt = b.salt;
    head.position = to_integer(b.first);
    head.length = b.length;
    head.previous = b.previous;
    head.durable = to_integer(b.durable);
    head.body = b.body_checksum;
    head.records = b.records;
    head.kind = static_cast<std::uint32_t>(b.kind);
    std::uint64_t const checksum = Checksum::of(
        std::as_bytes(std::span(&head, 1))
            .subspan(offsetof(format::log_batch_header, database)));
    head.checksum = checksum;
    std::memcpy(out.data(), &head, sizeof head);
    return checksum;
}

/// The head at the start of `bytes`, if there is an undamaged one of this
/// database that could be true. The body is for the caller to verify.
template <class Checksum>
std::optional<log_batch> decode_batch(std::span<std::byte const> bytes,
                                      database_id const& id) noexcept {
    format::log_batch_header head;
    if (bytes.size() < sizeof head)
        return std::nullopt;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.magic.value() != format::log_batch_magic || head.database != id)
        return std::nullopt;
    std::uint64_t const checksum = Checksum::of(bytes.subspan(
        offsetof(format::log_batch_header, database),
        sizeof head - offsetof(format::log_batch_header, database)));
    log_batch const out{
        .salt = head.salt.value(),
        .first = lsn{head.position.value()},
        .length = head.length.value(),
        .previous = head.previous.value(),
        .durable = lsn{head.durable.value()},
        .body_checksum = head.body.value(),
        .records = head.records.value(),
        .kind = static_cast<format::log_batch_kind>(head.kind.value()),
        .checksum = head.checksum.value()};
    bool const sane = out.checksum == checksum && out.length > sizeof head
                      && out.durable <= out.first && out.records > 0
                      && (out.kind == format::log_batch_kind::records
                          || out.kind == format::log_batch_kind::link);
    return sane ? std::optional(out) : std::nullopt;
}

} // namespace numstore::detail
