// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/inner_page.hpp>
#include <numstore/pager/frame.hpp>
#include <numstore/pager/pager.hpp>
#include <numstore/rope/leaf_shape.hpp>
#include <numstore/rope/node.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace numstore::detail {

/// The elements of a leaf: in memory, or on disk and pinned. Null data is a
/// hole.
template <class Policies>
struct leaf_elements {
    std::byte const* data = nullptr;
    leaf_pin<Policies> pin{};
};

/// Where a tree's nodes come from: memory, or the pager, checked. Copied
/// freely; the pager must outlive it. Thread-safe as far as the nodes are.
template <class Policies>
class node_source {
public:
    using pager_type = pager<Policies>;
    static constexpr std::size_t page_size = Policies::page_size;
    using inner = inner_frame<page_size>;
    using inner_pointer = inner_ptr<page_size>;

    node_source(pager_type& pages, leaf_shape const& shape) noexcept
        : pages_(&pages), shape_(shape) {}

    pager_type& pages() const noexcept { return *pages_; }
    leaf_shape const& shape() const noexcept { return shape_; }

    /// The inner node behind `ref`, which stays in memory as long as `ref`.
    /// Throws corrupt, io.
    inner* load(child_ref const& ref, unsigned level,
                std::uint64_t count) const {
        if (frame* const f = ref.node())
            return static_cast<inner*>(f);
        return static_cast<inner*>(
            ref.install(read(ref.place(), ref.checksum(), level, count)));
    }

    /// The same, but what is read is the caller's alone.
    inner_pointer fetch(child_ref const& ref, unsigned level,
                        std::uint64_t count) const {
        if (frame* const f = ref.node())
            return inner_pointer(static_cast<inner*>(f));
        return read(ref.place(), ref.checksum(), level, count);
    }

    /// The same, as it is on disk now, if it has been written.
    inner_pointer reread(child_ref const& ref, unsigned level,
                         std::uint64_t count) const {
        if (ref.place() == no_page)
            return fetch(ref, level, count);
        return read(ref.place(), ref.checksum(), level, count);
    }

    /// Throws corrupt, io.
    leaf_elements<Policies> leaf(child_ref const& ref) const {
        if (frame* const f = ref.node())
            return {static_cast<leaf_frame*>(f)->data(), {}};
        if (ref.place() == no_page)
            return {};
        auto pin =
            pages_->pin_leaf(ref.place(), shape_.pages, ref.checksum());
        std::byte const* const data = pin.data();
        return {data, std::move(pin)};
    }

    /// Throws corrupt unless a root read from a catalogue can be one. For a
    /// place alone; the nodes below are checked as they are read.
    void check_root(rope_root const& root) const {
        page_no const place = root.node.place();
        if (root.height > max_height)
            fail(place, "is the root of too high a tree");
        if (root.size > shape_.max_size())
            fail(place, "is the root of too many elements");
        if (place != no_page
            && !pages_->contains(place, root.height == 0 ? shape_.pages : 1))
            fail(place, "is a root outside of the file");
        bool const hole = root.node.is_hole();
        if (root.size == 0     ? root.height != 0 || !hole
            : root.height == 0 ? !leaf_can_hold(root.size, hole)
                               : hole)
            fail(place, "is a root that cannot hold its elements");
    }

    bool leaf_can_hold(std::uint64_t count, bool hole) const noexcept {
        return hole ? count >= shape_.capacity : count <= shape_.capacity;
    }

private:
    using image = format::inner_page<page_size>;

    inner_pointer read(page_no place, std::uint64_t checksum, unsigned level,
                       std::uint64_t count) const {
        auto const buffer =
            std::make_unique_for_overwrite<std::byte[]>(page_size);
        pages_->read_node(place, checksum, {buffer.get(), page_size});
        image const& page = *reinterpret_cast<image const*>(buffer.get());
        if (char const* const fault = format::fault_of(page, level, count))
            fail(place, fault);
        inner_pointer node(
            new inner(published_token, pages_->account(), level));
        for (std::uint32_t i = 0; i != page.children.value(); ++i)
            node->push_back(decode(place, page, i), page.counts[i].value());
        node->set_written(place, checksum);
        node->set_without_leaves();
        return node;
    }

    child_ref decode(page_no parent, image const& page, std::uint32_t i) const {
        page_no const place{page.places[i].value()};
        if (page.level == 1) {
            if (!leaf_can_hold(page.counts[i].value(), place == no_page))
                fail(parent, "has a leaf that cannot hold its elements");
            if (place == no_page)
                return {};
        }
        if (!pages_->contains(place, page.level == 1 ? shape_.pages : 1))
            fail(parent, "has a child outside of the file");
        return child_ref(place, page.checksums[i].value());
    }

    [[noreturn]] void fail(page_no place, char const* what) const {
        raise(errc::corrupt, pages_->name() + ": page "
                                 + std::to_string(to_integer(place)) + ' '
                                 + what);
    }

    pager_type* pages_;
    leaf_shape shape_;
};

} // namespace numstore::detail
