// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/edit.hpp>
#include <numstore/pager/frame.hpp>
#include <numstore/rope/leaf_path.hpp>
#include <numstore/rope/node_source.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/types.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace numstore::detail {

/// Makes and replaces the nodes of one array for one edit: what the edit
/// owns is changed in place, all else is copied and retired. Making nodes
/// one's own changes no element, so a failure on the way needs no undo.
template <class Policies>
class node_editor {
public:
    using source = node_source<Policies>;
    using pager_type = typename source::pager_type;
    using edit_type = edit<pager_type>;
    using inner = typename source::inner;
    using inner_pointer = typename source::inner_pointer;
    using path = leaf_path<Policies>;

    node_editor(source const& nodes, edit_type& changes) noexcept
        : nodes_(nodes), edit_(&changes) {}

    source const& nodes() const noexcept { return nodes_; }
    leaf_shape const& shape() const noexcept { return nodes_.shape(); }
    edit_type& changes() const noexcept { return *edit_; }

    /// May the node change where it is? What has been written may not.
    bool owns(frame const* f) const noexcept {
        return f != nullptr && edit_->owns(f) && f->place() == no_page;
    }

    inner_pointer new_inner(unsigned level) const {
        ++edit_->made.pages;
        return inner_pointer(
            new inner(edit_->token, nodes_.pages().account(), level));
    }

    /// A leaf with room for `elements`, or for as many as a leaf can hold
    /// when it has siblings: then it will soon be full.
    leaf_ptr new_leaf(std::uint64_t elements, bool has_siblings) const {
        edit_->made.add(shape().pages);
        return leaf_frame::make(edit_->token, nodes_.pages().account(),
                                room_for(elements, has_siblings),
                                shape().pages);
    }

    leaf_ptr new_leaf(std::span<std::byte const> bytes,
                      bool has_siblings) const {
        leaf_ptr leaf =
            new_leaf(bytes.size() / shape().element_size, has_siblings);
        std::memcpy(leaf->data(), bytes.data(), bytes.size());
        return leaf;
    }

    leaf_ptr zero_leaf(std::uint64_t elements) const {
        leaf_ptr leaf = new_leaf(elements, false);
        std::memset(leaf->data(), 0, size(elements));
        return leaf;
    }

    /// The inner node in `slot`, a slot of an owned node or a root, made the
    /// edit's own.
    inner* own_inner(child_ref& slot, unsigned level,
                     std::uint64_t count) const {
        inner* const node = nodes_.load(slot, level, count);
        if (owns(node))
            return node;
        inner_pointer copy = new_inner(level);
        copy->append(*node, 0, node->size());
        retire_inner(slot, level, count);
        slot = child_ref(copy);
        return copy.get();
    }

    /// Makes all inner nodes on the way the edit's own.
    void own(path& way, rope_root& root) const {
        child_ref* slot = &root.node;
        std::uint64_t count = root.size;
        for (unsigned level = way.height(); level != 0; --level) {
            auto& s = way.at(level);
            s.node = own_inner(*slot, level, count);
            slot = &s.node->child(s.index);
            count = s.node->count(s.index);
        }
    }

    /// Where an owned path's leaf is kept.
    static child_ref& slot(path const& way, rope_root& root) noexcept {
        return way.height() == 0 ? root.node
                                 : way.at(1).node->child(way.at(1).index);
    }

    /// The leaf in `slot`, not a hole, made the edit's own with room for
    /// `elements` elements, of which it holds `count`.
    leaf_frame* own_leaf(child_ref& slot, std::uint64_t count,
                         std::uint64_t elements, bool has_siblings) const {
        if (frame* const f = slot.node(); owns(f)) {
            auto* const leaf = static_cast<leaf_frame*>(f);
            if (leaf->capacity() >= size(elements))
                return leaf;
        }
        leaf_ptr copy = new_leaf(elements, has_siblings);
        std::memcpy(copy->data(), nodes_.leaf(slot).data, size(count));
        replace_leaf(slot, copy);
        return copy.get();
    }

