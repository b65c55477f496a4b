// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/rope/insert.hpp>
#include <numstore/rope/node_editor.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/selection.hpp>
#include <numstore/rope/structure.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Full leaves on neighbouring pages, with the checksum of each.
struct bulk_run {
    page_no first{};
    std::uint64_t leaves = 0;
    std::vector<std::uint64_t> checksums{};
};

/// Where the elements of a bulk insert went: whole leaves, which are on disk;
/// the first of them begins with `absorbed` elements that stood before the
/// place, in a leaf that was not full. The last `tail_count` elements, less
/// than a leaf, are in memory. What a log must say to do it again.
struct bulk_log {
    std::uint64_t absorbed = 0;
    std::vector<bulk_run> runs{};
    std::uint64_t tail_count = 0;
};

/// The written part of a bulk insert, and what stands around it.
struct bulk_parts {
    std::span<std::byte const> head;
    std::span<bulk_run const> runs;
    std::span<std::byte const> tail;
};

/// Told how many bytes more have been written. This one does nothing.
struct untold {
    void operator()(std::uint64_t) const noexcept {}
};

/// Inserts much at once. Whole leaves go straight from the caller's memory to
/// fresh neighbouring pages. See `rope_tree`.
template <class Policies>
class rope_bulk {
public:
    using editor = node_editor<Policies>;
    using structure = tree_structure<Policies>;
    static constexpr std::size_t page_size = Policies::page_size;

    explicit rope_bulk(editor const& nodes) noexcept : nodes_(nodes) {}

    /// Puts `bytes` where `removed` elements were at `pos`. Calls
    /// written(bytes) now and then; if that throws nothing has changed.
    template <class Written = untold>
    bulk_log replace(rope_root& root, std::uint64_t pos, std::uint64_t removed,
                     std::span<std::byte const> bytes,
                     Written&& written = {}) const {
        check(root, pos, removed, bytes.size() / shape().element_size);
        build_beside guard(nodes_.changes());
        structure const trees(nodes_);
        auto around = cut(trees, root, pos, removed);
        bulk_log log;
        std::size_t const full = nodes_.size(shape().capacity);
        std::vector<std::byte> first =
            take_open_leaf(trees, around.left, full - std::min(full,
                                                               bytes.size()));
        log.absorbed = first.size() / shape().element_size;
        std::size_t const tail = (first.size() + bytes.size()) % full;
        log.tail_count = tail / shape().element_size;
        auto middle = bytes.first(bytes.size() - tail);
        if (!first.empty()) {
            std::size_t const n = full - first.size();
            first.insert(first.end(), middle.begin(),
                         middle.begin() + static_cast<std::ptrdiff_t>(n));
            middle = middle.subspan(n);
        }
        log.runs = write_leaves(first, middle, end_of(trees, around.left),
                                written);
        finish(trees, root, std::move(around),
               {{}, log.runs, bytes.last(tail)});
        guard.keep();
        return log;
    }

    /// The same with whole leaves that were written before.
    void replace_placed(rope_root& root, std::uint64_t pos,
                        std::uint64_t removed, bulk_parts const& parts) const {
        std::uint64_t const small =
            (parts.head.size() + parts.tail.size()) / shape().element_size;
        check(root, pos, removed, small);
        std::uint64_t leaves = 0;
        for (bulk_run const& run : parts.runs) {
            if (run.checksums.size() != run.leaves
                || !add(leaves, run.leaves, leaves))
                raise(errc::invalid_argument, "a run of leaves is malformed");
        }
        std::uint64_t placed = 0;
        if (!multiply(leaves, shape().capacity, placed)
            || !add(placed, small, placed))
            placed = ~std::uint64_t{0};
        check(root, pos, removed, placed);
        if (nodes_.size(shape().capacity)
            < std::max(parts.head.size(), parts.tail.size()))
            raise(errc::invalid_argument, "more than a leaf beside the leaves");
        build_beside guard(nodes_.changes());
        structure const trees(nodes_);
        finish(trees, root, cut(trees, root, pos, removed), parts);
        guard.keep();
    }

private:
    /// Leaves are written this much at a time: still in the processor's cache
    /// from the checksum. Where a sync follows, it begins with the first.
    std::uint64_t piece_bytes() const noexcept {
        return std::uint64_t{1}
               << (nodes_.changes().pages->syncs_soon() ? 18 : 20);
    }

    leaf_shape const& shape() const noexcept { return nodes_.shape(); }

    void check(rope_root const& root, std::uint64_t pos, std::uint64_t removed,
               std::uint64_t added) const {
        check_range(pos, removed, root.size);
        check_growth(shape(), root.size - removed, added);
    }

    typename structure::halves cut(structure const& trees,
                                   rope_root const& root, std::uint64_t pos,
                                   std::uint64_t removed) const {
        auto front = trees.split(root, pos);
        auto back = trees.split(std::move(front.right), removed);
        nodes_.retire_tree(back.left);
        return {std::move(front.left), std::move(back.right)};
    }

