// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/rope/node.hpp>
#include <numstore/rope/node_source.hpp>
#include <numstore/rope/root.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>

namespace numstore::detail {

/// The way from a root to one of its leaves. Refers to the nodes of the root
/// it was last used with, which must live as long. Moving to a near element
/// starts from where the path is.
template <class Policies>
class leaf_path {
public:
    using source = node_source<Policies>;
    using inner = typename source::inner;

    struct step {
        inner* node;
        std::uint32_t index;
        std::uint64_t first; ///< of the node
    };

    leaf_path() noexcept = default;
    leaf_path(leaf_path const& other) noexcept { *this = other; }
    leaf_path& operator=(leaf_path const& other) noexcept {
        height_ = other.height_;
        valid_ = other.valid_;
        first_ = other.first_;
        count_ = other.count_;
        std::copy_n(other.steps_.begin() + 1, height_, steps_.begin() + 1);
        return *this;
    }

    bool valid() const noexcept { return valid_; }
    void reset() noexcept { valid_ = false; }

    unsigned height() const noexcept { return height_; }
    /// The step at a level of 1 to height().
    step& at(unsigned level) noexcept { return steps_[level]; }
    step const& at(unsigned level) const noexcept { return steps_[level]; }

    /// The leaf's first element, and how many it has.
    std::uint64_t first() const noexcept { return first_; }
    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t end() const noexcept { return first_ + count_; }
    bool holds(std::uint64_t pos) const noexcept {
        return valid_ && pos - first_ < count_;
    }

    child_ref const& leaf(rope_root const& root) const noexcept {
        return height_ == 0 ? root.node
                            : steps_[1].node->child(steps_[1].index);
    }

    /// Goes to the leaf that holds element `pos`. O(height) pages at most.
    /// Precondition: pos < root.size, and the root is the one of the last
    /// call unless `reset` was called since. Throws corrupt, io; the path is
    /// then reset.
    void seek(source const& nodes, rope_root const& root, std::uint64_t pos) {
        assert(pos < root.size);
        if (holds(pos))
            return;
        unsigned const level = valid_ ? climb(root, pos) : root.height + 1;
        bool const near = valid_ && level <= root.height;
        valid_ = false;
        if (level > root.height) {
            height_ = root.height;
            first_ = 0;
            count_ = root.size;
            if (height_ != 0)
                steps_[height_] = {nodes.load(root.node, height_, root.size), 0,
                                   0};
        }
        descend(nodes, pos, std::min<unsigned>(level, height_), near);
        valid_ = true;
    }

    /// The next leaf, or the one before. False, and no move, at the end.
    bool next(source const& nodes, rope_root const& root) {
        if (end() == root.size)
            return false;
        seek(nodes, root, end());
        return true;
    }
    bool previous(source const& nodes, rope_root const& root) {
        if (first_ == 0)
            return false;
        seek(nodes, root, first_ - 1);
        return true;
    }

    /// The leaf holds `delta` elements more now, modulo 2^64. For paths of
    /// owned nodes.
    void add(rope_root& root, std::uint64_t delta) noexcept {
        if (height_ != 0)
            add_to(1, delta);
        add_above(root, delta);
        count_ += delta;
    }
    /// The leaf's parent does, and has counted it already.
    void add_above(rope_root& root, std::uint64_t delta) noexcept {
        for (unsigned level = 2; level <= height_; ++level)
            add_to(level, delta);
        root.size += delta;
    }

private:
    void add_to(unsigned level, std::uint64_t delta) noexcept {
        step const& s = steps_[level];
        s.node->set_count(s.index, s.node->count(s.index) + delta);
    }

    /// The lowest level whose node holds `pos`; above the root if none.
    unsigned climb(rope_root const& root, std::uint64_t pos) const noexcept {
        for (unsigned level = 1; level <= height_; ++level) {
            step const& s = steps_[level];
            std::uint64_t const below =
                level == height_
                    ? root.size
                    : steps_[level + 1].node->count(steps_[level + 1].index);
            if (pos - s.first < below)
                return level;
        }
        return height_ + 1;
    }

    /// Sets the steps from `level` down. With `near` the step of that level
    /// says where its child is, and what is behind it is searched from there.
    void descend(source const& nodes, std::uint64_t pos, unsigned level,
                 bool near) {
        for (; level != 0; --level, near = false) {
            step& s = steps_[level];
            typename inner::found from{0, 0};
            if (near) {
                std::uint64_t const child =
                    level == 1 ? first_ : steps_[level - 1].first;
                if (pos >= child)
                    from = {s.index, child - s.first};
            }
            auto const [index, offset] = s.node->find(pos - s.first, from);
            s.index = index;
            first_ = s.first + offset;
            count_ = s.node->count(index);
            if (level != 1)
                steps_[level - 1] = {
                    nodes.load(s.node->child(index), level - 1, count_), 0,
                    first_};
        }
    }

    std::array<step, max_height + 1> steps_; // 1 to height_ are set
    unsigned height_ = 0;
    bool valid_ = false;
    std::uint64_t first_ = 0;
    std::uint64_t count_ = 0;
};

} // namespace numstore::detail
