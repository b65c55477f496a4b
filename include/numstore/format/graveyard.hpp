// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/bytes.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace numstore::format {

/// A tree that was dropped and whose pages have not all been given back. Its
/// leaves have `leaf_pages` pages and at most `leaf_capacity` elements.
struct buried_tree {
    page_no place{};
    std::uint64_t checksum = 0;
    std::uint8_t height = 0;
    std::uint64_t count = 0; ///< elements
    std::uint64_t leaf_pages = 1;
    std::uint64_t leaf_capacity = 1;
    friend bool operator==(buried_tree const&, buried_tree const&) = default;
};

/// Appends the list: a 64-bit count, then the members of each tree in order.
inline void encode_graveyard(std::span<buried_tree const> trees,
                             std::vector<std::byte>& out) {
    byte_writer w(out);
    w.u64(trees.size());
    for (buried_tree const& t : trees) {
        w.varint(to_integer(t.place));
        w.u64(t.checksum);
        w.u8(t.height);
        w.varint(t.count);
        w.varint(t.leaf_pages);
        w.varint(t.leaf_capacity);
    }
}

/// Reads the list of a file whose data pages are [first, end). Throws
/// corrupt. What is below the roots is checked as it is read.
[[gnu::cold]] inline std::vector<buried_tree>
decode_graveyard(std::span<std::byte const> bytes, page_no first,
                 page_no end) {
    constexpr std::size_t smallest = 13;
    constexpr std::uint8_t highest = 32;
    byte_reader in(bytes, "graveyard");
    std::uint64_t const n = in.u64();
    if (n > in.remaining() / smallest)
        in.fail("more trees than bytes");
    std::vector<buried_tree> trees;
    trees.reserve(static_cast<std::size_t>(n));
    for (std::uint64_t i = 0; i != n; ++i) {
        buried_tree t;
        t.place = page_no{in.varint()};
        t.checksum = in.u64();
        t.height = in.u8();
        t.count = in.varint();
        t.leaf_pages = in.varint();
        t.leaf_capacity = in.varint();
        if (t.height > highest || t.count == 0 || t.leaf_pages == 0
            || t.leaf_capacity == 0)
            in.fail("a tree is impossible");
        std::uint64_t const pages = t.height == 0 ? t.leaf_pages : 1;
        if (t.place < first || t.place >= end
            || pages > to_integer(end) - to_integer(t.place))
            in.fail("a tree is outside of the file");
        trees.push_back(t);
    }
    in.finish();
    return trees;
}

} // namespace numstore::format
