// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/bytes.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace numstore::format {

/// Neighbouring pages that `extra` + 1 trees refer to, `extra` > 0. The
/// sharing table lists them in order; a page in none is used once.
struct shared_pages {
    extent pages;
    std::uint64_t extra = 0;
    friend bool operator==(shared_pages const&, shared_pages const&) = default;
};

/// Appends the table: a 64-bit count, then for each extent the gap since the
/// end of the one before, its pages and its extra references, as varints.
inline void encode_sharing_table(std::span<shared_pages const> table,
                                 std::vector<std::byte>& out) {
    byte_writer w(out);
    w.u64(table.size());
    page_no end{};
    for (shared_pages const& s : table) {
        w.varint(to_integer(s.pages.first) - to_integer(end));
        w.varint(s.pages.pages);
        w.varint(s.extra);
        end = s.pages.end();
    }
}

/// Reads the table of a file whose data pages are [first, end). Throws
/// corrupt.
[[gnu::cold]] inline std::vector<shared_pages>
decode_sharing_table(std::span<std::byte const> bytes, page_no first,
                     page_no end) {
    constexpr std::size_t smallest = 3;
    byte_reader in(bytes, "sharing table");
    std::uint64_t const n = in.u64();
    if (n > in.remaining() / smallest)
        in.fail("more extents than bytes");
    std::vector<shared_pages> table;
    table.reserve(static_cast<std::size_t>(n));
    std::uint64_t at = 0;
    for (std::uint64_t i = 0; i != n; ++i) {
        std::uint64_t const gap = in.varint();
        std::uint64_t const pages = in.varint();
        std::uint64_t const extra = in.varint();
        if (gap > to_integer(end) - at || pages > to_integer(end) - at - gap
            || at + gap < to_integer(first))
            in.fail("an extent is outside of the file");
        if (pages == 0 || extra == 0)
            in.fail("an extent is empty");
        if (extra > UINT32_MAX)
            in.fail("a count is impossible");
        table.push_back({{page_no{at + gap}, pages}, extra});
        at += gap + pages;
    }
    in.finish();
    return table;
}

} // namespace numstore::format
