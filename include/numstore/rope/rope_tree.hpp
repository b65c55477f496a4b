// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/pager/edit.hpp>
#include <numstore/pager/page_writer.hpp>
#include <numstore/pager/pager.hpp>
#include <numstore/rope/blocks.hpp>
#include <numstore/rope/bulk.hpp>
#include <numstore/rope/check.hpp>
#include <numstore/rope/cursor.hpp>
#include <numstore/rope/erase.hpp>
#include <numstore/rope/insert.hpp>
#include <numstore/rope/kernels.hpp>
#include <numstore/rope/leaf_shape.hpp>
#include <numstore/rope/node_editor.hpp>
#include <numstore/rope/node_source.hpp>
#include <numstore/rope/overwrite.hpp>
#include <numstore/rope/retire.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/selection.hpp>
#include <numstore/rope/spill.hpp>
#include <numstore/rope/splice.hpp>
#include <numstore/rope/sweep.hpp>
#include <numstore/rope/transfer.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace numstore::detail {

/// The tree of one array: a sequence of fixed-size elements in leaves, found
/// by counts, with insertion and removal anywhere. `Element` gives the size:
/// `fixed_element<N>` at compile time, `dynamic_element` at run time.
///
/// With n elements, and m leaves that hold the elements named in a call, a
/// call reads or changes O(log n + m) nodes, and each leaf once. Holes cost
/// nothing. Positions are element counts; bytes are whole elements. What the
/// caller can get wrong: errc::out_of_range, size_mismatch and
/// invalid_argument; what the file can: corrupt, io, no_space.
///
/// Calls that take an edit have the strong guarantee: one that throws leaves
/// the elements, and what the edit owes, as they were. `Spill` is called with
/// a tree in the making about every MiB of new leaves, and may `spill` it.
///
/// Reading a root is safe from many threads. Changing one is not; a root that
/// others hold is never changed, because a call that needs it copies nodes.
template <class Element, class Policies>
class rope_tree {
public:
    using pager_type = pager<Policies>;
    using edit_type = edit<pager_type>;
    using source = node_source<Policies>;
    using editor = node_editor<Policies>;
    using writer = page_writer<Policies>;

    /// Throws invalid_argument for an element of no bytes, or of more than
    /// 256 pages.
    explicit rope_tree(pager_type& pages, Element element = {},
                       rope_root root = {})
        : pages_(&pages),
          element_(element),
          shape_(shape_of(element)),
          root_(std::move(root)) {}

    rope_root const& root() const noexcept { return root_; }
    void set_root(rope_root root) noexcept { root_ = std::move(root); }
    std::uint64_t size() const noexcept { return root_.size; }
    bool empty() const noexcept { return root_.empty(); }
    pager_type& pages() const noexcept { return *pages_; }
    Element element() const noexcept { return element_; }

    leaf_shape const& shape() const noexcept { return shape_; }

    // reading

    /// Elements pos, pos + 1, ..., as many as fill `out`.
    void read(std::uint64_t pos, std::span<std::byte> out) const {
        std::uint64_t const n = count_of(out.size());
        check_range(pos, n, size());
        read_range(nodes(), root_, pos, element_, out);
    }

    /// Elements pos, pos + step, ..., as many as fill `out`.
    void read_strided(std::uint64_t pos, std::int64_t step,
                      std::span<std::byte> out) const {
        std::uint64_t const n = count_of(out.size());
        check_stride(pos, step, n, size());
        visit_leaves(nodes(), root_, strided_selection(pos, step, n),
                     reader(out));
    }

    /// The elements at ascending positions; that of positions[i] becomes
    /// element order[i] of `out`, or element i if `order` is empty.
    void read_at(std::span<std::uint64_t const> positions,
                 std::span<std::uint64_t const> order,
                 std::span<std::byte> out) const {
        check_indexed(positions, order, out.size(), false);
        visit_leaves(nodes(), root_, indexed_selection(positions, order),
                     reader(out));
    }

    rope_cursor<Policies> cursor() const {
        return rope_cursor<Policies>(*pages_, shape(), root_);
    }

    // changing elements where they are

    template <class Spill = keep_in_memory>
    void write(edit_type& changes, std::uint64_t pos,
               std::span<std::byte const> bytes, Spill&& spill = {}) {
        std::uint64_t const n = count_of(bytes.size());
        check_range(pos, n, size());
        overwrite(changes, range_selection(pos, n), bytes, spill);
    }

    template <class Spill = keep_in_memory>
    void write_strided(edit_type& changes, std::uint64_t pos, std::int64_t step,
                       std::span<std::byte const> bytes, Spill&& spill = {}) {
        std::uint64_t const n = count_of(bytes.size());
        check_stride(pos, step, n, size());
        overwrite(changes, strided_selection(pos, step, n), bytes, spill);
    }

