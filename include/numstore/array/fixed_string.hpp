// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element_layout.hpp>
#include <numstore/error.hpp>
#include <numstore/format/utf8.hpp>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

namespace numstore {

/// N bytes of text in any encoding, zeros behind a shorter one, as NumPy's
/// `S` and columns of fixed width have it. Empty by default. Throws
/// invalid_argument, and never cuts, where a text is longer, or ends in a zero
/// byte, which could not be told from those behind it.
template <std::size_t N>
    requires(N >= 1)
class fixed_string {
public:
    static constexpr std::size_t capacity = N;

    fixed_string() = default;
    fixed_string(std::string_view text) {
        if (text.size() > N)
            detail::raise(errc::invalid_argument,
                          detail::quoted(text) + ": a text of "
                              + std::to_string(text.size()) + " bytes where "
                              + std::to_string(N) + " fit");
        if (!text.empty() && text.back() == '\0')
            detail::raise(errc::invalid_argument,
                          detail::quoted(text) + ": ends in a zero byte");
        std::copy(text.begin(), text.end(), text_);
    }
    fixed_string(std::string const& text)
        : fixed_string(std::string_view(text)) {}
    fixed_string(char const* text) : fixed_string(std::string_view(text)) {}

    /// O(N).
    std::size_t size() const noexcept {
        std::size_t n = N;
        while (n != 0 && text_[n - 1] == '\0')
            --n;
        return n;
    }
    bool empty() const noexcept { return size() == 0; }

    /// Valid as long as this object.
    std::string_view view() const noexcept { return {text_, size()}; }
    operator std::string_view() const noexcept { return view(); }
    std::string str() const { return std::string(view()); }

    friend bool operator==(fixed_string const& a,
                           fixed_string const& b) noexcept {
        return a.view() == b.view();
    }
    friend auto operator<=>(fixed_string const& a,
                            fixed_string const& b) noexcept {
        return a.view() <=> b.view();
    }
    template <class Traits>
    friend std::basic_ostream<char, Traits>&
    operator<<(std::basic_ostream<char, Traits>& out, fixed_string const& s) {
        return out << s.view();
    }

private:
    char text_[N]{};
};

namespace detail {

template <std::size_t N>
struct element_layout<fixed_string<N>> {
    static_assert(sizeof(fixed_string<N>) == N);
    static constexpr std::size_t stored_bytes = N;
    static constexpr std::size_t alignment = 1;
    static constexpr std::size_t value_bytes = N;
    static constexpr bool in_place = true;
    static constexpr bool total = true;
    static constexpr bool has_bool = false;

    static element_type type() { return element_type::chars(N); }
    static void copy(std::byte* to, std::byte const* from) noexcept {
        std::copy_n(from, N, to);
    }
    static void normalize_bools(std::byte*) noexcept {}
    static bool valid(std::byte const*) noexcept { return true; }
};

} // namespace detail
} // namespace numstore
