// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/policies.hpp>
#include <numstore/types.hpp>

#include <boost/endian/buffers.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace numstore::format {

/// Superblocks stand at these bytes whatever the page size, and are written
/// alternately; the newest valid one counts.
inline constexpr std::uint64_t superblock_offsets[2] = {0, 64 * 1024};

inline constexpr std::uint32_t current_version = 1;

/// Levels that any tree of the file may have.
inline constexpr std::uint8_t max_height = 64;

/// Counters and LSNs of sound files never come near this, so that they can be
/// counted on without care.
inline constexpr std::uint64_t max_counter = std::uint64_t{1} << 62;

/// The first page behind both superblocks.
constexpr std::uint64_t first_data_page(std::uint64_t page_size) noexcept {
    return std::max<std::uint64_t>(128 * 1024, page_size) / page_size;
}

/// Feature bits that this program knows: it refuses a file with others in
/// `must_understand`, only reads one with others in `safe_to_read`, and takes
/// no notice of others in `ignorable`.
struct feature_bits {
    std::uint64_t must_understand = 0;
    std::uint64_t safe_to_read = 0;
    std::uint64_t ignorable = 0;
    friend bool operator==(feature_bits const&, feature_bits const&) = default;
};
/// Bits of `must_understand`: without knowing them a program would resize
/// arrays and leave their shapes as they are.
inline constexpr std::uint64_t arrays_with_axes = 1;
inline constexpr std::uint64_t tiled_arrays = 2;
/// A list of this superblock is in pieces.
inline constexpr std::uint64_t lists_in_pieces = 4;

inline constexpr feature_bits known_features{
    .must_understand = arrays_with_axes | tiled_arrays | lists_in_pieces};

/// The policies that decide what the file's bytes are.
struct fingerprint {
    std::uint32_t page_size = 0;
    std::uint32_t checksum = 0;   ///< `checksum_policy` id
    std::uint32_t logging = 0;    ///< `log_policy` id
    std::uint32_t block_size = 0; ///< unit to which the log is padded
    std::uint32_t storage = 0;    ///< 0 unless the device transforms bytes
    friend bool operator==(fingerprint const&, fingerprint const&) = default;
};

/// Root of a keyed tree; without a place the tree is empty.
struct tree_root {
    page_no place{};
    std::uint32_t pages = 0; ///< of the root node
    std::uint8_t height = 0; ///< levels of inner nodes
    std::uint64_t checksum = 0;
    std::uint64_t count = 0; ///< entries
    friend bool operator==(tree_root const&, tree_root const&) = default;
};

/// Bytes in neighbouring pages; without a place there are none. With `levels`
/// they are a list of the pieces of another list, see `list_pieces.hpp`.
struct list_root {
    page_no place{};
    std::uint64_t pages = 0;
    std::uint8_t levels = 0;
    std::uint64_t checksum = 0; ///< of all its pages
    std::uint64_t bytes = 0;    ///< used, of those pages
    friend bool operator==(list_root const&, list_root const&) = default;
};

/// Where reading the log starts: a batch at `start` within a segment of
/// `bytes` bytes that stands at byte `offset` and holds LSNs from `first`.
struct log_start {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0; ///< 0: there is no log
    lsn first{};
    std::uint64_t salt = 0;
    std::uint64_t previous_checksum = 0;
    lsn start{};
    friend bool operator==(log_start const&, log_start const&) = default;
};

/// A superblock may be written twice, so that neither of the file's two needs
/// what came before: then what the first one frees next is free at once.
enum class twin_role : std::uint32_t {
    none = 0,
    followed = 1, ///< the same is about to be written again
    twin = 2      ///< repeats the one before
};

/// What `clean` is on disk. 1 said less: closed, then perhaps used again.
inline constexpr std::uint64_t closed_and_alone = 2;

struct superblock {
    feature_bits features;
    fingerprint policies;
    std::array<std::byte, 16> database_id{};
    std::uint64_t generation = 1;
    lsn version{}; ///< last commit that the trees contain
    lsn redo{};    ///< redo reads the log from here
    log_start log;
    tree_root names;
    tree_root entries;
    list_root graveyard;
    list_root sharing;
    list_root free_map;
    std::uint64_t next_array = 1;
    std::uint64_t next_transaction = 1;
    std::uint64_t file_pages = 0;
    bool clean = false; ///< closed, and no commit has followed
    twin_role twin = twin_role::none;
    friend bool operator==(superblock const&, superblock const&) = default;
};

/// On disk: align 1, little endian. The first 48 bytes and the place and kind
/// of the checksum (XXH3-64 whatever the policies) are the same in every
/// version of the format.
struct superblock_image {
    using u32 = boost::endian::little_uint32_buf_t;
    using u64 = boost::endian::little_uint64_buf_t;

    struct tree_image {
        u64 place;                //  0
        u32 pages;                //  8
        std::uint8_t height;      // 12
        std::uint8_t reserved[3]; // 13
        u64 checksum;             // 16
        u64 count;                // 24
    };

