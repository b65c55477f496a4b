// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/engine.hpp>
#include <numstore/error.hpp>
#include <numstore/format/graveyard.hpp>
#include <numstore/format/sharing_table.hpp>
#include <numstore/pager/edit.hpp>
#include <numstore/rope/leaf_shape.hpp>
#include <numstore/rope/node_source.hpp>
#include <numstore/rope/retire.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Gives pages back that no tree refers to any more.
///
/// References to nodes are counted where there is more than one: in
/// `page_shares`, and in the frame of a node that has no place yet. A node
/// that is replaced in one of several trees loses a reference, and its
/// children gain one, because the new node refers to them too. A dropped tree
/// is buried: its nodes lose their references in bounded steps, later.
///
/// Under the engine's work mutex.
template <class Policies>
class reclaimer {
    using engine_type = engine<Policies>;
    using inner = inner_frame<Policies::page_size>;

public:
    /// Inner nodes that a checkpoint digs up at most, and a commit.
    static constexpr std::size_t checkpoint_step =
        Policies::tuning::reclaimed_nodes;
    static constexpr std::size_t commit_step =
        std::min<std::size_t>(8, checkpoint_step);

    explicit reclaimer(engine_type& e) noexcept : e_(&e) {}

    /// What a commit, published as `sequence`, did to the references. Throws
    /// no_memory, and then counts are wrong: the database has failed.
    void settle(retired r, std::uint64_t sequence) {
        if (r.change == reference_change::shared)
            return add(r.node, r.pages);
        if (is_shared(r.node)) {
            remove(r.node, r.pages);
            if (r.change == reference_change::node_replaced && r.height != 0)
                share_children(r);
            return;
        }
        if (r.change == reference_change::tree_dropped && r.height != 0) {
            e_->graveyard.push_back(std::move(r));
            e_->graveyard_dirty = true;
            return;
        }
        page_no const place = r.node.place();
        if (place == no_page)
            return; // nor will it have one: no newest version has the node
        e_->freed.add(sequence, r.pages);
        e_->retired_nodes.push_back({{place, r.pages}, sequence, e_->captured});
    }

    /// Pages of replaced nodes become ripening pages, in the order in which
    /// they were replaced: what was before a reader does not wait for it.
    void release_replaced() {
        auto& all = e_->retired_nodes;
        auto next = all.begin();
        try {
            for (; next != all.end(); ++next)
                e_->pages->retire(next->pages, next->sequence,
                                  next->generation);
        } catch (...) {
            all.erase(all.begin(), next);
            throw;
        }
        all.clear();
    }

    /// Takes up to `most` nodes of dropped trees apart. A tree that cannot be
    /// read stays as it is, for `verify` to tell. Throws no_memory, after
    /// which the database has failed.
    void dig(std::size_t most) {
        while (most-- != 0 && e_->graveyard.size() > e_->unreadable_graves)
            dig_last();
    }

    /// Takes those trees apart whose root has never been written.
    void dig_unwritten() {
        auto& yard = e_->graveyard;
        for (std::size_t i = 0; i < yard.size();) {
            if (yard[i].node.place() != no_page) {
                ++i;
                continue;
            }
            std::swap(yard[i], yard.back());
            dig_last();
        }
    }

    // what superblocks refer to

    std::vector<std::byte> encode_graveyard() const {
        std::vector<format::buried_tree> trees;
        trees.reserve(e_->graveyard.size());
        for (retired const& t : e_->graveyard)
            trees.push_back({t.node.place(), t.node.checksum(), t.height,
                             t.count, t.leaf_pages, t.leaf_capacity});
        std::vector<std::byte> bytes;
        if (!trees.empty())
            format::encode_graveyard(trees, bytes);
        return bytes;
    }
    void load_graveyard(std::span<std::byte const> bytes, page_no end) {
        for (format::buried_tree const& t : format::decode_graveyard(
                 bytes, page_no{pager<Policies>::first_data_page}, end)) {
            if (t.leaf_pages > to_integer(end)
                || t.leaf_capacity > t.leaf_pages * Policies::page_size)
                raise(errc::corrupt,
                      e_->name + ": a dropped tree has impossible leaves");
            e_->graveyard.push_back({child_ref(t.place, t.checksum),
                                     t.height == 0 ? t.leaf_pages : 1,
                                     t.height, t.count, t.leaf_pages,
                                     t.leaf_capacity,
                                     reference_change::tree_dropped});
        }
    }