    /// Takes the last leaf away and gives its bytes, if it has room for more,
    /// but at least `least` bytes.
    std::vector<std::byte> take_open_leaf(structure const& trees,
                                          rope_root& tree,
                                          std::size_t least) const {
        std::uint64_t const room =
            rope_insertion<Policies>::room_at_end(trees, tree);
        std::size_t const size =
            room == 0 ? 0 : nodes_.size(shape().capacity - room);
        std::vector<std::byte> bytes;
        if (size == 0 || size < least)
            return bytes;
        auto parts =
            trees.split(tree, tree.size - size / shape().element_size);
        bytes.resize(size);
        auto const leaf = nodes_.nodes().leaf(parts.right.node);
        std::memcpy(bytes.data(), leaf.data, size);
        nodes_.retire_tree(parts.right);
        tree = std::move(parts.left);
        return bytes;
    }

    /// The page behind the last leaf, if it is known.
    page_no end_of(structure const& trees, rope_root const& tree) const {
        page_no const last = trees.edge(tree, true).place;
        return last == no_page ? no_page : last + shape().pages;
    }

    void finish(structure const& trees, rope_root& root,
                typename structure::halves around,
                bulk_parts const& parts) const {
        rope_root result =
            trees.join(std::move(around.left), trees.leaf(parts.head));
        result = trees.join(std::move(result), trees.build(rows(parts.runs)));
        result = trees.join(std::move(result), trees.leaf(parts.tail));
        result = trees.join(std::move(result), std::move(around.right));
        root = std::move(result);
    }

    std::vector<leaf_entry> rows(std::span<bulk_run const> runs) const {
        std::uint64_t leaves = 0;
        for (bulk_run const& run : runs)
            leaves += run.leaves;
        std::vector<leaf_entry> row;
        row.reserve(static_cast<std::size_t>(leaves));
        for (bulk_run const& run : runs)
            for (std::uint64_t i = 0; i != run.leaves; ++i)
                row.push_back(
                    {child_ref(run.first + i * shape().pages, run.checksums[i]),
                     shape().capacity});
        return row;
    }

    /// `first` is empty or one leaf; both are whole leaves.
    template <class Written>
    std::vector<bulk_run> write_leaves(std::span<std::byte const> first,
                                       std::span<std::byte const> bytes,
                                       page_no hint, Written& written) const {
        std::vector<bulk_run> runs;
        auto& changes = nodes_.changes();
        std::size_t const full = nodes_.size(shape().capacity);
        while (!first.empty() || !bytes.empty()) {
            bulk_run run;
            runs.reserve(runs.size() + 1);
            extent const place = changes.pages->allocate_run(
                (first.size() + bytes.size()) / full * shape().pages,
                shape().pages, hint, changes.allocated);
            run.first = place.first;
            run.leaves = place.pages / shape().pages;
            run.checksums.reserve(static_cast<std::size_t>(run.leaves));
            hint = place.end();
            std::size_t const n =
                static_cast<std::size_t>(run.leaves) * full - first.size();
            write_run(run, run.first, first, written);
            write_run(run, run.first + first.size() / full * shape().pages,
                      bytes.first(n), written);
            first = {};
            bytes = bytes.subspan(n);
            runs.push_back(std::move(run));
        }
        return runs;
    }

    template <class Written>
    void write_run(bulk_run& run, page_no place,
                   std::span<std::byte const> bytes, Written& written) const {
        std::size_t const full = nodes_.size(shape().capacity);
        auto const piece_leaves = static_cast<std::size_t>(
            std::max<std::uint64_t>(1, piece_bytes() / shape().page_bytes));
        std::vector<std::byte> padded;
        while (!bytes.empty()) {
            std::size_t const leaves =
                std::min(piece_leaves, bytes.size() / full);
            write_piece(run, place, bytes.first(leaves * full), padded);
            written(leaves * full);
            bytes = bytes.subspan(leaves * full);
            place = place + leaves * shape().pages;
        }
    }

    void write_piece(bulk_run& run, page_no place,
                     std::span<std::byte const> bytes,
                     std::vector<std::byte>& padded) const {
        auto const stride = static_cast<std::size_t>(shape().page_bytes);
        if (!shape().without_waste()) {
            std::size_t const full = nodes_.size(shape().capacity);
            std::size_t const leaves = bytes.size() / full;
            padded.resize(leaves * stride);
            for (std::size_t i = 0; i != leaves; ++i)
                std::memcpy(padded.data() + i * stride, bytes.data() + i * full,
                            full);
            bytes = padded;
        }
        for (std::size_t at = 0; at != bytes.size(); at += stride)
            run.checksums.push_back(
                editor::pager_type::checksum(bytes.subspan(at, stride)));
        nodes_.changes().pages->write(place, bytes);
        nodes_.changes().pages->start_sync(place, bytes.size() / page_size);
    }

    editor nodes_;
};

} // namespace numstore::detail
