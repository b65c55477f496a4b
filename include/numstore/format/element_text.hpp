// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/element_check.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/format/half.hpp>
#include <numstore/format/number_text.hpp>
#include <numstore/format/wide_integer.hpp>

#include <boost/endian/conversion.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace numstore::detail {

/// Appends elements as people read them: a number in the fewest digits that
/// give it back, true, (1,-2) for complex, 0x1f for a byte, [1, 2] for an
/// array, {t: 1.5, v: 2} for a struct, "a text" with \" \\ \n and \xNN in
/// it, null, absent; a variant as what it holds. Bytes that are no value are
/// shown as invalid.
class element_printer {
public:
    explicit element_printer(std::string& out) noexcept : out_(&out) {}

    /// Precondition: `bytes` has type.size() bytes.
    void print(element_type const& type, std::byte const* bytes) {
        switch (type.kind()) {
        case element_kind::boolean:
            *out_ += *bytes != std::byte{0} ? "true" : "false";
            return;
        case element_kind::i8: return number<std::int8_t>(bytes);
        case element_kind::i16: return number<std::int16_t>(bytes);
        case element_kind::i32: return number<std::int32_t>(bytes);
        case element_kind::i64: return number<std::int64_t>(bytes);
        case element_kind::u8: return number<std::uint8_t>(bytes);
        case element_kind::u16: return number<std::uint16_t>(bytes);
        case element_kind::u32: return number<std::uint32_t>(bytes);
        case element_kind::u64: return number<std::uint64_t>(bytes);
        case element_kind::f32: return number<float>(bytes);
        case element_kind::f64: return number<double>(bytes);
        case element_kind::c64: return complex<float>(bytes);
        case element_kind::c128: return complex<double>(bytes);
        case element_kind::byte: return byte(*bytes);
        case element_kind::array: return array(type, bytes);
        case element_kind::structure: return structure(type, bytes);
        case element_kind::f16:
            return half(bytes, half_to_float, float_to_half);
        case element_kind::bf16:
            return half(bytes, bfloat_to_float, float_to_bfloat);
        case element_kind::i128:
            return append_wide(*out_, load_wide<int128>(bytes));
        case element_kind::u128:
            return append_wide(*out_, load_wide<uint128>(bytes));
        case element_kind::chars: return chars(bytes, type.size());
        case element_kind::text: return text(type, bytes);
        case element_kind::nullable: return nullable(type, bytes);
        case element_kind::variant: return variant(type, bytes);
        }
    }

private:
    template <class Number>
    void number(std::byte const* bytes) {
        auto const value =
            boost::endian::endian_load<Number, sizeof(Number),
                                       boost::endian::order::little>(
                reinterpret_cast<unsigned char const*>(bytes));
        char text[40];
        auto const end = std::to_chars(text, text + sizeof text, value).ptr;
        out_->append(text, end);
    }

    template <class Number>
    void complex(std::byte const* bytes) {
        *out_ += '(';
        number<Number>(bytes);
        *out_ += ',';
        number<Number>(bytes + sizeof(Number));
        *out_ += ')';
    }

    void byte(std::byte b) {
        constexpr char digits[] = "0123456789abcdef";
        *out_ += {'0', 'x', digits[std::to_integer<unsigned>(b >> 4)],
                  digits[std::to_integer<unsigned>(b & std::byte{15})]};
    }

    template <class Widen, class Narrow>
    void half(std::byte const* bytes, Widen widen, Narrow narrow) {
        auto const bits =
            boost::endian::endian_load<std::uint16_t, 2,
                                       boost::endian::order::little>(
                reinterpret_cast<unsigned char const*>(bytes));
        float const value = widen(bits);
        double shown = static_cast<double>(value);
        char text[40];
        char* end = text;
        for (int digits = 1; digits != 10 && value == value; ++digits) {
            end = std::to_chars(text, text + sizeof text, value,
                                std::chars_format::general, digits)
                      .ptr;
            read_number(text, end, shown);
            if (narrow(static_cast<float>(shown)) == bits)
                break;
        }
        end = std::to_chars(text, text + sizeof text, shown).ptr;
        out_->append(text, end);
    }

    void quote(std::string_view text) {
        constexpr char digits[] = "0123456789abcdef";
        *out_ += '"';
        for (std::size_t at = 0; at != text.size();) {
            code_point const c = decode_utf8(text, at);
            if (c.value == '"' || c.value == '\\') {
                *out_ += {'\\', text[at++]};
            } else if (c.bytes != 0 && !is_control(c.value)) {
                *out_ += text.substr(at, c.bytes);
                at += c.bytes;
            } else if (text[at] == '\n') {
                *out_ += "\\n";
                ++at;
            } else {
                unsigned const b = static_cast<unsigned char>(text[at++]);
                *out_ += {'\\', 'x', digits[b >> 4], digits[b & 15]};
            }
        }
        *out_ += '"';
    }

    void chars(std::byte const* bytes, std::size_t n) {
        while (n != 0 && bytes[n - 1] == std::byte{0})
            --n;
        quote({reinterpret_cast<char const*>(bytes), n});
    }

    void text(element_type const& type, std::byte const* bytes) {
        if (!type.valid(bytes))
            return invalid();
        quote({reinterpret_cast<char const*>(bytes + type.tag_offset()),
               stored_text_length(bytes, type.extent())});
    }

    void nullable(element_type const& type, std::byte const* bytes) {
        switch (static_cast<cell_state>(bytes[type.tag_offset()])) {
        case cell_state::absent: *out_ += "absent"; return;
        case cell_state::null: *out_ += "null"; return;
        case cell_state::value: return print(type.inner(), bytes);
        }
        invalid();
    }

    void variant(element_type const& type, std::byte const* bytes) {
        auto const tag = std::to_integer<std::size_t>(bytes[type.tag_offset()]);
        if (tag >= type.alternatives().size())
            return invalid();
        print(type.alternatives()[tag].type, bytes);
    }

    void invalid() { *out_ += "invalid"; }

    void array(element_type const& type, std::byte const* bytes) {
        *out_ += '[';
        for (std::size_t i = 0; i != type.extent(); ++i) {
            if (i != 0)
                *out_ += ", ";
            print(type.inner(), bytes + i * type.inner().size());
        }
        *out_ += ']';
    }

    void structure(element_type const& type, std::byte const* bytes) {
        *out_ += '{';
        bool first = true;
        for (auto const& m : type.members()) {
            *out_ += first ? "" : ", ";
            first = false;
            *out_ += m.name;
            *out_ += ": ";
            print(m.type, bytes + m.offset);
        }
        *out_ += '}';
    }

    std::string* out_;
};

} // namespace numstore::detail

namespace numstore {

/// One element as people read it. Precondition: `bytes` has type.size()
/// bytes.
inline std::string to_string(element_type const& type, std::byte const* bytes) {
    std::string text;
    detail::element_printer(text).print(type, bytes);
    return text;
}

} // namespace numstore
