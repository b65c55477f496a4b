// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/rope/leaf_path.hpp>
#include <numstore/rope/node_editor.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/selection.hpp>
#include <numstore/rope/structure.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Throws invalid_argument if an array cannot grow by `count` elements.
inline void check_growth(leaf_shape const& shape, std::uint64_t size,
                         std::uint64_t count) {
    if (size > shape.max_size() || count > shape.max_size() - size)
        raise(errc::invalid_argument,
              "an array of " + std::to_string(size) + " and "
                  + std::to_string(count) + " more elements of "
                  + std::to_string(shape.element_size) + " bytes is too large");
}

/// New bytes at an offset among old ones: what a leaf becomes.
struct spliced_bytes {
    std::byte const* old;
    std::size_t old_size;
    std::size_t offset;
    std::span<std::byte const> added;

    /// Copies bytes [from, from + n) of the result.
    void copy(std::size_t from, std::size_t n, std::byte* to) const noexcept {
        std::size_t const end = from + n;
        copy_piece({old, offset}, 0, from, end, to);
        copy_piece(added, offset, from, end, to);
        copy_piece({old + offset, old_size - offset}, offset + added.size(),
                   from, end, to);
    }

    /// Makes the first `n` bytes of the result out of the old ones in place.
    void apply(std::byte* leaf, std::size_t n) const noexcept {
        std::size_t const behind = offset + added.size();
        if (n > behind)
            std::memmove(leaf + behind, leaf + offset, n - behind);
        if (n > offset && !added.empty())
            std::memcpy(leaf + offset, added.data(),
                        std::min(n, behind) - offset);
    }

private:
    static void copy_piece(std::span<std::byte const> piece, std::size_t at,
                           std::size_t from, std::size_t end,
                           std::byte* to) noexcept {
        std::size_t const begin = std::max(at, from);
        std::size_t const stop = std::min(at + piece.size(), end);
        if (begin < stop)
            std::memcpy(to + (begin - from), piece.data() + (begin - at),
                        stop - begin);
    }
};

/// Inserts elements into an array. See `rope_tree` for what each call does.
template <class Policies>
class rope_insertion {
public:
    using editor = node_editor<Policies>;
    using structure = tree_structure<Policies>;
    using inner = typename editor::inner;
    using path = typename editor::path;

    explicit rope_insertion(editor const& nodes) noexcept : nodes_(nodes) {}

    /// Up to this many leaves of elements are placed by splitting a leaf.
    static constexpr std::uint64_t small_leaves = 4;

    void insert(rope_root& root, std::uint64_t pos,
                std::span<std::byte const> bytes) const {
        std::uint64_t const n = bytes.size() / shape().element_size;
        check_range(pos, 0, root.size);
        check_growth(shape(), root.size, n);
        if (n == 0)
            return;
        if (root.empty() && n <= shape().capacity) {
            root = {child_ref(nodes_.new_leaf(bytes, false)), 0, n};
            return;
        }
        if (root.empty() || n > small_leaves * shape().capacity
            || !insert_small(root, pos, bytes, n))
            splice(root, pos, bytes);
    }

    /// Inserts zeros: as a hole, if they would fill a leaf.
    void insert_zeros(rope_root& root, std::uint64_t pos,
                      std::uint64_t count) const {
        check_range(pos, 0, root.size);
        check_growth(shape(), root.size, count);
        if (count < shape().capacity)
            return insert(root, pos,
                          std::vector<std::byte>(nodes_.size(count)));
        build_beside guard(nodes_.changes());
        structure const trees(nodes_);
        auto parts = trees.split(root, pos);
        rope_root result =
            trees.join(trees.join(std::move(parts.left), trees.zeros(count)),
                       std::move(parts.right));
        guard.keep();
        root = std::move(result);
    }

    /// How many elements the last leaf of a tree can take more.
    static std::uint64_t room_at_end(structure const& trees,
                                     rope_root const& tree) {
        auto const last = trees.edge(tree, true);
        if (last.hole || last.count == 0)
            return 0;
        return trees.nodes().shape().capacity - last.count;
    }

private:
    leaf_shape const& shape() const noexcept { return nodes_.shape(); }

    /// False if the nodes around do not allow it.
    bool insert_small(rope_root& root, std::uint64_t pos,
                      std::span<std::byte const> bytes, std::uint64_t n) const {
        path way;
        way.seek(nodes_.nodes(), root, pos == 0 ? 0 : pos - 1);
        if (way.count() == shape().capacity && pos == way.end()
            && pos != root.size) {
            way.next(nodes_.nodes(), root);
            if (way.count() + n > shape().capacity)
                way.previous(nodes_.nodes(), root);
        }
        if (way.leaf(root).is_hole())
            return false;
        if (way.count() + n > shape().capacity)
            return share_with_neighbour(way, root, pos, bytes, n)
                   || split_leaf(way, root, pos, bytes, n);

        nodes_.own(way, root);
        child_ref& slot = editor::slot(way, root);
        std::uint64_t const count = way.count();
        std::size_t const offset = nodes_.size(pos - way.first());
        if (nodes_.owns(slot.node())) {
            leaf_frame* const leaf =
                nodes_.own_leaf(slot, count, count + n, way.height() != 0);
            spliced_bytes{leaf->data(), nodes_.size(count), offset, bytes}
                .apply(leaf->data(), nodes_.size(count + n));
        } else {
            leaf_ptr copy = nodes_.new_leaf(count + n, way.height() != 0);
            auto const old = nodes_.nodes().leaf(slot);
            spliced_bytes{old.data, nodes_.size(count), offset, bytes}.copy(
                0, nodes_.size(count + n), copy->data());
            nodes_.replace_leaf(slot, copy);
        }
        way.add(root, n);
        return true;
    }

