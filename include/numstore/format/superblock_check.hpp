// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/superblock.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace numstore::format {

/// What reading a superblock came to, from good to hopeless.
enum class superblock_state {
    ok,
    ok_to_read,   ///< has features that only allow reading
    incompatible, ///< written under other policies
    unsupported,  ///< of a later format, or with features to be understood
    damaged,
    foreign ///< nothing of numstore's
};

/// The superblock is filled in for `ok` and `ok_to_read`, its policies and
/// generation also for `incompatible`. `text` explains every other state.
struct superblock_result {
    superblock_state state = superblock_state::foreign;
    std::string text;
    superblock block;
};

/// The error that opening a file in this state gives. `ok_to_read` stands
/// for an attempt to write.
constexpr errc error_of(superblock_state s) noexcept {
    switch (s) {
    case superblock_state::incompatible: return errc::incompatible_policies;
    case superblock_state::ok:
    case superblock_state::ok_to_read:
    case superblock_state::unsupported: return errc::unsupported_version;
    case superblock_state::damaged: return errc::corrupt;
    case superblock_state::foreign: break;
    }
    return errc::not_a_database;
}

/// In clear text, what differs; empty if nothing does.
[[gnu::cold]]
inline std::string difference(fingerprint const& file,
                              fingerprint const& program) {
    struct field {
        char const* name;
        std::uint32_t file;
        std::uint32_t program;
    };
    std::string text;
    for (field const& f :
         {field{"page_size", file.page_size, program.page_size},
          field{"checksum kind", file.checksum, program.checksum},
          field{"logging kind", file.logging, program.logging},
          field{"block_size", file.block_size, program.block_size},
          field{"storage kind", file.storage, program.storage}}) {
        if (f.file == f.program)
            continue;
        text += text.empty() ? "file was written with " : "; with ";
        text += std::string(f.name) + ' ' + std::to_string(f.file)
                + ", this program uses " + std::to_string(f.program);
    }
    return text;
}

} // namespace numstore::format

namespace numstore::detail {

inline format::superblock
unpack_superblock(format::superblock_image const& d) noexcept {
    format::superblock s;
    s.features = {d.must_understand.value(), d.safe_to_read.value(),
                  d.ignorable.value()};
    s.policies = {d.page_size.value(), d.checksum_id.value(),
                  d.logging_id.value(), d.block_size.value(),
                  d.storage_id.value()};
    std::memcpy(s.database_id.data(), d.database_id, sizeof d.database_id);
    s.generation = d.generation.value();
    s.version = lsn{d.version_lsn.value()};
    s.redo = lsn{d.redo_lsn.value()};
    s.log = {d.log_offset.value(),
             d.log_bytes.value(),
             lsn{d.log_first.value()},
             d.log_salt.value(),
             d.log_previous_checksum.value(),
             lsn{d.log_start_lsn.value()}};
    s.names = load_root(d.names);
    s.entries = load_root(d.entries);
    s.graveyard = load_list(d.graveyard);
    s.sharing = load_list(d.sharing);
    s.free_map = {page_no{d.map_place.value()}, d.map_pages.value(),
                  static_cast<std::uint8_t>(
                      std::min<std::uint64_t>(d.map_levels.value(), 255)),
                  d.map_checksum.value(), d.map_bytes.value()};
    s.next_array = d.next_array.value();
    s.next_transaction = d.next_transaction.value();
    s.file_pages = d.file_pages.value();
    s.clean = d.clean.value() == format::closed_and_alone;
    s.twin = static_cast<format::twin_role>(d.twin.value());
    return s;
}

/// True if the data pages of the file hold pages [first, first + pages).
inline bool superblock_holds(format::superblock const& s, page_no first,
                             std::uint64_t pages) noexcept {
    std::uint64_t end = 0;
    return to_integer(first) >= format::first_data_page(s.policies.page_size)
           && add(to_integer(first), pages, end) && end <= s.file_pages;
}

inline bool superblock_allows(format::superblock const& s,
                              format::tree_root const& t) noexcept {
    if (t.place == no_page)
        return t == format::tree_root{};
    return t.pages != 0 && t.count != 0 && t.height <= format::max_height
           && superblock_holds(s, t.place, t.pages);
}

inline bool superblock_allows(format::superblock const& s,
                              format::list_root const& m) noexcept {
    std::uint64_t room = 0;
    if (m.place == no_page)
        return m == format::list_root{};
    bool const pieces =
        (s.features.must_understand & format::lists_in_pieces) != 0;
    return m.pages != 0 && m.bytes != 0
           && m.levels <= (pieces ? format::max_height : 0)
           && superblock_holds(s, m.place, m.pages)
           && multiply(m.pages, s.policies.page_size, room) && m.bytes <= room;
}

inline bool superblock_allows(format::superblock const& s,
                              format::log_start const& l) noexcept {
    std::uint64_t const page_size = s.policies.page_size;
    std::uint64_t last = 0;
    if (l.bytes == 0)
        return true;
    return l.offset % page_size == 0 && l.bytes % page_size == 0
           && superblock_holds(s, page_no{l.offset / page_size},
                               l.bytes / page_size)
           && add(to_integer(l.first), l.bytes, last) && l.first <= l.start
           && to_integer(l.start) <= last && last <= format::max_counter;
}

/// What is wrong with values behind a good checksum, or null.
[[gnu::cold]]
inline char const* superblock_fault(format::superblock const& s) noexcept {
    std::uint64_t const page_size = s.policies.page_size;
    std::uint64_t file_bytes = 0;
    if (page_size < 512 || page_size > (1U << 20)
        || !is_power_of_two(page_size))
        return "its page size is impossible";
    if (s.file_pages < format::first_data_page(page_size)
        || !multiply(s.file_pages, page_size, file_bytes))
        return "its file size is impossible";
    if (s.generation == 0 || s.next_array == 0 || s.next_transaction == 0)
        return "a counter is zero";
    if (std::max({s.generation, s.next_array, s.next_transaction,
                  to_integer(s.version), to_integer(s.redo)})
        > format::max_counter)
        return "a counter is impossible";
    if (!superblock_allows(s, s.names) || !superblock_allows(s, s.entries))
        return "a tree root is impossible";
    if (!superblock_allows(s, s.graveyard))
        return "its graveyard is impossible";
    if (!superblock_allows(s, s.sharing))
        return "its sharing table is impossible";
    if (s.twin > format::twin_role::twin)
        return "its role is impossible";
    if (!superblock_allows(s, s.free_map))
        return "its free map is impossible";
    if (!superblock_allows(s, s.log))
        return "its log position is impossible";
    return nullptr;
}

} // namespace numstore::detail

