// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/any_array.hpp>
#include <numstore/array/attributes.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/database/database.hpp>
#include <numstore/database/name_face.hpp>
#include <numstore/database/transaction.hpp>
#include <numstore/error.hpp>
#include <numstore/format/element_parser.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/io/transfer.hpp>
#include <numstore/nd/nd_read.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace numstore::io {

/// As attributes.
template <class Policies>
void set_facts(basic_any_array<Policies> const& array,
               description const& what) {
    for (auto const& [key, fact] : what.facts)
        std::visit([&](auto const& v) { array.attributes().set(key, v); },
                   fact);
}

/// Makes a new array, of rank 1, of what a reader finds: axes behind the
/// first become fixed arrays, as `[3][4]f32`, no axes one element. Facts
/// become attributes. All in the caller's transaction.
template <class Policies>
class array_sink {
public:
    array_sink(basic_transaction<Policies>& tx, std::string_view name)
        : tx_(&tx), name_(name) {}

    /// Throws already_exists, invalid_argument (name; an axis of no elements;
    /// elements too large for a page).
    void begin(description const& what) {
        element_type element = what.element;
        for (std::size_t axis = what.shape.size(); axis-- > 1;)
            element =
                element_type::array_of(what.shape[axis], std::move(element));
        array_.emplace(tx_->create_any(name_, element));
        set_facts(*array_, what);
    }

    /// Elements of the file: of those behind axis 0 any number is an element
    /// here, so that one may be cut off at the end.
    void write(std::span<std::byte const> elements) {
        std::size_t const size = array_->type().size();
        if (!begun_.empty()) {
            auto const n = std::min(size - begun_.size(), elements.size());
            begun_.insert(begun_.end(), elements.begin(),
                          elements.begin() + static_cast<std::ptrdiff_t>(n));
            elements = elements.subspan(n);
            if (begun_.size() != size)
                return;
            array_->append(begun_);
            begun_.clear();
        }
        std::size_t const whole = elements.size() / size * size;
        array_->append(elements.first(whole));
        auto const rest = elements.subspan(whole);
        begun_.assign(rest.begin(), rest.end());
    }

private:
    basic_transaction<Policies>* tx_;
    std::string name_;
    std::optional<basic_any_array<Policies>> array_;
    std::vector<std::byte> begun_; ///< of an element
};

/// Of its attributes.
template <class Policies>
std::vector<std::pair<std::string, description::fact>>
facts_of(detail::array_ref<Policies> const& array) {
    std::vector<std::pair<std::string, description::fact>> facts;
    for (auto const& [key, value] : attribute_map<Policies>(array).list())
        if (auto const* const n = std::get_if<std::int64_t>(&value))
            facts.emplace_back(key, *n);
        else if (auto const* const x = std::get_if<double>(&value))
            facts.emplace_back(key, *x);
        else if (auto const* const text = std::get_if<std::string>(&value))
            facts.emplace_back(key, *text);
    return facts;
}

/// Gives the elements of an array, as it was when the source was made, one
/// after the other as they are stored, with its axes.
template <class Policies>
class array_source {
public:
    explicit array_source(detail::array_ref<Policies> const& array)
        : pinned_(array.pin()),
          cursor_(pinned_.cursor()),
          fill_(array.state().form.fill) {
        what_.element = element_type::parse(array.state().element);
        if (pinned_.dimensions == nullptr)
            what_.shape = {pinned_.root.size};
        else
            what_.shape = *pinned_.dimensions;
        what_.facts = facts_of(array);
    }

    description const& describe() const noexcept { return what_; }

    /// Throws corrupt where what is stored is no value, io.
    void read(std::span<std::byte> piece) {
        std::size_t const size = what_.element.size();
        while (!piece.empty()) {
            auto const run = cursor_.run(piece.size() / size);
            std::size_t const bytes =
                static_cast<std::size_t>(run.count) * size;
            std::memcpy(piece.data(), run.data, bytes);
            detail::apply_fill(fill_, piece.first(bytes));
            for (std::size_t at = 0; at != bytes; at += size)
                if (!what_.element.valid(piece.data() + at))
                    detail::raise_no_value();
            piece = piece.subspan(bytes);
            cursor_.seek(cursor_.position() + run.count);
        }
    }

private:
    detail::pinned_root<Policies> pinned_;
    detail::rope_cursor<Policies> cursor_;
    std::vector<std::byte> fill_;
    description what_;
};

/// f(transaction): what it makes is there wholly or not at all.
template <class Policies, class F>
void import_arrays(basic_transaction<Policies>& tx, F&& f) {
    tx.as_one([&] { f(tx); });
}
template <class Policies, class F>
void import_arrays(basic_database<Policies>& db, F&& f) {
    auto tx = db.begin();
    detail::reporting_no_memory([&] { f(tx); });
    tx.commit();
}

/// f(sink) for one new array.
template <class To, class F>
void import_array(To& to, std::string_view name, F&& f) {
    import_arrays(to, [&](auto& tx) {
        array_sink sink(tx, name);
        f(sink);
    });
}

/// f(source) for any handle of an array.
template <detail::array_handle Array, class F>
void export_array(Array const& array, F&& f) {
    detail::reporting_no_memory([&] {
        array_source source(array.ref());
        f(source);
    });
}

} // namespace numstore::io
