// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/rope/node_editor.hpp>
#include <numstore/rope/root.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace numstore::detail {

/// A leaf that is to become part of a tree.
struct leaf_entry {
    child_ref node;
    std::uint64_t count;
};

/// Splitting and joining whole trees (Blelloch, Ferizovic and Sun, "Just Join
/// for Parallel Ordered Sets", for B+trees): every larger change of a tree is
/// made of these. Each takes its arguments over, changes what the edit owns
/// in place, copies and retires the rest, and needs O(height) nodes. When
/// one throws, the trees it was given are lost: use under `build_beside`.
template <class Policies>
class tree_structure {
public:
    using editor = node_editor<Policies>;
    using inner = typename editor::inner;
    using inner_pointer = typename editor::inner_pointer;

    explicit tree_structure(editor const& nodes) noexcept : nodes_(nodes) {}

    editor const& nodes() const noexcept { return nodes_; }

    /// All elements of `a`, then all of `b`.
    rope_root join(rope_root a, rope_root b) const {
        if (a.height == 0 || b.height == 0)
            return attach(std::move(a), std::move(b));
        leaf_end const last = edge(a, true);
        leaf_end const first = edge(b, false);
        if (!melt(last, first))
            return attach(std::move(a), std::move(b));
        halves parts = split(std::move(b), first.count);
        return attach(attach(std::move(a), std::move(parts.left)),
                      std::move(parts.right));
    }

    struct halves {
        rope_root left;
        rope_root right;
    };

    /// The first `pos` elements and the others. Precondition: pos <= size.
    halves split(rope_root root, std::uint64_t pos) const {
        assert(pos <= root.size);
        if (pos == 0)
            return {{}, std::move(root)};
        if (pos == root.size)
            return {std::move(root), {}};
        if (root.height == 0)
            return split_leaf(std::move(root), pos);

        unsigned const level = root.height;
        inner* const node = nodes_.own_inner(root.node, level, root.size);
        auto const [i, first] = node->find(pos);
        if (pos == first)
            return cut(std::move(root), i, pos);
        rope_root child{std::move(node->child(i)),
                        static_cast<std::uint8_t>(level - 1), node->count(i)};
        std::uint64_t const right_first = first + child.size;
        node->erase(i, 1);
        halves outer = cut(std::move(root), i, first, right_first);
        halves below = split(std::move(child), pos - first);
        return {attach(std::move(outer.left), std::move(below.left)),
                attach(std::move(below.right), std::move(outer.right))};
    }

    /// A tree of these leaves, as full as can be. Any two neighbours must
    /// together be more than one leaf can hold.
    rope_root build(std::vector<leaf_entry> row) const {
        if (row.empty())
            return {};
        unsigned level = 0;
        while (row.size() > 1)
            row = build_level(std::move(row), ++level);
        return {std::move(row.front().node), static_cast<std::uint8_t>(level),
                row.front().count};
    }

    /// A tree of one new leaf. Precondition: no more bytes than fit into it.
    rope_root leaf(std::span<std::byte const> bytes) const {
        if (bytes.empty())
            return {};
        return {child_ref(nodes_.new_leaf(bytes, false)), 0,
                bytes.size() / shape().element_size};
    }

    /// A tree of zeros: a hole, or a leaf if they are fewer than it can hold.
    rope_root zeros(std::uint64_t count) const {
        if (count == 0 || count >= shape().capacity)
            return {child_ref(), 0, count};
        return {child_ref(nodes_.zero_leaf(count)), 0, count};
    }

    /// The last leaf or the first one of a tree.
    struct leaf_end {
        std::uint64_t count = 0;
        bool hole = false;
        page_no place = no_page;
    };
    leaf_end edge(rope_root const& root, bool last) const {
        return edge(root.node, root.height, root.size, last);
    }
    leaf_end edge(child_ref const& node, unsigned height, std::uint64_t count,
                  bool last) const {
        child_ref const* ref = &node;
        for (unsigned level = height; level != 0; --level) {
            inner* const n = nodes_.nodes().load(*ref, level, count);
            std::uint32_t const i = last ? n->size() - 1 : 0;
            ref = &n->child(i);
            count = n->count(i);
        }
        return {count, count != 0 && ref->is_hole(),
                count != 0 ? ref->place() : no_page};
    }

    /// The leaf right behind the one of a path, or right before it.
    leaf_end beside(typename editor::path const& way,
                    [[maybe_unused]] rope_root const& root, bool right) const {
        assert(way.height() == root.height);
        for (unsigned level = 1; level <= way.height(); ++level) {
            auto const& s = way.at(level);
            if (right ? s.index + 1 == s.node->size() : s.index == 0)
                continue;
            std::uint32_t const i = right ? s.index + 1 : s.index - 1;
            return edge(s.node->child(i), level - 1, s.node->count(i), !right);
        }
        return {};
    }

