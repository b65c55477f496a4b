// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// numstore beside what one would otherwise use, in one run. See `usage`.
#include "harness/files.hpp"
#include "harness/options.hpp"
#include "workloads/workloads.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>

int main(int count, char** words) {
    bench::options const o = bench::parse(count, words);
    try {
        bench::empty_folder(o.folder);
        std::printf("{\"array_bytes\":%llu,\"log_bytes\":%llu,"
                    "\"cache_bytes\":%llu,\"repeats\":%d,\"seconds\":%g}\n",
                    static_cast<unsigned long long>(o.bytes),
                    static_cast<unsigned long long>(o.log_bytes),
                    static_cast<unsigned long long>(o.cache_bytes), o.repeats,
                    o.seconds);
        bench::run_threads(o);
        std::filesystem::remove_all(o.folder);
    } catch (std::exception const& e) {
        std::fprintf(stderr, "bench: %s\n", e.what());
        return 1;
    }
    return 0;
}
