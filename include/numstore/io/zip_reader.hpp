// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/bytes.hpp>
#include <numstore/format/utf8.hpp>
#include <numstore/io/file.hpp>
#include <numstore/types.hpp>

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// One file in a ZIP archive.
struct zip_entry {
    std::string name{};
    bool deflated = false;
    std::uint32_t crc = 0;
    std::uint64_t packed_bytes = 0;
    std::uint64_t bytes = 0;
    std::uint64_t header_offset = 0;
};

/// Reads what a ZIP archive holds, from its end: its directory, also with the
/// 64-bit fields of ZIP64. Throws corrupt, and invalid_argument for encrypted
/// files and other methods than stored and deflated. Source: PKWARE APPNOTE.
template <io::byte_source Source>
class zip_directory {
public:
    explicit zip_directory(Source const& file) : file_(&file) {}

    std::vector<zip_entry> read() {
        find_end();
        auto const directory = bytes_at(offset_, size_);
        format::byte_reader in(directory, name_);
        std::vector<zip_entry> entries;
        while (entries.size() != count_)
            entries.push_back(entry(in));
        return entries;
    }

    /// Where the packed bytes of an entry are.
    io::source_part<Source const> packed(zip_entry const& e) const {
        auto const head = bytes_at(e.header_offset, 30);
        format::byte_reader in(head, name_);
        if (in.u32() != 0x04034b50)
            bad("an entry without its header");
        in.raw(22);
        std::uint64_t const skip = std::uint64_t{30} + in.u16() + in.u16();
        return {*file_, e.header_offset + skip, e.packed_bytes,
                file_->name() + ": " + e.name};
    }

private:
    void find_end() {
        constexpr std::size_t longest = 65535 + 22;
        auto const n = std::min<std::uint64_t>(file_->size(), longest);
        std::uint64_t const start = file_->size() - n;
        auto const tail = bytes_at(start, n);
        std::size_t at = tail.size() < 22 ? 0 : tail.size() - 21;
        do {
            if (at == 0)
                bad("not a ZIP archive");
            --at;
        } while (!has(tail, at, "PK\5\6"));
        auto const end = std::span(tail).subspan(at + 4);
        format::byte_reader in(end, name_);
        std::uint32_t const disks = in.u32();
        in.u16();
        count_ = in.u16();
        size_ = in.u32();
        offset_ = in.u32();
        if (disks != 0 && disks != UINT32_MAX)
            bad("an archive of several parts");
        bool const large =
            count_ == 0xffff || size_ == UINT32_MAX || offset_ == UINT32_MAX;
        if (large)
            find_large_end(start + at);
        // The smallest entry has 46 bytes.
        if (offset_ > file_->size() || size_ > file_->size() - offset_
            || size_ > most_bytes || count_ > size_ / 46)
            bad("its directory does not lie in the file");
    }

    void find_large_end(std::uint64_t end) {
        if (end < 20)
            return;
        auto const locator = bytes_at(end - 20, 20);
        if (!has(locator, 0, "PK\6\7"))
            return;
        auto const place = std::span(locator).subspan(8);
        format::byte_reader where(place, name_);
        auto const record = bytes_at(where.u64(), 56);
        if (!has(record, 0, "PK\6\6"))
            bad("no ZIP64 record where its locator says");
        auto const numbers = std::span(record).subspan(32);
        format::byte_reader in(numbers, name_);
        count_ = in.u64();
        size_ = in.u64();
        offset_ = in.u64();
    }

    zip_entry entry(format::byte_reader& in) const {
        if (in.u32() != 0x02014b50)
            bad("an entry of the directory without its mark");
        in.u32();
        std::uint16_t const flags = in.u16();
        std::uint16_t const method = in.u16();
        in.u32();
        zip_entry e{.deflated = method == 8, .crc = in.u32()};
        e.packed_bytes = in.u32();
        e.bytes = in.u32();
        std::uint16_t const name_bytes = in.u16();
        std::uint16_t const extra_bytes = in.u16();
        std::uint16_t const comment_bytes = in.u16();
        in.u64();
        e.header_offset = in.u32();
        e.name = format::as_text(in.raw(name_bytes));
        large_fields(e, in.raw(extra_bytes));
        in.raw(comment_bytes);
        if ((flags & 1) != 0 || (method != 0 && method != 8))
            raise(errc::invalid_argument,
                  name_ + ": " + detail::quoted(e.name)
                      + ": neither stored nor deflated");
        if (method == 0 && e.bytes != e.packed_bytes)
            bad("a stored entry of two sizes");
        // A byte cannot become more than 1032.
        if (method == 8 && e.bytes / 1040 > e.packed_bytes)
            bad("an entry larger than its packed bytes can be");
        return e;
    }

    void large_fields(zip_entry& e, std::span<std::byte const> extra) const {
        format::byte_reader in(extra, name_);
        while (in.remaining() >= 4) {
            std::uint16_t const id = in.u16();
            auto const field = in.raw(in.u16());
            if (id != 1)
                continue;
            format::byte_reader large(field, name_);
            for (std::uint64_t* const n :
                 {&e.bytes, &e.packed_bytes, &e.header_offset})
                if (*n == UINT32_MAX)
                    *n = large.u64();
            return;
        }
    }

