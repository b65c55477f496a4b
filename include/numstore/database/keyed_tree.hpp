// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/keyed_node.hpp>
#include <numstore/error.hpp>
#include <numstore/format/keyed_page.hpp>
#include <numstore/pager/edit.hpp>
#include <numstore/pager/pager.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// A copy-on-write B+tree of byte strings in key order. Nodes take as many
/// pages as they need, so an entry may be large: then it has a leaf for
/// itself. Readers of a published root need no lock. A change that throws
/// leaves a root that must be dropped, as must the edit's notes since then.
template <class Policies>
class keyed_tree {
public:
    using pager_type = pager<Policies>;
    using edit_type = edit<pager_type>;
    static constexpr std::size_t page_size = Policies::page_size;
    /// A node of several items is split above this, and merged below a quarter
    /// of it.
    static constexpr std::size_t target_bytes =
        std::max<std::size_t>(page_size, 4096);

    explicit keyed_tree(pager_type& pages) noexcept : pages_(&pages) {}

    /// Null if there is none. O(log n).
    keyed_entry_ptr find(keyed_root const& root, std::string_view key) const {
        keyed_frame const* const n = leaf(root, key);
        if (n == nullptr)
            return nullptr;
        std::size_t const i = n->find_entry(key);
        if (i == n->entries.size() || n->entries[i]->key != key)
            return nullptr;
        return n->entries[i];
    }

    /// Where the key is, if it is there. Null if there are none.
    keyed_frame const* leaf(keyed_root const& root,
                            std::string_view key) const {
        if (root.count == 0)
            return nullptr;
        keyed_frame const* n =
            load(root.node, root.pages, root.height, root.count);
        while (n->level != 0) {
            keyed_child const& c = n->children[n->find_child(key)];
            n = load(c.node, c.pages, n->level - 1u, c.count);
        }
        return n;
    }

    /// f(entry) in key order from the first key not before `from`, until it
    /// answers false.
    template <class F>
    void each(keyed_root const& root, std::string_view from, F&& f) const {
        if (root.count != 0)
            each_below(*load(root.node, root.pages, root.height, root.count),
                       from, f);
    }

    void set(edit_type& changes, keyed_root& root, std::string_view key,
             std::vector<std::byte> value) const {
        auto entry = std::make_shared<keyed_entry>();
        entry->key = key;
        entry->value = std::move(value);
        pages_->account().note_keyed(alone_bytes(*entry));
        if (root.count == 0) {
            keyed_frame_ptr leaf(new keyed_frame(changes.token, 0));
            leaf->entries.push_back(std::move(entry));
            root = {child_ref(leaf), 0, 0, 1};
            return;
        }
        keyed_child all{{}, std::move(root.node), root.pages, root.count};
        auto split = set_below(changes, all, root.height, std::move(entry));
        if (!split.empty()) {
            keyed_frame_ptr top(
                new keyed_frame(changes.token, root.height + 1u));
            top->children.push_back(std::move(all));
            insert(split, *top, 1);
            std::uint64_t const count = top->count();
            all = {{}, child_ref(top), 0, count};
            ++root.height;
        }
        root.node = std::move(all.node);
        root.pages = all.pages;
        root.count = all.count;
    }

    /// False if there was none.
    bool erase(edit_type& changes, keyed_root& root,
               std::string_view key) const {
        if (find(root, key) == nullptr)
            return false;
        keyed_child all{{}, std::move(root.node), root.pages, root.count};
        erase_below(changes, all, root.height, key);
        root.count = all.count;
        root.pages = all.pages;
        root.node = std::move(all.node);
        while (root.count != 0 && root.height != 0) {
            auto* const top = static_cast<keyed_frame*>(root.node.node());
            if (top == nullptr || top->children.size() > 1)
                break;
            keyed_child only = std::move(top->children.front());
            root = {std::move(only.node), only.pages,
                    static_cast<std::uint8_t>(root.height - 1), only.count};
        }
        if (root.count == 0)
            root = {};
        return true;
    }

    /// Makes every node the edit's own.
    void renew(edit_type& changes, keyed_root& root) const {
        if (root.count == 0)
            return;
        keyed_child all{{}, root.node, root.pages, root.count};
        renew_below(changes, all, root.height);
        root.node = std::move(all.node);
        root.pages = all.pages;
    }

    /// Reads every node, from disk where it has been written. Calls
    /// use(extent) for its pages, entry(keyed_entry) for each entry in order,
    /// and fault(page, text) for a node that cannot be read, and goes on
    /// behind it. Keeps one node of each level in memory.
    template <class Use, class Entry, class Fault>
    void check(keyed_root const& root, Use&& use, Entry&& entry,
               Fault&& fault) const {
        if (root.count != 0)
            check_below({{}, root.node, root.pages, root.count}, root.height,
                        use, entry, fault);
    }

