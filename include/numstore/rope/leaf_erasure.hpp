// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/rope/leaf_path.hpp>
#include <numstore/rope/node_editor.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/structure.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace numstore::detail {

/// Removes elements from a few leaves of one parent, which it changes in
/// place: most of what would else need a split and a join.
template <class Policies>
class rope_leaf_erasure {
public:
    using editor = node_editor<Policies>;
    using structure = tree_structure<Policies>;
    using inner = typename editor::inner;
    using path = typename editor::path;

    explicit rope_leaf_erasure(editor const& nodes) noexcept : nodes_(nodes) {}

    /// Removes the n elements from `pos` on; `way` leads to the first. False,
    /// and no change, if more than one parent is concerned.
    bool erase(path& way, rope_root& root, std::uint64_t pos,
               std::uint64_t n) const {
        plan p;
        if (way.height() == 0 || !find(way, pos, pos + n, p)
            || !merge(way, root, p) || !leaves_enough(way, p))
            return false;
        nodes_.own(way, root);
        inner& parent = *way.at(1).node;
        make_leaves(parent, p);
        apply(parent, p);
        way.add_above(root, std::uint64_t{0} - n);
        way.reset();
        return true;
    }

private:
    /// More leaves than this are better retired as one tree.
    static constexpr std::uint32_t most_leaves = 64;

    /// Elements that stay, of one old leaf.
    struct piece {
        std::uint32_t child;
        std::uint64_t from;
        std::uint64_t count;
    };
    /// A leaf that will be: up to four pieces side by side.
    struct item {
        std::array<piece, 4> pieces{};
        std::uint32_t size = 0;
        std::uint64_t count = 0;
        leaf_ptr fresh{}; ///< or null, if an owned leaf is cut in place

        void push_back(piece const& p) noexcept {
            pieces[size++] = p;
            count += p.count;
        }
        void append(item const& other) noexcept {
            for (std::uint32_t i = 0; i != other.size; ++i)
                push_back(other.pieces[i]);
        }
    };
    /// What takes the place of the children [begin, end).
    struct plan {
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
        std::array<item, 2> items{};
        std::uint32_t size = 0;
    };

    std::uint64_t capacity() const noexcept { return nodes_.shape().capacity; }

    /// The leaves that lose elements, and what is left of the outer two.
    bool find(path const& way, std::uint64_t pos, std::uint64_t stop,
              plan& p) const {
        inner const& parent = *way.at(1).node;
        std::uint32_t const first = way.at(1).index;
        std::uint32_t last = first;
        std::uint64_t end = way.end();
        for (; end < stop; end += parent.count(last))
            if (++last == parent.size() || last - first == most_leaves)
                return false;
        if (parent.child(first).is_hole() || parent.child(last).is_hole())
            return false;
        p.begin = first;
        p.end = last + 1;
        std::uint64_t const behind = end - stop;
        if (pos != way.first())
            p.items[p.size++].push_back({first, 0, pos - way.first()});
        if (behind != 0)
            p.items[p.size++].push_back(
                {last, parent.count(last) - behind, behind});
        if (p.size == 2 && p.items[0].count + p.items[1].count <= capacity()) {
            p.items[0].append(p.items[1]);
            p.size = 1;
        }
        return true;
    }

    /// Adds what of the neighbours must become one with the new leaves; false
    /// if it belongs to another parent.
    bool merge(path way, rope_root const& root, plan& p) const {
        structure const trees(nodes_);
        inner const& parent = *way.at(1).node;
        auto const left = trees.beside(way, root, false);
        way.at(1).index = p.end - 1;
        auto const right = trees.beside(way, root, true);
        if (p.size == 0) {
            if (left.count == 0 || right.count == 0 || !trees.melt(left, right))
                return true;
            if (left.hole || p.begin == 0 || p.end == parent.size())
                return false;
            p.size = 1;
            p.items[0].push_back({p.begin - 1, 0, left.count});
            p.items[0].push_back({p.end, 0, right.count});
            --p.begin;
            ++p.end;
            return true;
        }
        item& front = p.items[0];
        if (left.count != 0 && left.count + front.count <= capacity()) {
            if (p.begin == 0)
                return false;
            item longer;
            longer.push_back({--p.begin, 0, left.count});
            longer.append(front);
            front = longer;
        }
        item& back = p.items[p.size - 1];
        if (right.count != 0 && right.count + back.count <= capacity()) {
            if (p.end == parent.size())
                return false;
            back.push_back({p.end++, 0, right.count});
        }
        return true;
    }

    /// Can the parent lose as many children?
    static bool leaves_enough(path const& way, plan const& p) noexcept {
        std::uint32_t const gone = p.end - p.begin - p.size;
        std::uint32_t const least = way.height() == 1 ? 2 : inner::minimum;
        return way.at(1).node->size() >= least + gone;
    }

    /// All that can throw.
    void make_leaves(inner& parent, plan& p) const {
        for (std::uint32_t i = 0; i != p.size; ++i) {
            item& made = p.items[i];
            if (in_place(parent, made))
                continue;
            made.fresh = nodes_.new_leaf(made.count, true);
            std::byte* to = made.fresh->data();
            for (std::uint32_t k = 0; k != made.size; ++k) {
                piece const& x = made.pieces[k];
                auto const old =
                    nodes_.nodes().leaf(parent.child(x.child));
                std::memcpy(to, old.data + nodes_.size(x.from),
                            nodes_.size(x.count));
                to += nodes_.size(x.count);
            }
        }
        nodes_.expect_retired(p.end - p.begin);
    }

    bool in_place(inner const& parent, item const& made) const noexcept {
        return made.size == 1
               && nodes_.owns(parent.child(made.pieces[0].child).node());
    }

    void apply(inner& parent, plan& p) const noexcept {
        std::array<child_ref, 2> leaves;
        for (std::uint32_t i = 0; i != p.size; ++i) {
            item& made = p.items[i];
            if (made.fresh != nullptr) {
                leaves[i] = child_ref(std::move(made.fresh));
                continue;
            }
            piece const& x = made.pieces[0];
            leaves[i] = std::move(parent.child(x.child));
            std::byte* const data =
                static_cast<leaf_frame*>(leaves[i].node())->data();
            std::memmove(data, data + nodes_.size(x.from),
                         nodes_.size(x.count));
        }
        for (std::uint32_t i = p.begin; i != p.end; ++i)
            nodes_.retire_leaf(parent.child(i));
        parent.erase(p.begin, p.end - p.begin);
        parent.open(p.begin, p.size);
        for (std::uint32_t i = 0; i != p.size; ++i) {
            parent.child(p.begin + i) = std::move(leaves[i]);
            parent.set_count(p.begin + i, p.items[i].count);
        }
    }

    editor nodes_;
};

} // namespace numstore::detail
