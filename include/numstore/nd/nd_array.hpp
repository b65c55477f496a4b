// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element.hpp>
#include <numstore/array/element_bytes.hpp>
#include <numstore/array/index_list.hpp>
#include <numstore/array/position.hpp>
#include <numstore/array/slice.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/database/committer.hpp>
#include <numstore/database/names.hpp>
#include <numstore/database/transaction.hpp>
#include <numstore/nd/axis_edit.hpp>
#include <numstore/nd/cell_writer.hpp>
#include <numstore/nd/const_nd_array.hpp>
#include <numstore/nd/extents.hpp>
#include <numstore/nd/layout.hpp>
#include <numstore/nd/nd_read.hpp>
#include <numstore/nd/nd_write.hpp>
#include <numstore/nd/tiling.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore {

/// A persistent array with axes that grows along every one of them: a cheap
/// handle, to copy freely, seen from outside or from inside a transaction.
/// Outside, each call is one atomic transaction, durable on return as
/// options::durability says; shape and elements change together. With n
/// elements, a call that touches m leaves reads or writes O(log n + m) pages,
/// in one pass; with tiles, O(log n) for each tile. There inserting or erasing
/// other than whole tiles in the middle of an axis moves what is behind from
/// tile to tile, with some tiles in memory. Values come as any range whose
/// elements convert to T, the last axis fastest. Sizes are checked before
/// anything is changed: size_mismatch, and out_of_range for places. Besides,
/// every change can throw what those of `array` do. A call that throws has
/// changed nothing.
template <class T, class Extents, class Policies>
class nd_array : public const_nd_array<T, Extents, Policies> {
    using base = const_nd_array<T, Extents, Policies>;
    using writer = typename detail::array_ref<Policies>::writer;
    using extent_array = typename base::extent_array;
    using stored = std::span<std::byte const>;
    using base::element_bytes;
    using base::ref_;
    using edit = detail::axis_edit<element_bytes, writer>;

public:
    using index = typename base::index;
    using base::tile;

    explicit nd_array(detail::array_ref<Policies> ref) : base(std::move(ref)) {}

    nd_array in(basic_transaction<Policies>& tx) const {
        return nd_array(ref_.in(tx.shared_state()));
    }
    const_nd_array<T, Extents, Policies>
    in(basic_snapshot<Policies> const& snap) const {
        return const_nd_array<T, Extents, Policies>(ref_.in(snap.pin()));
    }

    // elements

    void set(index const& i, T const& value) {
        write_from(i, std::span<T const>(&value, 1));
    }

    /// Overwrites from this element on along the last axis, which must not
    /// end before: out_of_range.
    template <detail::element_range<T> R>
    void write_from(index const& i, R&& values) {
        constexpr std::size_t last = Extents::rank() - 1;
        with_stored(std::forward<R>(values), [&](stored bytes) {
            auto const overwrite = [&](writer& w) {
                auto const shape = shape_in(w);
                std::uint64_t const n = bytes.size() / element_bytes;
                auto const whole = detail::make_row_major<Extents>(shape);
                if (n != 0)
                    whole.check(i.at);
                if (n > shape[last] - std::min(i.at[last], shape[last]))
                    detail::raise_beyond_axis(i.at[last] + n - 1, last,
                                              shape[last]);
                if (n != 0)
                    write_run(w, shape, whole.position(i.at), bytes);
            };
            if (tile().empty() || bytes.size() <= element_bytes) // one record
                ref_.change(overwrite);
            else
                change(overwrite);
        });
    }

    /// f(writer), which calls writer.set(index, value) for any number of
    /// elements, as one change: much cheaper than a `set` for each. If f
    /// throws nothing is changed. Nothing else may change the array's shape
    /// meanwhile.
    template <class F>
    void update(F&& f) {
        detail::reporting_no_memory([&] {
            detail::committer<Policies>(ref_.owner())
                .as_one(ref_.in_transaction(), [&](auto const& t) {
                    cell_writer<T, Extents, Policies> cells(ref_.in(t));
                    f(cells);
                    cells.flush();
                });
        });
    }

    /// Overwrites what the slices select, one for each axis, or all of it:
    /// as many values as that is.
    template <detail::element_range<T> R, axis_slice... S>
    void write(R&& values, S const&... s) {
        with_stored(std::forward<R>(values), [&](stored bytes) {
            change([&](writer& w) {
                auto const shape = shape_in(w);
                auto const whole = detail::make_row_major<Extents>(shape);
                if constexpr (sizeof...(S) == 0)
                    detail::write_layout<element_bytes>(w, tile(), shape, whole,
                                                    bytes);
                else
                    detail::write_layout<element_bytes>(
                        w, tile(), shape, detail::slice_layout(whole, s...),
                        bytes);
            });
        });
    }