    std::uint8_t magic[16];       //   0
    u32 version;                  //  16
    u32 reserved1;                //  20
    u64 must_understand;          //  24
    u64 safe_to_read;             //  32
    u64 ignorable;                //  40
    u32 page_size;                //  48
    u32 checksum_id;              //  52
    u32 logging_id;               //  56
    u32 block_size;               //  60
    u32 storage_id;               //  64
    u32 twin;                     //  68 a twin_role
    std::uint8_t database_id[16]; //  72
    u64 generation;               //  88
    u64 version_lsn;              //  96
    u64 redo_lsn;                 // 104
    u64 log_offset;               // 112
    u64 log_bytes;                // 120
    u64 log_first;                // 128
    u64 log_salt;                 // 136
    u64 log_previous_checksum;    // 144
    u64 log_start_lsn;            // 152
    tree_image names;             // 160
    tree_image entries;           // 192
    tree_image graveyard;         // 224
    tree_image sharing;           // 256
    u64 map_place;                // 288
    u64 map_pages;                // 296
    u64 map_checksum;             // 304
    u64 map_bytes;                // 312
    u64 next_array;               // 320
    u64 next_transaction;         // 328
    u64 file_pages;               // 336
    u64 clean;                    // 344
    u64 reserved_created;         // 352
    u64 reserved_modified;        // 360
    u64 map_levels;               // 368
    std::uint8_t reserved3[128];  // 376
    u64 checksum;                 // 504 of bytes 0..503
};
static_assert(sizeof(superblock_image) == 512
              && alignof(superblock_image) == 1);
static_assert(sizeof(superblock_image::tree_image) == 32);
static_assert(offsetof(superblock_image, version) == 16);
static_assert(offsetof(superblock_image, page_size) == 48);
static_assert(offsetof(superblock_image, generation) == 88);
static_assert(offsetof(superblock_image, log_offset) == 112);
static_assert(offsetof(superblock_image, names) == 160);
static_assert(offsetof(superblock_image, map_place) == 288);
static_assert(offsetof(superblock_image, next_array) == 320);
static_assert(offsetof(superblock_image, map_levels) == 368);
static_assert(offsetof(superblock_image, checksum) == 504);

inline constexpr std::size_t superblock_bytes = sizeof(superblock_image);

/// Not text, and damaged by whatever converts line ends, as PNG's signature.
inline constexpr std::uint8_t superblock_magic[16] = {
    0x89, 'n', 's', 'n',  'u',  'm',  's',  't',
    'o',  'r', 'e', '\r', '\n', 0x1a, '\n', 0x00};

} // namespace numstore::format

namespace numstore::detail {

inline void store_root(format::superblock_image::tree_image& out,
                       format::tree_root const& in) noexcept {
    out.place = to_integer(in.place);
    out.pages = in.pages;
    out.height = in.height;
    out.checksum = in.checksum;
    out.count = in.count;
}

inline format::tree_root
load_root(format::superblock_image::tree_image const& in) noexcept {
    return {page_no{in.place.value()}, in.pages.value(), in.height,
            in.checksum.value(), in.count.value()};
}

inline void store_list(format::superblock_image::tree_image& out,
                       format::list_root const& in) noexcept {
    store_root(out, {in.place, static_cast<std::uint32_t>(in.pages), in.levels,
                     in.checksum, in.bytes});
}

inline format::list_root
load_list(format::superblock_image::tree_image const& in) noexcept {
    format::tree_root const r = load_root(in);
    return {r.place, r.pages, r.height, r.checksum, r.count};
}

inline std::uint64_t
superblock_checksum(std::span<std::byte const> bytes) noexcept {
    return xxh3_64::of(
        bytes.first(offsetof(format::superblock_image, checksum)));
}

} // namespace numstore::detail

namespace numstore::format {

/// The bytes to write. A block that is larger is padded with zeros.
inline std::array<std::byte, superblock_bytes>
encode_superblock(superblock const& s) noexcept {
    superblock_image d;
    std::memset(&d, 0, sizeof d);
    std::copy(std::begin(superblock_magic), std::end(superblock_magic),
              d.magic);
    d.version = current_version;
    d.must_understand = s.features.must_understand;
    d.safe_to_read = s.features.safe_to_read;
    d.ignorable = s.features.ignorable;
    d.page_size = s.policies.page_size;
    d.checksum_id = s.policies.checksum;
    d.logging_id = s.policies.logging;
    d.block_size = s.policies.block_size;
    d.storage_id = s.policies.storage;
    std::memcpy(d.database_id, s.database_id.data(), sizeof d.database_id);
    d.generation = s.generation;
    d.version_lsn = to_integer(s.version);
    d.redo_lsn = to_integer(s.redo);
    d.log_offset = s.log.offset;
    d.log_bytes = s.log.bytes;
    d.log_first = to_integer(s.log.first);
    d.log_salt = s.log.salt;
    d.log_previous_checksum = s.log.previous_checksum;
    d.log_start_lsn = to_integer(s.log.start);
    detail::store_root(d.names, s.names);
    detail::store_root(d.entries, s.entries);
    detail::store_list(d.graveyard, s.graveyard);
    detail::store_list(d.sharing, s.sharing);
    d.map_place = to_integer(s.free_map.place);
    d.map_pages = s.free_map.pages;
    d.map_checksum = s.free_map.checksum;
    d.map_bytes = s.free_map.bytes;
    d.map_levels = s.free_map.levels;
    d.next_array = s.next_array;
    d.next_transaction = s.next_transaction;
    d.file_pages = s.file_pages;
    d.clean = s.clean ? closed_and_alone : 0;
    d.twin = static_cast<std::uint32_t>(s.twin);
    std::array<std::byte, superblock_bytes> bytes;
    std::memcpy(bytes.data(), &d, sizeof d);
    d.checksum = detail::superblock_checksum(bytes);
    std::memcpy(bytes.data(), &d, sizeof d);
    return bytes;
}

} // namespace numstore::format
