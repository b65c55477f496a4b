// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/bytes.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/io/file.hpp>
#include <numstore/io/transfer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace numstore {

namespace detail {

/// What a WAV file holds: frames of one sample per channel.
struct wav_layout {
    bool floating = false;
    std::uint32_t bits = 0; ///< of a sample in the file: 8, 16, 24, 32 or 64
    std::uint32_t channels = 0;
    std::uint32_t rate = 0;
    std::uint64_t data_offset = 0;
    std::uint64_t frames = 0;

    std::uint32_t frame_bytes() const noexcept { return channels * bits / 8; }
    std::uint32_t stored_sample_bytes() const noexcept {
        return bits == 24 ? 4 : bits / 8;
    }
    element_type sample() const {
        if (floating)
            return element_type(bits == 32 ? element_kind::f32
                                           : element_kind::f64);
        return element_type(bits == 8    ? element_kind::u8
                            : bits == 16 ? element_kind::i16
                                         : element_kind::i32);
    }
};

inline constexpr std::uint32_t wav_pcm = 1;
inline constexpr std::uint32_t wav_float = 3;
inline constexpr std::uint32_t wav_extensible = 0xfffe;
inline constexpr std::uint32_t wav_unknown_size = 0xffffffff;

/// The last 14 bytes of the sub-format of an extensible file.
inline constexpr std::string_view
    wav_sub_format("\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71",
                   14);

/// Walks through the chunks of a RIFF or RF64 file up to its data. Throws
/// corrupt, invalid_argument.
template <io::byte_source Source>
class wav_header_reader {
public:
    explicit wav_header_reader(Source const& file) : file_(&file) {}

    wav_layout read() {
        std::string const kind = id_at(0);
        if ((kind != "RIFF" && kind != "RF64") || id_at(8) != "WAVE")
            bad("not a WAV file");
        wave64_ = kind == "RF64";
        std::uint64_t at = 12;
        for (;;) {
            std::string const id = id_at(at);
            std::uint64_t size = number_at(at + 4, 4);
            at += 8;
            if (id == "data")
                return data(at, size);
            if (size > file_->size() - at)
                bad("a chunk is longer than the file");
            if (id == "fmt ")
                format(at, size);
            else if (id == "ds64" && wave64_)
                sizes(at, size);
            at += size + size % 2;
        }
    }

private:
    void sizes(std::uint64_t at, std::uint64_t size) {
        if (size < 24)
            bad("its ds64 chunk is too short");
        data_bytes_ = number_at(at + 8, 8);
    }

    void format(std::uint64_t at, std::uint64_t size) {
        if (size < 16)
            bad("its fmt chunk is too short");
        auto const small = [&](std::uint64_t offset, std::size_t bytes) {
            return static_cast<std::uint32_t>(number_at(at + offset, bytes));
        };
        std::uint32_t tag = small(0, 2);
        layout_.channels = small(2, 2);
        layout_.rate = small(4, 4);
        std::uint32_t const block = small(12, 2);
        layout_.bits = small(14, 2);
        if (tag == wav_extensible) {
            if (size < 40)
                bad("its fmt chunk is too short");
            std::string guid(14, '\0');
            file_->read_at(at + 26, std::as_writable_bytes(std::span(guid)));
            tag = guid == wav_sub_format ? small(24, 2) : 0;
        }
        layout_.floating = tag == wav_float;
        std::uint32_t const b = layout_.bits;
        bool const known = tag == wav_pcm
                               ? b == 8 || b == 16 || b == 24 || b == 32
                               : tag == wav_float && (b == 32 || b == 64);
        if (!known)
            raise(errc::invalid_argument, file_->name() + ": samples of format "
                                              + std::to_string(tag) + " with "
                                              + std::to_string(b) + " bits");
        if (layout_.channels == 0 || block != layout_.frame_bytes())
            bad("its channels and its block size do not match");
    }

    wav_layout data(std::uint64_t at, std::uint64_t size) {
        if (layout_.channels == 0)
            bad("no fmt chunk before the data");
        if (wave64_ && size == wav_unknown_size)
            size = data_bytes_;
        std::uint64_t const left = file_->size() - at;
        if (size > left)
            bad("its data is longer than the file");
        if (size % layout_.frame_bytes() != 0)
            bad("its data is not whole frames");
        layout_.data_offset = at;
        layout_.frames = size / layout_.frame_bytes();
        return layout_;
    }

