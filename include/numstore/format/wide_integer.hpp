// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace numstore {

/// Integers of 128 bits. Standard C++ has none: these are the compiler's.
__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

namespace detail {

/// From 16 little-endian bytes.
template <class Wide>
Wide load_wide(std::byte const* bytes) noexcept {
    auto const half = [&](std::size_t at) {
        return boost::endian::endian_load<std::uint64_t, 8,
                                          boost::endian::order::little>(
            reinterpret_cast<unsigned char const*>(bytes + at));
    };
    return static_cast<Wide>(uint128{half(8)} << 64 | half(0));
}

/// In decimal.
template <class Wide>
void append_wide(std::string& out, Wide value) {
    bool const negative = value < 0;
    uint128 rest = static_cast<uint128>(value);
    if (negative)
        rest = 0 - rest;
    std::size_t const start = out.size();
    do {
        out += static_cast<char>('0' + static_cast<int>(rest % 10));
        rest /= 10;
    } while (rest != 0);
    if (negative)
        out += '-';
    std::reverse(out.begin() + static_cast<std::ptrdiff_t>(start), out.end());
}

} // namespace detail
} // namespace numstore
