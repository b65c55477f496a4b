// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../rope/failing_new.hpp"

#include <numstore/testing/simulated_storage.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace faults_test {

/// While one lives, allocations are neither counted nor fail.
class sparing {
public:
    sparing() : left_(std::exchange(rope_test::allocations_left, -1)) {}
    sparing(sparing const&) = delete;
    sparing& operator=(sparing const&) = delete;
    ~sparing() { rope_test::allocations_left = left_; }

private:
    long left_;
};

/// A simulated device whose own memory does not run out: devices of real
/// files allocate nothing.
class spared_storage {
    using device = numstore::testing::simulated_storage;

public:
    explicit spared_storage(device d) : device_(std::move(d)) {}

    std::size_t block_size() const noexcept { return device_.block_size(); }
    std::string name() const { return device_.name(); }
    std::uint64_t size(std::error_code& ec) const noexcept {
        return device_.size(ec);
    }
    void read(std::uint64_t offset, std::span<std::byte> bytes,
              std::error_code& ec) const noexcept {
        sparing const spared;
        device_.read(offset, bytes, ec);
    }
    void write(std::uint64_t offset, std::span<std::byte const> bytes,
               std::error_code& ec) noexcept {
        sparing const spared;
        device_.write(offset, bytes, ec);
    }
    void write_durable(std::uint64_t offset, std::span<std::byte const> bytes,
                       std::error_code& ec) noexcept {
        sparing const spared;
        device_.write_durable(offset, bytes, ec);
    }
    void sync(std::error_code& ec) noexcept {
        sparing const spared;
        device_.sync(ec);
    }
    void resize(std::uint64_t bytes, std::error_code& ec) noexcept {
        sparing const spared;
        device_.resize(bytes, ec);
    }

    device const& simulated() const noexcept { return device_; }

private:
    device device_;
};
static_assert(numstore::storage_device<spared_storage>);

} // namespace faults_test
