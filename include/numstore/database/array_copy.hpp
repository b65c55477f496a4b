// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_ref.hpp>
#include <numstore/database/array_writer.hpp>
#include <numstore/database/call_progress.hpp>
#include <numstore/database/catalogue_writer.hpp>
#include <numstore/database/names.hpp>
#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/rope/rope_tree.hpp>
#include <numstore/rope/survey.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace numstore::detail {

/// An element lies in one leaf. Throws invalid_argument.
template <class Policies>
void require_element_fits(std::uint64_t bytes) {
    if (bytes > max_element_pages * Policies::page_size)
        raise(errc::invalid_argument,
              "an element of " + std::to_string(bytes)
                  + " bytes is too large for pages of "
                  + std::to_string(Policies::page_size));
}

/// Copies an array, with its attributes and holes, between databases whose
/// policies may differ. Reads one version of it, which is pinned meanwhile;
/// holds a piece in memory.
template <class From, class To>
class array_copy {
public:
    explicit array_copy(array_ref<From> const& source)
        : source_(source), at_(source.pin()) {}

    /// Bytes of all elements, written or not.
    std::uint64_t bytes() const noexcept {
        return at_.shape.bytes(at_.root.size);
    }

    /// Where `to` is not a transaction, each step is one of its own. Calls
    /// report(bytes done since the last call). Throws already_exists,
    /// invalid_argument, what reading and writing throw, and what `report`
    /// throws.
    template <class Report>
    void run(names<To> const& to, std::string_view name, Report&& report) {
        auto const entry = describe();
        require_element_fits<To>(entry.element_size);
        auto const& form = source_.state().form;
        auto const target =
            source_.state().is_flat()
                ? to.create(name, entry.element, entry.element_size, false)
                : to.create_nd(name, entry.element, entry.element_size, form,
                               false);
        if (!entry.attributes.empty())
            to.change_array(target.state().id, [&](catalogue_writer<To>& w) {
                for (auto const& [key, value] : entry.attributes)
                    w.set_attribute(target.state().id, key, value);
            });
        auto const& shape = target.state().shape;
        piece_ = shape.capacity
                 * std::max<std::uint64_t>(1, piece_bytes / shape.page_bytes);
        for (std::uint64_t pos = 0; pos != at_.root.size;) {
            std::uint64_t const n = copy_some(target, pos);
            pos += n;
            report(at_.shape.bytes(n));
        }
        if (at_.dimensions != nullptr)
            target.change(
                [&](array_writer<To>& w) { w.reshape(at_.dimensions); });
    }

private:
    static constexpr std::uint64_t piece_bytes = std::uint64_t{4} << 20;

    format::catalogue_entry describe() const {
        return names<From>(source_.shared_engine(), source_.in_transaction(),
                           source_.in_transaction() ? nullptr : at_.pin)
            .describe(source_.state().id);
    }

    /// Elements from `pos` on that were copied: a piece, or a hole.
    std::uint64_t copy_some(array_ref<To> const& target, std::uint64_t pos) {
        rope_tree<dynamic_element, From> const rope(
            at_.pin->pages(), dynamic_element{source_.state().element_size},
            at_.root);
        range_layout const here = range_survey<From>(rope.nodes())(
            at_.root, pos, piece_);
        if (here.hole) {
            target.change([&](array_writer<To>& w) {
                w.resizing().insert_zeros(w.size(), here.elements);
            });
            return here.elements;
        }
        std::uint64_t const n = std::min(here.elements, piece_);
        buffer_.resize(static_cast<std::size_t>(at_.shape.bytes(n)));
        rope.read(pos, buffer_);
        target.change([&](array_writer<To>& w) {
            w.resizing().insert(w.size(), buffer_);
        });
        return n;
    }

    array_ref<From> source_;
    pinned_root<From> at_;
    std::uint64_t piece_ = 0; ///< elements
    std::vector<std::byte> buffer_;
};

/// In the transaction of `to`, or in one of its own.
template <class From, class To>
void copy_array(array_ref<From> const& source, names<To> const& to,
                std::string_view name) {
    array_copy<From, To> copy(source);
    call_progress progress(to.owner().opt.progress, "copy: bytes of elements",
                           copy.bytes());
    to.in_one_transaction([&](names<To> const& inside) {
        progress.begin();
        copy.run(inside, name, progress);
        progress.finish();
    });
}

} // namespace numstore::detail
