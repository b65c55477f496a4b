// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/bytes.hpp>
#include <numstore/types.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::format {

/// The catalogue is two keyed trees: `names` has the name of an array as key
/// and its id as value, `entries` the id as key and an entry as value. Ids
/// are big-endian there, so that their order is that of numbers.
inline std::array<std::byte, 8> encode_array_id(std::uint64_t id) noexcept {
    std::array<std::byte, 8> bytes;
    boost::endian::endian_store<std::uint64_t, 8, boost::endian::order::big>(
        reinterpret_cast<unsigned char*>(bytes.data()), id);
    return bytes;
}

/// Throws corrupt.
inline std::uint64_t decode_array_id(std::span<std::byte const> bytes) {
    byte_reader in(bytes, "array id");
    auto const all = in.raw(8);
    in.finish();
    return boost::endian::endian_load<std::uint64_t, 8,
                                      boost::endian::order::big>(
        reinterpret_cast<unsigned char const*>(all.data()));
}

enum class root_kind : std::uint8_t {
    empty = 0,
    inline_bytes = 1, ///< the elements are in the entry
    tree = 2
};

/// Where the elements of an array are.
struct array_root {
    root_kind kind = root_kind::empty;
    std::uint8_t height = 0;         ///< tree: levels of inner nodes
    page_no place{};                 ///< tree; `no_page` is a hole of zeros
    std::uint64_t checksum = 0;      ///< tree
    std::vector<std::byte> elements; ///< inline_bytes
    friend bool operator==(array_root const&, array_root const&) = default;
};

/// The layouts that are known.
inline constexpr std::uint8_t in_order = 0;
inline constexpr std::uint8_t in_order_filled = 1;
inline constexpr std::uint8_t tiled = 2;
inline constexpr std::uint8_t tiled_filled = 3;

constexpr bool is_filled(std::uint64_t layout) noexcept {
    return layout == in_order_filled || layout == tiled_filled;
}
constexpr bool is_tiled(std::uint64_t layout) noexcept {
    return layout == tiled || layout == tiled_filled;
}

/// How positions map to elements: the last dimension varies fastest. Rank 1
/// has no dimensions stored: its size is that of the array. Tiled layouts,
/// for ranks from 2, store tile by tile, the tiles and the elements of each
/// in the same order; tiles at the ends are whole, and what they have beyond
/// the dimensions is zero. Filled ones store every element XOR `fill`, so
/// that holes stand for that value.
struct array_shape {
    std::uint8_t rank = 1;
    std::uint8_t layout = in_order;
    std::vector<std::uint64_t> dimensions;
    std::vector<std::byte> fill{};     ///< filled layouts: one element
    std::vector<std::uint64_t> tile{}; ///< tiled layouts: extents of a tile
    friend bool operator==(array_shape const&, array_shape const&) = default;
};

/// What the catalogue knows of one array. `element` and attribute values are
/// not interpreted here; attributes are sorted by key, each key once.
struct catalogue_entry {
    using attribute = std::pair<std::string, std::vector<std::byte>>;

    std::uint64_t id = 0;
    std::uint64_t flags = 0; ///< none defined: zero
    std::string name;
    std::string element; ///< stored form of the element type
    std::uint32_t element_size = 1;
    array_shape shape;
    std::uint64_t size = 0; ///< elements that are stored
    array_root root;
    std::vector<attribute> attributes;
    friend bool operator==(catalogue_entry const&,
                           catalogue_entry const&) = default;
};

inline constexpr std::size_t max_name_bytes = 1024;
inline constexpr std::uint8_t max_rank = 32;
inline constexpr std::uint64_t max_tile_elements = std::uint64_t{1} << 20;

/// Appends the entry to `out`.
inline void encode_catalogue_entry(catalogue_entry const& e,
                                   std::vector<std::byte>& out) {
    byte_writer w(out);
    w.varint(e.id);
    w.varint(e.flags);
    w.text(e.name);
    w.text(e.element);
    w.varint(e.element_size);
    w.u8(e.shape.rank);
    w.u8(e.shape.layout);
    for (std::uint64_t d : e.shape.dimensions)
        w.varint(d);
    if (is_filled(e.shape.layout))
        w.blob(e.shape.fill);
    for (std::uint64_t t : e.shape.tile)
        w.varint(t);
    w.varint(e.size);
    w.u8(static_cast<std::uint8_t>(e.root.kind));
    if (e.root.kind == root_kind::inline_bytes)
        w.blob(e.root.elements);
    if (e.root.kind == root_kind::tree) {
        w.u8(e.root.height);
        w.u64(to_integer(e.root.place));
        w.u64(e.root.checksum);
    }
    w.varint(e.attributes.size());
    for (auto const& [key, value] : e.attributes) {
        w.text(key);
        w.blob(value);
    }
}

} // namespace numstore::format

