// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/pager.hpp>
#include <numstore/rope/leaf_path.hpp>
#include <numstore/rope/leaf_shape.hpp>
#include <numstore/rope/node_source.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/selection.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

namespace numstore::detail {

/// What holes show: enough zeros for long runs of ordinary elements. Nobody
/// writes them; they are not const, for then they would be bytes of each
/// program.
inline constexpr std::size_t shared_zero_bytes = std::size_t{1} << 16;
alignas(64) inline std::array<std::byte, shared_zero_bytes> shared_zeros{};

/// Neighbouring elements that lie one behind the other in memory.
struct rope_run {
    std::byte const* data = nullptr;
    std::uint64_t first = 0; ///< position of the first
    std::uint64_t count = 0;
};

/// Reads an array run by run without copying: in place where the device can
/// show its pages. Holds the version that it reads. What `run` and `leaf`
/// give stays valid until the cursor moves, is assigned to or destroyed. A
/// copy starts at the same element. One thread at a time; copies are
/// independent.
template <class Policies>
class rope_cursor {
public:
    using pager_type = pager<Policies>;
    using source = node_source<Policies>;

    rope_cursor(pager_type& pages, leaf_shape const& shape, rope_root root)
        : nodes_(pages, shape), root_(std::move(root)) {}

    rope_cursor(rope_cursor const& other)
        : nodes_(other.nodes_),
          root_(other.root_),
          way_(other.way_),
          position_(other.position_),
          run_end_(other.position_) {}
    rope_cursor& operator=(rope_cursor const& other) {
        if (this != &other) {
            rope_cursor copy(other);
            *this = std::move(copy);
        }
        return *this;
    }
    rope_cursor(rope_cursor&&) noexcept = default;
    rope_cursor& operator=(rope_cursor&&) noexcept = default;
    ~rope_cursor() = default;

    std::uint64_t size() const noexcept { return root_.size; }
    std::uint64_t position() const noexcept { return position_; }
    bool at_end() const noexcept { return position_ == root_.size; }
    rope_root const& root() const noexcept { return root_; }
    leaf_shape const& shape() const noexcept { return nodes_.shape(); }

    /// Goes to an element, or behind the last. Reads nothing yet. Throws
    /// out_of_range past the end.
    void seek(std::uint64_t pos) {
        check_range(pos, 0, root_.size);
        position_ = pos;
        run_end_ = pos;
    }

    /// The longest run in memory that starts at the cursor, of at most `most`
    /// elements; none at the end. On a device that shows its pages full
    /// leaves side by side are one run. Throws corrupt, io.
    rope_run
    run(std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
        if (at_end() || most == 0)
            return {nullptr, position_, 0};
        rope_run r = leaf();
        std::uint64_t const skip = position_ - r.first;
        r.data += shape().bytes(skip);
        r.first += skip;
        r.count -= skip;
        if constexpr (pager_type::zero_copy)
            if (r.count < most && mapped_)
                r.count +=
                    count_behind(r.data + shape().bytes(r.count),
                                 std::min(most, longest_run()) - r.count);
        r.count = std::min(r.count, most);
        run_end_ = r.first + r.count;
        return r;
    }

    /// All of the leaf that holds the cursor's element, or in a hole some of
    /// its zeros. Precondition: not at the end. Throws corrupt, io.
    rope_run leaf() {
        if (!way_.holds(position_) || data_ == nullptr)
            load();
        if (!hole_) {
            run_end_ = way_.end();
            return {data_, way_.first(), way_.count()};
        }
        std::uint64_t const window = zero_elements();
        std::uint64_t const first =
            way_.first() + round_down(position_ - way_.first(), window);
        run_end_ = first + std::min(window, way_.end() - first);
        return {data_, first, run_end_ - first};
    }

    /// Goes behind the run that was given last, or behind this leaf if there
    /// was none. False if that is the end.
    bool next() {
        if (at_end())
            return false;
        if (run_end_ <= position_)
            leaf();
        seek(run_end_);
        return !at_end();
    }

    /// Goes to the first element of the leaf before this one. False, and no
    /// move, in the first leaf.
    bool previous() {
        if (root_.empty())
            return false;
        std::uint64_t const end = at_end() ? root_.size : leaf().first;
        if (end == 0)
            return false;
        seek(end - 1);
        seek(leaf().first);
        return true;
    }

private:
    /// A run is no longer than this, so that its first use does not verify a
    /// whole array of any size.
    static constexpr std::uint64_t longest_run_bytes = std::uint64_t{64} << 20;

    std::uint64_t longest_run() const noexcept {
        return std::max(shape().capacity,
                        longest_run_bytes / shape().element_size);
    }

    std::uint64_t zero_elements() const noexcept {
        return std::max<std::uint64_t>(1, shared_zero_bytes
                                              / shape().element_size);
    }

    void load() {
        data_ = nullptr;
        way_.seek(nodes_, root_, position_);
        child_ref const& ref = way_.leaf(root_);
        auto all = nodes_.leaf(ref);
        hole_ = all.data == nullptr;
        mapped_ = !hole_ && in_place(ref, all.data);
        if (hole_)
            all.data = zeros();
        pin_ = std::move(all.pin);
        data_ = all.data;
    }

    std::byte const* zeros() {
        if (shape().element_size <= shared_zero_bytes)
            return shared_zeros.data();
        if (own_zeros_ == nullptr)
            own_zeros_ = std::make_shared<std::byte[]>(
                static_cast<std::size_t>(shape().element_size));
        return own_zeros_.get();
    }

    /// Are these bytes the device's own, which need no pin?
    bool in_place(child_ref const& ref, std::byte const* data) const {
        if constexpr (pager_type::zero_copy) {
            if (ref.node() != nullptr)
                return false;
            return nodes_.pages().device().view(
                       to_integer(ref.place()) * Policies::page_size,
                       static_cast<std::size_t>(shape().page_bytes))
                   == data;
        } else {
            static_cast<void>(ref);
            static_cast<void>(data);
            return false;
        }
    }

    /// How many elements lie in memory from `end` on, where the cursor's
    /// leaf ends; about `most` of them are enough.
    std::uint64_t count_behind(std::byte const* end, std::uint64_t most) const {
        if (!shape().without_waste() || way_.count() != shape().capacity)
            return 0;
        std::uint64_t found = 0;
        leaf_path<Policies> ahead = way_;
        while (found < most && ahead.next(nodes_, root_)) {
            child_ref const& ref = ahead.leaf(root_);
            if (ref.is_hole() || !in_place(ref, end)
                || nodes_.leaf(ref).data != end)
                break;
            found += ahead.count();
            end += shape().bytes(ahead.count());
            if (ahead.count() != shape().capacity)
                break;
        }
        return found;
    }

    source nodes_;
    rope_root root_;
    leaf_path<Policies> way_{};
    std::uint64_t position_ = 0;
    std::uint64_t run_end_ = 0; ///< of what was given last, if past position_
    leaf_pin<Policies> pin_{};  ///< of the leaf at `way_`, as is the rest
    std::byte const* data_ = nullptr;
    bool hole_ = false;
    bool mapped_ = false;
    std::shared_ptr<std::byte[]> own_zeros_{};
};

} // namespace numstore::detail
