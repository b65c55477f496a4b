// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_copy.hpp>
#include <numstore/database/array_info.hpp>
#include <numstore/database/array_writer.hpp>
#include <numstore/database/names.hpp>
#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/format/element_parser.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// The element type's stored text and size: defined with the element types.
template <class T>
struct element_description;

template <class A>
concept array_handle = requires(A const& a) { a.ref().in_transaction(); };

/// What database and transaction have in common: arrays by name. `Face` has
/// `names()`, which throws if it may not be used.
template <class Face, class Policies>
class name_face {
public:
    /// A new, empty array. Throws already_exists, invalid_argument (name).
    template <class T>
    array<T, Policies> create(std::string_view name) {
        return make<T>(name, false);
    }

    /// Throws not_found, type_mismatch.
    template <class T>
    array<T, Policies> open(std::string_view name) {
        return reporting_no_memory([&] {
            return array<T, Policies>(
                face().names().open(name, element_description<T>::text()));
        });
    }

    /// Throws type_mismatch, invalid_argument (name).
    template <class T>
    array<T, Policies> open_or_create(std::string_view name) {
        return make<T>(name, true);
    }

    /// An array whose element type is not known. Throws not_found.
    basic_any_array<Policies> open_any(std::string_view name) {
        return reporting_no_memory([&] {
            return basic_any_array<Policies>(face().names().open(name, {}));
        });
    }

    /// A new array of a type described at run time. Throws already_exists,
    /// invalid_argument (name; too large an element).
    basic_any_array<Policies> create_any(std::string_view name,
                                         element_type const& type) {
        return reporting_no_memory([&] {
            require_element_fits<Policies>(type.size());
            element_type own = type;
            return basic_any_array<Policies>(
                face().names().create(name, type.to_string(),
                                      static_cast<std::uint32_t>(type.size()),
                                      false),
                std::move(own));
        });
    }

    /// The same with axes, 1 to 32 of them: all elements are zero, and take no
    /// space until they are written. `open_nd` gives a handle that changes its
    /// shape. Throws as both of these, and invalid_argument for another number
    /// of axes.
    basic_any_array<Policies>
    create_any_nd(std::string_view name, element_type const& type,
                  std::vector<std::uint64_t> const& shape) {
        return reporting_no_memory([&] {
            require_element_fits<Policies>(type.size());
            element_type own = type;
            return basic_any_array<Policies>(
                make_array(face().names(), name, type, shape), std::move(own));
        });
    }

    /// A new array with axes: `create_nd<float>("images",
    /// extents<dynamic, 256, 256>{n})`. All elements are `fill`, and take no
    /// space until they are written. Throws already_exists, invalid_argument
    /// (name; more elements than fit).
    template <class T, class Extents>
    nd_array<T, Extents, Policies> create_nd(std::string_view name,
                                             Extents const& extents,
                                             T const& fill = T{}) {
        return reporting_no_memory([&] {
            return nd_array<T, Extents, Policies>::make(
                face().names(), name, extents, fill, nullptr, false);
        });
    }
    /// The same, stored in tiles: `create_nd<float>("map", dextents<2>{n, m},
    /// 0.f, tiled<64, 64>{})`. Throws invalid_argument too for tiles of
    /// another rank.
    template <class T, class Extents>
    nd_array<T, Extents, Policies>
    create_nd(std::string_view name, Extents const& extents, T const& fill,
              tiling const& tiles) {
        return reporting_no_memory([&] {
            return nd_array<T, Extents, Policies>::make(
                face().names(), name, extents, fill, &tiles, false);
        });
    }

    /// Throws not_found; type_mismatch for another element, rank or static
    /// extent.
    template <class T, class Extents>
    nd_array<T, Extents, Policies> open_nd(std::string_view name) {
        return reporting_no_memory([&] {
            return nd_array<T, Extents, Policies>::find(face().names(), name);
        });
    }
    /// Throws type_mismatch too unless it is stored in such tiles.
    template <class T, class Extents>
    nd_array<T, Extents, Policies> open_nd(std::string_view name,
                                           tiling const& tiles) {
        return reporting_no_memory([&] {
            return nd_array<T, Extents, Policies>::find(face().names(), name,
                                                        &tiles);
        });
    }

    /// Throws as both; `extents` and `fill` are for an array that is new.
    template <class T, class Extents>
    nd_array<T, Extents, Policies> open_or_create_nd(std::string_view name,
                                                     Extents const& extents,
                                                     T const& fill = T{}) {
        return reporting_no_memory([&] {
            return nd_array<T, Extents, Policies>::make(
                face().names(), name, extents, fill, nullptr, true);
        });
    }
    template <class T, class Extents>
    nd_array<T, Extents, Policies>
    open_or_create_nd(std::string_view name, Extents const& extents,
                      T const& fill, tiling const& tiles) {
        return reporting_no_memory([&] {
            return nd_array<T, Extents, Policies>::make(
                face().names(), name, extents, fill, &tiles, true);
        });
    }

