// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/keyed_node.hpp>
#include <numstore/format/keyed_page.hpp>
#include <numstore/pager/page_writer.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Writes all nodes of keyed trees that have no place yet, children first.
/// As with count trees, frames learn their places only in `keep`.
template <class Policies>
class keyed_write_out {
    static constexpr std::size_t page_size = Policies::page_size;

public:
    using writer = page_writer<Policies>;
    using placed = typename writer::placed;

    explicit keyed_write_out(writer& out) noexcept : out_(&out) {}

    /// The root as it stands on disk. Throws no_space, io.
    keyed_root write(keyed_root const& root) {
        if (root.count == 0)
            return {};
        node(root.node);
        placed const p = place_of(root.node);
        return {child_ref(p.place, p.checksum),
                pages_of(root.node, root.pages), root.height, root.count};
    }

    /// After `page_writer::finish`.
    void keep() noexcept {
        for (auto& [n, p] : placed_)
            n->set_written(p.place, p.checksum);
        placed_.clear();
    }

private:
    void node(child_ref const& ref) {
        auto* const n = static_cast<keyed_frame*>(ref.node());
        if (n == nullptr || n->place() != no_page || placed_.contains(n))
            return;
        for (keyed_child const& c : n->children)
            node(c.node);
        encode(*n);
        placed_.emplace(n, out_->put(buffer_, n->pages(page_size)));
    }

    void encode(keyed_frame const& n) {
        format::keyed_page_builder page(buffer_, n.level);
        for (keyed_entry_ptr const& e : n.entries)
            page.entry(e->key, e->value);
        bool first = true;
        for (keyed_child const& c : n.children) {
            placed const p = place_of(c.node);
            page.child(std::exchange(first, false) ? std::string_view()
                                                   : std::string_view(c.key),
                       {p.place, p.checksum, c.count,
                        pages_of(c.node, c.pages)});
        }
        page.finish();
    }

    placed place_of(child_ref const& ref) const {
        if (auto const i = placed_.find(ref.node()); i != placed_.end())
            return i->second;
        return {ref.place(), ref.checksum()};
    }

    static std::uint32_t pages_of(child_ref const& ref, std::uint32_t known) {
        auto const* const n = static_cast<keyed_frame const*>(ref.node());
        return n != nullptr ? n->pages(page_size) : known;
    }

    writer* out_;
    std::vector<std::byte> buffer_;
    boost::unordered_flat_map<frame*, placed> placed_;
};

/// How many pages `keyed_write_out::write` would need.
template <std::size_t PageSize>
std::uint64_t count_unwritten_keyed(child_ref const& ref) noexcept {
    auto const* const n = static_cast<keyed_frame const*>(ref.node());
    if (n == nullptr || n->place() != no_page)
        return 0;
    std::uint64_t pages = n->pages(PageSize);
    for (keyed_child const& c : n->children)
        pages += count_unwritten_keyed<PageSize>(c.node);
    return pages;
}

} // namespace numstore::detail
