// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sample.hpp"

#include <time.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

namespace bench {

/// Seconds since some fixed moment.
inline double now() {
    return std::chrono::duration<double>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// A number that a file of /proc/self names; 0 where there is none.
inline double proc_number(char const* file, char const* key) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);)
        if (line.compare(0, std::strlen(key), key) == 0)
            return std::strtod(line.c_str() + std::strlen(key), nullptr);
    return 0;
}

/// Seconds that the processors gave this process, all its threads.
inline double process_cpu() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

/// Time, bytes that this process wrote to files, and its peak memory, from
/// now on. Pages of files count as memory while they are mapped.
class meter {
public:
    meter() {
        std::ofstream("/proc/self/clear_refs") << "5\n"; // resets VmHWM
        memory_ = proc_number("/proc/self/status", "VmRSS:");
        dirtied_ = proc_number("/proc/self/io", "write_bytes:");
        called_ = proc_number("/proc/self/io", "wchar:");
        cpu_ = process_cpu();
        start_ = now();
    }
    double seconds() const { return now() - start_; }
    /// Given to the kernel by system calls; through a mapping, where there
    /// were none, what the kernel took for dirty. That counts whole folios,
    /// which may be many times what changed.
    double io_bytes() const {
        double const called = proc_number("/proc/self/io", "wchar:") - called_;
        return called > 4096 ? called : dirtied();
    }
    /// `operations`: of the unit that the first figure counts.
    void finish(sample& s, double operations = 0) const {
        s.cpu_rate = operations / (process_cpu() - cpu_);
        s.io_bytes = io_bytes();
        s.peak_bytes =
            (proc_number("/proc/self/status", "VmHWM:") - memory_) * 1024;
    }

private:
    double dirtied() const {
        return proc_number("/proc/self/io", "write_bytes:") - dirtied_;
    }

    double memory_;
    double dirtied_;
    double called_;
    double cpu_;
    double start_;
};

} // namespace bench
