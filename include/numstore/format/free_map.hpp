// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/bytes.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace numstore::format {

/// Which pages are not in use: now, and from the next superblock on. Each
/// list is sorted, the two have no page in common, and no extent is empty.
struct free_map {
    std::vector<extent> free;
    std::vector<extent> next; ///< free once one more superblock is durable
    friend bool operator==(free_map const&, free_map const&) = default;
};

/// Bytes that `encode_free_map` takes at most for this many extents in both
/// lists together.
///
/// On disk each list is a 64-bit count, then for each extent the gap since
/// the end of the one before and the pages, as varints. Pages have at least
/// 512 bytes, so numbers have at most 55 bits and varints at most 8 bytes.
constexpr std::uint64_t free_map_bound(std::uint64_t extents) noexcept {
    return 16 + 16 * extents;
}

/// Appends the map to `out`. Precondition: the map is as described.
inline void encode_free_map(free_map const& map, std::vector<std::byte>& out) {
    byte_writer w(out);
    for (auto const* list : {&map.free, &map.next}) {
        w.u64(list->size());
        page_no end{};
        for (extent const& e : *list) {
            w.varint(to_integer(e.first) - to_integer(end));
            w.varint(e.pages);
            end = e.end();
        }
    }
}

} // namespace numstore::format

namespace numstore::detail {

/// One list, whose extents must lie within [first, end), in order.
[[gnu::cold]]
inline std::vector<extent> decode_extents(format::byte_reader& in,
                                          page_no first, page_no end) {
    constexpr std::size_t smallest_extent = 2;
    std::uint64_t const n = in.u64();
    if (n > in.remaining() / smallest_extent)
        in.fail("more extents than bytes");
    std::vector<extent> list;
    list.reserve(static_cast<std::size_t>(n));
    std::uint64_t at = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        std::uint64_t const gap = in.varint();
        std::uint64_t const pages = in.varint();
        if (gap > to_integer(end) - at || pages > to_integer(end) - at - gap
            || at + gap < to_integer(first))
            in.fail("an extent is outside of the file");
        if (pages == 0)
            in.fail("an extent is empty");
        list.push_back({page_no{at + gap}, pages});
        at += gap + pages;
    }
    return list;
}

/// Both sorted.
inline bool are_disjoint(std::vector<extent> const& a,
                         std::vector<extent> const& b) noexcept {
    auto i = a.begin();
    auto j = b.begin();
    while (i != a.end() && j != b.end()) {
        if (i->end() <= j->first)
            ++i;
        else if (j->end() <= i->first)
            ++j;
        else
            return false;
    }
    return true;
}

} // namespace numstore::detail

namespace numstore::format {

/// Reads a map of a file whose data pages are [first, end). Throws corrupt.
inline free_map decode_free_map(std::span<std::byte const> bytes, page_no first,
                                page_no end) {
    byte_reader in(bytes, "free map");
    free_map map;
    map.free = detail::decode_extents(in, first, end);
    map.next = detail::decode_extents(in, first, end);
    in.finish();
    if (!detail::are_disjoint(map.free, map.next))
        in.fail("a page is in both lists");
    return map;
}

} // namespace numstore::format
