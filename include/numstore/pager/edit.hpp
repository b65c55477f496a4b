// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/frame.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace numstore::detail {

/// A node that a version no longer uses. With `height` 0 it stands for the
/// node's own pages; above that for a whole count tree of that height and
/// `count` elements: its inner pages, and leaves of `leaf_pages` pages that
/// hold up to `leaf_capacity` elements each. Its place is looked up when it
/// is freed: a checkpoint may have written it in the meantime.
struct retired {
    child_ref node;
    std::uint64_t pages = 1;
    std::uint8_t height = 0;
    std::uint64_t count = 0;
    std::uint64_t leaf_pages = 0;
    std::uint64_t leaf_capacity = 0;
};

/// What one transaction has done to the file so far, handed to every
/// operation that changes a tree. Nodes owned by the edit are changed in
/// place, all others are copied and retired.
template <class Pager>
struct edit {
    Pager* pages;
    edit_token token;
    std::vector<retired> freed;    ///< given back when the edit commits
    std::vector<extent> allocated; ///< given back when the edit rolls back
    /// Frames of the newest this many tokens, up to `token`, are owned.
    std::uint64_t owned_tokens = 1;

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

    /// True if no version outside this transaction can refer to the frame.
    bool is_private(frame const* f) const noexcept {
        return transaction_of(f->owner()) == transaction_of(token)
               && f->place() == no_page;
    }
};

} // namespace numstore::detail
