// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/format/utf8.hpp>
#include <numstore/io/file.hpp>
#include <numstore/io/npy_convert.hpp>
#include <numstore/io/npy_type.hpp>
#include <numstore/io/python_literal.hpp>
#include <numstore/io/transfer.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore {

namespace detail {

/// What the header of a .npy file says, checked against the file's length.
struct npy_header {
    npy_layout layout{};
    std::vector<std::uint64_t> shape{};
    bool fortran_order = false;
    std::uint64_t data_offset = 0;
    std::uint64_t count = 0;
};

inline constexpr std::size_t max_npy_header = 1 << 20;

/// The header's text, and where it ends.
template <io::byte_source Source>
std::pair<std::string, std::uint64_t> read_npy_text(Source const& file) {
    constexpr std::string_view magic("\x93NUMPY", 6);
    std::byte head[12]{};
    file.read_at(0, std::span(head).first(10));
    auto const byte = [&](std::size_t i) {
        return std::to_integer<std::uint32_t>(head[i]);
    };
    if (std::memcmp(head, magic.data(), magic.size()) != 0)
        raise(errc::corrupt, file.name() + ": not a .npy file");
    std::uint32_t const version = byte(6);
    if (version < 1 || version > 3 || byte(7) != 0)
        raise(errc::unsupported_version, file.name() + ": version "
                                             + std::to_string(version) + "."
                                             + std::to_string(byte(7)));
    std::size_t length = byte(8) | byte(9) << 8;
    std::size_t start = 10;
    if (version > 1) {
        start = 12;
        file.read_at(0, head);
        length = byte(8) | byte(9) << 8 | byte(10) << 16
                 | std::size_t{byte(11)} << 24;
    }
    if (length > max_npy_header)
        raise(errc::corrupt, file.name() + ": a header of more than 1 MiB");
    std::string text(length, '\0');
    file.read_at(start, std::as_writable_bytes(std::span(text)));
    if (version < 3) { // Latin-1
        std::string utf8;
        for (char const c : text)
            append_utf8(utf8, static_cast<unsigned char>(c));
        text = std::move(utf8);
    }
    return {std::move(text), start + length};
}

template <io::byte_source Source>
npy_header read_npy_header(Source const& file) {
    using kind = python_value::kind;
    auto const [text, end] = read_npy_text(file);
    std::string const name = file.name();
    auto const bad = [&](char const* what) {
        raise(errc::corrupt,
              name + ": header " + detail::quoted(text) + ": " + what);
    };
    python_value const all = python_parser(text, name).parse();
    auto const* const descr = all.find("descr");
    auto const* const order = all.find("fortran_order");
    auto const* const shape = all.find("shape");
    if (all.what != kind::dictionary || all.items.size() != 6
        || descr == nullptr || order == nullptr || shape == nullptr)
        bad("not exactly descr, fortran_order and shape");
    if (order->what != kind::boolean || shape->what != kind::sequence)
        bad("fortran_order is no bool, or shape no tuple");
    npy_header h{.layout = npy_type_reader(name).read(*descr),
                 .fortran_order = order->number != 0,
                 .data_offset = end};
    constexpr std::size_t most_axes = 64;
    if (shape->items.size() > most_axes)
        bad("more than 64 axes");
    for (auto const& extent : shape->items) {
        if (extent.what != kind::integer)
            bad("an extent is no integer");
        h.shape.push_back(extent.number);
    }
    h.count = io::element_count(h.shape);
    std::uint64_t bytes = 0;
    if (!multiply(h.count, h.layout.item_bytes, bytes)
        || bytes > file.size() - end)
        raise(errc::corrupt, name + ": shorter than its header says");
    return h;
}

/// Reads nearby pieces of a source with few calls.
template <io::byte_source Source>
class windowed_reader {
public:
    explicit windowed_reader(Source const& file) : file_(&file) {}

    /// `stride` bytes on another piece will be asked for.
    void read_at(std::uint64_t offset, std::span<std::byte> out,
                 std::uint64_t stride) {
        if (stride >= window_bytes || out.size() >= window_bytes)
            return file_->read_at(offset, out);
        if (offset < start_ || offset + out.size() > start_ + window_.size()) {
            auto const left = file_->size() - offset;
            window_.resize(static_cast<std::size_t>(
                std::min<std::uint64_t>(window_bytes, left)));
            file_->read_at(offset, window_);
            start_ = offset;
        }
        std::memcpy(out.data(), window_.data() + (offset - start_), out.size());
    }

private:
    static constexpr std::size_t window_bytes = 1 << 16;