    /// Must these neighbours become one leaf? A hole is never below a leaf's
    /// capacity, so it never joins a leaf that has elements.
    bool melt(leaf_end const& a, leaf_end const& b) const noexcept {
        return (a.hole && b.hole) || a.count + b.count <= shape().capacity;
    }

private:
    /// One node or two neighbours of one level.
    struct row_of_two {
        leaf_entry first;
        leaf_entry second{{}, 0};
    };

    leaf_shape const& shape() const noexcept { return nodes_.shape(); }

    /// `join` where no leaf at the seam needs its neighbour, unless one of
    /// the trees is a single leaf.
    rope_root attach(rope_root a, rope_root b) const {
        if (a.empty())
            return b;
        if (b.empty())
            return a;
        unsigned const height = std::max(a.height, b.height);
        row_of_two row;
        if (a.height >= b.height)
            row = attach_right({std::move(a.node), a.size}, a.height,
                               std::move(b));
        else
            row = attach_left(std::move(a), {std::move(b.node), b.size},
                              b.height);
        return grow(std::move(row), height);
    }

    rope_root grow(row_of_two row, unsigned height) const {
        auto const level = static_cast<std::uint8_t>(height);
        if (row.second.count == 0)
            return {std::move(row.first.node), level, row.first.count};
        std::uint64_t const size = row.first.count + row.second.count;
        inner_pointer root = nodes_.new_inner(height + 1);
        root->push_back(std::move(row.first.node), row.first.count);
        root->push_back(std::move(row.second.node), row.second.count);
        return {child_ref(root), static_cast<std::uint8_t>(level + 1), size};
    }

    /// The node `a` of `level` with the tree `b`, not higher, behind it.
    row_of_two attach_right(leaf_entry a, unsigned level, rope_root b) const {
        if (level == b.height)
            return meld(std::move(a), {std::move(b.node), b.size}, level);
        inner* const n = nodes_.own_inner(a.node, level, a.count);
        std::uint32_t const last = n->size() - 1;
        std::uint64_t const size = a.count + b.size;
        row_of_two row =
            attach_right({std::move(n->child(last)), n->count(last)}, level - 1,
                         std::move(b));
        n->child(last) = std::move(row.first.node);
        n->set_count(last, row.first.count);
        if (row.second.count == 0)
            return {{std::move(a.node), size}};
        return add_child({std::move(a.node), size - row.second.count}, last + 1,
                         std::move(row.second), level);
    }

    /// The node `b` of `level` with the lower tree `a` before it.
    row_of_two attach_left(rope_root a, leaf_entry b, unsigned level) const {
        if (level == a.height)
            return meld({std::move(a.node), a.size}, std::move(b), level);
        inner* const n = nodes_.own_inner(b.node, level, b.count);
        std::uint64_t const size = a.size + b.count;
        row_of_two row = attach_left(
            std::move(a), {std::move(n->child(0)), n->count(0)}, level - 1);
        if (row.second.count == 0) {
            n->child(0) = std::move(row.first.node);
            n->set_count(0, row.first.count);
            return {{std::move(b.node), size}};
        }
        n->child(0) = std::move(row.second.node);
        n->set_count(0, row.second.count);
        return add_child({std::move(b.node), size - row.first.count}, 0,
                         std::move(row.first), level);
    }

    /// One child more in an owned node; a full one becomes two.
    row_of_two add_child(leaf_entry parent, std::uint32_t at, leaf_entry child,
                         unsigned level) const {
        auto* const n = static_cast<inner*>(parent.node.node());
        parent.count += child.count;
        if (n->size() < inner::capacity) {
            insert(*n, at, std::move(child));
            return {std::move(parent)};
        }
        inner_pointer right = nodes_.new_inner(level);
        std::uint32_t const half = (inner::capacity + 1) / 2;
        std::uint32_t const keep = at < half ? half - 1 : half;
        right->take(0, *n, keep, n->size());
        if (at < half)
            insert(*n, at, std::move(child));
        else
            insert(*right, at - keep, std::move(child));
        std::uint64_t const moved = right->total();
        return {{std::move(parent.node), parent.count - moved},
                {child_ref(right), moved}};
    }

    static void insert(inner& n, std::uint32_t at, leaf_entry child) noexcept {
        n.open(at, 1);
        n.child(at) = std::move(child.node);
        n.set_count(at, child.count);
    }

