// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <random>

namespace numstore::detail {

/// A number that no earlier generation of a log used, but for a chance of
/// 2^-64: the system's entropy, mixed with the time should that be poor.
inline std::uint64_t random_salt() noexcept {
    auto salt = static_cast<std::uint64_t>(
        std::chrono::system_clock::now().time_since_epoch().count());
    salt *= 0x9e3779b97f4a7c15;
    try {
        std::random_device entropy;
        salt ^= static_cast<std::uint64_t>(entropy()) << 32 | entropy();
    } catch (std::exception const&) {
        salt ^= salt >> 29;
    }
    return salt;
}

} // namespace numstore::detail
