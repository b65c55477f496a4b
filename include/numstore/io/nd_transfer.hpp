// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/any_array.hpp>
#include <numstore/array/element.hpp>
#include <numstore/database/transaction.hpp>
#include <numstore/error.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/io/array_transfer.hpp>
#include <numstore/io/transfer.hpp>
#include <numstore/nd/layout.hpp>
#include <numstore/nd/nd_view.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::io {

/// Makes a new array with the axes of what a reader finds; no axes are one
/// element. Facts become attributes. All in the caller's transaction.
template <class Policies>
class nd_sink {
public:
    nd_sink(basic_transaction<Policies>& tx, std::string_view name)
        : tx_(&tx), name_(name) {}

    /// Throws already_exists, invalid_argument (name; more than 32 axes;
    /// elements too large for a page).
    void begin(description const& what) {
        shape_ = what.shape;
        if (shape_.empty())
            shape_.push_back(1);
        auto empty = shape_;
        empty[0] = 0; // grows with what is written
        array_.emplace(tx_->create_any_nd(name_, what.element, empty));
        set_facts(*array_, what);
    }

    /// Throws invalid_argument where bytes are no value.
    void write(std::span<std::byte const> elements) {
        element_type const& type = array_->type();
        for (std::size_t at = 0; at != elements.size(); at += type.size())
            if (!type.valid(elements.data() + at))
                detail::raise(errc::invalid_argument,
                              name_ + ": bytes that are no value of "
                                  + type.to_string());
        array_->ref().change(
            [&](auto& w) { w.resizing().insert(w.size(), elements); });
    }

    /// Once all is written: the array has its shape only then.
    void finish() {
        array_->ref().change([&](auto& w) {
            if (shape_[0] == unknown_count) {
                std::uint64_t const row =
                    element_count(std::span(shape_).subspan(1));
                shape_[0] = row == 0 ? 0 : w.size() / row;
            }
            w.reshape(
                std::make_shared<std::vector<std::uint64_t> const>(shape_));
        });
    }

private:
    basic_transaction<Policies>* tx_;
    std::string name_;
    std::vector<std::uint64_t> shape_;
    std::optional<basic_any_array<Policies>> array_;
};

/// Gives a sink the fixed array that an element is as one more axis; of one
/// position where it is none.
template <class Sink>
class table_sink {
public:
    explicit table_sink(Sink& to) noexcept : to_(&to) {}

    void begin(description what) {
        if (what.element.kind() == element_kind::array) {
            what.shape.push_back(what.element.extent());
            what.element = element_type(what.element.inner());
        } else {
            what.shape.push_back(1);
        }
        to_->begin(what);
    }
    void write(std::span<std::byte const> elements) { to_->write(elements); }

private:
    Sink* to_;
};

/// Gives a sink another shape of as many elements.
template <class Sink>
class shaped_sink {
public:
    shaped_sink(Sink& to, std::vector<std::uint64_t> shape)
        : to_(&to), shape_(std::move(shape)) {}

    void begin(description what) {
        what.shape = shape_;
        to_->begin(what);
    }
    void write(std::span<std::byte const> elements) { to_->write(elements); }

private:
    Sink* to_;
    std::vector<std::uint64_t> shape_;
};

/// The elements of a source in rows: axes behind the first as fixed arrays.
template <class Source>
class row_source {
public:
    /// Throws invalid_argument (a row of no elements, or one that is too
    /// large for an element type).
    explicit row_source(Source& from) : from_(&from), what_(from.describe()) {
        while (what_.shape.size() > 1) {
            what_.element = element_type::array_of(what_.shape.back(),
                                                   std::move(what_.element));
            what_.shape.pop_back();
        }
    }

    description const& describe() const noexcept { return what_; }
    void read(std::span<std::byte> piece) { from_->read(piece); }

private:
    Source* from_;
    description what_;
};

/// Gives the elements of a view, the last axis fastest.
template <class T, class Layout, class Policies>
class view_source {
    static constexpr std::size_t rank = Layout::rank();
    static constexpr std::size_t element_bytes = detail::stored_bytes<T>;
    using counts = std::array<std::uint64_t, rank>;
    using strides = std::array<std::int64_t, rank>;

public:
    explicit view_source(
        nd_view<T, Layout, Policies> const& view,
        std::vector<std::pair<std::string, description::fact>> facts = {})
        : view_(view),
          counts_(view.shape().values()),
          what_{element_type_of<T>(),
                {counts_.begin(), counts_.end()},
                std::move(facts)} {
        std::uint64_t slab = 1;
        for (std::size_t k = rank; k-- != 0;) {
            strides_[k] = view.stride(k);
            slabs_[k] = slab;
            slab *= counts_[k];
        }
    }

    description const& describe() const noexcept { return what_; }

    /// As much as possible at once: whole positions of the outermost axis
    /// that stands at the beginning of one. Throws corrupt, io.
    void read(std::span<std::byte> piece) {
        while (!piece.empty()) {
            std::uint64_t const n = piece.size() / element_bytes;
            std::size_t k = 0;
            while (done_ % slabs_[k] != 0 || n < slabs_[k])
                ++k;
            std::uint64_t const at = done_ / slabs_[k] % counts_[k];
            std::uint64_t const some = std::min(counts_[k] - at, n / slabs_[k]);
            auto const bytes =
                static_cast<std::size_t>(some * slabs_[k]) * element_bytes;
            read_part(k, some, piece.first(bytes));
            done_ += some * slabs_[k];
            piece = piece.subspan(bytes);
        }
    }

private:
    /// `some` positions of axis `k`, one of those before it.
    void read_part(std::size_t k, std::uint64_t some,
                   std::span<std::byte> out) const {
        counts part = counts_;
        std::uint64_t first = view_.layout().first();
        for (std::size_t j = 0; j <= k; ++j) {
            part[j] = j == k ? some : 1;
            first += done_ / slabs_[j] % counts_[j]
                     * static_cast<std::uint64_t>(strides_[j]);
        }
        view_.read_layout(detail::dynamic_layout<rank>(first, part, strides_),
                          out);
    }

    nd_view<T, Layout, Policies> view_;
    counts counts_;
    counts slabs_{}; ///< elements behind one position of each axis
    strides strides_{};
    description what_;
    std::uint64_t done_ = 0;
};

/// f(sink) for one new array with axes.
template <class To, class F>
void import_nd(To& to, std::string_view name, F&& f) {
    import_arrays(to, [&](auto& tx) {
        nd_sink sink(tx, name);
        f(sink);
        sink.finish();
    });
}

/// f(source) for a view.
template <class T, class Layout, class Policies, class F>
void export_array(nd_view<T, Layout, Policies> const& view, F&& f) {
    detail::reporting_no_memory([&] {
        view_source source(view);
        f(source);
    });
}

/// A handle of an array that may have tiles.
template <class A>
concept nd_handle =
    detail::array_handle<A> && requires(A const& a) { a.view(), a.tile(); };

/// f(source); of tiles they are put in order on the way.
template <nd_handle Array, class F>
void export_array(Array const& array, F&& f) {
    detail::reporting_no_memory([&] {
        if (array.tile().empty()) {
            array_source source(array.ref());
            f(source);
        } else {
            view_source source(array.view(), facts_of(array.ref()));
            f(source);
        }
    });
}

/// What can be exported: a handle of an array, or a view of one with axes.
template <class A>
concept exportable =
    detail::array_handle<A> || requires(A const& a) { view_source(a); };

} // namespace numstore::io
