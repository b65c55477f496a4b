// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/format/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace numstore::detail {

/// Throws invalid_argument, with what is wrong and where, unless `text` has 1
/// to 1024 bytes of UTF-8 without control characters. `what` is what the
/// error calls it.
inline void check_text(std::string_view what, std::string_view text) {
    auto const refuse = [&](std::string const& why) {
        raise(errc::invalid_argument,
              std::string(what) + " " + quoted(text) + " " + why);
    };
    if (text.empty())
        refuse("is empty");
    if (text.size() > format::max_name_bytes)
        refuse("has " + std::to_string(text.size()) + " bytes, more than "
               + std::to_string(format::max_name_bytes));
    for (std::size_t at = 0; at < text.size();) {
        code_point const c = decode_utf8(text, at);
        if (c.bytes == 0)
            refuse("is not UTF-8 from byte " + std::to_string(at) + " on");
        if (is_control(c.value))
            refuse("has a control character at byte " + std::to_string(at));
        at += c.bytes;
    }
}

/// Throws invalid_argument unless an array can have this name. Names are
/// keys, never paths: `../x` is a name.
inline void check_name(std::string_view name) {
    check_text("array name", name);
}

/// Throws invalid_argument unless an attribute can have this key.
inline void check_attribute_key(std::string_view key) {
    check_text("attribute key", key);
}

} // namespace numstore::detail