    /// The node in memory, read if need be and then kept. Throws corrupt, io.
    keyed_frame* load(child_ref const& ref, std::uint32_t pages,
                      unsigned level, std::uint64_t count) const {
        if (frame* const f = ref.node())
            return static_cast<keyed_frame*>(f);
        auto n = read(ref.place(), ref.checksum(), pages, level, count);
        note(*n);
        return static_cast<keyed_frame*>(ref.install(std::move(n)));
    }

    /// Bytes of a leaf with nothing but this entry.
    static std::size_t alone_bytes(keyed_entry const& e) noexcept {
        return sizeof(format::keyed_page_header)
               + format::keyed_entry_bytes(e.key.size(), e.value.size());
    }

private:
    /// Files written by older versions have large entries beside others.
    void note(keyed_frame const& n) const noexcept {
        if (n.level != 0)
            return;
        std::size_t largest = n.bytes() > target_bytes ? n.bytes() : 0;
        for (keyed_entry_ptr const& e : n.entries)
            largest = std::max(largest, alone_bytes(*e));
        pages_->account().note_keyed(largest);
    }

    template <class F>
    [[gnu::cold]]
    bool each_below(keyed_frame const& n, std::string_view from, F& f) const {
        if (n.level == 0) {
            for (std::size_t i = n.find_entry(from); i != n.entries.size();
                 ++i)
                if (!f(*n.entries[i]))
                    return false;
            return true;
        }
        for (std::size_t i = n.find_child(from); i != n.children.size(); ++i) {
            keyed_child const& c = n.children[i];
            if (!each_below(*load(c.node, c.pages, n.level - 1u, c.count),
                            from, f))
                return false;
        }
        return true;
    }

    void renew_below(edit_type& changes, keyed_child& c,
                     unsigned level) const {
        keyed_frame* const n = own(changes, c, level);
        for (keyed_child& child : n->children)
            renew_below(changes, child, level - 1);
    }

    template <class Use, class Entry, class Fault>
    void check_below(keyed_child const& c, unsigned level, Use& use,
                     Entry& entry, Fault& fault) const {
        page_no const place = c.node.place();
        keyed_frame_ptr n(static_cast<keyed_frame*>(c.node.node()));
        if (place != no_page) {
            std::uint32_t const pages =
                n != nullptr ? n->pages(page_size) : c.pages;
            use(extent{place, pages});
            try {
                n = read(place, c.node.checksum(), pages, level, c.count);
            } catch (error const& e) {
                return fault(place, std::string(e.what()));
            }
        }
        for (auto const& e : n->entries)
            entry(*e);
        for (keyed_child const& child : n->children)
            check_below(child, level - 1, use, entry, fault);
    }

    keyed_frame_ptr read(page_no place, std::uint64_t checksum,
                         std::uint32_t pages, unsigned level,
                         std::uint64_t count) const {
        if (pages == 0
            || pages > format::max_keyed_node_bytes / page_size + 1
            || !pages_->contains(place, pages))
            raise(errc::corrupt, pages_->name()
                                     + ": a catalogue node is said to be at "
                                       "page "
                                     + std::to_string(to_integer(place)));
        std::vector<std::byte> bytes(static_cast<std::size_t>(pages)
                                     * page_size);
        pages_->read_node(place, checksum, bytes);
        format::keyed_page_reader in(bytes, "catalogue page");
        if (in.level() != level || in.count() != count)
            raise(errc::corrupt, pages_->name() + ": page "
                                     + std::to_string(to_integer(place))
                                     + " is not the catalogue page expected");
        keyed_frame_ptr node(new keyed_frame(published_token, level));
        for (std::uint32_t i = 0; i != in.items(); ++i)
            decode_item(in, *node);
        in.finish();
        if (node->pages(page_size) != pages)
            raise(errc::corrupt, pages_->name() + ": page "
                                     + std::to_string(to_integer(place))
                                     + " has another length than expected");
        node->set_written(place, checksum);
        return node;
    }

    static void decode_item(format::keyed_page_reader& in, keyed_frame& to) {
        if (to.level == 0) {
            auto const e = in.entry();
            auto entry = std::make_shared<keyed_entry>();
            entry->key = e.key;
            entry->value.assign(e.value.begin(), e.value.end());
            to.entries.push_back(std::move(entry));
        } else {
            auto const c = in.child();
            to.children.push_back({std::string(c.key),
                                   child_ref(c.fields.place,
                                             c.fields.checksum),
                                   c.fields.pages, c.fields.count});
        }
    }

    /// The node of `c`, made the edit's own.
    keyed_frame* own(edit_type& changes, keyed_child& c,
                     unsigned level) const {
        keyed_frame* const n = load(c.node, c.pages, level, c.count);
        if (changes.owns(n) && n->place() == no_page)
            return n;
        keyed_frame_ptr copy(new keyed_frame(changes.token, level));
        copy->entries = n->entries;
        copy->children = n->children;
        retire(changes, c.node, *n);
        c.node = child_ref(copy);
        return copy.get();
    }

