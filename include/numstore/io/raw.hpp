// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/element_check.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/io/file.hpp>
#include <numstore/io/transfer.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace numstore {

namespace io {

/// How bare elements lie in a file: each as it is stored, with its padding,
/// one behind the other.
struct raw_format {
    element_type element{};
    /// Of every number, also the lengths of texts.
    std::endian order = std::endian::little;
    /// Bytes in front of the first element.
    std::uint64_t offset = 0;
    /// Without a count: all that is there, which must be whole elements.
    std::uint64_t count = unknown_count;
};

} // namespace io

namespace detail {

/// Turns every number in an element around.
inline void swap_numbers(element_type const& type, std::byte* bytes) {
    auto const swap = [&](std::size_t at, std::size_t width) {
        std::reverse(bytes + at, bytes + at + width);
    };
    switch (type.kind()) {
    case element_kind::c64:
    case element_kind::c128:
        swap(0, type.size() / 2);
        return swap(type.size() / 2, type.size() / 2);
    case element_kind::array:
        for (std::size_t i = 0; i != type.extent(); ++i)
            swap_numbers(type.inner(), bytes + i * type.inner().size());
        return;
    case element_kind::structure:
        for (auto const& m : type.members())
            swap_numbers(m.type, bytes + m.offset);
        return;
    case element_kind::chars: return;
    case element_kind::text: return swap(0, type.tag_offset());
    case element_kind::nullable: return swap_numbers(type.inner(), bytes);
    case element_kind::variant: {
        auto const tag = std::to_integer<std::size_t>(bytes[type.tag_offset()]);
        if (tag < type.alternatives().size())
            swap_numbers(type.alternatives()[tag].type, bytes);
        return;
    }
    default: return swap(0, type.size());
    }
}

} // namespace detail

namespace io {

/// Reads bare elements. Padding is not looked at, and bools are 0 or not.
/// Throws size_mismatch (not whole elements), corrupt (too short for `count`;
/// bytes that are no value), cancelled, io, and what the sink throws.
template <byte_source Source, element_sink Sink>
void read_raw(Source const& file, raw_format const& format, Sink& sink,
              transfer_options const& options = {}) {
    std::size_t const size = format.element.size();
    if (format.offset > file.size())
        detail::raise_short(file.name());
    std::uint64_t const there = (file.size() - format.offset) / size;
    if (format.count != unknown_count && format.count > there)
        detail::raise_short(file.name());
    if (format.count == unknown_count
        && (file.size() - format.offset) % size != 0)
        detail::raise(errc::size_mismatch,
                      file.name() + ": not whole elements of "
                          + std::to_string(size) + " bytes");
    std::uint64_t const count =
        format.count == unknown_count ? there : format.count;
    sink.begin({format.element, {count}, {}});
    auto const at_once = elements_at_once(options, size);
    progress_meter meter(options, "reading raw elements", count * size);
    std::vector<std::byte> piece;
    for (std::uint64_t done = 0; done != count;) {
        auto const n = static_cast<std::size_t>(
            std::min<std::uint64_t>(at_once, count - done));
        piece.resize(n * size);
        file.read_at(format.offset + done * size, piece);
        for (std::size_t at = 0; at != piece.size(); at += size) {
            if (format.order == std::endian::big)
                detail::swap_numbers(format.element, piece.data() + at);
            format.element.normalize(piece.data() + at);
            if (!format.element.valid(piece.data() + at))
                detail::raise(errc::corrupt,
                              file.name() + ": element "
                                  + std::to_string(done + at / size)
                                  + " is no value of "
                                  + format.element.to_string());
        }
        sink.write(piece);
        done += n;
        meter.advance(piece.size());
    }
}

/// Writes bare elements, in either byte order. Throws cancelled, and what
/// source and sink throw.
template <element_source Source, byte_sink Sink>
void write_raw(Source& source, Sink& out, std::endian order,
               transfer_options const& options = {}) {
    description const what = source.describe();
    std::uint64_t const count = element_count(what.shape);
    std::size_t const size = what.element.size();
    auto const at_once = elements_at_once(options, size);
    progress_meter meter(options, "writing raw elements", count * size);
    std::vector<std::byte> piece;
    for (std::uint64_t done = 0; done != count;) {
        auto const n = static_cast<std::size_t>(
            std::min<std::uint64_t>(at_once, count - done));
        piece.resize(n * size);
        source.read(std::span(piece));
        if (order == std::endian::big)
            for (std::size_t at = 0; at != piece.size(); at += size)
                detail::swap_numbers(what.element, piece.data() + at);
        out.write(piece);
        done += n;
        meter.advance(piece.size());
    }
}

} // namespace io
} // namespace numstore
