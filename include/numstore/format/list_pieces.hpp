// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/bytes.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace numstore::format {

/// A part of a list: neighbouring pages. What follows its end is zero.
struct list_piece {
    extent pages;
    std::uint64_t checksum = 0; ///< of all its pages
    friend bool operator==(list_piece const&, list_piece const&) = default;
};

/// Where the `bytes` bytes of a list are that is not in one run of pages.
struct list_pieces {
    std::uint64_t bytes = 0;
    std::vector<list_piece> pieces;
    friend bool operator==(list_pieces const&, list_pieces const&) = default;
};

/// Bytes that `n` pieces take.
constexpr std::uint64_t list_pieces_bytes(std::uint64_t n) noexcept {
    return 8 + 24 * n;
}

/// Appends the length, then place, pages and checksum of each piece, as 64-bit
/// numbers.
inline void encode_list_pieces(list_pieces const& list,
                               std::vector<std::byte>& out) {
    out.reserve(out.size() + list_pieces_bytes(list.pieces.size()));
    byte_writer w(out);
    w.u64(list.bytes);
    for (list_piece const& p : list.pieces) {
        w.u64(to_integer(p.pages.first));
        w.u64(p.pages.pages);
        w.u64(p.checksum);
    }
}

/// Reads it, of a file whose data pages, of `page_size` bytes, are
/// [first, end). Throws corrupt.
[[gnu::cold]]
inline list_pieces decode_list_pieces(std::span<std::byte const> bytes,
                                      std::uint64_t page_size, page_no first,
                                      page_no end) {
    byte_reader in(bytes, "list of pieces");
    list_pieces list;
    list.bytes = in.u64();
    std::uint64_t left = to_integer(end) - to_integer(first);
    std::uint64_t pages = 0;
    while (in.remaining() != 0) {
        list_piece p;
        p.pages.first = page_no{in.u64()};
        p.pages.pages = in.u64();
        p.checksum = in.u64();
        if (p.pages.first < first || p.pages.first >= end
            || p.pages.pages > to_integer(end) - to_integer(p.pages.first))
            in.fail("a piece is outside of the file");
        if (p.pages.pages == 0)
            in.fail("a piece is empty");
        if (p.pages.pages > left)
            in.fail("more pages than the file has");
        left -= p.pages.pages;
        pages += p.pages.pages;
        list.pieces.push_back(p);
    }
    if (list.bytes == 0 || list.bytes > pages * page_size)
        in.fail("its length is impossible");
    return list;
}

} // namespace numstore::format
