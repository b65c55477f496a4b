// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/pager/pager.hpp>
#include <numstore/rope/leaf_directory.hpp>
#include <numstore/rope/leaf_shape.hpp>
#include <numstore/rope/node.hpp>
#include <numstore/rope/node_source.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace numstore::detail {

/// Makes the directory of a tree that others may read, where the device shows
/// all of its leaves in place and the directory stays below `most` bytes.
template <class Policies>
class directory_builder {
public:
    using source = node_source<Policies>;
    using inner = typename source::inner;

    directory_builder(source const& nodes, std::uint64_t most) noexcept
        : nodes_(&nodes), most_(most) {}

    /// Null where there cannot be one. O(leaves). Throws corrupt, io,
    /// bad_alloc.
    std::unique_ptr<leaf_directory const> operator()(rope_root const& root) {
        if (!add(*nodes_->load(root.node, root.height, root.size), root.height))
            return nullptr;
        runs_.push_back({first_, nullptr, no_page});
        std::uint64_t const taken = leaf_directory::bytes_of(runs_.size());
        return std::make_unique<leaf_directory const>(
            std::move(runs_), nodes_->shape(), nodes_->pages().account(),
            most_ - std::min(most_, taken));
    }

private:
    bool add(inner& node, unsigned level) {
        for (std::uint32_t i = 0; i != node.size(); ++i)
            if (level == 1
                    ? !add_leaf(node.child(i), node.count(i))
                    : !add(*nodes_->load(node.child(i), level - 1,
                                         node.count(i)),
                           level - 1))
                return false;
        return true;
    }

    bool add_leaf(child_ref const& ref, std::uint64_t count) {
        leaf_shape const& shape = nodes_->shape();
        page_no place = no_page;
        std::byte const* data = nullptr;
        if (frame* const f = ref.node()) {
            data = static_cast<leaf_frame*>(f)->data();
        } else if (!ref.is_hole()) {
            place = ref.place();
            data = nodes_->pages().view(place, shape.pages);
            if (data == nullptr)
                return false;
        }
        if (place == no_page || place != next_ || data != next_data_) {
            if (!leaf_directory::fits(runs_.size() + 1)
                || leaf_directory::bytes_of(runs_.size() + 2) > most_)
                return false;
            runs_.push_back({first_, data, place});
        }
        first_ += count;
        next_ = place != no_page && count == shape.capacity
                    ? place + shape.pages
                    : no_page;
        next_data_ = place != no_page ? data + shape.page_bytes : nullptr;
        return true;
    }

    source const* nodes_;
    std::uint64_t most_;
    leaf_directory::run_list runs_;
    std::uint64_t first_ = 0;
    page_no next_ = no_page; ///< where the run would go on
    std::byte const* next_data_ = nullptr;
};

/// The directory of a root, if it has one.
template <class Policies>
[[gnu::always_inline]] inline leaf_directory const*
directory_of(rope_root const& root) noexcept {
    frame* const f = root.node.node();
    if (!pager<Policies>::zero_copy || f == nullptr || root.height == 0)
        return nullptr;
    return static_cast<inner_frame<Policies::page_size>*>(f)
        ->directory()
        .get();
}

/// Counts a search from a root, and makes its directory once that pays.
template <class Policies>
void note_search(node_source<Policies> const& nodes, rope_root const& root,
                 inner_frame<Policies::page_size>& top, std::uint64_t pos) {
    // To make it costs about as much as it saves in so many searches.
    std::uint64_t const enough =
        std::max<std::uint64_t>(64, root.size / nodes.shape().capacity);
    if (!top.directory().is_due(enough, pos))
        return;
    try {
        auto& pages = nodes.pages();
        std::uint64_t const used = pages.account().directory_bytes.load(
            std::memory_order_relaxed);
        std::uint64_t const most = pages.directory_budget();
        if (used < most)
            top.directory().show(
                directory_builder<Policies>(nodes, most - used)(root));
    } catch (std::bad_alloc const&) { // NOLINT: without it, then
    } catch (error const&) {          // NOLINT: who meets it is told
    }
}

/// Where a leaf's elements are; false where it is not in memory, or not
/// verified.
template <class Policies>
bool show_leaf(node_source<Policies> const& nodes, child_ref const& child,
               frame const* in_memory, leaf_directory::found& leaf) {
    leaf.place = no_page;
    leaf.data = nullptr;
    if (in_memory != nullptr) {
        leaf.data = static_cast<leaf_frame const*>(in_memory)->data();
        return true;
    }
    leaf.place = child.place();
    if (leaf.place == no_page)
        return true;
    leaf.data = nodes.pages().view(leaf.place, nodes.shape().pages);
    return leaf.data != nullptr && nodes.pages().is_verified(leaf.place);
}

/// The leaf of `pos`, searched from level to level, as far as nodes are in
/// memory and leaves in place and verified. No reference is taken: the root
/// keeps what it leads to.
template <class Policies>
bool find_in_nodes(node_source<Policies> const& nodes,
                   inner_frame<Policies::page_size> const* node,
                   unsigned level, std::uint64_t pos,
                   leaf_directory::found& leaf) {
    leaf.first = 0;
    for (;; --level) {
        auto const [index, offset] = node->find(pos - leaf.first);
        leaf.first += offset;
        child_ref const& child = node->child(index);
        frame const* const below = child.node();
        if (level == 1) {
            leaf.count = node->count(index);
            return show_leaf(nodes, child, below, leaf);
        }
        if (below == nullptr)
            return false;
        node = static_cast<inner_frame<Policies::page_size> const*>(below);
        // Most leaves are full: the child comes while the node's head does.
        if (level == 2)
            node->expect_child((pos - leaf.first) / nodes.shape().capacity);
    }
}

