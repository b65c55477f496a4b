// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/catalogue.hpp>
#include <numstore/database/keyed_node.hpp>
#include <numstore/database/keyed_tree.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/format/keyed_page.hpp>
#include <numstore/pager/node_pages.hpp>
#include <numstore/pager/pager.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace numstore::detail {

/// An array that gets a new root: its entry becomes longer, but not by more.
struct new_root {
    std::uint64_t id;
    std::uint64_t growth; ///< bytes
};

/// What a checkpoint writes of the catalogue at most: nodes without a place,
/// and those on the ways to entries with new roots, each of them in one run.
/// Nodes that grow are split, and then their parents grow.
template <class Policies>
class catalogue_pages {
    using tree = keyed_tree<Policies>;
    static constexpr std::uint64_t page_size = Policies::page_size;
    static constexpr std::uint64_t target = tree::target_bytes;
    using roots_span = std::span<new_root const>;

public:
    explicit catalogue_pages(pager<Policies>& pages) noexcept
        : pages_(&pages), tree_(pages) {}

    /// With new roots sorted by id. Reads what is not in memory of the ways to
    /// them. Throws io, corrupt.
    node_pages count(catalogue_version const& v, roots_span roots) const {
        node_pages all;
        add_below({{}, v.names.node, v.names.pages, v.names.count},
                  v.names.height, {}, all);
        std::uint64_t more =
            add_below({{}, v.entries.node, v.entries.pages, v.entries.count},
                      v.entries.height, roots, all);
        while (more != 0)
            more = add_split(sizeof(format::keyed_page_header)
                                 + (1 + more) * child_bytes,
                             0, 0, all);
        return all;
    }

    /// The way to one array more, which has been opened, in whatever tree it
    /// is then. Reads only where leaves may take several pages. Throws io,
    /// corrupt.
    node_pages way(catalogue_version const& v, new_root const& root) const {
        node_pages all;
        all.add(most_pages(), v.entries.height);
        std::uint64_t const largest =
            pages_->account().largest_keyed.load(std::memory_order_relaxed);
        auto const key = format::encode_array_id(root.id);
        keyed_frame const* leaf = nullptr;
        if (page_size < target || largest + root.growth > target)
            leaf = tree_.leaf(v.entries, format::as_text(key));
        if (leaf != nullptr)
            add_leaf(*leaf, {&root, 1}, all);
        else
            all.add(most_pages());
        return all;
    }

    /// With such ways, summed up since they were written.
    node_pages at_most(catalogue_version const& v,
                       node_pages const& ways) const {
        node_pages all = count(v, {});
        if (ways.pages == 0)
            return all;
        all += ways;
        all.add(most_pages(), v.entries.height); // they may be split
        all.add(1, 3);
        // Several ways lead to one node, and what was set since then gets a
        // new root as well.
        all.longest = all.longest > most_pages()
                          ? all.longest + pages_of(most_root_bytes)
                          : most_pages();
        return all;
    }

private:
    /// Of a node of several items.
    std::uint64_t most_pages() const noexcept { return pages_of(target); }

    static constexpr std::uint64_t child_bytes =
        format::keyed_child_bytes(sizeof(std::uint64_t));

    /// How many nodes more its parent will have.
    std::uint64_t add_below(keyed_child const& c, unsigned level,
                            roots_span roots, node_pages& all) const {
        auto const* n = static_cast<keyed_frame const*>(c.node.node());
        if (roots.empty() && (n == nullptr || n->place() != no_page))
            return 0;
        if (n == nullptr)
            n = tree_.load(c.node, c.pages, level, c.count);
        if (level == 0)
            return add_leaf(*n, roots, all);
        std::uint64_t more = 0;
        for (std::size_t i = 0; i != n->children.size(); ++i) {
            roots_span const here = i + 1 == n->children.size()
                                        ? roots
                                        : before(n->children[i + 1], roots);
            more += add_below(n->children[i], level - 1, here, all);
            roots = roots.subspan(here.size());
        }
        std::uint64_t const growth = more * child_bytes;
        return add_grown(*n, growth, child_bytes, all);
    }

    static roots_span before(keyed_child const& c, roots_span roots) {
        auto const end = std::partition_point(
            roots.begin(), roots.end(), [&](new_root const& r) {
                auto const key = format::encode_array_id(r.id);
                return format::as_text(key) < c.key;
            });
        return {roots.begin(), end};
    }

    std::uint64_t add_leaf(keyed_frame const& n, roots_span roots,
                           node_pages& all) const {
        if (roots.empty()) {
            all.add(pages_of(n.bytes()));
            return 0;
        }
        std::uint64_t growth = 0;
        std::uint64_t most = 0;
        for (new_root const& r : roots) {
            growth += r.growth;
            most = std::max(most, r.growth);
        }
        std::uint64_t largest = 0;
        for (keyed_entry_ptr const& e : n.entries)
            largest = std::max<std::uint64_t>(largest, tree::alone_bytes(*e));
        return add_grown(n, growth, largest + most, all);
    }

    /// `largest` bytes are the most that a node of one of its items takes.
    std::uint64_t add_grown(keyed_frame const& n, std::uint64_t growth,
                            std::uint64_t largest, node_pages& all) const {
        std::uint64_t const bytes = n.bytes() + growth;
        if (bytes > target && n.items() > 1)
            return add_split(bytes, growth, largest, all);
        all.add(pages_of(bytes));
        return 0;
    }

    /// What grows fills new nodes to the half, and one large item parts those
    /// before it from those behind it.
    std::uint64_t add_split(std::uint64_t bytes, std::uint64_t growth,
                            std::uint64_t largest, node_pages& all) const {
        if (bytes <= target) {
            all.add(pages_of(bytes));
            return 0;
        }
        std::uint64_t const most =
            pages_of(std::min(bytes, std::max(target, largest)));
        std::uint64_t const rest = pages_of(bytes + growth) + 2 - most;
        std::uint64_t const each = std::min(most, (rest + 1) / 2);
        all.add(most);
        all.add(each, rest / each);
        all.add(rest % each);
        return 2 + 2 * (bytes + growth) / target;
    }

    /// What is left of a device block behind a run may be lost.
    std::uint64_t pages_of(std::uint64_t bytes) const noexcept {
        std::uint64_t const pages = (bytes + page_size - 1) / page_size;
        return pages == 1 ? 1 : round_up(pages, pages_->block_pages());
    }

    pager<Policies>* pages_;
    tree tree_;
};

} // namespace numstore::detail
