// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/numstore.hpp>

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace campaign {

using values = std::vector<std::int32_t>;

/// What an array should hold.
struct array_model {
    values elements;
    std::map<std::string, std::int64_t> attributes;

    friend bool operator==(array_model const&, array_model const&) = default;
};

/// What a database should hold.
using model = std::map<std::string, array_model>;

/// What a check found, and by what name it can be run again.
class violation : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// True if `in`, a database, a transaction or a snapshot, holds just that.
template <class Source>
bool holds(Source& in, model const& expected) {
    auto const arrays = in.list();
    if (arrays.size() != expected.size())
        return false;
    auto m = expected.begin();
    for (auto const& info : arrays) {
        if (info.name != m->first
            || info.size != m->second.elements.size())
            return false;
        auto const array = in.template open<std::int32_t>(info.name);
        if (array.to_vector() != m->second.elements)
            return false;
        auto const attributes = array.attributes();
        if (attributes.list().size() != m->second.attributes.size())
            return false;
        for (auto const& [key, value] : m->second.attributes)
            if (attributes.template get_if<std::int64_t>(key) != value)
                return false;
        ++m;
    }
    return true;
}

} // namespace campaign