    /// Puts another leaf into a slot.
    void replace_leaf(child_ref& slot, leaf_ptr const& leaf) const {
        retire_leaf(slot);
        slot = child_ref(leaf);
    }

    /// The next `n` nodes are retired without an exception.
    void expect_retired(std::size_t n) const {
        auto& freed = edit_->freed;
        if (freed.capacity() - freed.size() < n)
            freed.reserve(std::max(freed.size() + n, 2 * freed.size()));
    }
    void retire_leaf(child_ref const& leaf) const {
        retire({.node = leaf, .pages = shape().pages});
    }
    /// Of a node in memory, before anything below it is retired: its children
    /// go on in another node.
    void retire_inner(child_ref const& node, unsigned level,
                      std::uint64_t count) const {
        retire({node, 1, static_cast<std::uint8_t>(level), count,
                shape().pages, shape().capacity});
    }

    /// The elements of a whole tree are no longer used. Keeps one entry for
    /// all that versions may share; leaves that only this transaction has
    /// seen give their memory back.
    void retire_tree(rope_root const& root) const {
        if (!root.empty())
            retire_tree(root.node, root.height, root.size);
    }

    bool has_private_child(inner const& n) const noexcept {
        for (std::uint32_t i = 0; i != n.size(); ++i)
            if (frame const* const f = n.child(i).node();
                f != nullptr && edit_->is_private(f))
                return true;
        return false;
    }

    std::size_t size(std::uint64_t elements) const noexcept {
        return static_cast<std::size_t>(shape().bytes(elements));
    }

private:
    std::size_t room_for(std::uint64_t elements,
                         bool has_siblings) const noexcept {
        auto const full = static_cast<std::size_t>(shape().full_bytes());
        return has_siblings ? full
                            : std::min(full, std::bit_ceil(size(elements)));
    }

    /// A node that only this transaction knows has no pages to give back.
    void retire(retired what) const {
        if (frame const* const f = what.node.node();
            f != nullptr ? edit_->is_private(f) : what.node.is_hole())
            return;
        edit_->freed.push_back(std::move(what));
    }

    void retire_tree(child_ref const& node, unsigned height,
                     std::uint64_t count) const {
        if (height == 0)
            return retire_leaf(node);
        frame const* const f = node.node();
        if (f == nullptr || !edit_->is_private(f)
            || !has_private_child(*static_cast<inner const*>(f))) {
            edit_->freed.push_back({node, 1, static_cast<std::uint8_t>(height),
                                    count, shape().pages, shape().capacity,
                                    reference_change::tree_dropped});
            return;
        }
        auto const& n = *static_cast<inner const*>(f);
        for (std::uint32_t i = 0; i != n.size(); ++i)
            retire_tree(n.child(i), height - 1, n.count(i));
    }

    source nodes_;
    edit_type* edit_;
};

/// One operation that builds new nodes beside the old ones: nothing that was
/// there before is owned meanwhile, so an exception is undone by dropping
/// what was made. The operation swaps its root in last, then calls `keep`.
template <class Edit>
class build_beside {
public:
    explicit build_beside(Edit& changes) noexcept
        : edit_(&changes),
          start_(changes.position()),
          token_(changes.token),
          owned_(changes.owned_tokens) {
        edit_->new_token();
    }
    build_beside(build_beside const&) = delete;
    build_beside& operator=(build_beside const&) = delete;

    ~build_beside() {
        edit_->owned_tokens = owned_ + (edit_->token != token_ ? 1 : 0);
        if (kept_)
            return;
        edit_->freed.erase(edit_->freed.begin() + offset(start_.freed),
                           edit_->freed.end());
        edit_->pages->release(edit_->allocated, start_.allocated);
    }

    void keep() noexcept { kept_ = true; }

private:
    static std::ptrdiff_t offset(std::size_t n) noexcept {
        return static_cast<std::ptrdiff_t>(n);
    }

    Edit* edit_;
    typename Edit::mark start_;
    edit_token token_;
    std::uint64_t owned_;
    bool kept_ = false;
};

} // namespace numstore::detail
