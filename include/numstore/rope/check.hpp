// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/rope/node_source.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace numstore::detail {

/// What is wrong with a tree, and where.
struct rope_problem {
    page_no place = no_page; ///< of the node, if it has been written
    std::uint64_t first = 0; ///< the elements concerned
    std::uint64_t count = 0;
    std::string what{};
    bool unread = false; ///< so what is below is not known
};

/// Called with each node that is not a hole, before it is read: false skips
/// it and what is below.
struct enter_all {
    bool operator()(child_ref const&, std::uint64_t, std::uint64_t,
                    std::uint64_t) const noexcept {
        return true;
    }
};

/// Checks one tree: see `check_rope`.
template <class Policies, class Report, class Enter>
class rope_check {
public:
    using source = node_source<Policies>;
    using inner = typename source::inner;

    rope_check(source const& nodes, bool deep, Report& report,
               Enter& enter) noexcept
        : nodes_(nodes), deep_(deep), report_(report), enter_(enter) {}

    void root(rope_root const& r) {
        try {
            nodes_.check_root(r);
        } catch (error const& e) {
            return say(r.node, 0, r.size, e.what(), true);
        }
        if (!r.empty())
            node(r.node, r.height, 0, r.size, 2);
    }

private:
    void node(child_ref const& ref, unsigned level, std::uint64_t first,
              std::uint64_t count, std::uint32_t least) {
        if (!ref.is_hole()
            && !enter_(ref, level == 0 ? nodes_.shape().pages : 1, first,
                       count)) {
            after_gap_ = true;
            return;
        }
        if (level == 0)
            return leaf(ref, first, count);
        typename source::inner_pointer n;
        try {
            n = deep_ ? nodes_.reread(ref, level, count)
                      : nodes_.fetch(ref, level, count);
        } catch (error const& e) {
            after_gap_ = true;
            return say(ref, first, count, e.what(), level != 0);
        }
        if (n->level() != level)
            say(ref, first, count, "an inner node of another level");
        if (n->total() != count)
            say(ref, first, count, "counts that do not add up");
        if (n->size() < least)
            say(ref, first, count,
                "an inner node with only " + std::to_string(n->size())
                    + " children");
        for (std::uint32_t i = 0; i != n->size(); ++i) {
            node(n->child(i), level - 1, first, n->count(i), inner::minimum);
            first += n->count(i);
        }
    }

    void leaf(child_ref const& ref, std::uint64_t first, std::uint64_t count) {
        bool const hole = ref.is_hole();
        if (count == 0 || !nodes_.leaf_can_hold(count, hole))
            say(ref, first, count,
                (hole ? "a hole of " : "a leaf of ") + std::to_string(count)
                    + " elements");
        check_neighbours(ref, first, count, hole);
        if (frame const* const f = ref.node())
            check_frame(*static_cast<leaf_frame const*>(f), ref, first, count);
        if (deep_ && ref.place() != no_page)
            check_bytes(ref, first, count);
    }

    void check_neighbours(child_ref const& ref, std::uint64_t first,
                          std::uint64_t count, bool hole) {
        std::uint64_t const cap = nodes_.shape().capacity;
        if (!after_gap_ && first != 0) {
            if (hole && previous_hole_)
                say(ref, first, count, "a hole behind a hole");
            if (previous_ <= cap && count <= cap - previous_)
                say(ref, first, count,
                    "two neighbouring leaves of " + std::to_string(previous_)
                        + " and " + std::to_string(count)
                        + " elements, which fit into one");
        }
        after_gap_ = false;
        previous_ = count;
        previous_hole_ = hole;
    }

    void check_frame(leaf_frame const& leaf, child_ref const& ref,
                     std::uint64_t first, std::uint64_t count) {
        if (leaf.capacity() < nodes_.shape().bytes(count))
            say(ref, first, count, "more elements than the leaf's memory");
    }

    /// The checksum of what is on disk now, and that the rest is zero.
    void check_bytes(child_ref const& ref, std::uint64_t first,
                     std::uint64_t count) {
        leaf_shape const& shape = nodes_.shape();
        bytes_.resize(static_cast<std::size_t>(shape.page_bytes));
        try {
            nodes_.pages().read_node(ref.place(), ref.checksum(), bytes_);
        } catch (error const& e) {
            return say(ref, first, count, e.what());
        }
        auto const end =
            bytes_.begin() + static_cast<std::ptrdiff_t>(shape.bytes(count));
        if (std::any_of(end, bytes_.end(),
                        [](std::byte b) { return b != std::byte{0}; }))
            say(ref, first, count, "a leaf with bytes behind its elements");
    }

    void say(child_ref const& ref, std::uint64_t first, std::uint64_t count,
             std::string what, bool unread = false) {
        report_(
            rope_problem{ref.place(), first, count, std::move(what), unread});
    }

    source const& nodes_;
    bool deep_;
    Report& report_;
    Enter& enter_;
    std::vector<std::byte> bytes_{};
    std::uint64_t previous_ = 0; ///< elements of the leaf before
    bool previous_hole_ = false;
    bool after_gap_ = false; ///< the node before could not be read
};

/// Checks the invariants of a tree (see `inner_frame`), its counts and levels,
/// and with `deep` the bytes of all nodes on disk against their checksums.
/// Calls report(rope_problem) for each fault and goes on behind it; does not
/// throw for a damaged file. Holds one node of each level in memory.
///
/// enter(reference, pages, first element, elements) comes before each node.
template <class Policies, class Report, class Enter = enter_all>
void check_rope(node_source<Policies> const& nodes, rope_root const& root,
                bool deep, Report&& report, Enter&& enter = {}) {
    rope_check<Policies, std::remove_reference_t<Report>,
               std::remove_reference_t<Enter>>(nodes, deep, report, enter)
        .root(root);
}

} // namespace numstore::detail
