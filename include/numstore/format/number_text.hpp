// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <locale.h>

#include <cerrno>
#include <charconv>
#include <concepts>
#include <cstdlib>
#include <new>
#include <string>
#include <system_error>
#include <version>

namespace numstore::detail {

/// The locale "C", whatever the program's is. Throws bad_alloc.
inline ::locale_t c_locale() {
    static ::locale_t const made = ::newlocale(LC_ALL_MASK, "C", nullptr);
    if (made == nullptr)
        throw std::bad_alloc();
    return made;
}

/// As std::from_chars, which not every standard library has for these types.
template <std::floating_point Number>
std::from_chars_result read_floating(char const* first, char const* last,
                                     Number& value) {
    std::string const text(first, last);
    auto const digits = text.find_first_not_of('-');
    if (digits == std::string::npos || digits > 1
        || std::string("+ \t\n\v\f\r").find(text[digits]) != std::string::npos)
        return {first, std::errc::invalid_argument};
    // A hexadecimal number ends behind its 0.
    bool const zero_only =
        text[digits] == '0' && digits + 1 < text.size()
        && (text[digits + 1] == 'x' || text[digits + 1] == 'X');
    std::string const shown = zero_only ? text.substr(0, digits + 1) : text;
    char* end = nullptr;
    int const before = errno;
    errno = 0;
    Number read{};
    if constexpr (std::same_as<Number, float>)
        read = ::strtof_l(shown.c_str(), &end, c_locale());
    else
        read = ::strtod_l(shown.c_str(), &end, c_locale());
    bool const out_of_range =
        errno == ERANGE && (read == 0 || read > 1 || read < -1);
    errno = before;
    char const* const at = first + (end - shown.c_str());
    if (at == first)
        return {first, std::errc::invalid_argument};
    if (out_of_range)
        return {at, std::errc::result_out_of_range};
    value = read;
    return {at, std::errc{}};
}

/// std::from_chars, also of floating point, where the library has it or not.
template <class Number>
std::from_chars_result read_number(char const* first, char const* last,
                                   Number& value) {
#ifndef __cpp_lib_to_chars
    if constexpr (std::floating_point<Number>)
        return read_floating(first, last, value);
    else
#endif
        return std::from_chars(first, last, value);
}

} // namespace numstore::detail
