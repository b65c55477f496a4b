// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/rope/blocks.hpp>
#include <numstore/rope/kernels.hpp>
#include <numstore/rope/leaf_path.hpp>
#include <numstore/rope/node_source.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/selection.hpp>
#include <numstore/rope/stream.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace numstore::detail {

/// Calls f(leaf bytes or null for a hole, group) for each leaf that a
/// selection touches, in ascending order; if f gives false it ends there.
/// Throws corrupt, io.
template <class Policies, class Selection, class F>
void visit_leaves(node_source<Policies> const& nodes, rope_root const& root,
                  Selection selected, F&& f) {
    leaf_path<Policies> way;
    while (!selected.done()) {
        way.seek(nodes, root, selected.position());
        auto const leaf = nodes.leaf(way.leaf(root));
        auto const group = selected.take(way.first(), way.count());
        if constexpr (std::is_void_v<decltype(f(leaf.data, group))>)
            f(leaf.data, group);
        else if (!f(leaf.data, group))
            return;
    }
}

/// Verifies the leaves of a selection, so that what then reads them does not
/// throw half way; unless they may be more than the cache keeps, where storage
/// does not show its bytes. Throws corrupt, io.
template <class Policies, class Selection>
void require_readable(node_source<Policies> const& nodes,
                      rope_root const& root, Selection const& selected) {
    std::uint64_t bytes = 0;
    auto const verified = [&](auto const&, auto const&) noexcept {
        bytes += nodes.shape().page_bytes;
        return pager<Policies>::zero_copy
               || bytes <= nodes.pages().directory_budget();
    };
    visit_leaves(nodes, root, selected, verified);
}

/// Copies groups of elements from a leaf to the caller's buffer.
template <class Element>
struct group_reader {
    Element element;
    std::byte* out;

    void operator()(std::byte const* leaf,
                    range_selection::group const& g) const noexcept {
        if (leaf == nullptr)
            std::memset(out + bytes(g.index), 0, bytes(g.count));
        else
            std::memcpy(out + bytes(g.index), leaf + bytes(g.offset),
                        bytes(g.count));
    }

    void operator()(std::byte const* leaf,
                    strided_selection::group const& g) const noexcept {
        if (leaf == nullptr)
            std::memset(out + bytes(g.index), 0, bytes(g.count));
        else
            gather_strided(element, leaf + bytes(g.offset),
                           static_cast<std::ptrdiff_t>(g.stride),
                           out + bytes(g.index),
                           static_cast<std::size_t>(g.count));
    }

    void operator()(std::byte const* leaf,
                    block_selection::group const& g) const noexcept {
        if (leaf == nullptr)
            std::memset(out + bytes(g.index), 0, bytes(g.count));
        else
            g.each([&](std::uint64_t at, std::uint64_t n, std::uint64_t to) {
                std::memcpy(out + bytes(to), leaf + bytes(at), bytes(n));
            });
    }

    void operator()(std::byte const* leaf,
                    indexed_selection::group const& g) const noexcept {
        std::byte* const to = g.order.empty() ? out + bytes(g.index) : out;
        if (leaf != nullptr)
            return gather_indexed(element, leaf, g.first, g.positions, g.order,
                                  to);
        for (std::size_t i = 0; i != g.positions.size(); ++i)
            std::memset(to + bytes(g.order.empty() ? i : g.order[i]), 0,
                        element.size());
    }

private:
    std::size_t bytes(std::uint64_t n) const noexcept {
        return static_cast<std::size_t>(n * element.size());
    }
};

/// Copies neighbouring elements of very many leaves: past the caches, of which
/// nothing else would be left.
template <class Element>
class streaming_reader {
public:
    streaming_reader(Element element, std::byte* out) noexcept
        : element_(element), out_(out) {}
    streaming_reader(streaming_reader const&) = delete;
    streaming_reader& operator=(streaming_reader const&) = delete;
    ~streaming_reader() { finish_streaming(); }

    void operator()(std::byte const* leaf,
                    range_selection::group const& g) const noexcept {
        std::byte* const to = out_ + bytes(g.index);
        if (leaf == nullptr)
            std::memset(to, 0, bytes(g.count));
        else
            stream(leaf + bytes(g.offset), to, bytes(g.count));
    }

private:
    std::size_t bytes(std::uint64_t n) const noexcept {
        return static_cast<std::size_t>(n * element_.size());
    }

    Element element_;
    std::byte* out_;
};

/// Fills `out` with the elements from `pos` on. Throws corrupt, io.
template <class Policies, class Element>
void read_range(node_source<Policies> const& nodes, rope_root const& root,
                std::uint64_t pos, Element element,
                std::span<std::byte> out) {
    range_selection const all(pos, out.size() / element.size());
    if (out.size() < streamed_bytes)
        visit_leaves(nodes, root, all,
                     group_reader<Element>{element, out.data()});
    else
        visit_leaves(nodes, root, all,
                     streaming_reader<Element>(element, out.data()));
}

/// Copies groups of elements from the caller's buffer into a leaf.
template <class Element>
struct group_writer {
    Element element;
    std::byte const* in;

    void operator()(std::byte* leaf,
                    range_selection::group const& g) const noexcept {
        std::memcpy(leaf + bytes(g.offset), in + bytes(g.index),
                    bytes(g.count));
    }

    void operator()(std::byte* leaf,
                    strided_selection::group const& g) const noexcept {
        scatter_strided(element, leaf + bytes(g.offset),
                        static_cast<std::ptrdiff_t>(g.stride),
                        in + bytes(g.index), static_cast<std::size_t>(g.count));
    }

    void operator()(std::byte* leaf,
                    block_selection::group const& g) const noexcept {
        g.each([&](std::uint64_t at, std::uint64_t n, std::uint64_t from) {
            std::memcpy(leaf + bytes(at), in + bytes(from), bytes(n));
        });
    }

    void operator()(std::byte* leaf,
                    indexed_selection::group const& g) const noexcept {
        scatter_indexed(element, leaf, g.first, g.positions, g.order,
                        g.order.empty() ? in + bytes(g.index) : in);
    }

private:
    std::size_t bytes(std::uint64_t n) const noexcept {
        return static_cast<std::size_t>(n * element.size());
    }
};

} // namespace numstore::detail