namespace numstore::detail {

/// How many elements there are, or nothing if they are too many to count.
inline std::optional<std::uint64_t>
product_of(std::span<std::uint64_t const> dimensions) noexcept {
    std::uint64_t all = 1;
    bool fits = true;
    for (std::uint64_t const d : dimensions) {
        if (d == 0)
            return 0;
        fits = fits && multiply(all, d, all);
    }
    return fits ? std::optional(all) : std::nullopt;
}

/// Does a layout of this rank have such tiles?
inline bool is_tile(std::uint64_t layout, std::uint64_t rank,
                    std::span<std::uint64_t const> tile) noexcept {
    if (!format::is_tiled(layout))
        return tile.empty();
    auto const all = product_of(tile);
    return rank > 1 && tile.size() == rank && all && *all != 0
           && *all <= format::max_tile_elements;
}

/// How many elements an array of these dimensions stores: whole tiles, where
/// it has some. Nothing if they are too many to count. Precondition: as many
/// dimensions as the tile has.
inline std::optional<std::uint64_t>
stored_elements(std::span<std::uint64_t const> tile,
                std::span<std::uint64_t const> dimensions) noexcept {
    if (tile.empty())
        return product_of(dimensions);
    std::uint64_t all = 1;
    bool fits = true;
    for (std::size_t k = 0; k != tile.size(); ++k) {
        if (dimensions[k] == 0)
            return 0;
        std::uint64_t const tiles = (dimensions[k] - 1) / tile[k] + 1;
        fits = fits && multiply(all, tiles, all) && multiply(all, tile[k], all);
    }
    return fits ? std::optional(all) : std::nullopt;
}

inline format::array_shape decode_shape(format::byte_reader& in,
                                        std::uint32_t element_size) {
    format::array_shape shape;
    shape.rank = in.u8();
    shape.layout = in.u8();
    if (shape.rank == 0 || shape.rank > format::max_rank)
        in.fail("the rank is impossible");
    if (shape.layout > format::tiled_filled)
        in.fail("the layout is unknown");
    for (unsigned i = 0; shape.rank > 1 && i < shape.rank; ++i)
        shape.dimensions.push_back(in.varint());
    if (format::is_filled(shape.layout)) {
        auto const fill = in.blob();
        if (fill.size() != element_size)
            in.fail("the fill value is not an element");
        shape.fill.assign(fill.begin(), fill.end());
    }
    for (unsigned i = 0; format::is_tiled(shape.layout) && i < shape.rank; ++i)
        shape.tile.push_back(in.varint());
    if (!is_tile(shape.layout, shape.rank, shape.tile))
        in.fail("the tile is impossible");
    return shape;
}

/// Checked against the element size and size, which are in `e` already.
inline format::array_root decode_root(format::byte_reader& in,
                                      format::catalogue_entry const& e) {
    std::uint64_t bytes = 0;
    if (!multiply(e.size, e.element_size, bytes))
        in.fail("the size is impossible");
    format::array_root root;
    std::uint8_t const kind = in.u8();
    root.kind = static_cast<format::root_kind>(kind);
    if (kind > static_cast<std::uint8_t>(format::root_kind::tree))
        in.fail("the kind of root is unknown");
    if ((root.kind == format::root_kind::empty) != (e.size == 0))
        in.fail("size and kind of root do not match");
    if (root.kind == format::root_kind::inline_bytes) {
        auto const elements = in.blob();
        if (elements.size() != bytes)
            in.fail("size and elements do not match");
        root.elements.assign(elements.begin(), elements.end());
    }
    if (root.kind == format::root_kind::tree) {
        root.height = in.u8();
        root.place = page_no{in.u64()};
        root.checksum = in.u64();
        if (root.height > 64)
            in.fail("the tree is too high");
        if (root.place == no_page && root.checksum != 0)
            in.fail("a hole has a checksum");
    }
    return root;
}

inline std::vector<format::catalogue_entry::attribute>
decode_attributes(format::byte_reader& in) {
    constexpr std::size_t smallest_attribute = 2;
    std::uint64_t const n = in.varint();
    if (n > in.remaining() / smallest_attribute)
        in.fail("more attributes than bytes");
    std::vector<format::catalogue_entry::attribute> list;
    for (std::uint64_t i = 0; i < n; ++i) {
        std::string_view const key = in.text();
        auto const value = in.blob();
        if (!list.empty() && key <= list.back().first)
            in.fail("attributes are not in order");
        list.emplace_back(key,
                          std::vector<std::byte>(value.begin(), value.end()));
    }
    return list;
}

} // namespace numstore::detail

namespace numstore::format {

/// Reads an entry that takes all of `bytes`. Throws corrupt. Whether the
/// root's place is in the file is for the pager to say.
inline catalogue_entry
decode_catalogue_entry(std::span<std::byte const> bytes) {
    byte_reader in(bytes, "catalogue entry");
    catalogue_entry e;
    e.id = in.varint();
    if (e.id == 0)
        in.fail("the array id is zero");
    e.flags = in.varint();
    if (e.flags != 0)
        in.fail("a flag is unknown");
    e.name = in.text();
    if (e.name.empty() || e.name.size() > max_name_bytes)
        in.fail("the length of the name is impossible");
    e.element = in.text();
    std::uint64_t const element_size = in.varint();
    if (element_size == 0 || element_size > UINT32_MAX)
        in.fail("the element size is impossible");
    e.element_size = static_cast<std::uint32_t>(element_size);
    e.shape = detail::decode_shape(in, e.element_size);
    e.size = in.varint();
    if (e.shape.rank > 1
        && detail::stored_elements(e.shape.tile, e.shape.dimensions) != e.size)
        in.fail("dimensions and size do not match");
    e.root = detail::decode_root(in, e);
    e.attributes = detail::decode_attributes(in);
    in.finish();
    return e;
}

} // namespace numstore::format