    /// Ascending positions, each at most once; see `read_at` for `order`.
    template <class Spill = keep_in_memory>
    void write_at(edit_type& changes, std::span<std::uint64_t const> positions,
                  std::span<std::uint64_t const> order,
                  std::span<std::byte const> bytes, Spill&& spill = {}) {
        check_indexed(positions, order, bytes.size(), true);
        overwrite(changes, indexed_selection(positions, order), bytes, spill);
    }

    // inserting before `pos`; `size()` appends

    void insert(edit_type& changes, std::uint64_t pos,
                std::span<std::byte const> bytes) {
        count_of(bytes.size());
        rope_insertion<Policies>(editing(changes)).insert(root_, pos, bytes);
    }

    /// Zeros, which take no space if they would fill a leaf.
    void insert_zeros(edit_type& changes, std::uint64_t pos,
                      std::uint64_t count) {
        rope_insertion<Policies>(editing(changes))
            .insert_zeros(root_, pos, count);
    }

    /// Whole leaves are written at once, straight from `bytes`; they are not
    /// durable on return. The log says what stands where.
    bulk_log insert_bulk(edit_type& changes, std::uint64_t pos,
                         std::span<std::byte const> bytes) {
        return replace_bulk(changes, pos, 0, bytes);
    }
    /// The same in place of `removed` elements. Calls written(bytes) now and
    /// then.
    template <class Written = untold>
    bulk_log replace_bulk(edit_type& changes, std::uint64_t pos,
                          std::uint64_t removed,
                          std::span<std::byte const> bytes,
                          Written&& written = {}) {
        count_of(bytes.size());
        return rope_bulk<Policies>(editing(changes))
            .replace(root_, pos, removed, bytes, written);
    }

    /// Does again what a bulk call has done, with leaves that stand on disk.
    void insert_placed(edit_type& changes, std::uint64_t pos,
                       std::span<std::byte const> head,
                       std::span<bulk_run const> runs,
                       std::span<std::byte const> tail) {
        replace_placed(changes, pos, 0, head, runs, tail);
    }
    void replace_placed(edit_type& changes, std::uint64_t pos,
                        std::uint64_t removed, std::span<std::byte const> head,
                        std::span<bulk_run const> runs,
                        std::span<std::byte const> tail) {
        count_of(head.size());
        count_of(tail.size());
        rope_bulk<Policies>(editing(changes))
            .replace_placed(root_, pos, removed, {head, runs, tail});
    }

    // removing

    void erase(edit_type& changes, std::uint64_t pos, std::uint64_t count) {
        rope_erasure<Policies>(editing(changes)).erase(root_, pos, count);
    }

    /// Elements pos, pos + step, ..., `count` of them.
    template <class Spill = keep_in_memory>
    void erase_strided(edit_type& changes, std::uint64_t pos, std::int64_t step,
                       std::uint64_t count, Spill&& spill = {}) {
        check_stride(pos, step, count, size());
        strided_selection const all(pos, step, count);
        if (count != 0 && (count == 1 || all.step() == 1))
            erase(changes, all.position(), count);
        else
            sweep(changes, all, spill);
    }

    /// Ascending positions, each at most once.
    template <class Spill = keep_in_memory>
    void erase_at(edit_type& changes, std::span<std::uint64_t const> positions,
                  Spill&& spill = {}) {
        check_positions(positions, size(), true);
        if (positions.size() == 1)
            erase(changes, positions[0], 1);
        else
            sweep(changes, indexed_selection(positions, {}), spill);
    }

    /// Notes that the whole tree is no longer used, and leaves it empty.
    void clear(edit_type& changes) { erase(changes, 0, size()); }

    // blocks of neighbouring elements, all of one length and one behind the
    // other in `bytes`: one pass, whatever their number. See `block_places`.

    void read_blocks(block_places const& at, std::uint64_t block,
                     std::span<std::byte> out) const {
        check_blocks(at, block, out.size());
        at.check_disjoint(block, size());
        if (block == 0)
            return;
        visit_leaves(nodes(), root_, block_selection(at, block), reader(out));
    }

    template <class Spill = keep_in_memory>
    void write_blocks(edit_type& changes, block_places const& at,
                      std::uint64_t block, std::span<std::byte const> bytes,
                      Spill&& spill = {}) {
        check_blocks(at, block, bytes.size());
        at.check_disjoint(block, size());
        if (block == 0)
            return;
        overwrite(changes, block_selection(at, block), bytes, spill);
    }

