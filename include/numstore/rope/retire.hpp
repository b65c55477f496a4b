// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/edit.hpp>
#include <numstore/rope/leaf_shape.hpp>
#include <numstore/rope/node_source.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/types.hpp>

#include <cstdint>
#include <type_traits>

namespace numstore::detail {

/// Finds the pages of a count tree: see `walk_retired`.
template <class Policies, class F>
class page_walk {
public:
    page_walk(node_source<Policies> const& nodes, F& f) noexcept
        : nodes_(nodes), f_(f) {}

    void node(child_ref const& ref, unsigned level, std::uint64_t count) {
        if (page_no const place = ref.place(); place != no_page)
            report({place, level == 0 ? nodes_.shape().pages : 1});
        if (level == 0)
            return;
        auto const n = nodes_.fetch(ref, level, count);
        for (std::uint32_t i = 0; i != n->size(); ++i)
            node(n->child(i), level - 1, n->count(i));
    }

    void report(extent e) {
        if (pending_.end() == e.first && pending_.pages != 0) {
            pending_.pages += e.pages;
            return;
        }
        flush();
        pending_ = e;
    }
    void flush() {
        if (pending_.pages != 0)
            f_(pending_);
        pending_ = {};
    }

private:
    node_source<Policies> const& nodes_;
    F& f_;
    extent pending_{};
};

/// Calls f(extent) for all pages of a tree, runs of neighbours at once.
/// Reads inner pages only and keeps none. Throws corrupt, io, and then may
/// have reported a part.
template <class Policies, class F>
void walk_pages(node_source<Policies> const& nodes, rope_root const& root,
                F&& f) {
    if (root.empty())
        return;
    page_walk<Policies, std::remove_reference_t<F>> walk(nodes, f);
    walk.node(root.node, root.height, root.size);
    walk.flush();
}

/// The same for a node, or a whole tree, that an edit no longer uses. What
/// was never written has no pages.
template <class Policies, class F>
void walk_retired(pager<Policies>& pages, retired const& r, F&& f) {
    leaf_shape shape;
    shape.pages = r.height == 0 ? r.pages : r.leaf_pages;
    shape.capacity = r.leaf_capacity;
    node_source<Policies> const nodes(pages, shape);
    page_walk<Policies, std::remove_reference_t<F>> walk(nodes, f);
    if (r.change == reference_change::tree_dropped)
        walk.node(r.node, r.height, r.count);
    else if (page_no const place = r.node.place(); place != no_page)
        walk.report({place, r.pages});
    walk.flush();
}

} // namespace numstore::detail