    std::string id_at(std::uint64_t at) const {
        std::string id(4, '\0');
        file_->read_at(at, std::as_writable_bytes(std::span(id)));
        return id;
    }
    std::uint64_t number_at(std::uint64_t at, std::size_t bytes) const {
        std::byte b[8]{};
        file_->read_at(at, std::span(b).first(bytes));
        return format::byte_reader(b, "").u64();
    }
    [[noreturn]] void bad(char const* what) const {
        raise(errc::corrupt, file_->name() + ": " + what);
    }

    Source const* file_;
    wav_layout layout_{};
    bool wave64_ = false;
    std::uint64_t data_bytes_ = 0;
};

/// 24-bit samples as i32, from the last to the first, so that both may begin
/// at the same place.
inline void widen_samples(std::byte const* from, std::byte* to,
                          std::size_t n) noexcept {
    for (std::size_t i = n; i-- != 0;) {
        std::byte const top = from[3 * i + 2];
        bool const negative = (top & std::byte{0x80}) != std::byte{0};
        std::byte const sample[4] = {from[3 * i], from[3 * i + 1], top,
                                     negative ? std::byte{0xff} : std::byte{0}};
        std::memcpy(to + 4 * i, sample, 4);
    }
}

/// The other way, in place. Throws out_of_range.
inline void narrow_samples(std::vector<std::byte>& samples, std::size_t n) {
    for (std::size_t i = 0; i != n; ++i) {
        std::byte const* const from = samples.data() + 4 * i;
        bool const negative = (from[2] & std::byte{0x80}) != std::byte{0};
        if (from[3] != (negative ? std::byte{0xff} : std::byte{0}))
            raise(errc::out_of_range, "a sample of more than 24 bits");
        std::memmove(samples.data() + 3 * i, from, 3);
    }
    samples.resize(3 * n);
}

/// Header of a file with `bytes` of data: RIFF, or RF64 from 4 GiB on.
inline std::vector<std::byte> wav_header(wav_layout const& l,
                                         std::uint64_t bytes) {
    std::vector<std::byte> all;
    format::byte_writer out(all);
    auto const id = [&](std::string_view text) {
        out.raw(format::as_bytes(text));
    };
    bool const pcm = !l.floating && l.channels <= 2 && l.bits <= 16;
    std::uint32_t const fmt = pcm ? 16 : 40;
    std::uint64_t const padded = bytes + bytes % 2;
    bool const large = padded > 0xffffffff - 200;
    std::uint64_t const riff =
        4 + (large ? 36 : 0) + 8 + fmt + (pcm ? 0 : 12) + 8 + padded;
    id(large ? "RF64" : "RIFF");
    out.u32(large ? wav_unknown_size : static_cast<std::uint32_t>(riff));
    id("WAVE");
    if (large) {
        id("ds64");
        out.u32(28);
        out.u64(riff);
        out.u64(bytes);
        out.u64(l.frames);
        out.u32(0);
    }
    id("fmt ");
    out.u32(fmt);
    std::uint32_t const tag = l.floating ? wav_float : wav_pcm;
    out.u16(static_cast<std::uint16_t>(pcm ? wav_pcm : wav_extensible));
    out.u16(static_cast<std::uint16_t>(l.channels));
    out.u32(l.rate);
    out.u32(l.rate * l.frame_bytes());
    out.u16(static_cast<std::uint16_t>(l.frame_bytes()));
    out.u16(static_cast<std::uint16_t>(l.bits));
    if (!pcm) {
        out.u16(22);
        out.u16(static_cast<std::uint16_t>(l.bits));
        out.u32(0); // no speaker is named
        out.u16(static_cast<std::uint16_t>(tag));
        id(wav_sub_format);
        id("fact");
        out.u32(4);
        out.u32(large ? wav_unknown_size
                      : static_cast<std::uint32_t>(l.frames));
    }
    id("data");
    out.u32(large ? wav_unknown_size : static_cast<std::uint32_t>(bytes));
    return all;
}

/// Layout of a file for the elements of an array: its rate from the caller or
/// the fact `sample_rate`, 24 bits where the fact `sample_bits` says so.
inline wav_layout wav_layout_of(io::description const& what,
                                std::uint32_t rate) {
    wav_layout l{.rate = rate, .frames = io::element_count(what.shape)};
    element_type const* sample = &what.element;
    std::uint64_t channels = 1;
    if (sample->kind() == element_kind::array) {
        channels = sample->extent();
        sample = &sample->inner();
    }
    switch (sample->kind()) {
    case element_kind::u8: l.bits = 8; break;
    case element_kind::i16: l.bits = 16; break;
    case element_kind::i32: l.bits = 32; break;
    case element_kind::f32: l.bits = 32; break;
    case element_kind::f64: l.bits = 64; break;
    default: break;
    }
    l.floating = sample->kind() == element_kind::f32
                 || sample->kind() == element_kind::f64;
    for (auto const& [key, fact] : what.facts)
        if (auto const* const n = std::get_if<std::int64_t>(&fact)) {
            if (key == "sample_rate" && l.rate == 0 && *n > 0
                && *n <= std::numeric_limits<std::uint32_t>::max())
                l.rate = static_cast<std::uint32_t>(*n);
            if (key == "sample_bits" && *n == 24 && l.bits == 32 && !l.floating)
                l.bits = 24;
        }
    if (l.bits == 0 || channels * l.bits / 8 > 65535)
        raise(errc::invalid_argument,
              "a WAV file of elements of type " + what.element.to_string());
    if (l.rate == 0)
        raise(errc::invalid_argument, "a WAV file without samples per second");
    l.channels = static_cast<std::uint32_t>(channels);
    return l;
}

} // namespace detail

