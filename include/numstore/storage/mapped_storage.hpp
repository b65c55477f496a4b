// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/fwd.hpp>
#include <numstore/storage/file_windows.hpp>
#include <numstore/storage/posix_file.hpp>
#include <numstore/storage/posix_io.hpp>
#include <numstore/storage/storage_device.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace numstore {

/// A storage device on a file that can be read in place: written by pwrite,
/// read by pread or through a read-only mapping. The object holds the lock on
/// its file, and the mapping, until it is destroyed. A default-constructed one
/// is empty.
///
/// Reads, views and writes of other ranges may run while one thread resizes.
/// A media error under a view is a SIGBUS, and so is reading a view of bytes
/// that were cut off; `file_storage` has neither.
class mapped_storage {
public:
    mapped_storage() noexcept = default;

    /// As `file_storage::open`.
    static mapped_storage open(std::string const& path, bool read_only,
                               bool allow_network_fs,
                               std::error_code& ec) noexcept {
        return mapped_storage(
            detail::posix_file::open(path, read_only, allow_network_fs, ec));
    }

    /// As `file_storage::open_beside`.
    static mapped_storage open_beside(std::string const& path,
                                      bool allow_network_fs,
                                      std::error_code& ec) noexcept {
        return mapped_storage(
            detail::posix_file::open_beside(path, allow_network_fs, ec));
    }

    /// As `file_storage::create`.
    static mapped_storage create(std::string const& path, bool allow_network_fs,
                                 std::error_code& ec) noexcept {
        return mapped_storage(detail::posix_file::create(
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

    /// Growth is allocated, or refused and undone. The window is made before
    /// the size is published, so that whoever sees the size finds it.
    void resize(std::uint64_t bytes, std::error_code& ec) noexcept {
        if (bytes > file_.size())
            windows_.cover(file_.fd(), bytes);
        file_.resize(bytes, ec);
    }

    /// The bytes at `offset`, which show later writes and stay where they are
    /// until the device is destroyed; null past the end of the file, or where
    /// no address space was left.
    std::byte const* view(std::uint64_t offset,
                          std::size_t length) const noexcept {
        return detail::in_range(offset, length, file_.size())
                   ? windows_.find(offset, length)
                   : nullptr;
    }

private:
    explicit mapped_storage(detail::posix_file file) noexcept
        : file_(std::move(file)) {
        if (file_.fd() >= 0)
            windows_.cover(file_.fd(), file_.size());
    }

    detail::posix_file file_;
    detail::file_windows windows_;
};

static_assert(file_device<mapped_storage>);
static_assert(eager_device<mapped_storage>);
static_assert(log_device<mapped_storage>);
static_assert(shared_device<mapped_storage>);
static_assert(viewable_device<mapped_storage>);

} // namespace numstore