    /// How many elements each of the leaves gets that one leaf becomes.
    struct leaf_counts {
        static constexpr std::size_t most = small_leaves + 2;
        std::array<std::uint64_t, most> count{};
        std::uint32_t leaves = 0;
    };

    /// Appends leave full leaves behind; else all get the same. No leaves if
    /// one of them would have to join a neighbour.
    leaf_counts divide(path const& way, rope_root const& root,
                       std::uint64_t pos, std::uint64_t total) const {
        std::uint64_t const cap = shape().capacity;
        leaf_counts d;
        d.leaves = static_cast<std::uint32_t>((total + cap - 1) / cap);
        if (pos == root.size) {
            d.count.fill(cap);
            d.count[d.leaves - 1] = total - (d.leaves - 1) * cap;
            return d;
        }
        for (std::uint64_t i = 0; i != d.leaves; ++i)
            d.count[i] = total * (i + 1) / d.leaves - total * i / d.leaves;
        std::uint64_t const least_first = least(neighbour(way, root, false));
        std::uint64_t const least_last = least(neighbour(way, root, true));
        if (d.leaves == 2) {
            std::uint64_t const low = std::max(total - cap, least_first);
            std::uint64_t const high = std::min(cap, total - least_last);
            if (least_last <= total && low <= high) {
                d.count[0] = std::clamp(d.count[0], low, high);
                d.count[1] = total - d.count[0];
                return d;
            }
        }
        if (d.count[0] < least_first || d.count[d.leaves - 1] < least_last)
            d.leaves = 0;
        return d;
    }

    /// What a leaf beside this one must hold to stay apart from it.
    std::uint64_t least(typename structure::leaf_end const& e) const noexcept {
        return e.count == 0 || e.hole ? 1 : shape().capacity - e.count + 1;
    }

    typename structure::leaf_end
    neighbour(path const& way, rope_root const& root, bool right) const {
        return structure(nodes_).beside(way, root, right);
    }

    /// Two leaves of one parent, from `index` on, are to hold `total`
    /// elements, the left one `left` of them.
    struct sharing {
        std::uint32_t index = 0;
        std::uint64_t left = 0;
        std::uint64_t total = 0;
    };

    /// How a leaf that overflows by `n` elements could share all with the
    /// leaf beside it, so that both keep some room. A total of 0 if it
    /// cannot, or would have to join another leaf.
    sharing plan_sharing(path const& way, rope_root const& root,
                         std::uint64_t n, bool right) const {
        std::uint64_t const cap = shape().capacity;
        inner const& parent = *way.at(1).node;
        std::uint32_t const i = way.at(1).index;
        if (right ? i + 1 == parent.size() : i == 0)
            return {};
        std::uint32_t const other = right ? i + 1 : i - 1;
        std::uint64_t const total = way.count() + n + parent.count(other);
        if (parent.child(other).is_hole() || total > 2 * cap - cap / 8)
            return {};
        path beside = way;
        if (right)
            beside.next(nodes_.nodes(), root);
        else
            beside.previous(nodes_.nodes(), root);
        std::uint64_t const before =
            least(neighbour(right ? way : beside, root, false));
        std::uint64_t const behind =
            least(neighbour(right ? beside : way, root, true));
        std::uint64_t const low =
            std::max(total > cap ? total - cap : 1, before);
        std::uint64_t const high =
            std::min(cap, total - std::min(total, behind));
        if (low > high)
            return {};
        return {std::min(i, other), std::clamp(total / 2, low, high), total};
    }

    /// Makes both fuller rather than a new leaf: as many leaves change as in
    /// a split. Appends are left to that.
    bool share_with_neighbour(path& way, rope_root& root, std::uint64_t pos,
                              std::span<std::byte const> bytes,
                              std::uint64_t n) const {
        if (way.height() == 0 || pos == root.size)
            return false;
        sharing plan = plan_sharing(way, root, n, true);
        if (plan.total == 0)
            plan = plan_sharing(way, root, n, false);
        if (plan.total == 0)
            return false;
        leaf_ptr left = nodes_.new_leaf(plan.left, true);
        leaf_ptr right = nodes_.new_leaf(plan.total - plan.left, true);
        std::vector<std::byte> all(nodes_.size(plan.total));
        copy_both(way, pos, bytes, plan, all);
        std::size_t const cut = nodes_.size(plan.left);
        std::memcpy(left->data(), all.data(), cut);
        std::memcpy(right->data(), all.data() + cut, all.size() - cut);

        nodes_.own(way, root);
        nodes_.expect_retired(2);
        inner& parent = *way.at(1).node;
        nodes_.replace_leaf(parent.child(plan.index), left);
        nodes_.replace_leaf(parent.child(plan.index + 1), right);
        way.add(root, n);
        parent.set_count(plan.index, plan.left);
        parent.set_count(plan.index + 1, plan.total - plan.left);
        return true;
    }

