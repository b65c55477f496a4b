// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>

namespace numstore::detail {

/// How elements of one size lie in leaves: `capacity` of them in a run of
/// `pages` pages, what is left over being zero.
struct leaf_shape {
    std::uint64_t element_size = 1;
    std::uint64_t pages = 1;
    std::uint64_t capacity = 1;
    std::uint64_t page_bytes = 1; ///< of all pages of a leaf

    constexpr std::uint64_t bytes(std::uint64_t elements) const noexcept {
        return elements * element_size;
    }
    /// Bytes of a full leaf.
    constexpr std::uint64_t full_bytes() const noexcept {
        return bytes(capacity);
    }
    /// True if full leaves on neighbouring pages are one run of elements.
    constexpr bool without_waste() const noexcept {
        return full_bytes() == page_bytes;
    }
    /// How many elements an array may have: all byte offsets fit in 63 bits.
    constexpr std::uint64_t max_size() const noexcept {
        return static_cast<std::uint64_t>(
                   std::numeric_limits<std::int64_t>::max())
               / element_size;
    }
    friend constexpr bool operator==(leaf_shape const&,
                                     leaf_shape const&) = default;
};

/// An element may be as large as this many pages.
inline constexpr std::uint64_t max_element_pages = 256;

/// A leaf holds at least this many elements.
inline constexpr std::uint64_t min_leaf_elements = 4;

/// The leaf of an element size: the smallest run of pages without waste that
/// holds at least 4 elements, if that is at most 8 pages or 128 KiB; else the
/// smallest run that holds 4 and wastes less than 1 %.
/// Precondition: 0 < element_size <= 256 pages, page_size a power of two.
constexpr leaf_shape leaf_shape_of(std::uint64_t element_size,
                                   std::size_t page_size) noexcept {
    auto const shape = [&](std::uint64_t pages) {
        std::uint64_t const bytes = pages * page_size;
        return leaf_shape{element_size, pages, bytes / element_size, bytes};
    };
    constexpr std::uint64_t modest_pages = 8;
    constexpr std::uint64_t modest_bytes = std::uint64_t{128} << 10;

    std::uint64_t const even =
        element_size / std::gcd<std::uint64_t>(element_size, page_size);
    std::uint64_t const least = min_leaf_elements * element_size;
    std::uint64_t const pages =
        round_up((least + page_size - 1) / page_size, even);
    if (pages <= modest_pages || pages * page_size <= modest_bytes)
        return shape(pages);

    leaf_shape s = shape((least + page_size - 1) / page_size);
    while ((s.page_bytes - s.full_bytes()) * 100 >= s.page_bytes)
        s = shape(s.pages + 1);
    return s;
}

static_assert(leaf_shape_of(4, 16384) == leaf_shape{4, 1, 4096, 16384});
static_assert(leaf_shape_of(12, 16384) == leaf_shape{12, 3, 4096, 49152});
static_assert(leaf_shape_of(65536, 512).pages == 512);

} // namespace numstore::detail
