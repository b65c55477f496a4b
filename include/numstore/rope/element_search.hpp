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
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

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
        return std::make_unique<leaf_directory const>(
            std::move(runs_), nodes_->shape(), nodes_->pages().account());
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
    std::vector<leaf_directory::run> runs_;
    std::uint64_t first_ = 0;
    page_no next_ = no_page; ///< where the run would go on
    std::byte const* next_data_ = nullptr;
};

/// Counts a search from a root, and makes its directory once that pays.
template <class Policies>
void note_search(node_source<Policies> const& nodes, rope_root const& root,
                 inner_frame<Policies::page_size>& top) {
    // To make it costs about as much as so many searches.
    std::uint64_t const enough =
        std::max<std::uint64_t>(64, root.size / nodes.shape().capacity / 16);
    if (!top.directory().is_due(enough))
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

/// The leaf of `pos`, in O(1), in place: without data for a hole. Null where
/// there is no directory, or where the leaf was never verified. For roots that
/// nobody changes any more.
template <class Policies>
bool find_fast(node_source<Policies> const& nodes, rope_root const& root,
               std::uint64_t pos, leaf_directory::found& leaf) {
    if constexpr (pager<Policies>::zero_copy) {
        frame* const f = root.node.node();
        if (root.height == 0 || f == nullptr)
            return false;
        auto& top = *static_cast<inner_frame<Policies::page_size>*>(f);
        leaf_directory const* const d = top.directory().get();
        if (d == nullptr) {
            note_search(nodes, root, top);
            return false;
        }
        d->find(nodes.shape(), pos, leaf);
        return leaf.place == no_page || nodes.pages().is_verified(leaf.place);
    }
    return false;
}

/// Reads neighbouring elements from `pos` on, as `find_fast` finds them; false
/// where it does not, and where they are so many that it does not pay.
template <class Policies>
bool read_fast(node_source<Policies> const& nodes, rope_root const& root,
               std::uint64_t pos, std::span<std::byte> out) {
    constexpr std::size_t few_leaves = 8;
    leaf_shape const& shape = nodes.shape();
    if (out.size() > few_leaves * shape.full_bytes())
        return false;
    while (!out.empty()) {
        leaf_directory::found leaf;
        if (!find_fast(nodes, root, pos, leaf))
            return false;
        std::uint64_t const skip = pos - leaf.first;
        auto const n = static_cast<std::size_t>(std::min<std::uint64_t>(
            out.size(), shape.bytes(leaf.count - skip)));
        if (leaf.data == nullptr)
            std::memset(out.data(), 0, n);
        else
            std::memcpy(out.data(), leaf.data + shape.bytes(skip), n);
        out = out.subspan(n);
        pos = leaf.first + leaf.count;
    }
    return true;
}

/// The bytes of element `pos` in place, as `find_fast` finds it; null where it
/// does not. Pointers alone, so that one search does not wait for the bytes
/// of the one before.
template <class Policies>
std::byte const* find_element(node_source<Policies> const& nodes,
                              rope_root const& root, std::uint64_t pos) {
    static constexpr std::size_t most = 256;
    alignas(16) static constexpr std::byte zeros[most]{};
    leaf_directory::found leaf;
    if (!find_fast(nodes, root, pos, leaf))
        return nullptr;
    if (leaf.data == nullptr)
        return nodes.shape().element_size <= most ? zeros : nullptr;
    return leaf.data + nodes.shape().bytes(pos - leaf.first);
}

} // namespace numstore::detail