    static void retire(edit_type& changes, child_ref const& ref,
                       keyed_frame const& n) {
        if (changes.is_private(&n))
            return;
        retired r;
        r.node = ref;
        r.pages = n.pages(page_size);
        changes.freed.push_back(std::move(r));
    }

    /// What the node was split into besides it.
    std::vector<keyed_child> set_below(edit_type& changes, keyed_child& c,
                                       unsigned level,
                                       keyed_entry_ptr entry) const {
        keyed_frame* const n = own(changes, c, level);
        std::size_t at = 0;
        if (level == 0) {
            at = n->find_entry(entry->key);
            if (at != n->entries.size() && n->entries[at]->key == entry->key) {
                n->entries[at] = std::move(entry);
            } else {
                n->entries.insert(n->entries.begin()
                                      + static_cast<std::ptrdiff_t>(at),
                                  std::move(entry));
                ++c.count;
            }
        } else {
            at = n->find_child(entry->key);
            std::uint64_t const before = n->children[at].count;
            auto split = set_below(changes, n->children[at], level - 1,
                                   std::move(entry));
            c.count += n->children[at].count - before;
            for (keyed_child const& more : split)
                c.count += more.count;
            insert(split, *n, at + 1);
            at += split.size();
        }
        std::vector<keyed_child> split;
        split_node(changes, c, *n, at, split);
        return split;
    }

    static void insert(std::vector<keyed_child>& from, keyed_frame& n,
                       std::size_t at) {
        n.children.insert(n.children.begin() + static_cast<std::ptrdiff_t>(at),
                          std::make_move_iterator(from.begin()),
                          std::make_move_iterator(from.end()));
    }

    /// Until nothing but single items is above the target. In the middle, but
    /// where items come in order keeps the left one full.
    [[gnu::cold]]
    void split_node(edit_type& changes, keyed_child& c, keyed_frame& n,
                    std::size_t changed,
                    std::vector<keyed_child>& split) const {
        if (n.items() < 2 || n.bytes() <= target_bytes)
            return;
        std::size_t at = n.items() - 1;
        if (changed != at) {
            std::size_t const half = n.bytes() / 2;
            std::size_t sum = 0;
            for (at = 0; at + 1 < n.items() && (at == 0 || sum < half); ++at)
                sum += n.item_bytes(at);
        }
        keyed_frame_ptr right(new keyed_frame(changes.token, n.level));
        n.move_tail(at, *right);
        std::string key = n.level == 0 ? right->entries.front()->key
                                       : right->children.front().key;
        std::uint64_t const count = right->count();
        c.count -= count;
        keyed_child next{std::move(key), child_ref(right), 0, count};
        split_node(changes, c, n, changed, split);
        std::size_t const place = split.size();
        split.push_back({});
        split_node(changes, next, *right, changed - at, split);
        split[place] = std::move(next);
    }

    void erase_below(edit_type& changes, keyed_child& c, unsigned level,
                     std::string_view key) const {
        keyed_frame* const n = own(changes, c, level);
        --c.count;
        if (level == 0) {
            n->entries.erase(n->entries.begin()
                             + static_cast<std::ptrdiff_t>(
                                 n->find_entry(key)));
            return;
        }
        std::size_t const at = n->find_child(key);
        erase_below(changes, n->children[at], level - 1, key);
        auto const* const below =
            static_cast<keyed_frame const*>(n->children[at].node.node());
        if (n->children[at].count == 0) {
            n->children.erase(n->children.begin()
                              + static_cast<std::ptrdiff_t>(at));
        } else if (below->bytes() < target_bytes / 4
                   && n->children.size() > 1) {
            merge(changes, *n, at == 0 ? 0 : at - 1, level - 1);
        }
    }

    /// Child `at` and the next become one, if they fit.
    [[gnu::cold]]
    void merge(edit_type& changes, keyed_frame& n, std::size_t at,
               unsigned level) const {
        keyed_child& a = n.children[at];
        keyed_child& b = n.children[at + 1];
        keyed_frame const* const left = load(a.node, a.pages, level, a.count);
        keyed_frame const* const right = load(b.node, b.pages, level, b.count);
        if (left->bytes() + right->bytes() + b.key.size() > target_bytes)
            return;
        keyed_frame* const into = own(changes, a, level);
        keyed_frame* const from = own(changes, b, level);
        if (level != 0)
            from->children.front().key = b.key;
        from->move_tail(0, *into);
        a.count += b.count;
        n.children.erase(n.children.begin()
                         + static_cast<std::ptrdiff_t>(at + 1));
    }

    pager_type* pages_;
};

} // namespace numstore::detail
