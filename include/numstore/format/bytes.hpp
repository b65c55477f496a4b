// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>

#include <boost/endian/conversion.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace numstore::format {

/// Bytes that a variable-length integer of up to 64 bits can take.
inline constexpr std::size_t max_varint_bytes = 10;

/// Bytes that `byte_writer::varint(value)` appends.
constexpr std::size_t varint_bytes(std::uint64_t value) noexcept {
    std::size_t n = 1;
    for (; value >= 0x80; value >>= 7)
        ++n;
    return n;
}

inline std::span<std::byte const> as_bytes(std::string_view text) noexcept {
    return std::as_bytes(std::span<char const>(text.data(), text.size()));
}

inline std::string_view as_text(std::span<std::byte const> bytes) noexcept {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

/// Appends little-endian values to a vector. Strong guarantee per call.
class byte_writer {
public:
    explicit byte_writer(std::vector<std::byte>& out) noexcept : out_(&out) {}

    void u8(std::uint8_t v) { out_->push_back(std::byte{v}); }
    void u16(std::uint16_t v) { fixed(v); }
    void u32(std::uint32_t v) { fixed(v); }
    void u64(std::uint64_t v) { fixed(v); }
    void i64(std::int64_t v) { fixed(v); }

    /// LEB128: seven bits per byte, low bits first.
    void varint(std::uint64_t v) {
        if (v < 0x80)
            return u8(static_cast<std::uint8_t>(v));
        std::byte buffer[max_varint_bytes];
        std::size_t n = 0;
        for (; v >= 0x80; v >>= 7)
            buffer[n++] = static_cast<std::byte>(v | 0x80);
        buffer[n++] = static_cast<std::byte>(v);
        raw({buffer, n});
    }

    /// The bytes alone; the reader must know how many.
    void raw(std::span<std::byte const> bytes) {
        out_->insert(out_->end(), bytes.begin(), bytes.end());
    }
    /// A varint length, then the bytes.
    void blob(std::span<std::byte const> bytes) {
        varint(bytes.size());
        raw(bytes);
    }
    /// A varint length, then the characters.
    void text(std::string_view s) { blob(as_bytes(s)); }

    std::size_t size() const noexcept { return out_->size(); }

private:
    template <class Integer>
    void fixed(Integer v) {
        Integer const little = boost::endian::native_to_little(v);
        std::byte bytes[sizeof v];
        std::memcpy(bytes, &little, sizeof v);
        raw(bytes);
    }

    std::vector<std::byte>* out_;
};

/// Takes values from the front of a run of bytes that nobody vouches for.
/// Never reads past the end: what is missing or malformed throws
/// errc::corrupt, whose text starts with `context`. Spans and texts that it
/// returns point into the bytes.
class byte_reader {
public:
    /// `context` must outlive the reader.
    byte_reader(std::span<std::byte const> bytes,
                std::string_view context) noexcept
        : bytes_(bytes), context_(context) {}

    std::uint8_t u8() { return fixed<std::uint8_t>(); }
    std::uint16_t u16() { return fixed<std::uint16_t>(); }
    std::uint32_t u32() { return fixed<std::uint32_t>(); }
    std::uint64_t u64() { return fixed<std::uint64_t>(); }
    std::int64_t i64() { return fixed<std::int64_t>(); }

    /// Only the shortest form of a value is accepted, so that equal values
    /// have equal bytes.
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            std::uint64_t const b = u8();
            if (shift == 63 && b > 1)
                fail("an integer is too large");
            value |= (b & 0x7f) << shift;
            if (b < 0x80) {
                if (b == 0 && shift != 0)
                    fail("an integer is not in its shortest form");
                return value;
            }
        }
    }

    /// The next `n` bytes.
    std::span<std::byte const> raw(std::uint64_t n) {
        if (n > remaining())
            fail("the bytes end too early");
        auto const taken = bytes_.subspan(at_, static_cast<std::size_t>(n));
        at_ += taken.size();
        return taken;
    }
    std::span<std::byte const> blob() { return raw(varint()); }
    std::string_view text() { return as_text(blob()); }

    std::size_t remaining() const noexcept { return bytes_.size() - at_; }
    std::size_t position() const noexcept { return at_; }

    /// Throws unless everything has been read.
    void finish() const {
        if (remaining() != 0)
            fail("there are bytes after the end");
    }

    /// Throws errc::corrupt: context, `what` and the position.
    [[noreturn]] void fail(std::string_view what) const {
        detail::raise(errc::corrupt, std::string(context_) + ": "
                                         + std::string(what) + " (byte "
                                         + std::to_string(at_) + ")");
    }

private:
    template <class Integer>
    Integer fixed() {
        auto const b = raw(sizeof(Integer));
        return boost::endian::endian_load<Integer, sizeof(Integer),
                                          boost::endian::order::little>(
            reinterpret_cast<unsigned char const*>(b.data()));
    }

    std::span<std::byte const> bytes_;
    std::string_view context_;
    std::size_t at_ = 0;
};

} // namespace numstore::format
