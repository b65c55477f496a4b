// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/rope/blocks.hpp>
#include <numstore/rope/node_editor.hpp>
#include <numstore/rope/overwrite.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/structure.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace numstore::detail {

/// What happens at each place: so many elements go, and so many come, the
/// next of `bytes`, or zeros where there are none.
struct block_change {
    std::uint64_t removed = 0;
    std::uint64_t added = 0;
    std::span<std::byte const> bytes{};
};

/// Inserts or removes blocks at many places in one pass: leaves that change
/// are packed anew, subtrees between are taken over whole, and those that go
/// are not read. Where it stops packing in front of one that stays, the last
/// two leaves share what is left, so that a row wider than a leaf leaves
/// room for the next column. See `rope_tree`.
template <class Policies>
class rope_splice {
public:
    using editor = node_editor<Policies>;
    using structure = tree_structure<Policies>;
    using inner = typename editor::inner;
    using inner_pointer = typename editor::inner_pointer;

    rope_splice(editor const& nodes, block_places const& at,
                block_change const& change) noexcept
        : trees_(nodes), at_(&at), change_(change) {}

    /// Calls spill(tree in the making) about every MiB of new leaves.
    template <class Spill>
    void operator()(rope_root& root, Spill&& spill) {
        if (at_->count() == 0)
            return;
        build_beside guard(nodes().changes());
        if (!root.empty())
            node(root.node, root.height, 0, root.size, spill);
        while (next_ != at_->count()) { // behind the last element
            insert_block();
            spill_some(spill);
        }
        flush();
        guard.keep();
        root = std::move(result_);
    }

private:
    editor const& nodes() const noexcept { return trees_.nodes(); }
    leaf_shape const& shape() const noexcept { return nodes().shape(); }

    std::uint64_t next_place() const noexcept {
        return next_ == at_->count() ? ~std::uint64_t{0} : (*at_)[next_];
    }
    bool touches(std::uint64_t first, std::uint64_t end) const noexcept {
        return gone_to_ > first || next_place() < end;
    }

