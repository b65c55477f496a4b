// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench {

/// What the command line says.
struct options {
    std::uint64_t bytes = std::uint64_t{256} << 20; ///< of the float32 array
    int repeats = 5;
    double seconds = 1; ///< most that one figure may take, where time ends it
    std::size_t operations = 1000; ///< of one figure, where a count ends it
    std::string filter;            ///< rows whose name contains it
    std::string folder = "."; ///< in which a folder of its own is made
    std::uint64_t log_bytes = std::uint64_t{64} << 20;
    std::uint64_t cache_bytes = std::uint64_t{256} << 20;
    bool smoke = false; ///< tiny sizes: shows that the program works

    std::uint64_t elements() const { return bytes / sizeof(float); }
    bool wants(std::string_view row) const {
        return row.find(filter) != std::string_view::npos;
    }
};

inline constexpr char const* usage =
    "bench [--mib N] [--repeats N] [--seconds S] [--operations N]\n"
    "      [--filter TEXT] [--folder PATH] [--log-mib N] [--cache-mib N]\n"
    "      [--smoke]\n"
    "Prints a JSON line for each result. Its files are in a new folder below\n"
    "PATH, on the file system that is to be measured: up to 16 arrays.\n";

/// Ends the program with the usage where it cannot be understood.
inline options parse(int count, char** words) {
    options o;
    for (int i = 1; i < count; ++i) {
        std::string_view const word = words[i];
        if (word == "--smoke") {
            o.smoke = true;
            o.bytes = std::uint64_t{1} << 20;
            o.repeats = 1;
            o.seconds = 0.02;
            o.operations = 20;
            o.log_bytes = std::uint64_t{1} << 20;
            continue;
        }
        char const* const value = i + 1 < count ? words[++i] : nullptr;
        if (value != nullptr && word == "--mib")
            o.bytes = std::strtoull(value, nullptr, 10) << 20;
        else if (value != nullptr && word == "--repeats")
            o.repeats = std::atoi(value);
        else if (value != nullptr && word == "--seconds")
            o.seconds = std::atof(value);
        else if (value != nullptr && word == "--operations")
            o.operations = std::strtoull(value, nullptr, 10);
        else if (value != nullptr && word == "--filter")
            o.filter = value;
        else if (value != nullptr && word == "--folder")
            o.folder = value;
        else if (value != nullptr && word == "--log-mib")
            o.log_bytes = std::strtoull(value, nullptr, 10) << 20;
        else if (value != nullptr && word == "--cache-mib")
            o.cache_bytes = std::strtoull(value, nullptr, 10) << 20;
        else {
            std::fputs(usage, stderr);
            std::exit(2);
        }
    }
    if (o.bytes < (std::uint64_t{1} << 20) || o.repeats < 1
        || o.operations < 1) {
        std::fputs(usage, stderr);
        std::exit(2);
    }
    o.folder += "/numstore-bench";
    return o;
}

} // namespace bench
