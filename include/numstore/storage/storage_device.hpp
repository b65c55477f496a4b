// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace numstore {

/// A flat byte device: the only layer that talks to the operating system.
/// Never throws; reports through `ec`, which a successful call clears.
/// Concurrent reads are allowed, and writes to ranges that do not overlap.
/// Short transfers and EINTR are retried inside.
///
/// | call                               | effect                              |
/// |------------------------------------|-------------------------------------|
/// | `block_size()`                     | what a power loss damages at once   |
/// | `size(ec)`                         | bytes of the device                 |
/// | `read(offset, bytes, ec)`          | fills all of `bytes`                |
/// | `write(offset, bytes, ec)`         | writes all of `bytes`, not durable  |
/// | `write_durable(offset, bytes, ec)` | the same; durable on return         |
/// | `sync(ec)`                         | all before it is durable on return  |
/// | `resize(bytes, ec)`                | new size; growth is allocated, zero |
/// | `name()`                           | what messages call the device       |
///
/// Reading past the end is an error; writing never grows the device, and growth
/// is never sparse. A durable write promises nothing about other ranges.
template <class S>
concept storage_device =
    std::movable<S>
    && requires(S s, S const cs, std::uint64_t offset, std::span<std::byte> in,
                std::span<std::byte const> out, std::error_code& ec) {
           { cs.block_size() } noexcept -> std::same_as<std::size_t>;
           { cs.size(ec) } noexcept -> std::same_as<std::uint64_t>;
           { cs.read(offset, in, ec) } noexcept -> std::same_as<void>;
           { s.write(offset, out, ec) } noexcept -> std::same_as<void>;
           { s.write_durable(offset, out, ec) } noexcept -> std::same_as<void>;
           { s.sync(ec) } noexcept -> std::same_as<void>;
           { s.resize(offset, ec) } noexcept -> std::same_as<void>;
           { cs.name() } -> std::same_as<std::string>;
       };

/// A device whose bytes can be read in place. `view` gives the address of
/// `length` bytes at `offset`, which stays valid, and shows later writes,
/// until the device is destroyed; or null, where the caller must `read`.
template <class S>
concept viewable_device =
    storage_device<S>
    && requires(S const cs, std::uint64_t offset, std::size_t length) {
           { cs.view(offset, length) } noexcept
               -> std::same_as<std::byte const*>;
       };

/// A device that can begin early what a `sync` that follows soon would wait
/// for: `start_sync` hands what was written to [offset, offset + length) to the
/// medium and does not wait for it. Promises nothing; an error is one of the
/// writes before it.
template <class S>
concept eager_device =
    storage_device<S>
    && requires(S s, std::uint64_t offset, std::size_t length,
                std::error_code& ec) {
           { s.start_sync(offset, length, ec) } noexcept -> std::same_as<void>;
       };

/// A device that tells of each write that failed after it was made not only
/// whoever syncs next: `write_log_durable` and `sync_log` are `write_durable`
/// and `sync`, by the one thread at a time that makes the log durable, and
/// report an error even if one of those has, and the other way round. Linux
/// tells each open file once, so that where log and pages are synced through
/// one, a checkpoint might take the error of a commit, which then counts as
/// durable.
template <class S>
concept log_device =
    storage_device<S>
    && requires(S s, std::uint64_t offset, std::span<std::byte const> out,
                std::error_code& ec) {
           {
               s.write_log_durable(offset, out, ec)
           } noexcept -> std::same_as<void>;
           { s.sync_log(ec) } noexcept -> std::same_as<void>;
       };

/// A device that others may open for reading while one writes. Who opens it
/// for that needs any state of it at first; `read_from` says that from now on
/// it is what superblock `generation` refers to, and what is written later.
/// `oldest_reader` tells the writer the oldest such generation: 0 while
/// somebody is opening the device, the largest number where nobody else reads.
/// A reader that is gone, however it went, needs nothing.
template <class S>
concept shared_device =
    storage_device<S>
    && requires(S s, S const cs, std::uint64_t generation,
                std::error_code& ec) {
           { s.read_from(generation, ec) } noexcept -> std::same_as<void>;
           { cs.oldest_reader(ec) } noexcept -> std::same_as<std::uint64_t>;
       };

/// A device that is a file with a name. `create` builds an unnamed new file
/// beside `path`; `publish` gives it its name, never replacing another file
/// (errc::already_exists), and makes the name durable. `open` takes the lock:
/// exclusive for writing, shared for `read_only`; errc::locked where another
/// user holds it, errc::busy where only views of a closed database do.
/// `keep_for_views` says that the database was closed and only views remain.
/// If it is a `shared_device`, `open_beside(path, allow_network_fs, ec)` opens
/// it for reading, without a lock.
template <class S>
concept file_device =
    storage_device<S>
    && requires(S s, std::string const& path, bool flag, std::error_code& ec) {
           {
               S::open(path, flag /*read_only*/, flag /*allow_network_fs*/, ec)
           } noexcept -> std::same_as<S>;
           {
               S::create(path, flag /*allow_network_fs*/, ec)
           } noexcept -> std::same_as<S>;
           { s.publish(ec) } noexcept -> std::same_as<void>;
           { s.keep_for_views(ec) } noexcept -> std::same_as<void>;
       };

namespace detail {

/// `sync` for the log.
template <storage_device S>
void sync_log_of(S& device, std::error_code& ec) noexcept {
    if constexpr (log_device<S>)
        device.sync_log(ec);
    else
        device.sync(ec);
}

} // namespace detail
} // namespace numstore
