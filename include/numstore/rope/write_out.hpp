// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/inner_page.hpp>
#include <numstore/format/sharing_table.hpp>
#include <numstore/pager/frame.hpp>
#include <numstore/pager/node_pages.hpp>
#include <numstore/pager/page_writer.hpp>
#include <numstore/rope/leaf_shape.hpp>
#include <numstore/rope/node.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/types.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace numstore::detail {

/// Where a root stands on disk; `no_page` for a hole or an empty array.
struct placed_root {
    page_no place = no_page;
    std::uint64_t checksum = 0;
};

/// Writes all nodes of published trees that have no place yet. Frames learn
/// their places only in `keep`, after the writer has finished, so that a
/// failed checkpoint leaves no trace; and a frame that several trees share is
/// written once. Trees are only read: others may read, copy and drop them at
/// the same time.
///
/// A tree that has been written can go on without the memory of its leaves
/// (`written`): its inner nodes refer to leaves in memory, and others may read
/// them there, so those that stay in memory are copies.
template <class Policies>
class write_out_batch {
    static constexpr std::size_t page_size = Policies::page_size;
    using inner = inner_frame<page_size>;
    using image = format::inner_page<page_size>;

public:
    using writer = page_writer<Policies>;
    using placed = typename writer::placed;

    /// With an account, inner nodes stay in memory in what `written` gives.
    explicit write_out_batch(writer& out, memory_account* kept = nullptr)
        : out_(&out), kept_(kept),
          buffer_(std::make_unique_for_overwrite<std::byte[]>(page_size)) {}

    /// Leaves first, in order of position, so that they lie side by side;
    /// then inner nodes, children before parents. Throws no_space, io.
    placed_root write(rope_root const& root, leaf_shape const& shape) {
        if (root.empty() || root.node.is_hole())
            return {};
        leaves(root.node, root.height, root.size, shape);
        inner_nodes(root.node, root.height);
        placed const p = place_of(root.node);
        return {p.place, p.checksum};
    }

    /// A tree that has been given to `write`, without leaves in memory. Before
    /// `keep`.
    rope_root written(rope_root const& root) const {
        if (root.empty() || root.node.is_hole())
            return root;
        return {written(root.node), root.height, root.size};
    }

    /// Where the frames with references from several trees were written.
    std::vector<format::shared_pages> const& shares() const noexcept {
        return shares_;
    }

    /// The frames are where they were written. After `page_writer::finish`.
    void keep() noexcept {
        for (auto const& [node, p] : placed_) {
            node->set_written(p.at.place, p.at.checksum);
            node->set_shares(0);
        }
        placed_.clear();
        shares_.clear();
    }

private:
    using inner_pointer = boost::intrusive_ptr<inner>;

    struct entry {
        frame_ptr node; ///< its address stays taken
        placed at;
        inner_pointer copy; ///< of an inner node that stays in memory
    };
    void note(frame* f, placed const& at, std::uint64_t pages,
              inner_pointer copy = nullptr) {
        if (f->shares() != 0)
            shares_.push_back({{at.place, pages}, f->shares()});
        placed_.emplace(f, entry{frame_ptr(f), at, std::move(copy)});
    }

    /// The frame, if it is still to be written.
    frame* unwritten(child_ref const& ref) const {
        frame* const f = ref.node();
        if (f == nullptr || f->place() != no_page || placed_.contains(f))
            return nullptr;
        return f;
    }

    void leaves(child_ref const& ref, unsigned level, std::uint64_t count,
                leaf_shape const& shape) {
        frame* const f = unwritten(ref);
        if (f == nullptr)
            return;
        if (level == 0) {
            auto const size = static_cast<std::size_t>(shape.bytes(count));
            note(f,
                 out_->put({static_cast<leaf_frame*>(f)->data(), size},
                           shape.pages),
                 shape.pages);
            return;
        }
        auto const& n = *static_cast<inner const*>(f);
        for (std::uint32_t i = 0; i != n.size(); ++i)
            leaves(n.child(i), level - 1, n.count(i), shape);
    }

    void inner_nodes(child_ref const& ref, unsigned level) {
        frame* const f = unwritten(ref);
        if (f == nullptr)
            return;
        auto const& n = *static_cast<inner const*>(f);
        if (level > 1)
            for (std::uint32_t i = 0; i != n.size(); ++i)
                inner_nodes(n.child(i), level - 1);
        encode(n);
        placed const at = out_->put({buffer_.get(), page_size}, 1);
        note(f, at, 1, kept_ != nullptr ? copy(n, at) : nullptr);
    }

    inner_pointer copy(inner const& n, placed const& at) const {
        inner_pointer made(new inner(published_token, *kept_, n.level()));
        for (std::uint32_t i = 0; i != n.size(); ++i)
            made->push_back(written(n.child(i)), n.count(i));
        made->set_written(at.place, at.checksum);
        made->set_without_leaves();
        return made;
    }

    child_ref written(child_ref const& ref) const {
        if (entry const* const e = entry_of(ref))
            return e->copy != nullptr ? child_ref(e->copy)
                                      : child_ref(e->at.place, e->at.checksum);
        if (ref.is_hole())
            return ref;
        placed const at{ref.place(), ref.checksum()};
        frame* const f = ref.node();
        if (kept_ == nullptr || f == nullptr || f->kind() == frame_kind::leaf)
            return child_ref(at.place, at.checksum);
        // Written before, when what came after it went on with its leaves?
        auto const& n = *static_cast<inner const*>(f);
        return n.is_without_leaves() ? ref : child_ref(copy(n, at));
    }

    void encode(inner const& n) {
        std::memset(buffer_.get(), 0, page_size);
        auto& page = *reinterpret_cast<image*>(buffer_.get());
        page.magic = format::inner_page_magic;
        page.level = static_cast<std::uint8_t>(n.level());
        page.children = n.size();
        for (std::uint32_t i = 0; i != n.size(); ++i) {
            page.counts[i] = n.count(i);
            if (n.child(i).is_hole())
                continue;
            placed const p = place_of(n.child(i));
            page.places[i] = to_integer(p.place);
            page.checksums[i] = p.checksum;
        }
    }

    placed place_of(child_ref const& ref) const {
        if (entry const* const e = entry_of(ref))
            return e->at;
        return {ref.place(), ref.checksum()};
    }
    /// If it has been put, and not kept yet.
    entry const* entry_of(child_ref const& ref) const {
        frame* const f = ref.node();
        if (f == nullptr)
            return nullptr;
        auto const i = placed_.find(f);
        return i == placed_.end() ? nullptr : &i->second;
    }

    writer* out_;
    memory_account* kept_;
    std::unique_ptr<std::byte[]> buffer_;
    boost::unordered_flat_map<frame*, entry> placed_;
    std::vector<format::shared_pages> shares_;
};

/// What `write_out_batch::write` will write of a tree, at most.
template <class Policies>
void add_unwritten(child_ref const& ref, unsigned level,
                   leaf_shape const& shape, node_pages& all) noexcept {
    frame const* const f = ref.node();
    if (f == nullptr || f->place() != no_page)
        return;
    if (level == 0)
        return all.add(shape.pages);
    auto const& n = *static_cast<inner_frame<Policies::page_size> const*>(f);
    ++all.pages;
    for (std::uint32_t i = 0; i != n.size(); ++i)
        add_unwritten<Policies>(n.child(i), level - 1, shape, all);
}
template <class Policies>
node_pages count_unwritten(rope_root const& root,
                           leaf_shape const& shape) noexcept {
    node_pages all;
    add_unwritten<Policies>(root.node, root.height, shape, all);
    return all;
}

} // namespace numstore::detail
