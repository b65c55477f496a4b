// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/fwd.hpp>
#include <numstore/storage/posix_file.hpp>
#include <numstore/storage/storage_device.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace numstore {

/// A storage device on a file, by pread and pwrite. The object holds the
/// lock on its file until it is destroyed. A default-constructed one is empty.
///
/// Reads and writes of other ranges may run while one thread resizes.
class file_storage {
public:
    file_storage() noexcept = default;

    /// Opens and locks an existing file: exclusively for writing, shared for
    /// `read_only`. Errors: errc::not_found; errc::not_a_database for
    /// anything but a regular file; errc::read_only when only writing is
    /// refused; errc::locked; errc::busy when the holder has only views left;
    /// errc::invalid_argument for a path that cannot be one, and for a known
    /// network file system unless allowed; else what the system reported.
    static file_storage open(std::string const& path, bool read_only,
                             bool allow_network_fs,
                             std::error_code& ec) noexcept {
        return file_storage(
            detail::posix_file::open(path, read_only, allow_network_fs, ec));
    }

    /// Opens an existing file for reading without its lock, beside whoever
    /// writes: see `shared_device`. Errors as for `open`, but for errc::busy;
    /// errc::locked where a file system makes one lock of all kinds.
    static file_storage open_beside(std::string const& path,
                                    bool allow_network_fs,
                                    std::error_code& ec) noexcept {
        return file_storage(
            detail::posix_file::open_beside(path, allow_network_fs, ec));
    }

    /// Makes a new, empty, locked file without a name beside `path`, which
    /// vanishes unless it is published. Errors: errc::already_exists,
    /// errc::read_only for a directory that cannot be written, errc::not_found
    /// for one that does not exist, and as for `open`.
    static file_storage create(std::string const& path, bool allow_network_fs,
                               std::error_code& ec) noexcept {
        return file_storage(detail::posix_file::create(
            path, allow_network_fs, detail::unpublished::nameless_if_possible,
            ec));
    }

    /// Gives a new file its name; content, size and name are durable on
    /// return. Never replaces another file: errc::already_exists.
    void publish(std::error_code& ec) noexcept { file_.publish(ec); }

    /// From now on others who open the file get errc::busy, not errc::locked.
    void keep_for_views(std::error_code& ec) noexcept {
        file_.keep_for_views(ec);
    }

    /// See `shared_device`.
    void read_from(std::uint64_t generation, std::error_code& ec) noexcept {
        file_.read_from(generation, ec);
    }
    std::uint64_t oldest_reader(std::error_code& ec) const noexcept {
        return file_.oldest_reader(ec);
    }

    std::size_t block_size() const noexcept { return 4096; }
    std::string name() const { return file_.path(); }

    std::uint64_t size(std::error_code& ec) const noexcept {
        ec.clear();
        return file_.size();
    }
    void read(std::uint64_t offset, std::span<std::byte> bytes,
              std::error_code& ec) const noexcept {
        file_.read(offset, bytes, ec);
    }
    void write(std::uint64_t offset, std::span<std::byte const> bytes,
               std::error_code& ec) noexcept {
        file_.write(offset, bytes, ec);
    }
    void write_durable(std::uint64_t offset, std::span<std::byte const> bytes,
                       std::error_code& ec) noexcept {
        file_.write_durable(offset, bytes, ec);
    }
    void start_sync(std::uint64_t offset, std::size_t length,
                    std::error_code& ec) noexcept {
        file_.start_sync(offset, length, ec);
    }
    void sync(std::error_code& ec) noexcept { file_.sync(ec); }

    /// See `log_device`.
    void write_log_durable(std::uint64_t offset,
                           std::span<std::byte const> bytes,
                           std::error_code& ec) noexcept {
        file_.write_log_durable(offset, bytes, ec);
    }
    void sync_log(std::error_code& ec) noexcept { file_.sync_log(ec); }

    /// Growth is allocated, or refused and undone.
    void resize(std::uint64_t bytes, std::error_code& ec) noexcept {
        file_.resize(bytes, ec);
    }

private:
    explicit file_storage(detail::posix_file file) noexcept
        : file_(std::move(file)) {}

    detail::posix_file file_;
};

static_assert(file_device<file_storage>);
static_assert(eager_device<file_storage>);
static_assert(log_device<file_storage>);
static_assert(shared_device<file_storage>);

} // namespace numstore
