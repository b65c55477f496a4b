// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/bytes.hpp>
#include <numstore/format/utf8.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace numstore {

/// What an attribute can hold; strings are UTF-8. The order is part of the
/// file format.
using attribute_value =
    std::variant<bool, std::int64_t, double, std::string, std::vector<bool>,
                 std::vector<std::int64_t>, std::vector<double>,
                 std::vector<std::string>>;

namespace format {

/// An encoded value has at most this many bytes.
inline constexpr std::size_t max_attribute_bytes = std::size_t{1} << 20;

} // namespace format

namespace detail {

// An encoded attribute value:
//
//   u8     which alternative of attribute_value, from 0
//   bool   u8, 0 or 1
//   int64  i64
//   double u64, IEEE 754
//   string the rest, UTF-8
//   vector varint count, then its elements; strings with a varint length

class attribute_encoder {
public:
    explicit attribute_encoder(std::vector<std::byte>& out) noexcept
        : out_(out) {}

    void put(bool v) { out_.u8(v ? 1 : 0); }
    void put(std::int64_t v) { out_.i64(v); }
    void put(double v) { out_.u64(std::bit_cast<std::uint64_t>(v)); }
    void put(std::string const& v) {
        check(v);
        out_.raw(format::as_bytes(v));
    }
    template <class E>
    void put(std::vector<E> const& list) {
        out_.varint(list.size());
        for (auto const& e : list) {
            if constexpr (std::is_same_v<E, std::string>) {
                check(e);
                out_.text(e);
            } else {
                put(static_cast<E>(e));
            }
            check_size();
        }
    }
    void check_size() const {
        if (out_.size() > format::max_attribute_bytes)
            raise(errc::invalid_argument,
                  "attribute: a value of more than 1 MiB");
    }

private:
    static void check(std::string_view text) {
        if (text.size() > format::max_attribute_bytes)
            raise(errc::invalid_argument,
                  "attribute: a string of more than 1 MiB");
        std::size_t const at = find_malformed_utf8(text);
        if (at != std::string_view::npos)
            raise(errc::invalid_argument, "attribute: the string "
                                              + quoted(text)
                                              + " is not UTF-8 from byte "
                                              + std::to_string(at) + " on");
    }

    format::byte_writer out_;
};

class attribute_decoder {
public:
    explicit attribute_decoder(std::span<std::byte const> bytes)
        : in_(bytes, "attribute") {
        if (bytes.size() > format::max_attribute_bytes)
            in_.fail("the value is too large");
    }

    attribute_value decode() {
        attribute_value value = alternative(in_.u8());
        in_.finish();
        return value;
    }

private:
    attribute_value alternative(std::uint8_t index) {
        switch (index) {
        case 0: return boolean();
        case 1: return in_.i64();
        case 2: return number();
        case 3: return checked(format::as_text(in_.raw(in_.remaining())));
        case 4: return list<bool>(1, [&] { return boolean(); });
        case 5: return list<std::int64_t>(8, [&] { return in_.i64(); });
        case 6: return list<double>(8, [&] { return number(); });
        case 7:
            return list<std::string>(1, [&] { return checked(in_.text()); });
        default: in_.fail("the kind of value is unknown");
        }
    }

    /// `smallest` is how many bytes an element has at least.
    template <class E, class Take>
    std::vector<E> list(std::size_t smallest, Take take) {
        std::uint64_t const n = in_.varint();
        if (n > in_.remaining() / smallest)
            in_.fail("more elements than bytes");
        std::vector<E> values;
        values.reserve(static_cast<std::size_t>(n));
        for (std::uint64_t i = 0; i != n; ++i)
            values.push_back(take());
        return values;
    }

    bool boolean() {
        std::uint8_t const b = in_.u8();
        if (b > 1)
            in_.fail("a bool is neither 0 nor 1");
        return b != 0;
    }
    double number() { return std::bit_cast<double>(in_.u64()); }

    std::string checked(std::string_view text) {
        if (find_malformed_utf8(text) != std::string_view::npos)
            in_.fail("a string is not UTF-8");
        return std::string(text);
    }

    format::byte_reader in_;
};

} // namespace detail

namespace format {

/// Throws invalid_argument where a string is not UTF-8 or the value takes
/// more than 1 MiB.
inline std::vector<std::byte> encode_attribute(attribute_value const& value) {
    std::vector<std::byte> out{static_cast<std::byte>(value.index())};
    detail::attribute_encoder encoder(out);
    std::visit([&](auto const& v) { encoder.put(v); }, value);
    encoder.check_size();
    return out;
}

/// Reads a value that takes all of `bytes`. Throws corrupt.
inline attribute_value decode_attribute(std::span<std::byte const> bytes) {
    return detail::attribute_decoder(bytes).decode();
}

} // namespace format
} // namespace numstore
