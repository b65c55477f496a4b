// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/io/file.hpp>
#include <numstore/storage/posix_io.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace numstore::io {

/// A copy of a source in a file without a name, below TMPDIR or /tmp, that is
/// gone with it: for sources that are slow to read out of order. Throws io,
/// no_space, and what the source throws.
class spooled_source {
public:
    template <byte_source Source>
    explicit spooled_source(Source const& source)
        : name_(source.name()), size_(source.size()), fd_(nameless_file()) {
        constexpr std::size_t piece_bytes = std::size_t{1} << 18;
        std::vector<std::byte> piece;
        for (std::uint64_t at = 0; at != size_; at += piece.size()) {
            piece.resize(static_cast<std::size_t>(
                std::min<std::uint64_t>(piece_bytes, size_ - at)));
            source.read_at(at, piece);
            std::error_code ec;
            detail::write_all(fd_.get(), at, piece, 0, ec);
            check(ec);
        }
    }

    std::uint64_t size() const noexcept { return size_; }
    std::string const& name() const noexcept { return name_; }

    void read_at(std::uint64_t offset, std::span<std::byte> out) const {
        if (!detail::in_range(offset, out.size(), size_))
            detail::raise_short(name_);
        std::error_code ec;
        detail::read_all(fd_.get(), offset, out, ec);
        check(ec);
    }

private:
    detail::unique_fd nameless_file() const {
        char const* const folder = ::getenv("TMPDIR");
        std::string path = folder == nullptr ? "/tmp" : folder;
        path += "/numstore-XXXXXX";
        detail::unique_fd file(::mkostemp(path.data(), O_CLOEXEC));
        if (!file)
            check(detail::last_os_error());
        ::unlink(path.c_str());
        return file;
    }
    void check(std::error_code const& ec) const {
        if (ec)
            detail::raise_device(ec, name_ + ": a temporary copy");
    }

    std::string name_;
    std::uint64_t size_;
    detail::unique_fd fd_;
};
static_assert(byte_source<spooled_source>);

} // namespace numstore::io
