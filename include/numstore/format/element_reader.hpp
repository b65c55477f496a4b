// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/element_check.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/format/half.hpp>
#include <numstore/format/number_text.hpp>
#include <numstore/format/utf8.hpp>
#include <numstore/format/wide_integer.hpp>

#include <boost/endian/conversion.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>

namespace numstore::detail {

/// Reads elements without parts as people write them, which is as
/// `element_printer` shows them; but texts come bare, as they are, numbers may
/// have a + in front, bools be 1 and 0, and spaces stand around them.
class element_reader {
public:
    /// False where the text is no such value, or one that does not fit.
    /// Precondition: `bytes` has type.size() bytes, of zeros.
    static bool read(element_type const& type, std::string_view text,
                     std::byte* bytes) {
        switch (type.kind()) {
        case element_kind::chars: return chars(type, text, bytes);
        case element_kind::text: return utf8(type, text, bytes);
        default: return scalar(type.kind(), trimmed(text), bytes);
        }
    }

private:
    static bool scalar(element_kind kind, std::string_view text,
                       std::byte* bytes) {
        switch (kind) {
        case element_kind::boolean: return boolean(text, bytes);
        case element_kind::i8: return number<std::int8_t>(text, bytes);
        case element_kind::i16: return number<std::int16_t>(text, bytes);
        case element_kind::i32: return number<std::int32_t>(text, bytes);
        case element_kind::i64: return number<std::int64_t>(text, bytes);
        case element_kind::u8: return number<std::uint8_t>(text, bytes);
        case element_kind::u16: return number<std::uint16_t>(text, bytes);
        case element_kind::u32: return number<std::uint32_t>(text, bytes);
        case element_kind::u64: return number<std::uint64_t>(text, bytes);
        case element_kind::f32: return number<float>(text, bytes);
        case element_kind::f64: return number<double>(text, bytes);
        case element_kind::c64: return complex<float>(text, bytes);
        case element_kind::c128: return complex<double>(text, bytes);
        case element_kind::byte: return byte(text, bytes);
        case element_kind::f16: return half(text, bytes, float_to_half);
        case element_kind::bf16: return half(text, bytes, float_to_bfloat);
        case element_kind::i128: return wide(text, bytes, true);
        case element_kind::u128: return wide(text, bytes, false);
        default: return false;
        }
    }

    static std::string_view trimmed(std::string_view text) noexcept {
        auto const space = [](char c) { return c == ' ' || c == '\t'; };
        while (!text.empty() && space(text.front()))
            text.remove_prefix(1);
        while (!text.empty() && space(text.back()))
            text.remove_suffix(1);
        return text;
    }

    static std::string_view without_plus(std::string_view text) noexcept {
        if (text.size() > 1 && text[0] == '+' && text[1] != '-')
            text.remove_prefix(1);
        return text;
    }

    template <class Number>
    static std::optional<Number> parsed(std::string_view text) {
        text = without_plus(text);
        Number value{};
        auto const [end, ec] =
            read_number(text.data(), text.data() + text.size(), value);
        if (ec != std::errc{} || end != text.data() + text.size())
            return std::nullopt;
        return value;
    }

    template <class Number>
    static bool number(std::string_view text, std::byte* bytes) {
        auto const value = parsed<Number>(text);
        if (value)
            boost::endian::endian_store<Number, sizeof(Number),
                                        boost::endian::order::little>(
                reinterpret_cast<unsigned char*>(bytes), *value);
        return value.has_value();
    }

    static bool boolean(std::string_view text, std::byte* bytes) noexcept {
        bool const yes =
            text == "true" || text == "True" || text == "TRUE" || text == "1";
        bool const no = text == "false" || text == "False" || text == "FALSE"
                        || text == "0";
        *bytes = std::byte{yes};
        return yes || no;
    }

    template <class Number>
    static bool complex(std::string_view text, std::byte* bytes) {
        auto const comma = text.find(',');
        if (comma == std::string_view::npos || text.front() != '('
            || text.back() != ')')
            return number<Number>(text, bytes);
        return number<Number>(trimmed(text.substr(1, comma - 1)), bytes)
               && number<Number>(
                   trimmed(text.substr(comma + 1, text.size() - comma - 2)),
                   bytes + sizeof(Number));
    }

    static bool byte(std::string_view text, std::byte* bytes) {
        if (!text.starts_with("0x"))
            return number<std::uint8_t>(text, bytes);
        std::uint8_t value = 0;
        auto const* const last = text.data() + text.size();
        auto const [end, ec] =
            std::from_chars(text.data() + 2, last, value, 16);
        *bytes = std::byte{value};
        return ec == std::errc{} && end == last;
    }

    template <class Narrow>
    static bool half(std::string_view text, std::byte* bytes, Narrow narrow) {
        auto const value = parsed<float>(text);
        if (value) {
            std::uint16_t const bits = narrow(*value);
            bytes[0] = static_cast<std::byte>(bits & 0xff);
            bytes[1] = static_cast<std::byte>(bits >> 8);
        }
        return value.has_value();
    }

    static bool wide(std::string_view text, std::byte* bytes,
                     bool with_sign) noexcept {
        text = without_plus(text);
        bool const negative = with_sign && text.starts_with('-');
        if (negative)
            text.remove_prefix(1);
        uint128 const most =
            with_sign ? (uint128{1} << 127) - (negative ? 0 : 1) : ~uint128{0};
        uint128 value = 0;
        for (char const c : text) {
            if (c < '0' || c > '9')
                return false;
            auto const digit = static_cast<unsigned>(c - '0');
            if (value > (most - digit) / 10)
                return false;
            value = value * 10 + digit;
        }
        if (negative)
            value = 0 - value;
        for (unsigned i = 0; i != 16; ++i)
            bytes[i] = static_cast<std::byte>(value >> 8 * i & 0xff);
        return !text.empty();
    }

    static bool chars(element_type const& type, std::string_view text,
                      std::byte* bytes) noexcept {
        if (text.size() > type.size() || text.ends_with('\0'))
            return false;
        if (!text.empty())
            std::memcpy(bytes, text.data(), text.size());
        return true;
    }

    static bool utf8(element_type const& type, std::string_view text,
                     std::byte* bytes) noexcept {
        std::size_t const n = type.extent();
        if (text.size() > n
            || find_malformed_utf8(text) != std::string_view::npos)
            return false;
        bytes[0] = static_cast<std::byte>(text.size() & 0xff);
        if (text_prefix(n) == 2)
            bytes[1] = static_cast<std::byte>(text.size() >> 8);
        if (!text.empty())
            std::memcpy(bytes + text_prefix(n), text.data(), text.size());
        return true;
    }
};

} // namespace numstore::detail
