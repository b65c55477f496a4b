// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/attribute_cast.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/database/names.hpp>
#include <numstore/error.hpp>
#include <numstore/format/attribute.hpp>
#include <numstore/format/name.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore {

/// Small values by name that belong to an array: units, origins, parameters.
/// Seen, and changed, as the array handle is: from outside, inside a
/// transaction or in a snapshot. Keys are 1..1024 bytes of UTF-8, values at
/// most 1 MiB. Copied by `clone`. O(log arrays + attributes of this array).
template <class Policies>
class attribute_map {
public:
    explicit attribute_map(detail::array_ref<Policies> const& array)
        : names_(array.shared_engine(), array.in_transaction(),
                 array.in_snapshot()),
          id_(array.state().id) {}

    /// Adds or replaces. Throws invalid_argument (key, value too large).
    template <attribute_source V>
    void set(std::string_view key, V&& value) {
        detail::reporting_no_memory([&] {
            detail::check_attribute_key(key);
            auto const bytes =
                format::encode_attribute(to_attribute(std::forward<V>(value)));
            names_.change_array(
                id_, [&](auto& w) { w.set_attribute(id_, key, bytes); });
        });
    }

    /// Throws not_found, type_mismatch, out_of_range.
    template <attribute_target V>
    V get(std::string_view key) const {
        return detail::reporting_no_memory([&] {
            if (auto value = get_if<V>(key))
                return V(std::move(*value));
            detail::raise(errc::not_found,
                          "there is no attribute " + std::string(key));
        });
    }

    /// Nothing if there is none. Throws type_mismatch, out_of_range.
    template <attribute_target V>
    std::optional<V> get_if(std::string_view key) const {
        return detail::reporting_no_memory([&]() -> std::optional<V> {
            auto const entry = names_.describe(id_);
            for (auto const& [name, value] : entry.attributes)
                if (name == key)
                    return attribute_cast<V>(format::decode_attribute(value));
            return std::nullopt;
        });
    }

    bool contains(std::string_view key) const {
        return get_if<attribute_value>(key).has_value();
    }

    /// False if there was none.
    bool erase(std::string_view key) {
        return detail::reporting_no_memory([&] {
            return names_.change_array(
                id_, [&](auto& w) { return w.erase_attribute(id_, key); });
        });
    }

    /// All keys and values, sorted by key.
    std::vector<std::pair<std::string, attribute_value>> list() const {
        return detail::reporting_no_memory([&] {
            std::vector<std::pair<std::string, attribute_value>> found;
            for (auto const& [name, value] : names_.describe(id_).attributes)
                found.emplace_back(name, format::decode_attribute(value));
            return found;
        });
    }

private:
    detail::names<Policies> names_;
    std::uint64_t id_;
};

} // namespace numstore
