// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace numstore::detail {

/// What every name that matches the pattern begins with.
constexpr std::string_view glob_prefix(std::string_view pattern) noexcept {
    return pattern.substr(
        0, std::min(pattern.find_first_of("*?"), pattern.size()));
}

/// Does all of `name` match? `*` stands for any run of characters, also of
/// none and with '/' in it; `?` for one code point; all else for itself.
/// O(pattern * name) bytes at worst: only the last `*` is ever tried again,
/// since what an earlier one could take, the last one can take as well.
constexpr bool glob_matches(std::string_view pattern,
                            std::string_view name) noexcept {
    constexpr std::size_t none = std::string_view::npos;
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = none;  // behind the last `*` of the pattern
    std::size_t retry = none; // where the name goes on behind it
    auto const step = [&] {
        return std::max<std::size_t>(decode_utf8(name, n).bytes, 1);
    };
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            retry = n;
        } else if (p < pattern.size() && pattern[p] == '?') {
            ++p;
            n += step();
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p;
            ++n;
        } else if (star != none) {
            p = star;
            n = retry;
            n += step();
            retry = n;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == none;
}

} // namespace numstore::detail
