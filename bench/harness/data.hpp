// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace bench {

/// 4 KiB of elements, the unit of most edits.
inline constexpr std::size_t block_elements = 1024;
/// 1 MiB of elements, the unit of appends.
inline constexpr std::size_t piece_elements = std::size_t{1} << 18;

/// Elements that do not compress to nothing.
inline std::vector<float> some_elements(std::size_t n, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<float> v(n);
    for (float& x : v)
        x = static_cast<float>(random() >> 40);
    return v;
}

/// So many places below `end`, the same for every system.
inline std::vector<std::uint64_t> some_places(std::size_t n, std::uint64_t end,
                                              std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> v(n);
    for (std::uint64_t& x : v)
        x = random() % end;
    return v;
}

} // namespace bench