    void load_shares(std::span<std::byte const> bytes, page_no end) {
        for (format::shared_pages const& s : format::decode_sharing_table(
                 bytes, page_no{pager<Policies>::first_data_page}, end))
            e_->shares.add(s.pages, s.extra);
    }

private:
    bool is_shared(child_ref const& ref) const noexcept {
        if (page_no const place = ref.place(); place != no_page)
            return e_->shares.extra(place) != 0;
        return ref.node() != nullptr && ref.node()->shares() != 0;
    }

    void add(child_ref const& ref, std::uint64_t pages) {
        if (ref.is_hole())
            return;
        e_->shares_dirty = true;
        if (page_no const place = ref.place(); place != no_page)
            e_->shares.add({place, pages});
        else
            ref.node()->set_shares(ref.node()->shares() + 1);
    }

    /// Precondition: it is shared.
    void remove(child_ref const& ref, std::uint64_t pages) {
        e_->shares_dirty = true;
        if (page_no const place = ref.place(); place != no_page)
            e_->shares.remove({place, pages});
        else
            ref.node()->set_shares(ref.node()->shares() - 1);
    }

    node_source<Policies> nodes_of(retired const& r) const {
        leaf_shape shape;
        shape.pages = r.leaf_pages;
        shape.capacity = r.leaf_capacity;
        return {*e_->pages, shape};
    }

    void share_children(retired const& r) {
        auto const n = nodes_of(r).fetch(r.node, r.height, r.count);
        for (std::uint32_t i = 0; i != n->size(); ++i)
            add(n->child(i), r.height == 1 ? r.leaf_pages : 1);
    }

    [[gnu::cold]] void dig_last() {
        auto& yard = e_->graveyard;
        retired t = std::move(yard.back());
        bool const shared = is_shared(t.node);
        inner_ptr<Policies::page_size> n;
        if (!shared && t.height != 0) {
            try {
                n = nodes_of(t).fetch(t.node, t.height, t.count);
            } catch (error const&) {
                yard.back() = std::move(t);
                std::swap(yard.back(), yard[e_->unreadable_graves++]);
                return;
            } catch (...) {
                yard.back() = std::move(t);
                throw;
            }
        }
        yard.pop_back();
        e_->graveyard_dirty = true;
        try {
            if (shared)
                remove(t.node, t.pages);
            else
                give_back(t, n.get());
        } catch (...) {
            e_->pages->set_failed(); // what is left is right in the file
            throw;
        }
    }

    /// A node without references: its pages, and what it refers to.
    void give_back(retired const& t, inner const* n) {
        release(t.node, t.pages);
        for (std::uint32_t i = 0; n != nullptr && i != n->size(); ++i) {
            child_ref const& c = n->child(i);
            if (t.height != 1)
                e_->graveyard.push_back(
                    {c, 1, static_cast<std::uint8_t>(t.height - 1),
                     n->count(i), t.leaf_pages, t.leaf_capacity,
                     reference_change::tree_dropped});
            else if (is_shared(c))
                remove(c, t.leaf_pages);
            else
                release(c, t.leaf_pages);
        }
        flush();
    }

    void release(child_ref const& ref, std::uint64_t pages) {
        page_no const place = ref.place();
        if (place == no_page)
            return;
        if (pending_.end() != place)
            flush();
        if (pending_.pages == 0)
            pending_.first = place;
        pending_.pages += pages;
    }
    void flush() {
        if (pending_.pages == 0)
            return;
        e_->freed.add(e_->latest, pending_.pages);
        e_->pages->retire(std::exchange(pending_, {}), e_->latest,
                          e_->captured);
    }

    engine_type* e_;
    extent pending_{};
};

} // namespace numstore::detail
