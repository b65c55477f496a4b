// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image_device.hpp"

#include <numstore/format/catalogue_entry.hpp>
#include <numstore/format/inner_page.hpp>
#include <numstore/format/keyed_page.hpp>
#include <numstore/format/log_batch.hpp>
#include <numstore/format/superblock_check.hpp>
#include <numstore/rope/leaf_shape.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace fuzz {

namespace format = numstore::format;

enum class node_kind : std::uint8_t {
    leaf,
    inner,
    keyed,
    list, ///< free map, sharing table, graveyard
    superblock,
    batch
};

/// A part of a file that has a checksum.
struct node {
    node_kind kind;
    std::uint64_t at;
    std::uint64_t bytes;
};

/// Where a node's place and checksum stand.
struct reference {
    std::uint64_t place_at;
    std::uint64_t checksum_at;
    std::size_t owner;
    std::size_t target;
};

/// The value of an item in the tree of entries.
struct entry_place {
    std::uint64_t at;
    std::uint64_t bytes;
    std::size_t owner;
};

template <class Value>
Value load(std::span<std::byte const> bytes, std::uint64_t at) {
    Value v;
    std::memcpy(&v, bytes.data() + at, sizeof v);
    return v;
}

/// What is where in a sound file: nodes, children before those who refer to
/// them, then superblocks, then the batches of the log in order.
template <class Policies>
class image_map {
    static constexpr std::size_t page_size = Policies::page_size;
    using page = format::inner_page<page_size>;

public:
    explicit image_map(std::vector<std::byte> const& image) : image_(image) {
        for (std::uint64_t const at : format::superblock_offsets)
            superblock(at);
        if (!superblocks_.empty())
            batches(std::max_element(superblocks_.begin(), superblocks_.end(),
                                     [](auto const& a, auto const& b) {
                                         return a.second.generation
                                                < b.second.generation;
                                     })
                        ->second);
    }

    std::vector<node> nodes;
    std::vector<reference> references;
    std::vector<entry_place> entries;
    std::size_t first_batch = 0;

    /// Superblocks by their place.
    std::map<std::uint64_t, format::superblock> const&
    superblocks() const noexcept {
        return superblocks_;
    }

private:
    using bytes = std::span<std::byte const>;

    bytes part(std::uint64_t at, std::uint64_t n) const {
        return bytes(image_).subspan(static_cast<std::size_t>(at),
                                     static_cast<std::size_t>(n));
    }

    std::size_t add(node_kind kind, std::uint64_t at, std::uint64_t n) {
        nodes.push_back({kind, at, n});
        node_at_[at] = nodes.size() - 1;
        return nodes.size() - 1;
    }

    void superblock(std::uint64_t at) {
        format::fingerprint const print{page_size, Policies::checksum::id,
                                        Policies::logging::id, 512, 0};
        auto const r = format::decode_superblock(
            part(at, format::superblock_bytes), print);
        if (r.state != format::superblock_state::ok)
            return;
        using d = format::superblock_image;
        format::superblock const& s = r.block;
        superblocks_[at] = s;
        std::vector<reference> mine;
        keyed(s.names, mine, at + offsetof(d, names), false);
        keyed(s.entries, mine, at + offsetof(d, entries), true);
        list(s.graveyard.place, s.graveyard.pages, mine,
             at + offsetof(d, graveyard));
        list(s.sharing.place, s.sharing.pages, mine,
             at + offsetof(d, sharing));
        list(s.free_map.place, s.free_map.pages, mine,
             at + offsetof(d, map_place));
        take(mine, add(node_kind::superblock, at, format::superblock_bytes));
    }

    void list(ns::page_no place, std::uint64_t pages,
              std::vector<reference>& mine, std::uint64_t root) {
        if (place == ns::no_page)
            return;
        std::uint64_t const at = to_integer(place) * page_size;
        auto const known = node_at_.find(at);
        std::size_t const target =
            known != node_at_.end()
                ? known->second
                : add(node_kind::list, at, pages * page_size);
        mine.push_back({root, root + 16, 0, target});
    }

    void keyed(format::tree_root const& t, std::vector<reference>& mine,
               std::uint64_t root, bool with_entries) {
        if (t.place == ns::no_page)
            return;
        std::size_t const target = keyed(to_integer(t.place) * page_size,
                                         t.pages * page_size, with_entries);
        mine.push_back({root, root + 16, 0, target});
    }

