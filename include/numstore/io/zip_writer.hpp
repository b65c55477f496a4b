// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/bytes.hpp>
#include <numstore/io/file.hpp>

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Writes a ZIP archive, one file after the other; sizes always in the 64-bit
/// fields of ZIP64, as NumPy does. Throws what io::output_file throws.
class zip_writer {
public:
    zip_writer(std::string path, bool deflate)
        : file_(std::move(path)), deflate_(deflate) {}
    zip_writer(zip_writer const&) = delete;
    zip_writer& operator=(zip_writer const&) = delete;
    ~zip_writer() {
        if (begun_)
            ::deflateEnd(&stream_);
    }

    /// The bytes that follow belong to a file of this name.
    void begin(std::string_view name) {
        current_ = {.name = std::string(name), .offset = file_.size()};
        std::vector<std::byte> head;
        format::byte_writer out(head);
        out.u32(0x04034b50);
        common(out, 20);
        file_.write(head);
        if (deflate_)
            begin_deflating();
    }

    void write(std::span<std::byte const> bytes) {
        current_.crc = static_cast<std::uint32_t>(::crc32_z(
            current_.crc, reinterpret_cast<unsigned char const*>(bytes.data()),
            bytes.size()));
        current_.bytes += bytes.size();
        if (!deflate_) {
            current_.packed += bytes.size();
            return file_.write(bytes);
        }
        constexpr std::size_t most = std::size_t{1} << 30;
        for (; !bytes.empty();
             bytes = bytes.subspan(std::min(most, bytes.size())))
            pack(bytes.first(std::min(most, bytes.size())), Z_NO_FLUSH);
    }

    /// Ends the file that `begin` began.
    void end() {
        if (deflate_)
            pack({}, Z_FINISH);
        std::vector<std::byte> head;
        format::byte_writer out(head);
        out.u32(0x04034b50);
        common(out, 20);
        file_.write_at(current_.offset, head);
        entries_.push_back(std::move(current_));
    }

    /// Ends the archive.
    void publish() {
        std::vector<std::byte> bytes;
        format::byte_writer out(bytes);
        std::uint64_t const start = file_.size();
        for (entry const& e : entries_) {
            current_ = e;
            out.u32(0x02014b50);
            out.u16(45);
            common(out, 28);
        }
        std::uint64_t const size = bytes.size();
        std::uint64_t const record = start + size;
        out.u32(0x06064b50);
        out.u64(44);
        out.u16(45);
        out.u16(45);
        out.u64(0);
        out.u64(entries_.size());
        out.u64(entries_.size());
        out.u64(size);
        out.u64(start);
        out.u32(0x07064b50);
        out.u32(0);
        out.u64(record);
        out.u32(1);
        out.u32(0x06054b50);
        out.u32(0);
        out.u16(0xffff);
        out.u16(0xffff);
        out.u32(UINT32_MAX);
        out.u32(UINT32_MAX);
        out.u16(0);
        file_.write(bytes);
        file_.publish();
    }

private:
    struct entry {
        std::string name{};
        std::uint64_t offset = 0;
        std::uint64_t bytes = 0;
        std::uint64_t packed = 0;
        std::uint32_t crc = 0;
    };

    /// What the header of a file and its entry in the directory have in
    /// common: the latter has a longer extra field, and more behind its
    /// length.
    void common(format::byte_writer& out, std::uint16_t extra) const {
        constexpr std::uint16_t utf8_name = 1 << 11;
        constexpr std::uint32_t first_of_1980 = 0x00210000;
        bool const directory = extra == 28;
        out.u16(45);
        out.u16(utf8_name);
        out.u16(deflate_ ? 8 : 0);
        out.u32(first_of_1980);
        out.u32(current_.crc);
        out.u32(UINT32_MAX);
        out.u32(UINT32_MAX);
        out.u16(static_cast<std::uint16_t>(current_.name.size()));
        out.u16(extra);
        if (directory) {
            out.u16(0);
            out.u64(0);
            out.u32(UINT32_MAX);
        }
        out.raw(format::as_bytes(current_.name));
        out.u16(1);
        out.u16(static_cast<std::uint16_t>(extra - 4));
        out.u64(current_.bytes);
        out.u64(current_.packed);
        if (directory)
            out.u64(current_.offset);
    }

    void begin_deflating() {
        constexpr int raw = -15;
        int const result =
            begun_ ? ::deflateReset(&stream_)
                   : ::deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                                    raw, 8, Z_DEFAULT_STRATEGY);
        if (result != Z_OK)
            throw std::bad_alloc();
        begun_ = true;
    }

    void pack(std::span<std::byte const> bytes, int flush) {
        std::vector<std::byte> packed(std::size_t{1} << 16);
        // zlib does not write to what it reads, but does not say so.
        stream_.next_in = reinterpret_cast<unsigned char*>(
            const_cast<std::byte*>(bytes.data()));
        stream_.avail_in = static_cast<unsigned>(bytes.size());
        do {
            stream_.next_out = reinterpret_cast<unsigned char*>(packed.data());
            stream_.avail_out = static_cast<unsigned>(packed.size());
            ::deflate(&stream_, flush);
            auto const got =
                std::span(packed).first(packed.size() - stream_.avail_out);
            file_.write(got);
            current_.packed += got.size();
        } while (stream_.avail_out == 0);
    }

    io::output_file file_;
    bool deflate_;
    bool begun_ = false;
    z_stream stream_{};
    entry current_{};
    std::vector<entry> entries_;
};

} // namespace numstore::detail