    bool contains(std::string_view name) const {
        return reporting_no_memory(
            [&] { return face().names().contains(name); });
    }

    /// O(log arrays) and no pages of the array. Its pages come back in later
    /// checkpoints. Throws not_found.
    void drop(std::string_view name) {
        reporting_no_memory([&] { face().names().drop(name); });
    }

    /// Throws not_found, already_exists, invalid_argument (name).
    void rename(std::string_view from, std::string_view to) {
        reporting_no_memory([&] { face().names().rename(from, to); });
    }

    /// A new array with the elements and attributes that `from` has now; what
    /// is done to one is never seen in the other. O(log n), whatever the
    /// size: pages are shared until one of the arrays changes them. Throws
    /// not_found, already_exists, invalid_argument (name).
    void clone(std::string_view from, std::string_view to) {
        reporting_no_memory([&] { face().names().clone(from, to); });
    }

    /// A new array with the elements, holes and attributes of `source` (an
    /// array, as its transaction or snapshot sees it), which may be of another
    /// database, with other policies. O(bytes), in pieces of some MiB; all of
    /// it is there or nothing. Throws already_exists, invalid_argument (name;
    /// too large an element for the page size), would_deadlock (within one
    /// database: the source is in another transaction), cancelled
    /// (options::progress).
    template <array_handle Source>
    void copy(Source const& source, std::string_view name) {
        reporting_no_memory(
            [&] { copy_array(source.ref(), face().names(), name); });
    }

    /// Arrays whose names match `pattern`, sorted by name: `*` stands for any
    /// characters, '/' too, `?` for one. O(arrays below the fixed part).
    std::vector<array_info> list(std::string_view pattern = "*") const {
        return reporting_no_memory(
            [&] { return list_arrays(face().names(), pattern); });
    }

private:
    template <class T>
    array<T, Policies> make(std::string_view name, bool or_open) {
        using description = element_description<T>;
        return reporting_no_memory([&] {
            return array<T, Policies>(face().names().create(
                name, description::text(), description::size, or_open));
        });
    }

    Face& face() noexcept { return static_cast<Face&>(*this); }
    Face const& face() const noexcept {
        return static_cast<Face const&>(*this);
    }
};

/// An array with axes, whose elements are zero. Throws already_exists,
/// invalid_argument.
template <class Policies>
array_ref<Policies> make_array(names<Policies> const& in, std::string_view name,
                               element_type const& type,
                               std::vector<std::uint64_t> const& shape) {
    if (shape.empty() || shape.size() > format::max_rank)
        raise(errc::invalid_argument, std::string(name) + ": an array of "
                                          + std::to_string(shape.size())
                                          + " axes, and not 1 to "
                                          + std::to_string(format::max_rank));
    auto const n = product_of(shape);
    if (!n)
        raise(errc::invalid_argument,
              std::string(name) + ": a shape of too many elements");
    format::array_shape form;
    form.rank = static_cast<std::uint8_t>(shape.size());
    std::optional<array_ref<Policies>> seen;
    in.in_one_transaction([&](names<Policies> const& inside) {
        auto const made = inside.create_nd(
            name, type.to_string(), static_cast<std::uint32_t>(type.size()),
            form, false);
        made.change([&](array_writer<Policies>& w) {
            if (*n != 0)
                w.resizing().insert_zeros(0, *n);
            w.reshape(
                std::make_shared<std::vector<std::uint64_t> const>(shape));
        });
        seen.emplace(in.seen(made));
    });
    return std::move(*seen);
}

/// Bytes of the leaves that an array has at least; small arrays live in the
/// catalogue, and holes take none.
template <class Policies>
std::uint64_t stored_bytes_of(format::catalogue_entry const& e,
                              std::uint64_t size) {
    leaf_shape const shape =
        leaf_shape_of(e.element_size, Policies::page_size);
    if (e.root.kind != format::root_kind::tree || e.root.place == no_page)
        return 0;
    return (size + shape.capacity - 1) / shape.capacity * shape.page_bytes;
}

inline std::vector<std::uint64_t>
shape_of(format::catalogue_entry const& e, std::uint64_t size) {
    return e.shape.rank == 1 ? std::vector<std::uint64_t>{size}
                             : e.shape.dimensions;
}

template <class Policies>
std::vector<array_info> list_arrays(names<Policies> const& in,
                                    std::string_view pattern) {
    std::vector<array_info> all;
    in.list(pattern,
            [&](format::catalogue_entry const& e, std::uint64_t stored) {
                std::uint64_t const size =
                    e.shape.tile.empty()
                        ? stored
                        : product_of(e.shape.dimensions).value_or(stored);
                all.push_back({e.name, element_type::parse(e.element), size,
                               size * e.element_size,
                               stored_bytes_of<Policies>(e, stored),
                               shape_of(e, size)});
            });
    return all;
}

} // namespace numstore::detail
