// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_info.hpp>
#include <numstore/database/names.hpp>
#include <numstore/fwd.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace numstore::detail {

/// The element type's stored text and size: defined with the element types.
template <class T>
struct element_description;

/// What database and transaction have in common: arrays by name. `Face` has
/// `names()`, which throws if it may not be used.
template <class Face, class Policies>
class name_face {
public:
    /// A new, empty array. Throws already_exists, invalid_argument (name).
    template <class T>
    array<T, Policies> create(std::string_view name) {
        return array<T, Policies>(make<T>(name, false));
    }

    /// Throws not_found, type_mismatch.
    template <class T>
    array<T, Policies> open(std::string_view name) {
        return array<T, Policies>(
            face().names().open(name, element_description<T>::text()));
    }

    /// Throws type_mismatch, invalid_argument (name).
    template <class T>
    array<T, Policies> open_or_create(std::string_view name) {
        return array<T, Policies>(make<T>(name, true));
    }

    bool contains(std::string_view name) const {
        return face().names().contains(name);
    }

    /// O(log arrays) and no pages of the array. Its pages come back in later
    /// checkpoints. Throws not_found.
    void drop(std::string_view name) { face().names().drop(name); }

    /// Throws not_found, already_exists, invalid_argument (name).
    void rename(std::string_view from, std::string_view to) {
        face().names().rename(from, to);
    }

    /// Arrays whose names match `pattern`, sorted by name: `*` stands for any
    /// characters, '/' too, `?` for one. O(arrays below the fixed part).
    std::vector<array_info> list(std::string_view pattern = "*") const {
        return list_arrays(face().names(), pattern);
    }

private:
    template <class T>
    array_ref<Policies> make(std::string_view name, bool or_open) {
        using description = element_description<T>;
        description::template check_page_size<Policies>();
        return face().names().create(name, description::text(),
                                     description::size, or_open);
    }

    Face& face() noexcept { return static_cast<Face&>(*this); }
    Face const& face() const noexcept {
        return static_cast<Face const&>(*this);
    }
};

template <class Policies>
std::vector<array_info> list_arrays(names<Policies> const& in,
                                    std::string_view pattern) {
    std::vector<array_info> all;
    in.list(pattern, [&](format::catalogue_entry const& e,
                         std::uint64_t size) {
        leaf_shape const shape =
            leaf_shape_of(e.element_size, Policies::page_size);
        std::uint64_t const leaves =
            e.root.kind == format::root_kind::tree && e.root.place != no_page
                ? (size + shape.capacity - 1) / shape.capacity
                : 0;
        all.push_back({e.name, e.element, size, size * e.element_size,
                       leaves * shape.page_bytes});
    });
    return all;
}

} // namespace numstore::detail