namespace numstore::format {

/// Reads and judges the bytes of one superblock. `bytes` may be longer than
/// one, or shorter where the file is.
[[gnu::cold]]
inline superblock_result decode_superblock(std::span<std::byte const> bytes,
                                           fingerprint const& program) {
    using state = superblock_state;
    constexpr std::size_t guard = 11; // where the name ends
    std::size_t const n = std::min(bytes.size(), sizeof superblock_magic);
    if (n < guard || std::memcmp(bytes.data(), superblock_magic, guard) != 0)
        return {state::foreign, "not a numstore file", {}};
    if (std::memcmp(bytes.data(), superblock_magic, n) != 0)
        return {state::damaged,
                "its signature is damaged, as by copying it as a text file",
                {}};
    if (bytes.size() < superblock_bytes)
        return {state::damaged, "the file is cut off", {}};
    superblock_image d;
    std::memcpy(&d, bytes.data(), sizeof d);
    if (d.checksum.value() != detail::superblock_checksum(bytes))
        return {state::damaged, "a superblock does not match its checksum", {}};
    if (d.version.value() == 0 || d.version.value() > current_version)
        return {state::unsupported,
                "file has format version " + std::to_string(d.version.value())
                    + ", this program knows versions up to "
                    + std::to_string(current_version),
                {}};
    if ((d.must_understand.value() & ~known_features.must_understand) != 0)
        return {state::unsupported,
                "file uses features that this program does not know",
                {}};
    superblock const s = detail::unpack_superblock(d);
    if (char const* const why = detail::superblock_fault(s))
        return {
            state::damaged, std::string("a superblock is damaged: ") + why, {}};
    if (std::string why = difference(s.policies, program); !why.empty())
        return {state::incompatible, std::move(why), s};
    if ((s.features.safe_to_read & ~known_features.safe_to_read) != 0)
        return {state::ok_to_read,
                "file uses features with which this program can only read it",
                s};
    return {state::ok, {}, s};
}

} // namespace numstore::format
