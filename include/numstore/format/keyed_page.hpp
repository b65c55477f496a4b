// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/bytes.hpp>
#include <numstore/types.hpp>

#include <boost/endian/buffers.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::format {

/// A node of a keyed tree: this header, then the items. Padded with zeros to
/// whole pages.
///
/// | level | item                                                            |
/// |-------|-----------------------------------------------------------------|
/// | 0     | varint key bytes, varint value bytes, key, value                |
/// | above | varint key bytes, key, `keyed_child_image`                      |
///
/// Keys ascend. The key of a child is not above any key below it, and above
/// every key of the children before; the first child's is empty, because
/// the parent knows it.
struct keyed_page_header {
    boost::endian::little_uint32_buf_t magic; //  0
    std::uint8_t level;                       //  4
    std::uint8_t reserved[3];                 //  5
    boost::endian::little_uint32_buf_t items; //  8
    boost::endian::little_uint32_buf_t bytes; // 12 with this header
    boost::endian::little_uint64_buf_t count; // 16 entries here and below
};
static_assert(sizeof(keyed_page_header) == 24);
static_assert(alignof(keyed_page_header) == 1);
static_assert(offsetof(keyed_page_header, count) == 16);

struct keyed_child_image {
    boost::endian::little_uint64_buf_t place;    //  0
    boost::endian::little_uint64_buf_t checksum; //  8
    boost::endian::little_uint64_buf_t count;    // 16 entries below
    boost::endian::little_uint32_buf_t pages;    // 24
};
static_assert(sizeof(keyed_child_image) == 28);
static_assert(alignof(keyed_child_image) == 1);

inline constexpr std::uint32_t keyed_page_magic = 0x706b736e; // "nskp"
inline constexpr std::size_t max_key_bytes = 1024;
/// Enough for an entry that holds an array of one leaf, and attributes.
inline constexpr std::size_t max_value_bytes = (1 << 20) + (1 << 17);

/// What an inner node says of a child.
struct keyed_child_fields {
    page_no place{};
    std::uint64_t checksum = 0;
    std::uint64_t count = 0;
    std::uint32_t pages = 0;
};

/// Bytes of one item.
constexpr std::size_t keyed_entry_bytes(std::size_t key,
                                        std::size_t value) noexcept {
    return varint_bytes(key) + varint_bytes(value) + key + value;
}
constexpr std::size_t keyed_child_bytes(std::size_t key) noexcept {
    return varint_bytes(key) + key + sizeof(keyed_child_image);
}

/// The largest node: one with a single entry may exceed any target.
inline constexpr std::size_t max_keyed_node_bytes =
    sizeof(keyed_page_header)
    + keyed_entry_bytes(max_key_bytes, max_value_bytes);

/// Builds the bytes of a node, item by item in order.
class keyed_page_builder {
public:
    /// Replaces what `out` holds.
    keyed_page_builder(std::vector<std::byte>& out, std::uint8_t level)
        : out_(&out), writer_(out), level_(level) {
        out.assign(sizeof(keyed_page_header), std::byte{0});
    }

    void entry(std::string_view key, std::span<std::byte const> value) {
        writer_.varint(key.size());
        writer_.varint(value.size());
        writer_.raw(as_bytes(key));
        writer_.raw(value);
        ++items_;
        ++count_;
    }

    void child(std::string_view key, keyed_child_fields const& c) {
        keyed_child_image image;
        image.place = to_integer(c.place);
        image.checksum = c.checksum;
        image.count = c.count;
        image.pages = c.pages;
        writer_.text(key);
        writer_.raw(std::as_bytes(std::span(&image, 1)));
        ++items_;
        count_ += c.count;
    }

    void finish() noexcept {
        keyed_page_header h{};
        h.magic = keyed_page_magic;
        h.level = level_;
        h.items = items_;
        h.bytes = static_cast<std::uint32_t>(out_->size());
        h.count = count_;
        std::memcpy(out_->data(), &h, sizeof h);
    }

private:
    std::vector<std::byte>* out_;
    byte_writer writer_;
    std::uint8_t level_;
    std::uint32_t items_ = 0;
    std::uint64_t count_ = 0;
};

/// Reads a node item by item, checking each; throws corrupt. What it returns
/// points into the bytes.
class keyed_page_reader {
public:
    struct entry_view {
        std::string_view key;
        std::span<std::byte const> value;
    };
    struct child_view {
        std::string_view key;
        keyed_child_fields fields;
    };

    /// Checks the header. `context` must outlive the reader.
    keyed_page_reader(std::span<std::byte const> pages,
                      std::string_view context)
        : in_(pages, context) {
        keyed_page_header h;
        std::memcpy(&h, in_.raw(sizeof h).data(), sizeof h);
        level_ = h.level;
        items_ = h.items.value();
        count_ = h.count.value();
        bytes_ = h.bytes.value();
        if (h.magic.value() != keyed_page_magic)
            in_.fail("not a page of a keyed tree");
        if (bytes_ > pages.size() || bytes_ < sizeof h)
            in_.fail("the length is impossible");
        std::size_t const smallest = level_ == 0 ? 2 : keyed_child_bytes(0);
        if (items_ == 0 || items_ > (bytes_ - sizeof h) / smallest)
            in_.fail("the number of items is impossible");
        in_ = byte_reader(pages.first(bytes_), context);
        in_.raw(sizeof h);
    }

    std::uint8_t level() const noexcept { return level_; }
    std::uint32_t items() const noexcept { return items_; }
    std::uint64_t count() const noexcept { return count_; }
    std::size_t bytes() const noexcept { return bytes_; }

    /// Call `items()` times, if level() == 0, then `finish`.
    entry_view entry() {
        std::uint64_t const key = in_.varint();
        std::uint64_t const value = in_.varint();
        if (value > max_value_bytes)
            in_.fail("a value is too long");
        entry_view const e{next_key(key), in_.raw(value)};
        ++seen_;
        return e;
    }

    /// Call `items()` times, if level() > 0, then `finish`.
    child_view child() {
        std::string_view const key = next_key(in_.varint());
        keyed_child_image image;
        std::memcpy(&image, in_.raw(sizeof image).data(), sizeof image);
        keyed_child_fields const c{page_no{image.place.value()},
                                   image.checksum.value(), image.count.value(),
                                   image.pages.value()};
        if (c.place == no_page || c.pages == 0 || c.count == 0)
            in_.fail("a child is empty");
        if (!numstore::detail::add(seen_, c.count, seen_))
            in_.fail("the counts are too large");
        return {key, c};
    }

    void finish() const {
        in_.finish();
        if (seen_ != count_)
            in_.fail("the counts do not add up");
    }

private:
    std::string_view next_key(std::uint64_t size) {
        if (size > max_key_bytes)
            in_.fail("a key is too long");
        std::string_view const key = as_text(in_.raw(size));
        bool const first = std::exchange(first_, false);
        if (first ? level_ != 0 && !key.empty() : key <= previous_)
            in_.fail("keys are not in order");
        previous_ = key;
        return key;
    }

    byte_reader in_;
    std::uint8_t level_ = 0;
    std::uint32_t items_ = 0;
    std::uint64_t count_ = 0;
    std::size_t bytes_ = 0;
    std::uint64_t seen_ = 0;
    bool first_ = true;
    std::string_view previous_;
};

} // namespace numstore::format
