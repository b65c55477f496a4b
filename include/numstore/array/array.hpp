// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/const_array.hpp>
#include <numstore/array/element.hpp>
#include <numstore/array/element_bytes.hpp>
#include <numstore/array/field.hpp>
#include <numstore/array/index_list.hpp>
#include <numstore/array/position.hpp>
#include <numstore/array/slice.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/database/call_progress.hpp>
#include <numstore/database/transaction.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace numstore {

/// A persistent, typed array that can be edited anywhere: a cheap handle, to
/// copy freely, seen from outside or from inside a transaction. Outside, each
/// call is one atomic transaction, durable on return as options::durability
/// says. With n elements, a call that touches m leaves reads or writes
/// O(log n + m) pages. Every call can throw closed, forked, corrupt and io;
/// every change also read_only, failed, no_space (then its transaction is
/// rolled back), timed_out and would_deadlock; one of 8 MiB and more cancelled
/// (options::progress). A call that throws has changed nothing. Thread-safe,
/// but inside a transaction.
template <class T, class Policies>
class array : public const_array<T, Policies> {
    using base = const_array<T, Policies>;
    using writer = typename detail::array_ref<Policies>::writer;
    using base::element_bytes;
    using base::ref_;

public:
    explicit array(detail::array_ref<Policies> ref) : base(std::move(ref)) {}

    /// The same array inside a transaction, which sees its own changes.
    array in(basic_transaction<Policies>& tx) const {
        return array(ref_.in(tx.shared_state()));
    }
    /// The same array as a snapshot has it.
    const_array<T, Policies> in(basic_snapshot<Policies> const& snap) const {
        return const_array<T, Policies>(ref_.in(snap.pin()));
    }

    // inserting

    /// At the end: any input range whose elements convert to T. A contiguous
    /// range of T is not copied in memory; others go piece by piece, still as
    /// one change.
    template <detail::element_range<T> R>
    void append(R&& values) {
        insert_at([](std::uint64_t size) { return size; },
                  std::forward<R>(values));
    }
    void append(std::initializer_list<T> values) {
        append(std::span<T const>(values.begin(), values.size()));
    }

    /// Before element `pos`; at `size()` appends. Throws out_of_range.
    template <integer P, detail::element_range<T> R>
    void insert(P pos, R&& values) {
        insert_at(checked(pos), std::forward<R>(values));
    }
    template <integer P>
    void insert(P pos, std::initializer_list<T> values) {
        insert(pos, std::span<T const>(values.begin(), values.size()));
    }

    /// The elements of another array, or a slice of them, which do not go
    /// through memory as a whole.
    template <integer P>
    void insert(P pos, base const& source) {
        insert(pos, source, all);
    }
    template <integer P, slicing S>
    void insert(P pos, base const& source, S const& s) {
        insert_at(checked(pos), source.view(s));
    }

    void push_back(T const& value) { append(std::span<T const>(&value, 1)); }

    // overwriting

    /// All of [pos, pos + n) must exist: out_of_range.
    template <integer P, detail::element_range<T> R>
    void write(P pos, R&& values) {
        auto const at = detail::to_count(pos, "position");
        detail::with_element_bytes<T>(
            std::forward<R>(values), [&](std::span<std::byte const> bytes) {
                ref_.change([&](writer& w) {
                    detail::check_range(at, bytes.size() / element_bytes,
                                        w.size());
                    if (!bytes.empty())
                        w.reporting().write(at, bytes);
                });
            });
    }
    template <integer P>
    void write(P pos, std::initializer_list<T> values) {
        write(pos, std::span<T const>(values.begin(), values.size()));
    }

    /// As many values as the slice selects: size_mismatch.
    template <slicing S, detail::element_range<T> R>
    void write(S const& s, R&& values) {
        detail::with_element_bytes<T>(
            std::forward<R>(values), [&](std::span<std::byte const> bytes) {
                ref_.change([&](writer& w) {
                    auto const r = detail::resolve(s, w.size());
                    detail::require_same_size(bytes.size() / element_bytes,
                                              r.count);
                    if (r.count != 0)
                        w.reporting().write(r.first, r.step, bytes);
                });
            });
    }
    template <slicing S>
    void write(S const& s, std::initializer_list<T> values) {
        write(s, std::span<T const>(values.begin(), values.size()));
    }

    template <integer P>
    void set(P pos, T const& value) {
        write(pos, std::span<T const>(&value, 1));
    }

    /// values[i] to position indices[i]. Throws out_of_range, size_mismatch,
    /// and invalid_argument if a position is given twice.
    template <index_range I, detail::element_range<T> R>
    void scatter(I&& indices, R&& values) {
        detail::reporting_no_memory([&] {
            detail::index_list const list(indices, detail::any_size);
            detail::with_element_bytes<T>(
                std::forward<R>(values), [&](std::span<std::byte const> bytes) {
                    scatter_bytes(list, bytes);
                });
        });
    }
    template <index_range I>
    void scatter(I&& indices, std::initializer_list<T> values) {
        scatter(std::forward<I>(indices),
                std::span<T const>(values.begin(), values.size()));
    }

    // removing

    /// Elements [pos, pos + count). O(log n) pages whatever the count.
    /// Throws out_of_range.
    template <integer P, integer N>
    void erase(P pos, N count) {
        auto const at = detail::to_count(pos, "position");
        auto const n = detail::to_count(count, "count");
        ref_.change([&](writer& w) {
            detail::check_range(at, n, w.size());
            if (n != 0)
                w.erase(at, n);
        });
    }

    /// What the slice selects, in one pass over the touched leaves; gives
    /// how many.
    template <slicing S>
    std::uint64_t erase(S const& s) {
        return ref_.change([&](writer& w) {
            auto const r = detail::resolve(s, w.size());
            if (r.count != 0)
                w.reporting().erase(r.first, r.step, r.count);
            return r.count;
        });
    }

