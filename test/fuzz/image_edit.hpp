// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <type_traits>

namespace fuzz {

enum class edit_kind : std::uint8_t {
    field,       ///< 1, 2, 4 or 8 bytes of a node: set, added to, flipped
    anywhere,    ///< the same, of the file
    move_count,  ///< elements of one child said to be another's
    refer_node,  ///< a reference to another node, of whatever kind
    refer_page,  ///< a reference to any page
    swap_pages,
    stale_page,  ///< a page, over a node
    foreign_page,
    entry,       ///< a member of a catalogue entry
    free_list,   ///< an extent of the free map
    shared_list, ///< of the sharing table
    graves,      ///< a dropped tree
    record,      ///< a member of a record of the log
    new_record,  ///< a record of any kind in place of another
    records,     ///< repeated, swapped, left out
    resize,      ///< the file, cut off or longer
    foreign_log,
    chain,       ///< an array of very many levels
    count_
};

/// One change to a file, as an input has it.
struct edit {
    std::uint8_t kind;
    std::uint8_t how;    ///< bit 0: leave checksums as they are
    std::uint16_t which; ///< node, entry, record
    std::uint16_t where; ///< field, offset
    std::uint8_t width;
    std::uint8_t source; ///< of the value
    std::uint64_t value;
};
static_assert(sizeof(edit) == 16);
static_assert(std::is_trivially_copyable_v<edit>);

inline constexpr std::uint64_t telling_values[] = {
    0,          1,          2,          3,
    4,          7,          16,         20,
    21,         63,         64,         65,
    0x7f,       0x80,       0xff,       0x100,
    199,        200,        511,        512,
    513,        4096,       0x7fff,     0xffff,
    0x10000,    0x7fffffff, 0x80000000, 0xffffffff,
    1ULL << 32, 1ULL << 40, 1ULL << 53, 1ULL << 55,
    1ULL << 58, 1ULL << 60, 1ULL << 61, 1ULL << 62,
    ~0ULL >> 3, ~0ULL >> 2, ~0ULL >> 1, 1ULL << 63,
    ~0ULL - 1,  ~0ULL,      ~0ULL - 511, ~0ULL - 4095};

inline constexpr std::string_view telling_texts[] = {
    "f64",
    "i32",
    "u8",
    "byte",
    "[200]f64",
    "[65536]u8",
    "[4294967295]u8",
    "{a u8, b f64}",
    "{a u8, b f64 @1} #9 %1",
    "{a u8} #268435456",
    "[2][2][2][2][2][2][2][2][2][2][2][2][2][2][2][2]u8",
    "",
    "nothing of the kind",
    "small",
    "deep",
    std::string_view("\xff\xfe\x80", 3),
    std::string_view("a\0b", 3),
    "\xed\xa0\x80"};

inline std::string_view telling_text(std::uint64_t v) {
    return telling_texts[v % std::size(telling_texts)];
}

} // namespace fuzz
