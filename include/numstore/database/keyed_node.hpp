// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/keyed_page.hpp>
#include <numstore/pager/frame.hpp>
#include <numstore/types.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// An entry of a keyed tree; shared by the versions that have it.
struct keyed_entry {
    std::string key;
    std::vector<std::byte> value;
};
using keyed_entry_ptr = std::shared_ptr<keyed_entry const>;

/// What an inner node has of a child. `pages` is its length on disk, where it
/// is known only from there.
struct keyed_child {
    std::string key;
    child_ref node;
    std::uint32_t pages = 0;
    std::uint64_t count = 0;
};

/// A node of a keyed tree in memory: entries at level 0, children above.
class keyed_frame final : public frame {
public:
    keyed_frame(edit_token owner, unsigned level_)
        : frame(frame_kind::keyed, owner),
          level(static_cast<std::uint8_t>(level_)) {}

    std::uint8_t const level;
    std::vector<keyed_entry_ptr> entries;
    std::vector<keyed_child> children;

    std::size_t items() const noexcept {
        return level == 0 ? entries.size() : children.size();
    }

    /// Bytes of item i on disk.
    std::size_t item_bytes(std::size_t i) const noexcept {
        if (level == 0)
            return format::keyed_entry_bytes(entries[i]->key.size(),
                                             entries[i]->value.size());
        return format::keyed_child_bytes(i == 0 ? 0 : children[i].key.size());
    }

    /// Bytes on disk.
    std::size_t bytes() const noexcept {
        std::size_t sum = sizeof(format::keyed_page_header);
        for (std::size_t i = 0; i != items(); ++i)
            sum += item_bytes(i);
        return sum;
    }
    std::uint32_t pages(std::size_t page_size) const noexcept {
        return static_cast<std::uint32_t>((bytes() + page_size - 1)
                                          / page_size);
    }

    std::uint64_t count() const noexcept {
        if (level == 0)
            return entries.size();
        std::uint64_t sum = 0;
        for (keyed_child const& c : children)
            sum += c.count;
        return sum;
    }

    /// Index of the first entry that is not before `key`.
    std::size_t find_entry(std::string_view key) const noexcept {
        auto const i = std::lower_bound(
            entries.begin(), entries.end(), key,
            [](keyed_entry_ptr const& e, std::string_view k) {
                return e->key < k;
            });
        return static_cast<std::size_t>(i - entries.begin());
    }

    /// Index of the child that holds `key`, if any does.
    std::size_t find_child(std::string_view key) const noexcept {
        auto const i = std::upper_bound(
            children.begin() + 1, children.end(), key,
            [](std::string_view k, keyed_child const& c) {
                return k < c.key;
            });
        return static_cast<std::size_t>(i - children.begin()) - 1;
    }

    /// Moves the items from `at` on to the end of another node.
    void move_tail(std::size_t at, keyed_frame& to) {
        auto const from = static_cast<std::ptrdiff_t>(at);
        if (level == 0) {
            to.entries.insert(to.entries.end(),
                              std::make_move_iterator(entries.begin() + from),
                              std::make_move_iterator(entries.end()));
            entries.resize(at);
        } else {
            to.children.insert(to.children.end(),
                               std::make_move_iterator(children.begin() + from),
                               std::make_move_iterator(children.end()));
            children.erase(children.begin() + from, children.end());
        }
    }
};

using keyed_frame_ptr = boost::intrusive_ptr<keyed_frame>;

/// A keyed tree as a value: a strong reference to its root. An empty tree
/// has no node.
struct keyed_root {
    child_ref node{};
    std::uint32_t pages = 0;
    std::uint8_t height = 0;
    std::uint64_t count = 0;
};

} // namespace numstore::detail
