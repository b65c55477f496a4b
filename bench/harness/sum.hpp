// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <numeric>
#include <span>

namespace bench {

/// The sum of what a system shows in place: the same code for all of them,
/// with lanes enough to wait for memory and not for additions. Not inlined,
/// so that no system gets a better copy of it.
[[gnu::noinline]] inline double sum_in_place(std::span<float const> v) {
    std::array<float, 32> lanes{};
    std::size_t i = 0;
    for (; i + lanes.size() <= v.size(); i += lanes.size())
        for (std::size_t k = 0; k != lanes.size(); ++k)
            lanes[k] += v[i + k];
    double sum = std::accumulate(lanes.begin(), lanes.end(), 0.0);
    for (; i != v.size(); ++i)
        sum += static_cast<double>(v[i]);
    return sum;
}

} // namespace bench