    // growth along any axis, in one pass over what changes

    /// Along axis 0: whole rows. O(values).
    template <detail::element_range<T> R>
    void append(R&& values) {
        append(0, std::forward<R>(values));
    }
    void append(std::initializer_list<T> values) {
        append(std::span<T const>(values.begin(), values.size()));
    }
    template <detail::element_range<T> R>
    void append(detail::axis_argument axis, R&& values) {
        insert_at(axis, std::nullopt, std::forward<R>(values));
    }

    /// Planes before position `pos` of an axis: as many as `values` has, in
    /// the order of an array of the same shape but for that axis.
    template <detail::element_range<T> R>
    void insert(detail::axis_argument axis, detail::position_argument pos,
                R&& values) {
        insert_at(axis, pos.value(), std::forward<R>(values));
    }

    /// Planes of the fill value, which take no space in whole leaves.
    void insert_fill(detail::axis_argument axis, detail::position_argument pos,
                     detail::count_argument count) {
        std::uint64_t const at = pos.value();
        std::uint64_t const n = count.value();
        restructure(axis, [&](edit& e) {
            e.insert(at, n, {});
            return detail::grown(e.frame().extent, n);
        });
    }

    /// Positions [pos, pos + count) of an axis.
    void erase(detail::axis_argument axis, detail::position_argument pos,
               detail::count_argument count) {
        std::uint64_t const at = pos.value();
        std::uint64_t const n = count.value();
        restructure(axis, [&](edit& e) {
            detail::check_range(at, n, e.frame().extent);
            e.erase(at, n);
            return e.frame().extent - n;
        });
    }
    /// What the slice selects of an axis; gives how many positions.
    template <slicing S>
    std::uint64_t erase(detail::axis_argument axis, S const& s) {
        std::uint64_t gone = 0;
        restructure(axis, [&](edit& e) {
            auto const what = detail::resolve(s, e.frame().extent);
            e.erase(what);
            gone = what.count;
            return e.frame().extent - what.count;
        });
        return gone;
    }

    /// Cuts off the end of an axis, or adds the fill value there.
    void resize(detail::axis_argument axis, detail::count_argument extent) {
        std::uint64_t const to = extent.value();
        restructure(axis, [&](edit& e) {
            e.resize(to);
            return to;
        });
    }

    /// All axes at once, as one change.
    void resize(Extents const& to) {
        change([&](writer& w) {
            auto shape = shape_in(w);
            for (bool const grow : {false, true}) // small in between
                for (std::size_t k = 0; k != Extents::rank(); ++k) {
                    if ((to.extent(k) > shape[k]) != grow)
                        continue;
                    edit(w, tile(), shape, k).resize(to.extent(k));
                    shape[k] = to.extent(k);
                }
            w.reshape(detail::make_dimensions(shape));
        });
    }
    void clear() { resize(0, 0); }

    // rows

    /// Overwrites rows from `pos` on. All must exist.
    template <integer P, detail::element_range<T> R>
    void replace_rows(P pos, R&& values) {
        auto const at = detail::to_count(pos, "position");
        with_stored(std::forward<R>(values), [&](stored bytes) {
            change([&](writer& w) {
                edit e(w, tile(), shape_in(w), 0);
                auto const rows =
                    e.frame().planes_in(bytes.size() / element_bytes);
                detail::check_range(at, rows, e.frame().extent);
                e.write_rows(at, rows, bytes);
            });
        });
    }

    /// values' i-th row to rows[i]. Throws invalid_argument for a row that is
    /// given twice.
    template <index_range I, detail::element_range<T> R>
    void replace_rows(I&& rows, R&& values) {
        with_rows(
            std::forward<I>(rows), std::forward<R>(values),
            [&](auto const& list, stored bytes) {
                change([&](writer& w) {
                    edit(w, tile(), shape_in(w), 0).write_rows(list, bytes);
                });
            });
    }

    /// Rows before row `pos`.
    template <integer P, detail::element_range<T> R>
    void insert_rows(P pos, R&& values) {
        insert(0, pos, std::forward<R>(values));
    }

    /// values' i-th row before what is row rows[i] now; those for the same
    /// place stay in order.
    template <index_range I, detail::element_range<T> R>
    void insert_rows(I&& rows, R&& values) {
        with_rows(std::forward<I>(rows), std::forward<R>(values),
                  [&](auto const& list, stored bytes) {
                      restructure(0, [&](edit& e) {
                          e.insert_rows(list, bytes);
                          return detail::grown(e.frame().extent, list.size());
                      });
                  });
    }

