// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/rope/kernels.hpp>
#include <numstore/rope/node_editor.hpp>
#include <numstore/rope/overwrite.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/selection.hpp>
#include <numstore/rope/structure.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Copies what a group leaves of a leaf's elements.
template <class Element>
struct rest_copier {
    Element element;

    void operator()(std::byte const* leaf, std::uint64_t count,
                    strided_selection::group const& g, std::uint64_t step,
                    std::byte* to) const noexcept {
        copy_between_strided(element, leaf, static_cast<std::size_t>(count),
                             static_cast<std::size_t>(g.lowest),
                             static_cast<std::ptrdiff_t>(step),
                             static_cast<std::size_t>(g.count), to);
    }

    void operator()(std::byte const* leaf, std::uint64_t count,
                    indexed_selection::group const& g,
                    std::byte* to) const noexcept {
        copy_between_indexed(element, leaf, static_cast<std::size_t>(count),
                             g.first, g.positions, to);
    }
};

/// Removes selected elements in one pass: leaves that lose elements are
/// packed into full ones, and the subtrees between are taken over whole, so
/// that only touched leaves are read. See `rope_tree`.
template <class Policies, class Selection, class Copier>
class rope_sweep {
public:
    using editor = node_editor<Policies>;
    using structure = tree_structure<Policies>;
    using inner = typename editor::inner;
    using inner_pointer = typename editor::inner_pointer;

    rope_sweep(editor const& nodes, Selection const& selected,
               Copier const& copier)
        : trees_(nodes), selected_(selected), copier_(copier) {}

    template <class Spill>
    void operator()(rope_root& root, Spill&& spill) {
        if (selected_.done())
            return;
        build_beside guard(nodes().changes());
        expect_retired(root.size);
        node(root.node, root.height, 0, root.size, spill);
        flush();
        guard.keep();
        root = std::move(result_);
    }

private:
    editor const& nodes() const noexcept { return trees_.nodes(); }
    leaf_shape const& shape() const noexcept { return nodes().shape(); }

    /// Of so many elements: room for all leaves at once, unless they are very
    /// many. A list that grows is copied to fresh memory again and again.
    void expect_retired(std::uint64_t elements) const {
        constexpr std::uint64_t most = std::uint64_t{1} << 17;
        nodes().expect_retired(static_cast<std::size_t>(std::min(
            {most, selected_.count(), elements / shape().capacity + 1})));
    }

    template <class Spill>
    void node(child_ref const& ref, unsigned level, std::uint64_t first,
              std::uint64_t count, Spill& spill) {
        if (level == 0)
            return leaf(ref, first, count, spill);
        inner* const n = nodes().nodes().load(ref, level, count);
        nodes().retire_inner(ref, level, count);
        std::uint32_t kept = 0;
        for (std::uint32_t i = 0; i != n->size() && !selected_.done(); ++i) {
            std::uint64_t const below = n->count(i);
            if (selected_.position() - first < below) {
                take_over(*n, kept, i);
                node(n->child(i), level - 1, first, below, spill);
                kept = i + 1;
            }
            first += below;
        }
        take_over(*n, kept, n->size());
    }

    /// The children [begin, end) of a node, as they are.
    void take_over(inner const& n, std::uint32_t begin, std::uint32_t end) {
        if (begin == end)
            return;
        flush();
        auto const level = static_cast<std::uint8_t>(n.level());
        rope_root part{n.child(begin), static_cast<std::uint8_t>(level - 1),
                       n.count(begin)};
        if (end - begin > 1) {
            inner_pointer copy = nodes().new_inner(level);
            copy->append(n, begin, end);
            std::uint64_t const size = copy->total();
            part = {child_ref(std::move(copy)), level, size};
        }
        result_ = trees_.join(std::move(result_), std::move(part));
    }

    template <class Spill>
    void leaf(child_ref const& ref, std::uint64_t first, std::uint64_t count,
              Spill& spill) {
        auto const group = selected_.take(first, count);
        std::uint64_t const left = count - group.count;
        if (ref.is_hole()) {
            keep_zeros(left);
            return;
        }
        if (packed_count_ == shape().capacity)
            end_leaf();
        open_packed();
        bool const fits = left <= shape().capacity - packed_count_;
        if (!fits && spare_ == nullptr)
            spare_ = nodes().new_leaf(shape().capacity, true);
        std::byte* const to = fits ? packed_end() : spare_->data();
        auto const from = nodes().nodes().leaf(ref); // stays while it is read
        if constexpr (requires { selected_.step(); })
            copier_(from.data, count, group, selected_.step(), to);
        else
            copier_(from.data, count, group, to);
        if (fits)
            packed_count_ += left;
        else
            pack(to, left);
        nodes().retire_leaf(ref);
        made_ += cost_of_leaf(shape());
        if (made_ >= spill_check_bytes) {
            made_ = 0;
            spill(result_);
        }
    }

    void keep_zeros(std::uint64_t n) {
        if (n >= shape().capacity) {
            flush();
            result_ = trees_.join(std::move(result_), trees_.zeros(n));
        } else if (n != 0) {
            leaf_ptr const zeros = nodes().zero_leaf(n);
            pack(zeros->data(), n);
        }
    }

    /// Appends elements to the leaf in the making, and what is too many for
    /// it to the next.
    void pack(std::byte const* from, std::uint64_t n) {
        while (n != 0) {
            open_packed();
            std::uint64_t const fits =
                std::min(n, shape().capacity - packed_count_);
            std::memcpy(packed_end(), from, nodes().size(fits));
            packed_count_ += fits;
            from += nodes().size(fits);
            n -= fits;
            if (n != 0)
                end_leaf();
        }
    }

    void open_packed() {
        if (packed_ == nullptr)
            packed_ = nodes().new_leaf(shape().capacity, true);
    }
    std::byte* packed_end() const noexcept {
        return packed_->data() + nodes().size(packed_count_);
    }

    /// The leaf in the making becomes part of the result, with all before it.
    void flush() {
        end_leaf();
        join_row();
    }

    /// It ends; of those that wait in a row all but the last are full.
    void end_leaf() {
        if (packed_count_ != 0)
            row_.push_back({child_ref(std::move(packed_)), packed_count_});
        packed_ = nullptr;
        packed_count_ = 0;
        if (row_.size() == inner::capacity)
            join_row();
    }

    void join_row() {
        if (row_.empty())
            return;
        result_ =
            trees_.join(std::move(result_), trees_.build(std::move(row_)));
        row_.clear();
    }

    structure trees_;
    Selection selected_;
    Copier copier_;
    rope_root result_{};
    std::vector<leaf_entry> row_{}; ///< leaves behind the result
    leaf_ptr packed_{};
    std::uint64_t packed_count_ = 0;
    leaf_ptr spare_{}; ///< for elements on their way to packed_
    std::uint64_t made_ = 0;
};

} // namespace numstore::detail
