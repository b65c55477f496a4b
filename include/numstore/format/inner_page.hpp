// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/types.hpp>

#include <boost/endian/buffers.hpp>

#include <cstddef>
#include <cstdint>

namespace numstore::format {

inline constexpr std::uint32_t inner_page_magic = 0x6972736e; // "nsri"

/// An inner node of a count tree: this header, then three arrays, each long
/// enough for a full page, so that counts lie together. A child whose place
/// is 0 is a hole: that many elements of zeros. Unused entries are zero, and
/// so is what is left of the page.
template <std::size_t PageSize>
struct inner_page {
    static constexpr std::uint32_t capacity = (PageSize - 16) / 24;

    boost::endian::little_uint32_buf_t magic;            //  0
    std::uint8_t level;                                  //  4 1: of leaves
    std::uint8_t reserved[3];                            //  5
    boost::endian::little_uint32_buf_t children;         //  8
    boost::endian::little_uint32_buf_t reserved_too;     // 12
    boost::endian::little_uint64_buf_t counts[capacity]; // 16 elements below
    boost::endian::little_uint64_buf_t places[capacity];
    boost::endian::little_uint64_buf_t checksums[capacity];
};
static_assert(sizeof(inner_page<512>) == 496);
static_assert(sizeof(inner_page<16384>) == 16384);
static_assert(alignof(inner_page<512>) == 1);
static_assert(offsetof(inner_page<512>, counts) == 16);
static_assert(offsetof(inner_page<512>, places) == 16 + 8 * 20);
static_assert(offsetof(inner_page<512>, checksums) == 16 + 16 * 20);

/// What is wrong with a page that should be an inner node of this level with
/// `count` elements below, or null. Places are the caller's to judge.
template <std::size_t PageSize>
char const* fault_of(inner_page<PageSize> const& page, unsigned level,
                     std::uint64_t count) noexcept {
    if (page.magic.value() != inner_page_magic)
        return "is not an inner node";
    if (page.level != level)
        return "is an inner node of another level";
    if (page.reserved[0] != 0 || page.reserved[1] != 0 || page.reserved[2] != 0
        || page.reserved_too.value() != 0)
        return "has bits set that must be zero";
    std::uint32_t const n = page.children.value();
    if (n == 0 || n > inner_page<PageSize>::capacity)
        return "has an impossible number of children";
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i != n; ++i) {
        std::uint64_t const below = page.counts[i].value();
        if (below == 0)
            return "has a child without elements";
        if (!numstore::detail::add(sum, below, sum))
            return "has counts that overflow";
    }
    return sum == count ? nullptr : "has counts that do not add up";
}

} // namespace numstore::format
