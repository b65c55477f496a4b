// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element.hpp>
#include <numstore/array/index_list.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/nd/extents.hpp>
#include <numstore/nd/layout.hpp>
#include <numstore/nd/nd_read.hpp>
#include <numstore/nd/tile_map.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace numstore {

/// Takes single elements, in any order, and writes them many at a time, each
/// leaf once: what `nd_array::update` gives to its caller. The last value for
/// an element counts.
template <class T, class Extents, class Policies>
class cell_writer {
    using writer = typename detail::array_ref<Policies>::writer;

public:
    using index = nd_index<Extents::rank()>;

    /// For numstore's own use: inside a transaction.
    explicit cell_writer(detail::array_ref<Policies> inside)
        : ref_(std::move(inside)),
          layout_(ref_.read([&](detail::rope_root const& root, auto&,
                                detail::dimensions_ptr const& dimensions) {
              return detail::make_row_major<Extents>(
                  detail::shape_of_version<Extents>(ref_.state(), root.size,
                                                    dimensions));
          })),
          map_(ref_.state().form.tile, layout_.shape().values()) {
        cells_.reserve(most);
        values_.reserve(most * element_bytes);
    }
    cell_writer(cell_writer const&) = delete;
    cell_writer& operator=(cell_writer const&) = delete;

    /// Throws out_of_range, and what writing throws.
    void set(index const& i, T const& value) {
        layout_.check(i.at);
        if (cells_.size() == most)
            flush();
        std::uint64_t const at = layout_.position(i.at);
        std::array<std::byte, element_bytes> stored;
        detail::store_element(value, stored.data());
        values_.insert(values_.end(), stored.begin(), stored.end());
        cells_.push_back(
            {map_.has_tiles() ? map_.place_of(at) : at, cells_.size()});
    }

    /// For numstore's own use: writes what it has.
    void flush() {
        if (cells_.empty())
            return;
        detail::apply_fill<element_bytes>(ref_.state().form.fill, values_);
        detail::radix_sort(cells_);
        std::vector<std::uint64_t> positions;
        std::vector<std::byte> sorted;
        positions.reserve(cells_.size());
        sorted.reserve(values_.size());
        for (std::size_t i = 0; i != cells_.size(); ++i) {
            if (i + 1 != cells_.size()
                && cells_[i + 1].position == cells_[i].position)
                continue;
            positions.push_back(cells_[i].position);
            auto const from = static_cast<std::size_t>(cells_[i].place);
            sorted.resize(sorted.size() + element_bytes);
            std::memcpy(sorted.data() + sorted.size() - element_bytes,
                        values_.data() + from * element_bytes, element_bytes);
        }
        ref_.change([&](writer& w) { w.scatter(positions, sorted); });
        cells_.clear();
        values_.clear();
    }

private:
    static constexpr std::size_t element_bytes = detail::stored_bytes<T>;

    /// So many are sorted together: some MiB.
    static constexpr std::size_t most = std::size_t{1} << 16;

    detail::array_ref<Policies> ref_;
    detail::row_major_layout<Extents> layout_;
    detail::tile_map map_;
    std::vector<detail::placed_index> cells_;
    std::vector<std::byte> values_;
};

} // namespace numstore