    std::size_t keyed(std::uint64_t at, std::uint64_t n, bool with_entries) {
        if (auto const i = node_at_.find(at); i != node_at_.end())
            return i->second;
        std::vector<reference> mine;
        std::vector<entry_place> found;
        format::keyed_page_reader in(part(at, n), "image");
        for (std::uint32_t i = 0; i != in.items(); ++i) {
            if (in.level() != 0) {
                auto const c = in.child();
                std::uint64_t const image = offset(c.key.data()) + c.key.size();
                mine.push_back({image, image + 8, 0,
                                keyed(to_integer(c.fields.place) * page_size,
                                      c.fields.pages * page_size,
                                      with_entries)});
                continue;
            }
            auto const e = in.entry();
            if (!with_entries)
                continue;
            std::uint64_t const value = offset(e.value.data());
            found.push_back({value, e.value.size(), 0});
            array(e.value, mine);
        }
        std::size_t const self = add(node_kind::keyed, at, n);
        take(mine, self);
        for (entry_place& e : found) {
            e.owner = self;
            entries.push_back(e);
        }
        return self;
    }

    void take(std::vector<reference> const& mine, std::size_t self) {
        for (reference r : mine) {
            r.owner = self;
            references.push_back(r);
        }
    }

    std::uint64_t offset(void const* p) const noexcept {
        return static_cast<std::uint64_t>(static_cast<std::byte const*>(p)
                                          - image_.data());
    }

    void array(bytes value, std::vector<reference>& mine) {
        auto const e = format::decode_catalogue_entry(value);
        if (e.root.kind != format::root_kind::tree
            || e.root.place == ns::no_page)
            return;
        std::array<std::byte, 16> root;
        std::uint64_t const place = to_integer(e.root.place);
        std::memcpy(root.data(), &place, 8);
        std::memcpy(root.data() + 8, &e.root.checksum, 8);
        auto const i = std::search(value.begin(), value.end(), root.begin(),
                                   root.end());
        std::uint64_t const at = offset(&*i);
        auto const shape =
            ns::detail::leaf_shape_of(e.element_size, page_size);
        mine.push_back({at, at + 8, 0,
                        rope(place * page_size, e.root.height, shape.pages)});
    }

    std::size_t rope(std::uint64_t at, unsigned level, std::uint64_t pages) {
        if (auto const i = node_at_.find(at); i != node_at_.end())
            return i->second;
        if (level == 0)
            return add(node_kind::leaf, at, pages * page_size);
        auto const p = load<page>(image_, at);
        std::vector<reference> mine;
        for (std::uint32_t i = 0; i != p.children.value(); ++i)
            if (p.places[i].value() != 0)
                mine.push_back(
                    {at + offsetof(page, places) + 8 * i,
                     at + offsetof(page, checksums) + 8 * i, 0,
                     rope(p.places[i].value() * page_size, level - 1,
                          pages)});
        std::size_t const self = add(node_kind::inner, at, page_size);
        take(mine, self);
        return self;
    }

    void batches(format::superblock const& s) {
        first_batch = nodes.size();
        std::uint64_t at = s.log.offset
                           + static_cast<std::uint64_t>(s.log.start
                                                        - s.log.first);
        std::uint64_t end = s.log.offset + s.log.bytes;
        for (;;) {
            auto const b = at < end ? batch_at(at, s) : std::nullopt;
            if (b && b->kind == format::log_batch_kind::records) {
                std::uint64_t const n = ns::detail::round_up(b->length, 512);
                add(node_kind::batch, at, n);
                at += n;
                continue;
            }
            auto const link = batch_at(end - 512, s);
            if (!link || link->kind != format::log_batch_kind::link)
                return;
            add(node_kind::batch, end - 512, 512);
            auto const next = ns::detail::decode_link(
                part(end - 512 + sizeof(format::log_batch_header),
                     sizeof(format::log_link)),
                512);
            if (!next)
                return;
            at = next->offset;
            end = at + next->bytes;
        }
    }

    std::optional<ns::detail::log_batch>
    batch_at(std::uint64_t at, format::superblock const& s) const {
        if (at + 512 > image_.size())
            return std::nullopt;
        auto const b = ns::detail::decode_batch<typename Policies::checksum>(
            part(at, 512), s.database_id);
        return b && b->salt == s.log.salt ? b : std::nullopt;
    }

    std::vector<std::byte> const& image_;
    std::map<std::uint64_t, std::size_t> node_at_;
    std::map<std::uint64_t, format::superblock> superblocks_;
};

} // namespace fuzz