    /// Two neighbours of one level as one node, if it can hold both, or as
    /// two of which none is less than half full.
    row_of_two meld(leaf_entry a, leaf_entry b, unsigned level) const {
        if (level == 0)
            return meld_leaves(std::move(a), std::move(b));
        auto const& source = nodes_.nodes();
        std::uint32_t const left = source.load(a.node, level, a.count)->size();
        std::uint32_t const right = source.load(b.node, level, b.count)->size();
        std::uint32_t const sum = left + right;
        if (sum > inner::capacity && left >= inner::minimum
            && right >= inner::minimum)
            return {std::move(a), std::move(b)};

        inner* const x = nodes_.own_inner(a.node, level, a.count);
        std::uint64_t const size = a.count + b.count;
        if (sum <= inner::capacity) {
            take_all(*x, b, level);
            return {{std::move(a.node), size}};
        }
        inner* const y = nodes_.own_inner(b.node, level, b.count);
        std::uint32_t const half = sum / 2;
        if (left < half)
            x->take(left, *y, 0, half - left);
        else
            y->take(0, *x, half, left);
        std::uint64_t const moved = y->total();
        return {{std::move(a.node), size - moved}, {std::move(b.node), moved}};
    }

    void take_all(inner& to, leaf_entry& from, unsigned level) const {
        inner* const n = nodes_.nodes().load(from.node, level, from.count);
        if (nodes_.owns(n)) {
            to.take(to.size(), *n, 0, n->size());
        } else {
            nodes_.retire_inner(from.node, level, from.count);
            to.append(*n, 0, n->size());
        }
    }

    row_of_two meld_leaves(leaf_entry a, leaf_entry b) const {
        bool const hole = a.node.is_hole();
        if (!melt({a.count, hole}, {b.count, b.node.is_hole()}))
            return {std::move(a), std::move(b)};
        std::uint64_t const size = a.count + b.count;
        if (!hole) {
            leaf_frame* const leaf =
                nodes_.own_leaf(a.node, a.count, size, false);
            std::memcpy(leaf->data() + nodes_.size(a.count),
                        nodes_.nodes().leaf(b.node).data, nodes_.size(b.count));
            nodes_.retire_leaf(b.node);
        }
        return {{std::move(a.node), size}};
    }

    /// Two leaves of one; pieces of a hole that are too small to be one
    /// become leaves of zeros.
    halves split_leaf(rope_root root, std::uint64_t pos) const {
        std::uint64_t const rest = root.size - pos;
        if (root.node.is_hole())
            return {zeros(pos), zeros(rest)};
        auto const all = nodes_.nodes().leaf(root.node);
        rope_root right =
            leaf({all.data + nodes_.size(pos), nodes_.size(rest)});
        if (nodes_.owns(root.node.node())) {
            root.size = pos;
            return {std::move(root), std::move(right)};
        }
        rope_root left = leaf({all.data, nodes_.size(pos)});
        nodes_.retire_leaf(root.node);
        return {std::move(left), std::move(right)};
    }

    /// The children of an owned root before child `at`, which hold `first`
    /// elements, and those behind, which start at element `right_first`.
    halves cut(rope_root root, std::uint32_t at, std::uint64_t first,
               std::uint64_t right_first) const {
        auto* const n = static_cast<inner*>(root.node.node());
        inner_pointer right = nodes_.new_inner(root.height);
        right->take(0, *n, at, n->size());
        std::uint64_t const behind = root.size - right_first;
        return {shrink({std::move(root.node), root.height, first}),
                shrink({child_ref(right), root.height, behind})};
    }
    halves cut(rope_root root, std::uint32_t at, std::uint64_t first) const {
        return cut(std::move(root), at, first, first);
    }

    /// A root that is too low: without children, or with one.
    static rope_root shrink(rope_root root) noexcept {
        if (root.size == 0)
            return {};
        auto* const n = static_cast<inner*>(root.node.node());
        if (n->size() > 1)
            return root;
        return {std::move(n->child(0)),
                static_cast<std::uint8_t>(root.height - 1), root.size};
    }

    std::vector<leaf_entry> build_level(std::vector<leaf_entry> row,
                                        unsigned level) const {
        std::size_t const parents =
            (row.size() + inner::capacity - 1) / inner::capacity;
        std::vector<leaf_entry> above;
        above.reserve(parents);
        std::size_t next = 0;
        for (std::size_t p = 0; p != parents; ++p) {
            std::size_t const end = row.size() * (p + 1) / parents;
            inner_pointer node = nodes_.new_inner(level);
            std::uint64_t size = 0;
            for (; next != end; ++next) {
                size += row[next].count;
                node->push_back(std::move(row[next].node), row[next].count);
            }
            above.push_back({child_ref(std::move(node)), size});
        }
        return above;
    }

    editor nodes_;
};

} // namespace numstore::detail
