// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

namespace numstore::testing {

/// The calls of a device, as bits of a mask.
enum class call_kind : unsigned {
    read = 1,
    write = 2,
    write_durable = 4,
    sync = 8,
    resize = 16
};

inline constexpr unsigned mutating_calls = 2 | 4 | 8 | 16;
inline constexpr unsigned all_calls = mutating_calls | 1;

constexpr unsigned mask(call_kind kind) noexcept {
    return static_cast<unsigned>(kind);
}

/// One call as the device saw it. Reads are not recorded and have sequence 0.
struct call_record {
    std::uint64_t sequence = 0; // 1 is the first call that may change something
    call_kind kind = call_kind::read;
    std::uint64_t offset = 0; // of a resize: the new size
    std::size_t length = 0;
    std::error_code error{}; // what the call reported
    /// Of a write: its bytes, unless recording them is off.
    std::shared_ptr<std::vector<std::byte> const> data{};
};

/// How often what succeeded.
struct call_counts {
    std::uint64_t reads = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t writes = 0;
    std::uint64_t durable_writes = 0;
    std::uint64_t bytes_written = 0; // by both
    std::uint64_t syncs = 0;
    std::uint64_t resizes = 0;
    std::uint64_t failed = 0;

    friend bool operator==(call_counts const&, call_counts const&) = default;
};

/// Makes the `nth` call of `kinds` from now on fail.
struct fault {
    std::uint64_t nth = 1;
    unsigned kinds = mutating_calls;
    std::error_code error = std::make_error_code(std::errc::io_error);
    /// Every later call of `kinds` fails as well.
    bool sticky = false;
    /// Power goes during the call: it may have happened in part, and every
    /// later call of any kind fails.
    bool cut_power = false;
    /// How much of a write is done before it fails; by default nothing, and
    /// all of a durable write, whose bytes then show but are lost on reopen.
    std::optional<std::size_t> transferred{};
};

enum class recording { off, calls, calls_and_data };

} // namespace numstore::testing