/// The leaf of `pos`, in place: without data for a hole. In O(1) where there
/// is a directory. False where the leaf is not in memory, or was never
/// verified. For roots that nobody changes any more.
template <class Policies>
bool find_fast(node_source<Policies> const& nodes, rope_root const& root,
               std::uint64_t pos, leaf_directory::found& leaf) {
    if constexpr (pager<Policies>::zero_copy) {
        frame* const f = root.node.node();
        if (root.height == 0 || f == nullptr)
            return false;
        auto& top = *static_cast<inner_frame<Policies::page_size>*>(f);
        if (leaf_directory const* const d = top.directory().get()) {
            d->find(nodes.shape(), pos, leaf);
            return leaf.place == no_page
                   || nodes.pages().is_verified(leaf.place);
        }
        note_search(nodes, root, top, pos);
        return find_in_nodes(nodes, &top, root.height, pos, leaf);
    }
    return false;
}

/// The first of these bytes, if there are any, are about to be read.
inline void expect_bytes(std::byte const* from) noexcept {
    constexpr std::size_t line = 64;
    if (from != nullptr)
        for (std::size_t at = 0; at != 4 * line; at += line)
            __builtin_prefetch(from + at);
}

/// Reads neighbouring elements from `pos` on, as `find_fast` finds them; false
/// where it does not find all, and where they are so many that it does not pay.
/// Then nothing is filled.
template <class Policies>
bool read_fast(node_source<Policies> const& nodes, rope_root const& root,
               std::uint64_t pos, std::span<std::byte> out) {
    constexpr std::size_t few_leaves = 8;
    leaf_shape const& shape = nodes.shape();
    if (out.size() > few_leaves * shape.full_bytes())
        return false;
    struct piece {
        std::byte const* from;
        std::size_t bytes;
    };
    std::array<piece, 2 * few_leaves> pieces;
    std::size_t n = 0;
    for (std::size_t left = out.size(); left != 0; left -= pieces[n++].bytes) {
        leaf_directory::found leaf{};
        if (n == pieces.size() || !find_fast(nodes, root, pos, leaf))
            return false;
        std::uint64_t const skip = pos - leaf.first;
        pieces[n] = {
            leaf.data == nullptr ? nullptr : leaf.data + shape.bytes(skip),
            static_cast<std::size_t>(std::min<std::uint64_t>(
                left, shape.bytes(leaf.count - skip)))};
        expect_bytes(pieces[n].from); // all of them come from memory at once
        pos = leaf.first + leaf.count;
    }
    for (std::size_t i = 0; i != n; ++i) {
        if (pieces[i].from == nullptr)
            std::memset(out.data(), 0, pieces[i].bytes);
        else
            std::memcpy(out.data(), pieces[i].from, pieces[i].bytes);
        out = out.subspan(pieces[i].bytes);
    }
    return true;
}

/// Whoever looks for this element next finds it in the directory at once.
template <class Policies>
void remember(pager<Policies> const& pages, leaf_shape const& shape,
              rope_root const& root, std::uint64_t pos) noexcept {
    if (auto* const d = directory_of<Policies>(root))
        d->remember(shape, pos, [&](page_no p) {
            return pages.is_verified(p);
        });
}

/// The bytes of element `pos` in place, as `find_fast` finds it; null where it
/// does not, and in holes of large elements.
template <class Policies>
std::byte const* search_element(pager<Policies>& pages,
                                leaf_shape const& shape, rope_root const& root,
                                std::uint64_t pos) {
    static constexpr std::size_t most = 256;
    alignas(16) static constexpr std::byte zeros[most]{};
    leaf_directory::found leaf;
    if (!find_fast(node_source<Policies>(pages, shape), root, pos, leaf))
        return nullptr;
    remember<Policies>(pages, shape, root, pos);
    if (leaf.data == nullptr)
        return shape.element_size <= most ? zeros : nullptr;
    return leaf.data + shape.bytes(pos - leaf.first);
}

/// The same where a directory answers; calls nothing and stores nothing. So
/// one search waits for memory while many others go on: processors keep fewer
/// stores in flight than loads.
template <class Policies>
[[gnu::always_inline]] inline std::byte const*
element_in_directory(leaf_shape const& shape, rope_root const& root,
                     std::uint64_t pos) noexcept {
    leaf_directory const* const d = directory_of<Policies>(root);
    return d == nullptr ? nullptr : d->known(shape.element_size, pos);
}

template <class Policies>
std::byte const* find_element(pager<Policies>& pages, leaf_shape const& shape,
                              rope_root const& root, std::uint64_t pos) {
    std::byte const* const here =
        element_in_directory<Policies>(shape, root, pos);
    return here != nullptr ? here : search_element(pages, shape, root, pos);
}

} // namespace numstore::detail
