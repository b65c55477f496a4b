// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Writers in threads of one process on a device that takes its time.
#include "workloads.hpp"
#include "writers.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace bench {

namespace {

/// A file whose syncs take a millisecond, and what the disk takes.
struct slow_file : ns::mapped_storage {
    slow_file() = default;
    explicit slow_file(ns::mapped_storage&& file) noexcept
        : ns::mapped_storage(std::move(file)) {}

    static slow_file open(std::string const& path, bool read_only,
                          bool allow_network_fs,
                          std::error_code& ec) noexcept {
        return slow_file(
            mapped_storage::open(path, read_only, allow_network_fs, ec));
    }
    static slow_file open_beside(std::string const& path, bool allow_network_fs,
                                 std::error_code& ec) noexcept {
        return slow_file(
            mapped_storage::open_beside(path, allow_network_fs, ec));
    }
    static slow_file create(std::string const& path, bool allow_network_fs,
                            std::error_code& ec) noexcept {
        return slow_file(mapped_storage::create(path, allow_network_fs, ec));
    }

    void write_durable(std::uint64_t offset, std::span<std::byte const> bytes,
                       std::error_code& ec) noexcept {
        mapped_storage::write_durable(offset, bytes, ec);
        std::this_thread::sleep_for(delay);
    }
    void sync(std::error_code& ec) noexcept {
        mapped_storage::sync(ec);
        std::this_thread::sleep_for(delay);
    }

    static constexpr std::chrono::milliseconds delay{1};
};

struct slow_policies : ns::default_policies {
    using storage = slow_file;
};

} // namespace

void run_slow_sync(options const& o) {
    compare_writers<slow_policies>(
        o, "writers_1ms_sync",
        {block_elements, "an overwrite of 4 KiB in each commit, on a device "
                         "whose syncs take a millisecond more"});
}

} // namespace bench