    /// Throws invalid_argument for a row that is given twice.
    template <index_range I>
    void erase_rows(I&& rows) {
        detail::reporting_no_memory([&] {
            detail::index_list const list(rows, detail::any_size);
            restructure(0, [&](edit& e) {
                e.erase_rows(list);
                return e.frame().extent - list.size();
            });
        });
    }
    /// Gives how many.
    template <slicing S>
    std::uint64_t erase_rows(S const& s) {
        return erase(0, s);
    }

    /// For numstore's own use.
    static nd_array find(detail::names<Policies> const& in,
                         std::string_view name, tiling const* tile = nullptr) {
        return nd_array(base::find_ref(in, name, tile));
    }
    static nd_array make(detail::names<Policies> const& in,
                         std::string_view name, Extents const& shape,
                         T const& fill, tiling const* tile, bool or_open) {
        if (or_open && in.contains(name))
            return find(in, name, tile);
        auto const form = detail::form_of(Extents::rank(), fill, tile);
        auto const size = detail::stored_elements(form.tile, shape.values());
        if (!size)
            detail::raise(errc::invalid_argument,
                          std::string(name) + ": a shape of too many elements");
        std::optional<nd_array> seen;
        in.in_one_transaction([&](detail::names<Policies> const& inside) {
            auto const made =
                inside.create_nd(name, detail::element_description<T>::text(),
                                 element_bytes, form, false);
            made.change([&](writer& w) {
                if (*size != 0)
                    w.resizing().insert_zeros(0, *size);
                w.reshape(detail::make_dimensions(shape.values()));
            });
            seen.emplace(in.seen(made));
        });
        return std::move(*seen);
    }

private:
    extent_array shape_in(writer const& w) const {
        return detail::shape_of_version<Extents>(ref_.state(), w.size(),
                                                 w.dimensions());
    }

    /// f(bytes as they are stored).
    template <class R>
    void with_stored(R&& values, detail::function_ref<void(stored)> f) const {
        detail::reporting_no_memory([&] {
            detail::with_element_bytes<T>(
                std::forward<R>(values), [&](stored b) { fill_then(b, f); });
        });
    }
    void fill_then(stored b, detail::function_ref<void(stored)> f) const {
        auto const& fill = ref_.state().form.fill;
        if (fill.empty())
            return f(b);
        std::vector<std::byte> filled(b.begin(), b.end());
        detail::apply_fill<element_bytes>(fill, filled);
        f(filled);
    }

    template <class I, class R>
    void with_rows(I&& rows, R&& values,
                   detail::function_ref<void(detail::index_list const&, stored)>
                       f) const {
        detail::reporting_no_memory([&] {
            detail::index_list const list(rows, detail::any_size);
            with_stored(std::forward<R>(values),
                        [&](stored b) { f(list, b); });
        });
    }

    void change(detail::function_ref<void(writer&)> f) {
        detail::change_as_one<Policies>(ref_, f);
    }

    /// Neighbours along the last axis.
    void write_run(writer& w, extent_array const& shape, std::uint64_t pos,
                   stored bytes) const {
        if (tile().empty())
            return w.write(pos, bytes);
        using run = detail::nd_layout<dextents<1>, detail::strides<1>>;
        detail::write_layout<element_bytes>(
            w, tile(), shape, run(pos, {bytes.size() / element_bytes}, {1}),
            bytes);
    }

    /// f(axis_edit) changes the elements and gives the new extent.
    using reshaping = detail::function_ref<std::uint64_t(edit&)>;
    void restructure(detail::axis_argument axis, reshaping f) {
        std::size_t const k = axis.value();
        base::require_axis(k);
        if (Extents::static_extent(k) != dynamic)
            detail::raise(errc::invalid_argument,
                          "axis " + std::to_string(k)
                              + " has a static extent: it does not change");
        change([&](writer& w) {
            auto shape = shape_in(w);
            edit e(w, tile(), shape, k);
            shape[k] = f(e);
            w.reshape(detail::make_dimensions(shape));
        });
    }

    /// At the end, where there is no position.
    template <class R>
    void insert_at(detail::axis_argument axis,
                   std::optional<std::uint64_t> pos, R&& values) {
        with_stored(std::forward<R>(values), [&](stored bytes) {
            restructure(axis, [&](edit& e) {
                auto const& f = e.frame();
                auto const n = f.planes_in(bytes.size() / element_bytes);
                e.insert(pos.value_or(f.extent), n, bytes);
                return detail::grown(f.extent, n);
            });
        });
    }
};

} // namespace numstore
