// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/rope/leaf_path.hpp>
#include <numstore/rope/node_editor.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/selection.hpp>
#include <numstore/rope/structure.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace numstore::detail {

/// Called now and then by operations that make many leaves, with the tree
/// made so far: a chance to `spill` it. This one does nothing.
struct keep_in_memory {
    void operator()(rope_root&) const noexcept {}
};

/// How many bytes of leaves an operation makes between two chances to spill,
/// a small leaf counted as what it costs.
inline constexpr std::uint64_t spill_check_bytes = std::uint64_t{1} << 20;
constexpr std::uint64_t cost_of_leaf(leaf_shape const& shape) noexcept {
    return std::max<std::uint64_t>(shape.full_bytes(), 16384);
}

/// Changes selected elements where they are. See `rope_tree`.
template <class Policies>
class rope_overwrite {
public:
    using editor = node_editor<Policies>;
    using structure = tree_structure<Policies>;
    using path = typename editor::path;

    explicit rope_overwrite(editor const& nodes) noexcept : nodes_(nodes) {}

    /// Calls apply(bytes of the leaf, group) for each leaf touched.
    template <class Selection, class Apply, class Spill>
    void operator()(rope_root& root, Selection const& selected,
                    Apply const& apply, Spill&& spill) const {
        if (selected.done())
            return;
        path way;
        std::byte* const leaf = own_leaf_at(root, way, selected.position());
        if (selected.last() < way.end()) {
            Selection all = selected;
            apply(leaf, all.take(way.first(), way.count()));
        } else if (cost_of(selected) <= prepared_bytes) {
            prepare_then_apply(root, way, selected, apply);
        } else {
            apply_beside(root, selected, apply, spill);
        }
    }

private:
    /// Up to this much is made the edit's own before anything changes; more
    /// is changed beside, so that what is done may be spilled.
    static constexpr std::uint64_t prepared_bytes = std::uint64_t{4} << 20;

    leaf_shape const& shape() const noexcept { return nodes_.shape(); }

    template <class Selection>
    std::uint64_t cost_of(Selection const& selected) const noexcept {
        std::uint64_t const span = selected.last() - selected.position();
        std::uint64_t const leaves =
            std::min(selected.count(), span / shape().capacity + 2);
        std::uint64_t cost = 0;
        return multiply(leaves, cost_of_leaf(shape()), cost) ? cost : ~cost;
    }

    template <class Selection, class Apply>
    void prepare_then_apply(rope_root& root, path& way,
                            Selection const& selected,
                            Apply const& apply) const {
        for (Selection rest = selected; !rest.done();) {
            own_leaf_at(root, way, rest.position());
            rest.take(way.first(), way.count());
        }
        for (Selection rest = selected; !rest.done();) {
            way.seek(nodes_.nodes(), root, rest.position());
            auto* const leaf =
                static_cast<leaf_frame*>(editor::slot(way, root).node());
            apply(leaf->data(), rest.take(way.first(), way.count()));
        }
    }

    template <class Selection, class Apply, class Spill>
    void apply_beside(rope_root& root, Selection rest, Apply const& apply,
                      Spill& spill) const {
        build_beside guard(nodes_.changes());
        rope_root result = root;
        path way;
        std::uint64_t made = 0;
        while (!rest.done()) {
            std::byte* const leaf = own_leaf_at(result, way, rest.position());
            apply(leaf, rest.take(way.first(), way.count()));
            made += cost_of_leaf(shape());
            if (made >= spill_check_bytes) {
                made = 0;
                spill(result);
                way.reset();
            }
        }
        guard.keep();
        root = std::move(result);
    }

    /// The bytes of the leaf that holds `pos`, made the edit's own; a hole
    /// first gets a leaf there. The elements stay what they are.
    std::byte* own_leaf_at(rope_root& root, path& way,
                           std::uint64_t pos) const {
        way.seek(nodes_.nodes(), root, pos);
        if (way.leaf(root).is_hole()) {
            fill_hole(root, way, pos);
            way.reset();
            way.seek(nodes_.nodes(), root, pos);
        }
        // Comes from memory while the nodes above are looked at.
        if (frame* const f = way.leaf(root).node())
            __builtin_prefetch(static_cast<leaf_frame*>(f)->data()
                                   + shape().bytes(pos - way.first()),
                               1);
        nodes_.own(way, root);
        return nodes_
            .own_leaf(editor::slot(way, root), way.count(), way.count(),
                      way.height() != 0)
            ->data();
    }

    /// Puts one leaf of zeros into a hole, a whole number of leaves from the
    /// start of the hole, so that leaves made later fit between.
    void fill_hole(rope_root& root, path const& way, std::uint64_t pos) const {
        build_beside guard(nodes_.changes());
        structure const trees(nodes_);
        std::uint64_t const start =
            way.first() + round_down(pos - way.first(), shape().capacity);
        std::uint64_t const count =
            std::min(shape().capacity, way.end() - start);
        auto front = trees.split(root, start);
        rope_root result;
        if (trees.edge(front.right, false).hole) {
            auto back = trees.split(std::move(front.right), count);
            rope_root leaf{child_ref(nodes_.zero_leaf(count)), 0, count};
            result =
                trees.join(trees.join(std::move(front.left), std::move(leaf)),
                           std::move(back.right));
        } else {
            result = trees.join(std::move(front.left), std::move(front.right));
        }
        guard.keep();
        root = std::move(result);
    }

    editor nodes_;
};

} // namespace numstore::detail
