// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../rope/failing_new.hpp"

#include <numstore/testing/simulated_storage.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

namespace faults_test {

/// While one lives, allocations are neither counted nor fail.
class sparing {
public:
    sparing() noexcept { ++rope_test::allocations_spared; }
    sparing(sparing const&) = delete;
    sparing& operator=(sparing const&) = delete;
    ~sparing() { --rope_test::allocations_spared; }
};

/// A simulated device whose own memory does not run out: devices of real
/// files allocate nothing.
class spared_storage : public numstore::testing::simulated_storage {
    using device = numstore::testing::simulated_storage;

public:
    spared_storage() = default;
    spared_storage(device d) : device(std::move(d)) {}

    void read(std::uint64_t offset, std::span<std::byte> bytes,
              std::error_code& ec) const noexcept {
        sparing const spared;
        device::read(offset, bytes, ec);
    }
    void write(std::uint64_t offset, std::span<std::byte const> bytes,
               std::error_code& ec) noexcept {
        sparing const spared;
        device::write(offset, bytes, ec);
    }
    void write_durable(std::uint64_t offset, std::span<std::byte const> bytes,
                       std::error_code& ec) noexcept {
        sparing const spared;
        device::write_durable(offset, bytes, ec);
    }
    void sync(std::error_code& ec) noexcept {
        sparing const spared;
        device::sync(ec);
    }
    void resize(std::uint64_t bytes, std::error_code& ec) noexcept {
        sparing const spared;
        device::resize(bytes, ec);
    }
};
static_assert(numstore::shared_device<spared_storage>);

} // namespace faults_test
