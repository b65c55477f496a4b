// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/storage/new_file.hpp>
#include <numstore/storage/posix_io.hpp>

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace numstore::detail {

[[noreturn]] inline void raise_short(std::string const& name) {
    raise(errc::corrupt, name + ": ends too early");
}

} // namespace numstore::detail

namespace numstore::io {

/// Bytes of a known number that can be read anywhere: a file, a part of one,
/// memory. Throws corrupt where a range goes past the end, io.
template <class S>
concept byte_source =
    requires(S& source, std::uint64_t offset, std::span<std::byte> out) {
        { source.size() } -> std::convertible_to<std::uint64_t>;
        { source.name() } -> std::convertible_to<std::string>;
        source.read_at(offset, out);
    };

/// Takes bytes one after the other.
template <class S>
concept byte_sink =
    requires(S& sink, std::span<std::byte const> bytes) { sink.write(bytes); };

/// A file that is read. Throws not_found, invalid_argument (not a file), io.
class input_file {
public:
    explicit input_file(std::string path) : path_(std::move(path)) {
        fd_ = detail::unique_fd(detail::retry_interrupted([&] {
            return ::open(path_.c_str(),
                          O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        }));
        if (!fd_) {
            if (errno == ENOENT)
                detail::raise(errc::not_found, path_);
            fail(detail::last_os_error());
        }
        struct stat about{};
        if (::fstat(fd_.get(), &about) != 0)
            fail(detail::last_os_error());
        if (!S_ISREG(about.st_mode))
            detail::raise(errc::invalid_argument, path_ + ": not a file");
        size_ = static_cast<std::uint64_t>(about.st_size);
    }

    std::uint64_t size() const noexcept { return size_; }
    std::string const& name() const noexcept { return path_; }

    void read_at(std::uint64_t offset, std::span<std::byte> out) const {
        if (!detail::in_range(offset, out.size(), size_))
            detail::raise_short(path_);
        std::error_code ec;
        detail::read_all(fd_.get(), offset, out, ec);
        if (ec)
            fail(ec);
    }

private:
    [[noreturn]] void fail(std::error_code const& ec) const {
        detail::raise_device(ec, path_);
    }

    std::string path_;
    detail::unique_fd fd_;
    std::uint64_t size_ = 0;
};
static_assert(byte_source<input_file>);

/// Bytes in memory.
class memory_source {
public:
    memory_source(std::span<std::byte const> bytes, std::string name)
        : bytes_(bytes), name_(std::move(name)) {}

    std::uint64_t size() const noexcept { return bytes_.size(); }
    std::string const& name() const noexcept { return name_; }
    void read_at(std::uint64_t offset, std::span<std::byte> out) const {
        if (!detail::in_range(offset, out.size(), bytes_.size()))
            detail::raise_short(name_);
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset),
                    out.size(), out.begin());
    }

private:
    std::span<std::byte const> bytes_;
    std::string name_;
};
static_assert(byte_source<memory_source>);

/// Part of another source.
template <byte_source Source>
class source_part {
public:
    /// Throws corrupt unless the part lies in the source.
    source_part(Source& source, std::uint64_t offset, std::uint64_t size,
                std::string name)
        : source_(&source),
          offset_(offset),
          size_(size),
          name_(std::move(name)) {
        if (offset > source.size() || size > source.size() - offset)
            detail::raise_short(name_);
    }

    std::uint64_t size() const noexcept { return size_; }
    std::string const& name() const noexcept { return name_; }
    void read_at(std::uint64_t offset, std::span<std::byte> out) const {
        if (!detail::in_range(offset, out.size(), size_))
            detail::raise_short(name_);
        source_->read_at(offset_ + offset, out);
    }

private:
    Source* source_;
    std::uint64_t offset_;
    std::uint64_t size_;
    std::string name_;
};

/// Bytes that are collected in memory.
class memory_sink {
public:
    void write(std::span<std::byte const> bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    std::vector<std::byte> const& bytes() const noexcept { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};
static_assert(byte_sink<memory_sink>);

/// A file that is written. It appears under its name, in place of what was
/// there, when `publish` has returned, whole and synced; else not at all.
/// Throws no_space, io, read_only.
class output_file {
public:
    explicit output_file(std::string path) : path_(std::move(path)) {
        detail::reporting_no_memory([&] { make(); });
    }
    output_file(output_file const&) = delete;
    output_file& operator=(output_file const&) = delete;
    ~output_file() {
        if (!published_)
            ::unlink(temporary_.c_str());
    }

    /// Bytes written so far.
    std::uint64_t size() const noexcept { return at_ + buffer_.size(); }
    std::string const& name() const noexcept { return path_; }

    void write(std::span<std::byte const> bytes) {
        if (bytes.size() > buffer_bytes - buffer_.size())
            flush();
        if (bytes.size() >= buffer_bytes)
            return write_out(bytes);
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    }

    /// Overwrites what has been written before.
    void write_at(std::uint64_t offset, std::span<std::byte const> bytes) {
        flush();
        std::error_code ec;
        detail::write_all(fd_.get(), offset, bytes, 0, ec);
        check(ec);
    }

    void publish() {
        flush();
        std::error_code ec;
        detail::sync_data(fd_.get(), ec);
        check(ec);
        if (::rename(temporary_.c_str(), target_.c_str()) != 0)
            check(detail::last_os_error());
        published_ = true;
        sync_folder();
    }

private:
    static constexpr std::size_t buffer_bytes = std::size_t{1} << 18;

    /// Makes the file last: what throws leaves none behind.
    void make() {
        std::error_code ec;
        target_ = detail::follow_links(path_, ec);
        check(ec);
        folder_ = detail::split_path(target_).first;
        buffer_.reserve(buffer_bytes);
        for (int attempt = 0; !fd_ && attempt != 100; ++attempt) {
            std::uint64_t random = 0;
            if (::getrandom(&random, sizeof random, 0) != sizeof random)
                check(detail::last_os_error());
            temporary_ = target_ + ".new-" + std::to_string(random);
            fd_ = detail::unique_fd(
                ::open(temporary_.c_str(),
                       O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666));
            if (!fd_ && errno != EEXIST)
                check(detail::write_refusal(errno));
        }
    }

    void flush() {
        write_out(buffer_);
        buffer_.clear();
    }
    void write_out(std::span<std::byte const> bytes) {
        std::error_code ec;
        if (!detail::within_file_limit(at_ + bytes.size()))
            ec = detail::os_error(EFBIG);
        else
            detail::write_all(fd_.get(), at_, bytes, 0, ec);
        check(ec);
        at_ += bytes.size();
    }
    /// Some file systems cannot sync a directory; they say EINVAL.
    void sync_folder() const {
        detail::unique_fd const folder(
            ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!folder || (::fsync(folder.get()) != 0 && errno != EINVAL))
            check(detail::last_os_error());
    }
    void check(std::error_code const& ec) const {
        if (ec)
            detail::raise_device(ec, path_);
    }

    std::string path_;
    std::string target_; // where links from path_ lead
    std::string folder_; // of the target
    std::string temporary_;
    detail::unique_fd fd_;
    std::vector<std::byte> buffer_;
    std::uint64_t at_ = 0;
    bool published_ = false;
};
static_assert(byte_sink<output_file>);

} // namespace numstore::io
