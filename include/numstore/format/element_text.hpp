// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/element_type.hpp>

#include <boost/endian/conversion.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>

namespace numstore::detail {

/// Appends elements as people read them: a number in the fewest digits that
/// give it back, true, (1,-2) for complex, 0x1f for a byte, [1, 2] for an
/// array, {t: 1.5, v: 2} for a struct.
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
