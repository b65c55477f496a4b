// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_state.hpp>
#include <numstore/database/inline_array.hpp>
#include <numstore/database/keyed_tree.hpp>
#include <numstore/database/keyed_write_out.hpp>
#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/format/element_parser.hpp>
#include <numstore/format/glob.hpp>
#include <numstore/format/name.hpp>
#include <numstore/format/superblock.hpp>
#include <numstore/rope/leaf_shape.hpp>
#include <numstore/rope/node_source.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/write_out.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// One version of the catalogue: name -> id, and id -> entry. The roots of
/// arrays in the entries are those of the last checkpoint.
struct catalogue_version {
    keyed_root names;
    keyed_root entries;
};

/// What a checkpoint adds to an entry at most: of a tree, of the dimensions
/// of one with so many axes, and of what lives in the entry.
constexpr std::size_t root_bytes(std::size_t rank) noexcept {
    return 64 + 10 * (rank + 1);
}
inline constexpr std::size_t most_root_bytes =
    max_inline_bytes + root_bytes(format::max_rank);

/// What a transaction changes in the catalogue; nothing stands for "gone".
struct catalogue_delta {
    std::map<std::string, std::optional<std::uint64_t>, std::less<>> names;
    std::map<std::uint64_t, std::optional<format::catalogue_entry>> entries;

    bool empty() const noexcept { return names.empty() && entries.empty(); }
};

/// Several entries of a delta as one change: none of them counts unless it is
/// kept, which cannot fail. O(log n) each for a delta of n.
class delta_change {
public:
    explicit delta_change(catalogue_delta& d) : delta_(&d) {}

    void name(std::string key, std::optional<std::uint64_t> id) {
        changed_.names.insert_or_assign(std::move(key), id);
    }
    void entry(std::uint64_t id, std::optional<format::catalogue_entry> e) {
        changed_.entries.insert_or_assign(id, std::move(e));
    }
    void keep() noexcept {
        move_nodes(changed_.names, delta_->names);
        move_nodes(changed_.entries, delta_->entries);
    }

private:
    template <class Map>
    static void move_nodes(Map& from, Map& to) noexcept {
        while (!from.empty()) {
            auto result = to.insert(from.extract(from.begin()));
            if (!result.inserted)
                result.position->second = std::move(result.node.mapped());
        }
    }

    catalogue_delta* delta_;
    catalogue_delta changed_;
};

/// Reads and changes versions of the catalogue. Reading needs no lock.
template <class Policies>
class catalogue {
    using tree = keyed_tree<Policies>;
    using edit_type = typename tree::edit_type;

public:
    explicit catalogue(pager<Policies>& pages) noexcept
        : pages_(&pages), tree_(pages) {}

    std::optional<std::uint64_t> find_id(catalogue_version const& v,
                                         std::string_view name) const {
        auto const e = tree_.find(v.names, name);
        if (e == nullptr)
            return std::nullopt;
        return format::decode_array_id(e->value);
    }

    std::optional<format::catalogue_entry>
    find_entry(catalogue_version const& v, std::uint64_t id) const {
        auto const key = format::encode_array_id(id);
        auto const e = tree_.find(v.entries, format::as_text(key));
        if (e == nullptr)
            return std::nullopt;
        auto entry = format::decode_catalogue_entry(e->value);
        if (entry.id != id
            || entry.element_size > max_element_pages * Policies::page_size
            || !describes_elements(entry.element, entry.element_size)
            || !has_valid_texts(entry))
            raise(errc::corrupt, pages_->name() + ": the catalogue entry of "
                                     + detail::quoted(entry.name)
                                     + " is damaged");
        return entry;
    }

    /// f(name, id) for names that match, in order.
    template <class F>
    void each(catalogue_version const& v, std::string_view pattern,
              F&& f) const {
        std::string_view const prefix = detail::glob_prefix(pattern);
        tree_.each(v.names, prefix, [&](keyed_entry const& e) {
            if (!std::string_view(e.key).starts_with(prefix))
                return false;
            if (detail::glob_matches(pattern, e.key))
                f(std::string_view(e.key), format::decode_array_id(e.value));
            return true;
        });
    }

    /// The array's elements as of the last checkpoint. Small ones are copied
    /// to a frame of their own.
    rope_root root_of(format::catalogue_entry const& e,
                      leaf_shape const& shape) const {
        rope_root root;
        if (e.root.kind == format::root_kind::inline_bytes) {
            leaf_ptr const leaf =
                leaf_frame::make(published_token, pages_->account(),
                                 e.root.elements.size(), shape.pages);
            std::memcpy(leaf->data(), e.root.elements.data(),
                        e.root.elements.size());
            root = {child_ref(leaf), 0, e.size};
        } else if (e.root.kind == format::root_kind::tree) {
            root = {e.root.place == no_page
                        ? child_ref()
                        : child_ref(e.root.place, e.root.checksum),
                    e.root.height, e.size};
        }
        if (e.root.kind == format::root_kind::inline_bytes
                ? e.size > shape.capacity
                : false)
            raise(errc::corrupt, pages_->name() + ": array " + e.name
                                     + " has too large an entry");
        if (e.root.kind == format::root_kind::tree)
            node_source<Policies>(*pages_, shape).check_root(root);
        return root;
    }

