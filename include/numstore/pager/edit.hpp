// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/frame.hpp>
#include <numstore/pager/node_pages.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace numstore::detail {

/// What happens to the references to a node when an edit commits.
enum class reference_change : std::uint8_t {
    node_replaced, ///< one fewer to the node; its children go on as they are
    tree_dropped,  ///< one fewer to the node, and with the last one also to
                   ///< all that is below
    shared         ///< one more: a clone has the same root
};

/// A node of a count tree, or with `height` 0 a leaf or a catalogue node, to
/// which the new version has one reference fewer, or more. Pages are given
/// back when no reference is left. The place is looked up then: a checkpoint
/// may have written the node in the meantime.
struct retired {
    child_ref node;
    std::uint64_t pages = 1; ///< of the node itself
    std::uint8_t height = 0;
    std::uint64_t count = 0; ///< elements below
    std::uint64_t leaf_pages = 0;
    std::uint64_t leaf_capacity = 0;
    reference_change change = reference_change::node_replaced;
};

/// What one transaction has done to the file so far, handed to every
/// operation that changes a tree. Nodes owned by the edit are changed in
/// place, all others are copied and retired.
template <class Pager>
struct edit {
    Pager* pages;
    edit_token token;
    /// References given up, or gained, when the edit commits: those to a
    /// node before those to what is below it.
    std::vector<retired> freed;
    /// Given back when the edit rolls back. The pager alone changes it.
    std::vector<extent> allocated;
    /// Nodes of count trees that it has made, kept or not.
    node_pages made{};
    /// Frames of the newest this many tokens, up to `token`, are owned.
    std::uint64_t owned_tokens = 1;
    /// Nodes made before this token may be parts of several trees.
    edit_token unshared_since{};

    /// How far the two lists had grown: what an undo cuts them back to.
    struct mark {
        std::size_t freed;
        std::size_t allocated;
    };
    mark position() const noexcept { return {freed.size(), allocated.size()}; }

    /// Nodes made so far are copied from here on, as a savepoint or a view
    /// of the transaction needs. A transaction that has used all its tokens
    /// owns nothing any more, which is slower and as safe.
    void new_token() noexcept {
        constexpr std::uint64_t last = (std::uint64_t{1} << 24) - 1;
        auto const t = static_cast<std::uint64_t>(token);
        owned_tokens = (t & last) == last ? 0 : 1;
        token = edit_token{t + owned_tokens};
    }

    /// An unsigned difference: a later token wraps to more than is owned.
    bool owns(frame const* f) const noexcept {
        return static_cast<std::uint64_t>(token)
                   - static_cast<std::uint64_t>(f->owner())
               < owned_tokens;
    }

    /// True if nothing but one tree of this transaction, and its savepoints,
    /// can refer to the frame.
    bool is_private(frame const* f) const noexcept {
        return transaction_of(f->owner()) == transaction_of(token)
               && f->owner() >= unshared_since && f->place() == no_page;
    }

    /// All nodes made so far may from now on be parts of several trees.
    void share_all() noexcept {
        new_token();
        unshared_since = token;
    }
};

} // namespace numstore::detail
