// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "checked_image.hpp"
#include "image_edit.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace fuzz {

/// The value that an edit asks for: its own, one of those that tell, one near
/// the end of the file, or a page with a node.
template <class Policies>
std::uint64_t value_of(checked_image<Policies> const& image, edit const& e) {
    auto const& all = image.map().nodes;
    switch (e.source % 4) {
    case 0: return e.value;
    case 1: return telling_values[e.value % std::size(telling_values)];
    case 2:
        return image.memory().size() / Policies::page_size + e.value % 8 - 4;
    default: return all[e.value % all.size()].at / Policies::page_size;
    }
}

/// The node of a wanted kind that an edit means; null if there is none.
template <class Policies, class Kind>
node const* node_of(image_map<Policies> const& map, edit const& e,
                    Kind&& wanted) {
    auto const& all = map.nodes;
    for (std::size_t i = 0; i != all.size(); ++i) {
        node const& n = all[(e.which + i) % all.size()];
        if (wanted(n.kind))
            return &n;
    }
    return nullptr;
}

} // namespace fuzz
