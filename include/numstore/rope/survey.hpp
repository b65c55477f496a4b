// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/page_shares.hpp>
#include <numstore/rope/node_source.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstdint>

namespace numstore::detail {

/// How a range of elements lies in the file: what compaction wants to know.
struct range_layout {
    std::uint64_t elements = 0; ///< the range ends early before what stays
    std::uint64_t leaves = 0;
    std::uint64_t breaks = 0; ///< places where the next leaf is elsewhere
    bool beyond = false;      ///< a node stands at or behind the limit
    bool movable = true;      ///< false: a hole, or a leaf that trees share
    bool hole = false;
};

/// Surveys leaves from an element on. Reads inner nodes alone, keeps none.
template <class Policies>
class range_survey {
public:
    explicit range_survey(node_source<Policies> const& nodes) noexcept
        : nodes_(nodes) {}
    range_survey(node_source<Policies> const& nodes, page_shares const& shares,
                 page_no limit) noexcept
        : nodes_(nodes), shares_(&shares), limit_(limit) {}

    /// About `most` elements from `pos` on, or the hole or the shared leaf
    /// that is there. Throws corrupt, io.
    range_layout operator()(rope_root const& root, std::uint64_t pos,
                            std::uint64_t most) {
        layout_ = {};
        next_ = no_page;
        pos_ = pos;
        most_ = most;
        done_ = false;
        if (!root.empty())
            node(root.node, root.height, 0, root.size, false);
        return layout_;
    }

private:
    bool beyond(child_ref const& ref) const noexcept {
        page_no const place = ref.place();
        return limit_ != no_page && place != no_page && place >= limit_;
    }

    bool is_shared(page_no place) const noexcept {
        return shares_ != nullptr && place != no_page
               && shares_->extra(place) != 0;
    }

    /// `above`: a node on the way to the first leaf below is beyond.
    void node(child_ref const& ref, unsigned level, std::uint64_t first,
              std::uint64_t count, bool above) {
        above = above || beyond(ref);
        if (level == 0)
            return leaf(ref, first, count, above);
        auto const n = nodes_.fetch(ref, level, count);
        for (std::uint32_t i = 0; i != n->size() && !done_; ++i) {
            if (first + n->count(i) > pos_) {
                node(n->child(i), level - 1, first, n->count(i), above);
                above = false;
            }
            first += n->count(i);
        }
    }

    void leaf(child_ref const& ref, std::uint64_t first, std::uint64_t count,
              bool above) {
        page_no const place = ref.place();
        bool const stays = ref.is_hole() || is_shared(place);
        if (stays && layout_.leaves != 0) {
            done_ = true;
            return;
        }
        std::uint64_t const from = std::max(first, pos_);
        layout_.elements += first + count - from;
        ++layout_.leaves;
        layout_.movable = !stays;
        layout_.hole = ref.is_hole();
        layout_.beyond = layout_.beyond || above;
        if (place != no_page && place != next_)
            ++layout_.breaks;
        if (place != no_page)
            next_ = place + nodes_.shape().pages;
        done_ = stays || layout_.elements >= most_;
    }

    node_source<Policies> nodes_;
    page_shares const* shares_ = nullptr;
    page_no limit_ = no_page;
    range_layout layout_{};
    page_no next_ = no_page;
    std::uint64_t pos_ = 0;
    std::uint64_t most_ = 0;
    bool done_ = false;
};

} // namespace numstore::detail