    Source const* file_;
    std::uint64_t start_ = 0;
    std::vector<std::byte> window_;
};

/// The items [first, first + rows) of axis 0, in C order, from a file in
/// Fortran order.
template <class Reader>
void read_fortran_rows(Reader& file, npy_header const& h, std::uint64_t first,
                       std::uint64_t rows, std::span<std::byte> out) {
    std::size_t const item = h.layout.item_bytes;
    std::size_t const rank = h.shape.size();
    std::uint64_t row_items = 1;
    for (std::size_t a = 1; a != rank; ++a)
        row_items *= h.shape[a];
    std::vector<std::uint64_t> c_stride(rank, 1);
    for (std::size_t a = rank - 1; a-- != 0;)
        c_stride[a] = c_stride[a + 1] * h.shape[a + 1];
    std::vector<std::byte> column(static_cast<std::size_t>(rows) * item);
    std::vector<std::uint64_t> at(rank, 0);
    for (std::uint64_t rest = 0; rest != row_items; ++rest) {
        file.read_at(h.data_offset + (rest * h.shape[0] + first) * item, column,
                     h.shape[0] * item);
        std::uint64_t to = 0;
        for (std::size_t a = 1; a != rank; ++a)
            to += at[a] * c_stride[a];
        for (std::uint64_t r = 0; r != rows; ++r)
            std::memcpy(out.data() + (r * row_items + to) * item,
                        column.data() + r * item, item);
        for (std::size_t a = 1; a != rank && ++at[a] == h.shape[a]; ++a)
            at[a] = 0;
    }
}

/// A header of version 1, or of the first version that can hold it; data
/// after it is aligned to 64 bytes.
inline std::vector<std::byte>
npy_header_bytes(std::string const& descr,
                 std::span<std::uint64_t const> shape) {
    std::string text =
        "{'descr': " + descr + ", 'fortran_order': False, " + "'shape': (";
    for (std::uint64_t const extent : shape)
        text += std::to_string(extent) + ", ";
    if (shape.size() > 1)
        text.resize(text.size() - 2);
    else if (shape.size() == 1)
        text.pop_back();
    text += "), }";
    bool const ascii = std::all_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x80;
    });
    char const version = !ascii ? 3 : text.size() + 75 > 65535 ? 2 : 1;
    std::size_t const start = version == 1 ? 10 : 12;
    text.append(round_up(start + text.size() + 1, 64) - start - text.size() - 1,
                ' ');
    text += '\n';
    std::string head = std::string("\x93NUMPY") + version + '\0';
    for (std::size_t i = 0; i != start - 8; ++i)
        head += static_cast<char>(text.size() >> 8 * i & 0xff);
    head += text;
    auto const bytes = std::as_bytes(std::span(head));
    return {bytes.begin(), bytes.end()};
}

} // namespace detail

namespace io {

/// Reads a .npy file of version 1, 2 or 3: elements of any dtype of bools,
/// integers, floats, complex numbers, bytes, texts and fields of these, in
/// either byte order and either order of axes. In memory are a few pieces of
/// `buffer_bytes`. Throws corrupt (not such a file, or a short one, before the
/// sink has begun), unsupported_version, invalid_argument (a dtype that no
/// element can hold: objects, dates, long double), cancelled, io, and what the
/// sink throws. Source: NEP 1 and numpy.lib.format.
template <byte_source Source, element_sink Sink>
void read_npy(Source const& file, Sink& sink,
              transfer_options const& options = {}) {
    auto const h = detail::read_npy_header(file);
    sink.begin({h.layout.element, h.shape, {}});
    bool const turned = h.fortran_order && h.shape.size() > 1;
    std::uint64_t const rows = turned ? h.shape[0] : h.count;
    std::uint64_t const row_items = rows == 0 ? 0 : h.count / rows;
    std::size_t const item = h.layout.item_bytes;
    std::size_t const size = h.layout.element.size();
    if (row_items == 0)
        return;
    auto const at_once = elements_at_once(
        options, static_cast<std::size_t>(row_items) * std::max(item, size));
    progress_meter meter(options, "reading a .npy file", h.count * item);
    detail::windowed_reader<Source> window(file);
    std::vector<std::byte> items;
    std::vector<std::byte> elements;
    for (std::uint64_t row = 0; row != rows;) {
        std::uint64_t const n = std::min<std::uint64_t>(at_once, rows - row);
        auto const count = static_cast<std::size_t>(n * row_items);
        items.resize(count * item);
        if (turned)
            detail::read_fortran_rows(window, h, row, n, items);
        else
            file.read_at(h.data_offset + row * item, items);
        if (h.layout.is_plain()) {
            for (std::size_t i = 0; i != count; ++i)
                h.layout.element.normalize(items.data() + i * size);
            sink.write(items);
        } else {
            elements.resize(count * size);
            for (std::size_t i = 0; i != count; ++i)
                detail::element_from_npy(h.layout, items.data() + i * item,
                                         elements.data() + i * size,
                                         file.name());
            sink.write(elements);
        }
        row += n;
        meter.advance(items.size());
    }
}

/// Writes a .npy file of the first version that can hold it, little endian,
/// in C order. Fixed arrays become further axes; a `text(n)` becomes `U` of n
/// code points, a nullable the fields `value` and `state` (0 absent, 1 value,
/// 2 null). Throws invalid_argument for bf16, 128-bit integers and variants,
/// cancelled, and what source and sink throw.
template <element_source Source, byte_sink Sink>
void write_npy(Source& source, Sink& out,
               transfer_options const& options = {}) {
    description const what = source.describe();
    std::vector<std::uint64_t> shape = what.shape;
    element_type const* inner = &what.element;
    for (; inner->kind() == element_kind::array
           && inner->inner().kind() != element_kind::byte;
         inner = &inner->inner())
        shape.push_back(inner->extent());
    detail::npy_type_writer types;
    auto const layout = types.layout(what.element);
    out.write(detail::npy_header_bytes(types.descr(*inner), shape));

    std::uint64_t const count = element_count(what.shape);
    std::size_t const size = what.element.size();
    std::size_t const item = layout.item_bytes;
    auto const at_once = elements_at_once(options, std::max(size, item));
    progress_meter meter(options, "writing a .npy file", count * item);
    std::vector<std::byte> elements;
    std::vector<std::byte> items;
    for (std::uint64_t done = 0; done != count;) {
        auto const n = static_cast<std::size_t>(
            std::min<std::uint64_t>(at_once, count - done));
        elements.resize(n * size);
        source.read(std::span(elements));
        if (layout.is_plain()) {
            out.write(elements);
        } else {
            items.resize(n * item);
            for (std::size_t i = 0; i != n; ++i)
                detail::npy_from_element(layout, elements.data() + i * size,
                                         items.data() + i * item);
            out.write(items);
        }
        done += n;
        meter.advance(n * item);
    }
}

} // namespace io
} // namespace numstore
