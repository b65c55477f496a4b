// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/page_writer.hpp>
#include <numstore/rope/node_editor.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/write_out.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace numstore::detail {

/// Writes the leaves that an edit's transaction has made, and no version
/// knows yet, to free pages, and lets go of their memory. Frames learn no
/// place: a savepoint's tree that shares one must not refer to pages that a
/// rollback gives back; such a leaf stays in memory with the savepoint.
template <class Policies>
class rope_spill {
public:
    using editor = node_editor<Policies>;
    using inner = typename editor::inner;
    using writer = page_writer<Policies>;

    explicit rope_spill(editor const& nodes) noexcept : nodes_(nodes) {}

    /// Pages that `operator()` will write.
    std::uint64_t pages(rope_root const& root) const noexcept {
        return pages(root.node, root.height);
    }

    /// Calls `out.finish()`; `out` notes pages in the edit's `allocated`.
    /// Throws no_space, io; then nothing has changed once `out` is gone.
    void operator()(rope_root& root, writer& out) {
        if (root.empty())
            return;
        out.expect(pages(root));
        collect(root.node, root.height, root.size, out);
        out.finish();
        for (moved const& m : moved_)
            *m.slot = child_ref(m.to.place, m.to.checksum);
        moved_.clear();
    }

private:
    struct moved {
        child_ref* slot;
        typename writer::placed to;
    };

    std::uint64_t pages(child_ref const& ref, unsigned level) const noexcept {
        frame const* const f = ref.node();
        if (f == nullptr || !nodes_.changes().is_private(f))
            return 0;
        if (level == 0)
            return nodes_.shape().pages;
        auto const& n = *static_cast<inner const*>(f);
        std::uint64_t sum = 0;
        for (std::uint32_t i = 0; i != n.size(); ++i)
            sum += pages(n.child(i), level - 1);
        return sum;
    }

    /// `slot` is a root's, or one of an owned node. Inner nodes on the way to
    /// private leaves become the edit's own.
    void collect(child_ref& slot, unsigned level, std::uint64_t count,
                 writer& out) {
        frame const* const f = slot.node();
        if (f == nullptr || !nodes_.changes().is_private(f))
            return;
        if (level == 0) {
            auto const& leaf = *static_cast<leaf_frame const*>(f);
            moved_.push_back({&slot, out.put({leaf.data(), nodes_.size(count)},
                                             nodes_.shape().pages)});
            return;
        }
        if (!nodes_.has_private_child(*static_cast<inner const*>(f)))
            return;
        inner* const n = nodes_.own_inner(slot, level, count);
        for (std::uint32_t i = 0; i != n->size(); ++i)
            collect(n->child(i), level - 1, n->count(i), out);
    }

    editor nodes_;
    std::vector<moved> moved_{};
};

} // namespace numstore::detail