    /// A checkpoint's new root of an array.
    void set_root(edit_type& changes, catalogue_version& v, std::uint64_t id,
                  array_version const& version, placed_root const& placed,
                  leaf_shape const& shape) const {
        rope_root const& root = version.root;
        auto entry = find_entry(v, id);
        if (!entry)
            return;
        entry->size = root.size;
        entry->root = {};
        if (version.dimensions != nullptr)
            entry->shape.dimensions = *version.dimensions;
        if (is_inline(root, shape) && !root.empty()) {
            auto const* const leaf =
                static_cast<leaf_frame const*>(root.node.node());
            entry->root.kind = format::root_kind::inline_bytes;
            entry->root.elements.assign(leaf->data(),
                                        leaf->data() + shape.bytes(root.size));
        } else if (!root.empty()) {
            entry->root.kind = format::root_kind::tree;
            entry->root.height = root.height;
            entry->root.place = placed.place;
            entry->root.checksum = placed.checksum;
        }
        put_entry(changes, v, *entry);
    }

    /// A transaction's changes. An entry that was there keeps its root and
    /// shape.
    void apply(edit_type& changes, catalogue_version& v,
               catalogue_delta const& delta) const {
        for (auto const& [name, id] : delta.names) {
            if (!id) {
                tree_.erase(changes, v.names, name);
                continue;
            }
            auto const bytes = format::encode_array_id(*id);
            tree_.set(changes, v.names, name, {bytes.begin(), bytes.end()});
        }
        for (auto const& [id, entry] : delta.entries) {
            auto const key = format::encode_array_id(id);
            if (!entry) {
                tree_.erase(changes, v.entries, format::as_text(key));
                continue;
            }
            auto const old = find_entry(v, id);
            require_room_for_root(*entry);
            if (!old) {
                put_entry(changes, v, *entry);
                continue;
            }
            format::catalogue_entry merged = *entry;
            merged.root = old->root;
            merged.size = old->size;
            merged.shape = old->shape;
            put_entry(changes, v, merged);
        }
    }

    /// All of its nodes are written again, elsewhere.
    void renew(edit_type& changes, catalogue_version& v) const {
        tree_.renew(changes, v.names);
        tree_.renew(changes, v.entries);
    }

    /// Reads all of it, from disk where it has been written. Calls
    /// use(extent) for its pages, array(name, entry) for each array that can
    /// be read, sorted, and fault(page, array, text) for what is wrong.
    template <class Use, class Array, class Fault>
    void check(catalogue_version const& v, Use&& use, Array&& array,
               Fault&& fault) const {
        auto const damaged = [&](page_no page, std::string what) {
            fault(page, std::string(), "catalogue: " + std::move(what));
        };
        tree_.check(v.entries, use, [](keyed_entry const&) {}, damaged);
        std::uint64_t named = 0;
        tree_.check(
            v.names, use,
            [&](keyed_entry const& e) {
                ++named;
                if (auto entry = entry_of(v, e, fault))
                    array(e.key, std::move(*entry));
            },
            damaged);
        if (named != v.entries.count)
            damaged(no_page, std::to_string(named) + " names for "
                                 + std::to_string(v.entries.count)
                                 + " entries");
    }

    // superblocks

    static catalogue_version load(format::superblock const& s) {
        return {load(s.names), load(s.entries)};
    }
    /// Precondition: written.
    static void store(catalogue_version const& v, format::superblock& s) {
        s.names = store(v.names);
        s.entries = store(v.entries);
    }

private:
    static bool has_valid_texts(format::catalogue_entry const& e) {
        try {
            check_name(e.name);
            for (auto const& [key, value] : e.attributes)
                check_attribute_key(key);
            return true;
        } catch (error const&) {
            return false;
        }
    }

    template <class Fault>
    std::optional<format::catalogue_entry>
    entry_of(catalogue_version const& v, keyed_entry const& name,
             Fault& fault) const {
        try {
            auto entry = find_entry(v, format::decode_array_id(name.value));
            if (entry && entry->name == name.key)
                return entry;
            fault(no_page, name.key, "a name without an entry");
        } catch (error const& e) {
            fault(no_page, name.key, e.what());
        }
        return std::nullopt;
    }

    /// So that what a checkpoint adds, whatever it is, always finds room.
    void require_room_for_root(format::catalogue_entry entry) const {
        entry.root = {};
        std::vector<std::byte> bytes;
        format::encode_catalogue_entry(entry, bytes);
        if (bytes.size() + most_root_bytes > format::max_value_bytes)
            raise(errc::invalid_argument,
                  pages_->name() + ": the attributes of " + entry.name
                      + " are too large");
    }

    void put_entry(edit_type& changes, catalogue_version& v,
                   format::catalogue_entry const& e) const {
        std::vector<std::byte> bytes;
        format::encode_catalogue_entry(e, bytes);
        if (bytes.size() > format::max_value_bytes)
            raise(errc::invalid_argument,
                  pages_->name() + ": the entry of " + e.name
                      + " is too large");
        auto const key = format::encode_array_id(e.id);
        tree_.set(changes, v.entries, format::as_text(key),
                  std::move(bytes));
    }

    static keyed_root load(format::tree_root const& t) {
        if (t.place == no_page)
            return {};
        return {child_ref(t.place, t.checksum), t.pages, t.height, t.count};
    }
    static format::tree_root store(keyed_root const& r) {
        if (r.count == 0)
            return {};
        return {r.node.place(), r.pages, r.height, r.node.checksum(), r.count};
    }

    pager<Policies>* pages_;
    tree tree_;
};

} // namespace numstore::detail
