// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/name_face.hpp>
#include <numstore/database/read_pin.hpp>
#include <numstore/fwd.hpp>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore {

/// All arrays as they were at one moment. Opening and reading never wait for
/// a writer, and no writer waits for it. Cheap to copy. It holds the pages
/// that writers replace meanwhile, and after `close` the file; it may be
/// revoked where options::snapshot_max_bytes or snapshot_max_age bound that:
/// then every call, and all reads of arrays opened from it, throw
/// snapshot_expired, while views and chunks made before stay. Thread-safe.
template <class Policies>
class basic_snapshot {
public:
    /// Throws not_found, type_mismatch.
    template <class T>
    const_array<T, Policies> open(std::string_view name) const {
        return detail::reporting_no_memory([&] {
            return const_array<T, Policies>(
                names().open(name, detail::element_description<T>::text()));
        });
    }

    /// Throws not_found, type_mismatch.
    template <class T, class Extents>
    const_nd_array<T, Extents, Policies> open_nd(std::string_view name) const {
        return detail::reporting_no_memory([&] {
            return const_nd_array<T, Extents, Policies>::find(names(), name);
        });
    }

    bool contains(std::string_view name) const {
        return detail::reporting_no_memory(
            [&] { return names().contains(name); });
    }

    /// See `database::list`.
    std::vector<array_info> list(std::string_view pattern = "*") const {
        return detail::reporting_no_memory(
            [&] { return detail::list_arrays(names(), pattern); });
    }

    /// For numstore's own use.
    detail::read_pin_ptr<Policies> const& pin() const noexcept { return pin_; }

private:
    friend basic_database<Policies>;

    explicit basic_snapshot(std::shared_ptr<detail::engine<Policies>> e)
        : pin_(detail::reporting_no_memory([&] {
              using pin = detail::read_pin<Policies>;
              return std::make_shared<pin const>(std::move(e),
                                                 pin::kind::snapshot);
          })) {}

    detail::names<Policies> names() const {
        return {pin_->shared_engine(), {}, pin_};
    }

    detail::read_pin_ptr<Policies> pin_;
};

} // namespace numstore