    /// Removes what the slice selects and gives it, in the slice's order.
    template <slicing S>
    std::vector<T> extract(S const& s) {
        return ref_.change([&](writer& w) {
            auto const r = detail::resolve(s, w.size());
            auto removed =
                detail::allocate_values<detail::element_buffer<T>>(r.count);
            if (r.count != 0)
                detail::fill_elements<T>(
                    std::span(removed), [&](std::span<std::byte> out) {
                        w.rope().read_strided(r.first, r.step, out);
                    });
            auto values = detail::to_values<T>(std::move(removed));
            if (r.count != 0)
                w.reporting().erase(r.first, r.step, r.count);
            return values;
        });
    }

    /// The elements at these positions. Throws out_of_range, and
    /// invalid_argument if one is given twice.
    template <index_range I>
    void erase_at(I&& indices) {
        detail::reporting_no_memory([&] {
            detail::index_list const list(indices, detail::any_size);
            ref_.change([&](writer& w) {
                detail::check_positions(list.positions(), w.size(), true);
                if (!list.empty())
                    w.reporting().erase_at(list.positions());
            });
        });
    }

    /// Throws out_of_range if there is none.
    void pop_back() {
        ref_.change([](writer& w) {
            if (w.size() == 0)
                detail::raise(errc::out_of_range, "pop_back of an empty array");
            w.erase(w.size() - 1, 1);
        });
    }
    void clear() {
        ref_.change([](writer& w) {
            if (w.size() != 0)
                w.erase(0, w.size());
        });
    }

    // whole arrays

    /// Cuts off the end, or grows by T{}, which takes no space in whole
    /// leaves if it is all zeros.
    template <integer N>
    void resize(N n) {
        if (detail::default_is_zero<T>())
            resize_with_zeros(detail::to_count(n, "count"));
        else
            resize(n, T{});
    }
    template <integer N>
    void resize(N n, T const& fill) {
        resize_with(detail::to_count(n, "count"), fill);
    }

    template <detail::element_range<T> R>
    void assign(R&& values) {
        compound([&](array& inside) {
            inside.clear();
            inside.append(std::forward<R>(values));
        });
    }
    void assign(std::initializer_list<T> values) {
        assign(std::span<T const>(values.begin(), values.size()));
    }

private:
    void scatter_bytes(detail::index_list const& list,
                       std::span<std::byte const> bytes) {
        detail::require_same_size(bytes.size() / element_bytes, list.size());
        std::vector<std::byte> sorted;
        auto const in_order =
            detail::permuted<element_bytes>(bytes, list.order(), sorted);
        ref_.change([&](writer& w) {
            detail::check_positions(list.positions(), w.size(), true);
            if (!list.empty())
                w.reporting().scatter(list.positions(), in_order);
        });
    }

    template <class P>
    static auto checked(P pos) {
        return [at = detail::to_count(pos, "position")](std::uint64_t size) {
            if (at > size)
                detail::raise(errc::out_of_range,
                              "insert before element " + std::to_string(at)
                                  + " of " + std::to_string(size));
            return at;
        };
    }

    /// `where(size)` gives the position.
    template <class Where, class R>
    void insert_at(Where const& where, R&& values) {
        if constexpr (detail::stored_in_place<R, T>) {
            auto const bytes = detail::bytes_of(values);
            ref_.change([&](writer& w) {
                std::uint64_t const at = where(w.size());
                if (!bytes.empty())
                    w.reporting().insert(at, bytes);
            });
        } else {
            detail::reporting_no_memory([&] {
                insert_in_pieces(where, std::forward<R>(values));
            });
        }
    }

    /// Values are converted outside of any lock, for the range may be one
    /// that reads a database.
    template <class Where, class R>
    void insert_in_pieces(Where const& where, R&& values) {
        detail::call_progress progress(ref_.owner().opt.progress,
                                       "insert: bytes of elements",
                                       detail::bytes_to_store<T>(values));
        detail::element_pieces<T, R> pieces(values);
        std::span<std::byte const> piece = pieces.next();
        if (pieces.done()) {
            ref_.change([&](writer& w) {
                std::uint64_t const at = where(w.size());
                if (!piece.empty())
                    w.insert(at, piece);
            });
            return;
        }
        compound([&](array& inside) {
            std::uint64_t at = where(inside.size());
            for (; !piece.empty(); piece = pieces.next()) {
                inside.ref_.change([&](writer& w) { w.insert(at, piece); });
                at += piece.size() / element_bytes;
                progress(piece.size());
            }
            progress.finish();
        });
    }

    void resize_with(std::uint64_t n, T const& fill) {
        if (detail::is_stored_as_zero(fill))
            return resize_with_zeros(n);
        compound([&](array& inside) {
            std::uint64_t const had = inside.size();
            if (n <= had)
                return inside.resize_with_zeros(n);
            detail::check_growth(ref_.state().shape, had, n - had);
            inside.append(std::views::iota(had, n)
                          | std::views::transform(
                              [&](std::uint64_t) { return fill; }));
        });
    }

    void resize_with_zeros(std::uint64_t n) {
        ref_.change([&](writer& w) {
            if (n < w.size())
                w.erase(n, w.size() - n);
            else if (n > w.size())
                w.insert_zeros(w.size(), n - w.size());
        });
    }

    /// Several changes as one: f(this array inside a transaction).
    template <class F>
    void compound(F&& f) {
        detail::reporting_no_memory([&] {
            detail::committer<Policies>(ref_.owner())
                .as_one(ref_.in_transaction(), [&](auto const& t) {
                    array inside(ref_.in(t));
                    f(inside);
                });
        });
    }
};

} // namespace numstore