    template <class Spill>
    void node(child_ref const& ref, unsigned level, std::uint64_t first,
              std::uint64_t count, Spill& spill) {
        std::uint64_t const end = first + count;
        if (gone_to_ >= end && next_place() >= end)
            return nodes().retire_tree(
                {ref, static_cast<std::uint8_t>(level), count});
        if (level == 0) {
            if (ref.is_hole())
                hole(first, end);
            else
                leaf(ref, first, end);
            return spill_some(spill);
        }
        inner* const n = nodes().nodes().load(ref, level, count);
        nodes().retire_inner(ref, level, count);
        std::uint32_t kept = 0;
        for (std::uint32_t i = 0; i != n->size(); ++i) {
            std::uint64_t const below = n->count(i);
            if (touches(first, first + below)) {
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

    void leaf(child_ref const& ref, std::uint64_t first, std::uint64_t end) {
        {
            auto const old = nodes().nodes().leaf(ref);
            std::uint64_t at = std::clamp(gone_to_, first, end);
            auto const keep_to = [&](std::uint64_t to) {
                pack(old.data + nodes().size(at - first), to - at);
                at = to;
            };
            while (next_place() < end) {
                keep_to(next_place());
                insert_block();
                at = std::clamp(gone_to_, at, end);
            }
            keep_to(end);
        }
        nodes().retire_leaf(ref);
    }

    /// Zeros among zeros need no leaf, however many they are.
    void hole(std::uint64_t first, std::uint64_t end) {
        std::uint64_t at = std::clamp(gone_to_, first, end);
        if (change_.bytes.empty()) {
            std::uint64_t const here = at_->before(end, next_);
            if (here != 0) {
                std::uint64_t const last = (*at_)[next_ + here - 1];
                gone_to_ = last + change_.removed;
                std::uint64_t const gone =
                    (here - 1) * change_.removed
                    + std::min(change_.removed, end - last);
                zeros_ += end - at - gone + here * change_.added;
                next_ += here;
            } else {
                zeros_ += end - at;
            }
            return;
        }
        while (next_place() < end) {
            zeros_ += next_place() - at;
            at = next_place();
            insert_block();
            at = std::clamp(gone_to_, at, end);
        }
        zeros_ += end - at;
    }

    void insert_block() {
        gone_to_ = (*at_)[next_] + change_.removed;
        if (!change_.bytes.empty()) {
            pack(change_.bytes.data()
                     + nodes().size(next_ * change_.added),
                 change_.added);
            ++next_;
            return;
        }
        // Zeros at one place may be any number of blocks.
        std::uint64_t const same = std::max<std::uint64_t>(
            1, at_->before((*at_)[next_] + 1, next_));
        zeros_ += same * change_.added;
        next_ += same;
    }

    /// Appends elements to the leaf in the making; a full one waits until
    /// there is another.
    void pack(std::byte const* from, std::uint64_t n) {
        if (n == 0)
            return;
        settle_zeros();
        append(from, n);
    }

    void append(std::byte const* from, std::uint64_t n) {
        while (n != 0) {
            std::uint64_t const fits = make_room(n);
            std::memcpy(open_end(), from, nodes().size(fits));
            open_count_ += fits;
            from += nodes().size(fits);
            n -= fits;
        }
    }

    /// How many of `n` elements the open leaf takes.
    std::uint64_t make_room(std::uint64_t n) {
        if (open_ != nullptr && open_count_ == shape().capacity) {
            if (held_ != nullptr)
                emit(std::move(held_), shape().capacity);
            held_ = std::move(open_);
            open_ = nullptr;
            open_count_ = 0;
        }
        if (open_ == nullptr)
            open_ = nodes().new_leaf(shape().capacity, true);
        return std::min(n, shape().capacity - open_count_);
    }
    std::byte* open_end() const noexcept {
        return open_->data() + nodes().size(open_count_);
    }

    /// Zeros become a hole if they would fill a leaf.
    void settle_zeros() {
        std::uint64_t n = std::exchange(zeros_, 0);
        if (n >= shape().capacity) {
            flush_leaves();
            result_ = trees_.join(std::move(result_), trees_.zeros(n));
            return;
        }
        while (n != 0) {
            std::uint64_t const fits = make_room(n);
            std::memset(open_end(), 0, nodes().size(fits));
            open_count_ += fits;
            n -= fits;
        }
    }

    void flush() {
        settle_zeros();
        flush_leaves();
    }

    /// The leaves in the making become part of the result.
    void flush_leaves() {
        std::uint64_t held = held_ != nullptr ? shape().capacity : 0;
        if (held != 0 && open_count_ != 0 && open_count_ < held / 2) {
            std::uint64_t const moved = (held - open_count_) / 2;
            std::memmove(open_->data() + nodes().size(moved), open_->data(),
                         nodes().size(open_count_));
            held -= moved;
            std::memcpy(open_->data(), held_->data() + nodes().size(held),
                        nodes().size(moved));
            open_count_ += moved;
        }
        if (held != 0)
            emit(std::move(held_), held);
        if (open_count_ != 0)
            emit(std::move(open_), open_count_);
        held_ = nullptr;
        open_ = nullptr;
        open_count_ = 0;
    }

    void emit(leaf_ptr leaf, std::uint64_t count) {
        result_ = trees_.join(std::move(result_),
                              {child_ref(std::move(leaf)), 0, count});
        made_ += cost_of_leaf(shape());
    }

    template <class Spill>
    void spill_some(Spill& spill) {
        if (made_ < spill_check_bytes)
            return;
        made_ = 0;
        spill(result_);
    }

    structure trees_;
    block_places const* at_;
    block_change change_;
    std::uint64_t next_ = 0;    ///< place
    std::uint64_t gone_to_ = 0; ///< old elements before it are not kept
    rope_root result_{};
    leaf_ptr held_{}; ///< full, or null
    leaf_ptr open_{};
    std::uint64_t open_count_ = 0;
    std::uint64_t zeros_ = 0; ///< behind the open leaf
    std::uint64_t made_ = 0;
};

} // namespace numstore::detail
