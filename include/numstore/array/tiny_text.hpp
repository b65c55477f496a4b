// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element_layout.hpp>
#include <numstore/error.hpp>
#include <numstore/format/element_check.hpp>
#include <numstore/format/utf8.hpp>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

namespace numstore {

/// UTF-8 of at most N bytes, stored in the element: its length, the text, and
/// zeros. Empty by default. Compares by bytes, which is by code points. Throws
/// invalid_argument, and never cuts, where a text is longer or malformed.
template <std::size_t N = 255>
    requires(N >= 1 && N <= detail::max_text_bytes)
class tiny_text {
public:
    /// Bytes that a text may have.
    static constexpr std::size_t capacity = N;

    tiny_text() = default;
    tiny_text(std::string_view text) {
        if (text.size() > N)
            detail::raise(errc::invalid_argument,
                          detail::quoted(text) + ": a text of "
                              + std::to_string(text.size()) + " bytes where "
                              + std::to_string(N) + " fit");
        std::size_t const bad = detail::find_malformed_utf8(text);
        if (bad != std::string_view::npos)
            detail::raise(errc::invalid_argument, detail::quoted(text)
                                                      + ": not UTF-8 at byte "
                                                      + std::to_string(bad));
        std::copy(text.begin(), text.end(), text_);
        length_[0] = static_cast<unsigned char>(text.size() & 0xff);
        if constexpr (prefix == 2)
            length_[1] = static_cast<unsigned char>(text.size() >> 8);
    }
    tiny_text(std::string const& text) : tiny_text(std::string_view(text)) {}
    tiny_text(char const* text) : tiny_text(std::string_view(text)) {}

    std::size_t size() const noexcept {
        std::size_t n = length_[0];
        if constexpr (prefix == 2)
            n |= std::size_t{length_[1]} << 8;
        return n;
    }
    bool empty() const noexcept { return size() == 0; }

    /// Valid as long as this object.
    std::string_view view() const noexcept { return {text_, size()}; }
    operator std::string_view() const noexcept { return view(); }
    std::string str() const { return std::string(view()); }

    friend bool operator==(tiny_text const& a, tiny_text const& b) noexcept {
        return a.view() == b.view();
    }
    friend auto operator<=>(tiny_text const& a, tiny_text const& b) noexcept {
        return a.view() <=> b.view();
    }
    template <class Traits>
    friend std::basic_ostream<char, Traits>&
    operator<<(std::basic_ostream<char, Traits>& out, tiny_text const& t) {
        return out << t.view();
    }

private:
    static constexpr std::size_t prefix = detail::text_prefix(N);

    unsigned char length_[prefix]{}; // low byte first
    char text_[N]{};                 // zeros behind the text
};

namespace detail {

template <std::size_t N>
struct element_layout<tiny_text<N>> {
    using value = tiny_text<N>;
    static_assert(sizeof(value) == N + text_prefix(N) && alignof(value) == 1);
    static constexpr std::size_t stored_bytes = sizeof(value);
    static constexpr std::size_t alignment = 1;
    static constexpr std::size_t value_bytes = sizeof(value);
    static constexpr bool in_place = true;
    static constexpr bool total = false;
    static constexpr bool has_bool = false;

    static element_type type() { return element_type::text(N); }
    static void copy(std::byte* to, std::byte const* from) noexcept {
        std::copy_n(from, sizeof(value), to);
    }
    static void normalize_bools(std::byte*) noexcept {}
    static bool valid(std::byte const* p) noexcept {
        return valid_stored_text(p, N);
    }
};

} // namespace detail
} // namespace numstore
