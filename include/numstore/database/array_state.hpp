// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/version_chain.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/rope/leaf_shape.hpp>
#include <numstore/rope/root.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace numstore::detail {

/// The extent of each axis; null where the rank is 1.
using dimensions_ptr = std::shared_ptr<std::vector<std::uint64_t> const>;

/// One version of an array's elements.
struct array_version {
    rope_root root;
    bool dropped = false;
    dimensions_ptr dimensions{};
};

/// An array that is in use: what does not change, and its versions. There
/// is one for each array of a database, shared by all handles.
struct array_state {
    using chain = version_chain<array_version>;

    array_state(std::uint64_t id_, std::string name_, std::string element_,
                std::uint32_t element_size_, leaf_shape shape_,
                format::array_shape form_ = {})
        : id(id_), name(std::move(name_)), element(std::move(element_)),
          element_size(element_size_), shape(shape_), form(std::move(form_)) {}

    /// Is it no more than a sequence of elements?
    bool is_flat() const noexcept {
        return form.rank == 1 && form.layout == format::in_order;
    }

    std::uint64_t const id;
    std::string const name; ///< when it was first used; for error messages
    std::string const element;
    std::uint32_t const element_size;
    leaf_shape const shape;
    format::array_shape const form; ///< without dimensions, which change
    chain versions;
    /// Differs from the last checkpoint. Guarded by the engine's work mutex.
    bool dirty = false;
};

using array_state_ptr = std::shared_ptr<array_state>;

} // namespace numstore::detail
