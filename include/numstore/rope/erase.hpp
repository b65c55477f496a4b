// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/rope/leaf_erasure.hpp>
#include <numstore/rope/leaf_path.hpp>
#include <numstore/rope/node_editor.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/selection.hpp>
#include <numstore/rope/structure.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace numstore::detail {

/// Removes neighbouring elements. What lies wholly inside goes as one piece,
/// unread. See `rope_tree`.
template <class Policies>
class rope_erasure {
public:
    using editor = node_editor<Policies>;
    using structure = tree_structure<Policies>;
    using path = typename editor::path;

    explicit rope_erasure(editor const& nodes) noexcept : nodes_(nodes) {}

    void erase(rope_root& root, std::uint64_t pos, std::uint64_t count) const {
        check_range(pos, count, root.size);
        if (count == 0)
            return;
        path way;
        way.seek(nodes_.nodes(), root, pos);
        if (!erase_in_leaf(way, root, pos, count)
            && !rope_leaf_erasure<Policies>(nodes_).erase(way, root, pos,
                                                          count))
            cut_out(root, pos, count);
    }

private:
    /// False unless one leaf changes and stays apart from its neighbours.
    bool erase_in_leaf(path& way, rope_root& root, std::uint64_t pos,
                       std::uint64_t n) const {
        std::uint64_t const count = way.count();
        if (count <= n || pos + n > way.end() || way.leaf(root).is_hole())
            return false;
        structure const trees(nodes_);
        typename structure::leaf_end const left{count - n, false};
        for (bool const right : {false, true}) {
            auto const beside = trees.beside(way, root, right);
            if (beside.count != 0 && trees.melt(left, beside))
                return false;
        }

        nodes_.own(way, root);
        child_ref& slot = editor::slot(way, root);
        std::size_t const begin = nodes_.size(pos - way.first());
        std::size_t const end = begin + nodes_.size(n);
        std::size_t const behind = nodes_.size(count) - end;
        if (nodes_.owns(slot.node())) {
            std::byte* const data =
                static_cast<leaf_frame*>(slot.node())->data();
            std::memmove(data + begin, data + end, behind);
        } else {
            leaf_ptr copy = nodes_.new_leaf(count - n, way.height() != 0);
            auto const old = nodes_.nodes().leaf(slot);
            std::memcpy(copy->data(), old.data, begin);
            std::memcpy(copy->data() + begin, old.data + end, behind);
            nodes_.replace_leaf(slot, copy);
        }
        way.add(root, std::uint64_t{0} - n);
        return true;
    }

    void cut_out(rope_root& root, std::uint64_t pos,
                 std::uint64_t count) const {
        build_beside guard(nodes_.changes());
        structure const trees(nodes_);
        auto front = trees.split(root, pos);
        auto back = trees.split(std::move(front.right), count);
        nodes_.retire_tree(back.left);
        rope_root result =
            trees.join(std::move(front.left), std::move(back.right));
        guard.keep();
        root = std::move(result);
    }

    editor nodes_;
};

} // namespace numstore::detail
