// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/element_check.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/format/utf8.hpp>
#include <numstore/io/npy_type.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Each of `count` numbers of `width` bytes backwards.
inline void copy_swapped(std::byte* to, std::byte const* from,
                         std::size_t width, std::size_t count) noexcept {
    for (std::size_t i = 0; i != count; ++i)
        std::reverse_copy(from + i * width, from + (i + 1) * width,
                          to + i * width);
}

/// UTF-8 from UTF-32 that ends in zeros. False if a code point is none.
inline bool text_from_ucs4(npy_step const& step, std::byte const* from,
                           std::byte* to) {
    bool const big = step.what == npy_step::kind::big_endian_text;
    auto const point = [&](std::size_t i) {
        char32_t c = 0;
        for (std::size_t b = 0; b != 4; ++b)
            c |= std::to_integer<char32_t>(from[4 * i + b])
                 << (big ? 24 - 8 * b : 8 * b);
        return c;
    };
    std::size_t n = step.count;
    while (n != 0 && point(n - 1) == 0)
        --n;
    std::string text;
    for (std::size_t i = 0; i != n; ++i)
        if (!append_utf8(text, point(i)))
            return false;
    std::size_t const prefix = text_prefix(step.width);
    to[0] = static_cast<std::byte>(text.size() & 0xff);
    if (prefix == 2)
        to[1] = static_cast<std::byte>(text.size() >> 8);
    std::memcpy(to + prefix, text.data(), text.size());
    return true;
}

/// UTF-32, little endian, with zeros behind it.
inline void ucs4_from_text(npy_step const& step, std::byte const* from,
                           std::byte* to) {
    std::memset(to, 0, 4 * step.count);
    std::string_view const text(
        reinterpret_cast<char const*>(from + text_prefix(step.width)),
        std::min(stored_text_length(from, step.width), step.width));
    std::size_t i = 0;
    for (std::size_t at = 0; at < text.size() && i != step.count; ++i) {
        code_point const c = decode_utf8(text, at);
        for (unsigned b = 0; b != 4; ++b)
            to[4 * i + b] = static_cast<std::byte>(c.value >> 8 * b & 0xff);
        at += std::max<std::size_t>(c.bytes, 1);
    }
}

/// The element that an item of a file is, to size() bytes. Throws corrupt.
inline void element_from_npy(npy_layout const& layout, std::byte const* item,
                             std::byte* element, std::string const& file) {
    using kind = npy_step::kind;
    std::memset(element, 0, layout.element.size());
    for (npy_step const& step : layout.steps) {
        std::byte const* const from = item + step.file_offset;
        std::byte* const to = element + step.offset;
        if (step.what == kind::copy)
            std::memcpy(to, from, step.width * step.count);
        else if (step.what == kind::swap)
            copy_swapped(to, from, step.width, step.count);
        else if (!text_from_ucs4(step, from, to))
            raise(errc::corrupt, file + ": a text has no code point there");
    }
    layout.element.normalize(element);
}

/// The other way.
inline void npy_from_element(npy_layout const& layout, std::byte const* element,
                             std::byte* item) {
    std::memset(item, 0, layout.item_bytes);
    for (npy_step const& step : layout.steps) {
        std::byte const* const from = element + step.offset;
        std::byte* const to = item + step.file_offset;
        if (step.what == npy_step::kind::text)
            ucs4_from_text(step, from, to);
        else
            std::memcpy(to, from, step.width * step.count);
    }
}

/// A type as the `descr` of a header, and how its elements lie in the file.
/// Throws invalid_argument for a type that NumPy has no dtype for.
class npy_type_writer {
public:
    npy_layout layout(element_type const& type) {
        using kind = npy_step::kind;
        switch (type.kind()) {
        case element_kind::array: return array(type);
        case element_kind::structure: return structure(type);
        case element_kind::nullable: return nullable(type);
        case element_kind::text: {
            std::size_t const n = type.extent();
            return {
                type, 4 * n, {{.what = kind::text, .width = n, .count = n}}};
        }
        default: return {type, type.size(), {{.count = type.size()}}};
        }
    }

    std::string descr(element_type const& type) {
        switch (type.kind()) {
        case element_kind::structure: return fields(type);
        case element_kind::nullable:
            return "[('value', " + field(type.inner()) + "), ('state', '|u1')"
                   + padding(type.size() - type.tag_offset() - 1) + "]";
        case element_kind::array:
            if (type.inner().kind() == element_kind::byte)
                return "'|V" + std::to_string(type.extent()) + "'";
            raise(errc::invalid_argument, "an array is part of the shape");
        default: return "'" + name(type) + "'";
        }
    }

private:
    /// "descr" or "descr, shape".
    std::string field(element_type const& type) {
        if (type.kind() != element_kind::array
            || type.inner().kind() == element_kind::byte)
            return descr(type);
        std::string shape = "(";
        element_type const* inner = &type;
        for (; inner->kind() == element_kind::array
               && inner->inner().kind() != element_kind::byte;
             inner = &inner->inner())
            shape += std::to_string(inner->extent()) + ", ";
        return descr(*inner) + ", " + shape + ")";
    }

    std::string fields(element_type const& type) {
        std::string text = "[";
        std::size_t end = 0;
        bool first = true;
        for (auto const& m : type.members()) {
            std::string const gap = padding(m.offset - end);
            text += first && !gap.empty() ? gap.substr(2) : gap;
            text += first && gap.empty() ? "('" : ", ('";
            text += m.name + "', " + field(m.type) + ")";
            end = m.offset + m.type.size();
            first = false;
        }
        return text + padding(type.size() - end) + "]";
    }

    static std::string padding(std::size_t n) {
        return n == 0 ? "" : ", ('', '|V" + std::to_string(n) + "')";
    }

    static std::string name(element_type const& type) {
        switch (type.kind()) {
        case element_kind::boolean: return "|b1";
        case element_kind::byte: return "|V1";
        case element_kind::chars: return "|S" + std::to_string(type.size());
        case element_kind::text: return "<U" + std::to_string(type.extent());
        case element_kind::bf16:
        case element_kind::i128:
        case element_kind::u128:
        case element_kind::variant:
            raise(errc::invalid_argument,
                  "NumPy has no dtype for elements of type "
                      + type.to_string());
        default: break;
        }
        std::string const ours = type.to_string();
        std::string const bytes = std::to_string(type.size());
        return (type.size() == 1 ? "|" : "<") + ours.substr(0, 1) + bytes;
    }

    npy_layout array(element_type const& type) {
        return npy_array_of(type.extent(), layout(type.inner()));
    }

    npy_layout structure(element_type const& type) {
        npy_layout all{.element = type};
        std::size_t end = 0;
        for (auto const& m : type.members()) {
            npy_layout const part = layout(m.type);
            all.item_bytes += m.offset - end;
            append_npy_part(all, part, all.item_bytes, m.offset);
            all.item_bytes += part.item_bytes;
            end = m.offset + m.type.size();
        }
        all.item_bytes += type.size() - end;
        return all;
    }

    npy_layout nullable(element_type const& type) {
        npy_layout all{.element = type};
        npy_layout const part = layout(type.inner());
        append_npy_part(all, part, 0, 0);
        npy_layout const state{
            element_type(element_kind::u8), 1, {{.count = 1}}};
        append_npy_part(all, state, part.item_bytes, type.tag_offset());
        all.item_bytes = part.item_bytes + type.size() - type.tag_offset();
        return all;
    }
};

} // namespace numstore::detail
