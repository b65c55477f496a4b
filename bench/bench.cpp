// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// numstore beside what one would otherwise use, in one run. See `usage`.
#include "harness/files.hpp"
#include "harness/options.hpp"
#include "peers/missing.hpp"
#include "workloads/workloads.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <system_error>

int main(int count, char** words) {
    bench::options const o = bench::parse(count, words);
    try {
        if (!std::filesystem::create_directory(o.folder)) {
            std::fprintf(stderr, "bench: there is a %s\n", o.folder.c_str());
            return 1;
        }
        bench::write_back(o.folder);
        std::printf("{\"array_bytes\":%llu,\"log_bytes\":%llu,"
                    "\"cache_bytes\":%llu,\"repeats\":%d,\"seconds\":%g}\n",
                    static_cast<unsigned long long>(o.bytes),
                    static_cast<unsigned long long>(o.log_bytes),
                    static_cast<unsigned long long>(o.cache_bytes), o.repeats,
                    o.seconds);
        bench::say_missing_peers();
        bench::run_threads(o);
        bench::run_slow_sync(o);
        bench::run_append(o);
        bench::run_read(o);
        bench::run_edit(o);
        bench::run_age(o);
        bench::run_open(o);
        bench::run_compile(o);
        std::filesystem::remove_all(o.folder);
    } catch (std::exception const& e) {
        std::fprintf(stderr, "bench: %s\n", e.what());
        std::error_code ignored;
        std::filesystem::remove_all(o.folder, ignored);
        return 1;
    }
    return 0;
}