    /// Before the elements that are at these places now; one place may be
    /// there more than once, and `size()` is one.
    template <class Spill = keep_in_memory>
    void insert_blocks(edit_type& changes, block_places const& at,
                       std::uint64_t block, std::span<std::byte const> bytes,
                       Spill&& spill = {}) {
        check_blocks(at, block, bytes.size());
        at.check_ascending(size());
        if (block == 0)
            return;
        if (at.count() == 1)
            return insert(changes, at[0], bytes);
        check_growth(shape_, size(), at.count() * block);
        splice(changes, at, {0, block, bytes}, spill);
    }
    template <class Spill = keep_in_memory>
    void insert_zero_blocks(edit_type& changes, block_places const& at,
                            std::uint64_t block, Spill&& spill = {}) {
        at.check_ascending(size());
        std::uint64_t all = 0;
        if (!multiply(at.count(), block, all))
            all = std::numeric_limits<std::uint64_t>::max();
        check_growth(shape_, size(), all);
        if (block == 0)
            return;
        if (at.count() == 1)
            return insert_zeros(changes, at[0], block);
        splice(changes, at, {0, block, {}}, spill);
    }

    /// Blocks that do not overlap.
    template <class Spill = keep_in_memory>
    void erase_blocks(edit_type& changes, block_places const& at,
                      std::uint64_t block, Spill&& spill = {}) {
        at.check_disjoint(block, size());
        if (block == 0)
            return;
        if (at.count() == 1)
            return erase(changes, at[0], block);
        splice(changes, at, {block, 0, {}}, spill);
    }

    // looking after it

    /// Private leaves go to disk and leave memory; see `rope_spill`.
    void spill(edit_type& changes, writer& out) {
        rope_spill<Policies>{editing(changes)}(root_, out);
    }

    template <class Report>
    void check(bool deep, Report&& report) const {
        check_rope(nodes(), root_, deep, report);
    }

    source nodes() const noexcept { return source(*pages_, shape_); }
    editor editing(edit_type& changes) const noexcept {
        return editor(nodes(), changes);
    }

private:
    static leaf_shape shape_of(Element element) {
        constexpr std::size_t page = Policies::page_size;
        constexpr std::size_t most = max_element_pages * page;
        if constexpr (requires {
                          std::bool_constant<Element::size() != 0>();
                      }) {
            static_assert(Element::size() != 0 && Element::size() <= most);
            static constexpr leaf_shape shape =
                leaf_shape_of(Element::size(), page);
            return shape;
        } else {
            if (element.size() == 0 || element.size() > most)
                raise(errc::invalid_argument,
                      "an element of " + std::to_string(element.size())
                          + " bytes; with this page size it has 1 to "
                          + std::to_string(most));
            return leaf_shape_of(element.size(), page);
        }
    }

    group_reader<Element> reader(std::span<std::byte> out) const noexcept {
        return {element_, out.data()};
    }

    void check_blocks(block_places const& at, std::uint64_t block,
                      std::size_t bytes) const {
        std::uint64_t all = 0;
        if (!multiply(at.count(), block, all) || all != count_of(bytes))
            raise(errc::size_mismatch,
                  std::to_string(at.count()) + " blocks of "
                      + std::to_string(block) + " elements, and "
                      + std::to_string(count_of(bytes)) + " elements");
    }

    template <class Spill>
    void splice(edit_type& changes, block_places const& at,
                block_change const& change, Spill& spill) {
        rope_splice<Policies>(editing(changes), at, change)(root_, spill);
    }

    /// Throws size_mismatch unless the bytes are whole elements.
    std::uint64_t count_of(std::size_t bytes) const {
        if (bytes % element_.size() != 0)
            raise(errc::size_mismatch,
                  std::to_string(bytes) + " bytes are not whole elements of "
                      + std::to_string(element_.size()) + " bytes");
        return bytes / element_.size();
    }

    void check_indexed(std::span<std::uint64_t const> positions,
                       std::span<std::uint64_t const> order, std::size_t bytes,
                       bool distinct) const {
        if (count_of(bytes) != positions.size()
            || (!order.empty() && order.size() != positions.size()))
            raise(errc::size_mismatch,
                  std::to_string(positions.size()) + " positions for "
                      + std::to_string(count_of(bytes)) + " elements");
        check_positions(positions, size(), distinct);
        for (std::uint64_t const at : order)
            if (at >= positions.size())
                raise_out_of_range(at, positions.size());
    }

    template <class Selection, class Spill>
    void overwrite(edit_type& changes, Selection const& selected,
                   std::span<std::byte const> bytes, Spill&& spill) {
        rope_overwrite<Policies>{editing(changes)}(
            root_, selected, group_writer<Element>{element_, bytes.data()},
            spill);
    }

    template <class Selection, class Spill>
    void sweep(edit_type& changes, Selection const& selected, Spill& spill) {
        using copier = rest_copier<Element>;
        rope_sweep<Policies, Selection, copier>(
            editing(changes), selected, copier{element_})(root_, spill);
    }

    pager_type* pages_;
    [[no_unique_address]] Element element_;
    leaf_shape shape_;
    rope_root root_;
};

} // namespace numstore::detail