    static bool has(std::span<std::byte const> bytes, std::size_t at,
                    std::string_view mark) noexcept {
        return std::memcmp(bytes.data() + at, mark.data(), mark.size()) == 0;
    }

    std::vector<std::byte> bytes_at(std::uint64_t at, std::uint64_t n) const {
        std::vector<std::byte> all(static_cast<std::size_t>(n));
        file_->read_at(at, all);
        return all;
    }

    [[noreturn]] void bad(char const* what) const {
        raise(errc::corrupt, name_ + ": " + what);
    }

    static constexpr std::uint64_t most_bytes = 1 << 28;

    Source const* file_;
    std::string name_ = file_->name();
    std::uint64_t count_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t offset_ = 0;
};

/// Gives back what an entry holds, from front to end; going back begins anew.
/// Its checksum is that of the bytes that are passed the first time. Throws
/// corrupt.
template <io::byte_source Packed>
class zip_source {
public:
    zip_source(Packed packed, zip_entry const& entry)
        : packed_(std::move(packed)),
          entry_(entry),
          state_(std::make_unique<state>()) {
        if (entry_.deflated)
            begin();
    }

    std::uint64_t size() const noexcept { return entry_.bytes; }
    std::string name() const { return packed_.name(); }

    void read_at(std::uint64_t offset, std::span<std::byte> out) const {
        if (!in_range(offset, out.size(), entry_.bytes))
            raise_short(name());
        if (!entry_.deflated) {
            packed_.read_at(offset, out);
            return checked(offset, out);
        }
        if (offset < state_->position)
            begin();
        std::vector<std::byte> skipped;
        while (state_->position != offset) {
            skipped.resize(static_cast<std::size_t>(std::min<std::uint64_t>(
                offset - state_->position, piece_bytes)));
            inflate_to(skipped);
        }
        inflate_to(out);
    }

    /// Reads what nobody has read, and compares checksums.
    void finish() const {
        std::vector<std::byte> rest;
        while (state_->checked != entry_.bytes) {
            rest.resize(static_cast<std::size_t>(std::min<std::uint64_t>(
                entry_.bytes - state_->checked, piece_bytes)));
            read_at(state_->checked, rest);
        }
        if (state_->crc != entry_.crc)
            raise(errc::corrupt, name() + ": its checksum does not match");
    }

private:
    static constexpr std::size_t piece_bytes = 1 << 16;

    struct state {
        z_stream stream{};
        bool begun = false;
        std::vector<std::byte> input{};
        std::uint64_t taken = 0;    ///< of the packed bytes
        std::uint64_t position = 0; ///< in what they give
        std::uint64_t checked = 0;
        std::uint32_t crc = 0;

        state() = default;
        state(state const&) = delete;
        state& operator=(state const&) = delete;
        ~state() {
            if (begun)
                ::inflateEnd(&stream);
        }
    };

    void begin() const {
        state& s = *state_;
        constexpr int raw = -15;
        int const result = s.begun ? ::inflateReset(&s.stream)
                                   : ::inflateInit2(&s.stream, raw);
        if (result != Z_OK)
            throw std::bad_alloc();
        s.begun = true;
        s.stream.avail_in = 0;
        s.taken = 0;
        s.position = 0;
    }

    void inflate_to(std::span<std::byte> out) const {
        state& s = *state_;
        std::size_t done = 0;
        while (done != out.size()) {
            if (s.stream.avail_in == 0)
                refill();
            auto const room = std::min<std::size_t>(out.size() - done, 1 << 30);
            s.stream.next_out =
                reinterpret_cast<unsigned char*>(out.data() + done);
            s.stream.avail_out = static_cast<unsigned>(room);
            int const result = ::inflate(&s.stream, Z_NO_FLUSH);
            std::size_t const got = room - s.stream.avail_out;
            done += got;
            if (result == Z_MEM_ERROR)
                throw std::bad_alloc();
            bool const ended = result == Z_STREAM_END && done != out.size();
            bool const stuck =
                got == 0 && s.stream.avail_in == 0 && s.taken == packed_.size();
            if ((result != Z_OK && result != Z_STREAM_END
                 && result != Z_BUF_ERROR)
                || ended || stuck)
                raise(errc::corrupt, name() + ": cannot be inflated");
        }
        checked(s.position, out);
        s.position += out.size();
    }

    void refill() const {
        state& s = *state_;
        s.input.resize(static_cast<std::size_t>(
            std::min<std::uint64_t>(packed_.size() - s.taken, piece_bytes)));
        packed_.read_at(s.taken, s.input);
        s.taken += s.input.size();
        s.stream.next_in = reinterpret_cast<unsigned char*>(s.input.data());
        s.stream.avail_in = static_cast<unsigned>(s.input.size());
    }

    void checked(std::uint64_t offset, std::span<std::byte const> got) const {
        state& s = *state_;
        if (offset > s.checked || offset + got.size() <= s.checked)
            return;
        auto const fresh =
            got.subspan(static_cast<std::size_t>(s.checked - offset));
        s.crc = static_cast<std::uint32_t>(::crc32_z(
            s.crc, reinterpret_cast<unsigned char const*>(fresh.data()),
            fresh.size()));
        s.checked += fresh.size();
    }

    Packed packed_;
    zip_entry entry_;
    std::unique_ptr<state> state_;
};

} // namespace numstore::detail
