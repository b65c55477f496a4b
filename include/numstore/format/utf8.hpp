// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace numstore::detail {

/// One code point of a text: its value, and how many bytes it takes there;
/// `bytes` is 0 where the text is malformed or at its end.
struct code_point {
    char32_t value = 0;
    std::size_t bytes = 0;
};

/// Decodes the code point at byte `at`. Refuses overlong forms, surrogates,
/// values above U+10FFFF and what is cut off (Unicode 15, table 3-7).
constexpr code_point decode_utf8(std::string_view text,
                                 std::size_t at) noexcept {
    if (at >= text.size())
        return {};
    auto const byte = [&](std::size_t i) -> char32_t {
        return static_cast<unsigned char>(text[at + i]);
    };
    char32_t const lead = byte(0);
    if (lead < 0x80)
        return {lead, 1};
    if (lead < 0xc2 || lead > 0xf4)
        return {};
    std::size_t const n = lead < 0xe0 ? 2u : lead < 0xf0 ? 3u : 4u;
    if (text.size() - at < n)
        return {};
    char32_t value = lead & (0x7fu >> n);
    for (std::size_t i = 1; i != n; ++i) {
        if ((byte(i) & 0xc0) != 0x80)
            return {};
        value = value << 6 | (byte(i) & 0x3f);
    }
    constexpr char32_t least[] = {0x80, 0x800, 0x10000};
    bool const surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < least[n - 2] || surrogate || value > 0x10ffff)
        return {};
    return {value, n};
}

/// Appends a code point to a text. False, and nothing, for a surrogate and for
/// values above U+10FFFF.
inline bool append_utf8(std::string& text, char32_t c) {
    if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
        return false;
    if (c < 0x80) {
        text += static_cast<char>(c);
        return true;
    }
    int const more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    constexpr unsigned leads[] = {0, 0xc0, 0xe0, 0xf0};
    text += static_cast<char>(leads[more] | c >> 6 * more);
    for (int i = more; i-- != 0;)
        text += static_cast<char>(0x80 | (c >> 6 * i & 0x3f));
    return true;
}

/// C0, DEL and C1.
constexpr bool is_control(char32_t c) noexcept {
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/// The byte at which the text stops being UTF-8; npos if it is all UTF-8.
constexpr std::size_t find_malformed_utf8(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        std::size_t const n = decode_utf8(text, at).bytes;
        if (n == 0)
            return at;
        at += n;
    }
    return std::string_view::npos;
}

/// A text that nobody vouches for, as error messages show it: in quotes, not
/// too long, what is not printable as \xNN.
inline std::string quoted(std::string_view text) {
    constexpr std::size_t longest = 80;
    constexpr char digits[] = "0123456789abcdef";
    std::string shown = "\"";
    std::size_t at = 0;
    while (at < text.size() && at < longest) {
        code_point const c = decode_utf8(text, at);
        if (c.bytes != 0 && !is_control(c.value)) {
            shown += text.substr(at, c.bytes);
            at += c.bytes;
            continue;
        }
        unsigned const b = static_cast<unsigned char>(text[at++]);
        shown += {'\\', 'x', digits[b >> 4], digits[b & 15]};
    }
    shown += at < text.size() ? "...\"" : "\"";
    return shown;
}

} // namespace numstore::detail
