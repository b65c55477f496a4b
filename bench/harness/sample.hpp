// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace bench {

/// What one run of one system gave. Trivially copyable: it comes through a
/// pipe from the process that measured.
struct sample {
    static constexpr std::size_t most = 6;
    std::array<double, most> figures = unknown(); ///< NaN: has none
    double cpu_rate = 0;      ///< work per second of processor time
    double user_bytes = 0;    ///< that the work was asked to store
    double bytes_written = 0; ///< as the system counts; -1 if it does not
    double io_bytes = 0;      ///< that the process wrote: see meter
    double peak_bytes = 0;    ///< of memory, above what there was before

    static std::array<double, most> unknown() {
        std::array<double, most> none{};
        none.fill(std::numeric_limits<double>::quiet_NaN());
        return none;
    }
};

inline double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    std::size_t const half = v.size() / 2;
    return v.size() % 2 == 1 ? v[half] : (v[half - 1] + v[half]) / 2;
}

} // namespace bench
