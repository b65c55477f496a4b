// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace bench {

/// Thrown where a system cannot do what a row asks for; the row goes on
/// without it and says so.
struct unsupported : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void check(bool good, char const* what) {
    if (!good)
        throw std::runtime_error(std::string(what) + " failed");
}
/// For system calls.
inline void check_errno(bool good, char const* what) {
    if (!good)
        throw std::system_error(errno, std::generic_category(), what);
}

} // namespace bench