namespace io {

/// Reads a WAV or RF64 file of PCM samples of 8 bits (u8), 16 (i16), 24 and 32
/// (i32) or floats (f32, f64); frames of several channels are fixed arrays.
/// The facts `sample_rate` and `sample_bits` become attributes. Throws corrupt,
/// invalid_argument (other formats), cancelled, io, and what the sink throws.
/// Source: RFC 2361, EBU Tech 3306.
template <byte_source Source, element_sink Sink>
void read_wav(Source const& file, Sink& sink,
              transfer_options const& options = {}) {
    auto const l = detail::wav_header_reader<Source>(file).read();
    element_type element = l.sample();
    if (l.channels > 1)
        element = element_type::array_of(l.channels, std::move(element));
    std::size_t const size = element.size();
    sink.begin({std::move(element),
                {l.frames},
                {{"sample_rate", std::int64_t{l.rate}},
                 {"sample_bits", std::int64_t{l.bits}}}});
    auto const at_once = elements_at_once(options, size);
    progress_meter meter(options, "reading a WAV file",
                         l.frames * l.frame_bytes());
    std::vector<std::byte> piece;
    for (std::uint64_t done = 0; done != l.frames;) {
        auto const n = static_cast<std::size_t>(
            std::min<std::uint64_t>(at_once, l.frames - done));
        std::size_t const bytes = n * l.frame_bytes();
        piece.resize(n * size);
        file.read_at(l.data_offset + done * l.frame_bytes(),
                     std::span(piece).first(bytes));
        if (l.bits == 24)
            detail::widen_samples(piece.data(), piece.data(), n * l.channels);
        sink.write(piece);
        done += n;
        meter.advance(bytes);
    }
}

/// Writes a WAV file, or an RF64 file from 4 GiB on, of elements u8, i16, i32,
/// f32, f64 or fixed arrays of these, a channel each. `rate`, in samples per
/// second, may be 0 where there is a fact `sample_rate`; i32 are written in 24
/// bits where a fact `sample_bits` says 24. Throws invalid_argument (other
/// elements, no rate), out_of_range (a sample of more than 24 bits), cancelled,
/// and what source and sink throw.
template <element_source Source, byte_sink Sink>
void write_wav(Source& source, Sink& out, std::uint32_t rate,
               transfer_options const& options = {}) {
    description const what = source.describe();
    auto const l = detail::wav_layout_of(what, rate);
    std::uint64_t const bytes = l.frames * l.frame_bytes();
    out.write(detail::wav_header(l, bytes));
    std::size_t const size = what.element.size();
    auto const at_once = elements_at_once(options, size);
    progress_meter meter(options, "writing a WAV file", bytes);
    std::vector<std::byte> piece;
    for (std::uint64_t done = 0; done != l.frames;) {
        auto const n = static_cast<std::size_t>(
            std::min<std::uint64_t>(at_once, l.frames - done));
        piece.resize(n * size);
        source.read(std::span(piece));
        if (l.bits == 24)
            detail::narrow_samples(piece, n * l.channels);
        out.write(piece);
        done += n;
        meter.advance(piece.size());
    }
    std::byte const padding[1]{};
    out.write(std::span(padding).first(bytes % 2));
}

} // namespace io
} // namespace numstore