    /// The elements of both leaves, with `bytes` at their place.
    void copy_both(path const& way, std::uint64_t pos,
                   std::span<std::byte const> bytes, sharing const& plan,
                   std::span<std::byte> to) const {
        inner const& parent = *way.at(1).node;
        for (std::uint32_t i = plan.index; i != plan.index + 2; ++i) {
            std::size_t const size = nodes_.size(parent.count(i));
            auto const old = nodes_.nodes().leaf(parent.child(i));
            if (i != way.at(1).index) {
                std::memcpy(to.data(), old.data, size);
                to = to.subspan(size);
                continue;
            }
            spliced_bytes{old.data, size, nodes_.size(pos - way.first()),
                          bytes}
                .copy(0, size + bytes.size(), to.data());
            to = to.subspan(size + bytes.size());
        }
    }

    /// A leaf and what is inserted into it as several leaves of one parent.
    bool split_leaf(path& way, rope_root& root, std::uint64_t pos,
                    std::span<std::byte const> bytes, std::uint64_t n) const {
        if (way.height() == 0)
            return false;
        std::uint64_t const count = way.count();
        leaf_counts const parts = divide(way, root, pos, count + n);
        if (parts.leaves == 0
            || way.at(1).node->size() + parts.leaves - 1 > inner::capacity)
            return false;

        nodes_.own(way, root);
        child_ref& slot = editor::slot(way, root);
        std::array<leaf_ptr, leaf_counts::most> fresh;
        {
            auto const old = nodes_.nodes().leaf(slot);
            spliced_bytes const all{old.data, nodes_.size(count),
                                    nodes_.size(pos - way.first()), bytes};
            bool const in_place = nodes_.owns(slot.node());
            std::uint64_t from = 0;
            for (std::uint32_t i = 0; i != parts.leaves; ++i) {
                if (i != 0 || !in_place) {
                    fresh[i] = nodes_.new_leaf(parts.count[i], true);
                    all.copy(nodes_.size(from), nodes_.size(parts.count[i]),
                             fresh[i]->data());
                }
                from += parts.count[i];
            }
        }
        if (fresh[0] != nullptr) {
            nodes_.replace_leaf(slot, fresh[0]);
        } else {
            leaf_frame* const leaf = nodes_.own_leaf(
                slot, count, std::max(count, parts.count[0]), true);
            spliced_bytes{leaf->data(), nodes_.size(count),
                          nodes_.size(pos - way.first()), bytes}
                .apply(leaf->data(), nodes_.size(parts.count[0]));
        }
        way.add(root, n);
        place(*way.at(1).node, way.at(1).index, parts, fresh);
        return true;
    }

    static void place(inner& parent, std::uint32_t at, leaf_counts const& parts,
                      std::array<leaf_ptr, leaf_counts::most>& fresh) noexcept {
        parent.open(at + 1, parts.leaves - 1);
        parent.set_count(at, parts.count[0]);
        for (std::uint32_t i = 1; i != parts.leaves; ++i) {
            parent.child(at + i) = child_ref(std::move(fresh[i]));
            parent.set_count(at + i, parts.count[i]);
        }
    }

    /// Any number of elements anywhere: cut, fill up, build, join.
    void splice(rope_root& root, std::uint64_t pos,
                std::span<std::byte const> bytes) const {
        build_beside guard(nodes_.changes());
        structure const trees(nodes_);
        auto parts = trees.split(root, pos);
        std::size_t const head =
            std::min(bytes.size(), nodes_.size(room_at_end(trees, parts.left)));
        rope_root left =
            trees.join(std::move(parts.left), trees.leaf(bytes.first(head)));
        bytes = bytes.subspan(head);
        std::size_t const full = nodes_.size(shape().capacity);
        std::vector<leaf_entry> row;
        row.reserve(bytes.size() / full + 1);
        for (; !bytes.empty();
             bytes = bytes.subspan(std::min(full, bytes.size()))) {
            auto const piece = bytes.first(std::min(full, bytes.size()));
            row.push_back({child_ref(nodes_.new_leaf(piece, false)),
                           piece.size() / shape().element_size});
        }
        rope_root result =
            trees.join(trees.join(std::move(left), trees.build(std::move(row))),
                       std::move(parts.right));
        guard.keep();
        root = std::move(result);
    }

    editor nodes_;
};

} // namespace numstore::detail
