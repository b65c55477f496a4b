// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element.hpp>
#include <numstore/error.hpp>
#include <numstore/format/element_check.hpp>
#include <numstore/types.hpp>

#include <concepts>
#include <cstddef>
#include <cstring>
#include <iosfwd>
#include <optional>
#include <type_traits>
#include <utility>

namespace numstore {

/// Says that there is no value: `t.set(5, ns::null)`.
struct null_t {
    explicit constexpr null_t(int) noexcept {}
};
inline constexpr null_t null{0};

/// Says that there is nothing yet, not even null.
struct absent_t {
    explicit constexpr absent_t(int) noexcept {}
};
inline constexpr absent_t absent{0};

/// A value, or null, or nothing yet (absent), which is the default and costs
/// an array no space where whole leaves have nothing else. All are distinct,
/// from one another and from every value: zero, NaN and the empty text too.
/// Holds its value as it is stored, with one byte behind it, so that a null
/// keeps no old value. Comparing: absent == absent, null == null, values as
/// they compare.
template <element T>
class nullable {
public:
    using value_type = T;

    nullable() = default;
    nullable(null_t) noexcept { tail_[0] = state_byte(state::null); }
    nullable(absent_t) noexcept {}
    /// Throws what `T` throws.
    template <class U = T>
        requires(std::convertible_to<U, T>
                 && !std::same_as<std::remove_cvref_t<U>, nullable>)
    nullable(U&& value) {
        auto const stored = static_cast<T>(std::forward<U>(value));
        detail::store_element(stored, value_);
        tail_[0] = state_byte(state::value);
    }
    /// An empty optional is null.
    nullable(std::optional<T> const& value) {
        *this = value ? nullable(*value) : nullable(null);
    }

    bool has_value() const noexcept { return tail_[0] == std::byte{1}; }
    explicit operator bool() const noexcept { return has_value(); }
    bool is_null() const noexcept { return tail_[0] == std::byte{2}; }
    bool is_absent() const noexcept { return tail_[0] == std::byte{0}; }

    /// Throws not_found.
    T value() const {
        if (!has_value())
            detail::raise(errc::not_found, is_null() ? "the value of a null"
                                                     : "the value of nothing");
        return load();
    }
    /// Precondition: has_value().
    T operator*() const { return load(); }
    template <class U>
    T value_or(U&& other) const {
        return has_value() ? load() : static_cast<T>(std::forward<U>(other));
    }
    std::optional<T> to_optional() const {
        return has_value() ? std::optional<T>(load()) : std::nullopt;
    }

    friend bool operator==(nullable const& a, nullable const& b)
        requires std::equality_comparable<T>
    {
        return a.tail_[0] == b.tail_[0]
               && (!a.has_value() || a.load() == b.load());
    }
    friend bool operator==(nullable const& a, null_t) noexcept {
        return a.is_null();
    }
    friend bool operator==(nullable const& a, absent_t) noexcept {
        return a.is_absent();
    }
    template <class Traits>
    friend std::basic_ostream<char, Traits>&
    operator<<(std::basic_ostream<char, Traits>& out, nullable const& n) {
        if (n.has_value())
            return out << n.load();
        return out << (n.is_null() ? "null" : "absent");
    }

private:
    using layout = detail::element_layout<T>;
    using state = detail::cell_state;
    static constexpr std::size_t payload = layout::stored_bytes;
    static constexpr std::size_t tail_bytes =
        detail::round_up(payload + 1, layout::alignment) - payload;

    static constexpr std::byte state_byte(state s) noexcept {
        return static_cast<std::byte>(s);
    }
    T load() const { return detail::load_element<T>(value_); }

    alignas(layout::alignment) std::byte value_[payload]{}; // as it is stored
    std::byte tail_[tail_bytes]{}; // the state, then zeros
};

namespace detail {

template <class T>
struct element_layout<nullable<T>> {
    using part = element_layout<T>;
    static constexpr std::size_t stored_bytes = sizeof(nullable<T>);
    static constexpr std::size_t alignment = part::alignment;
    static constexpr std::size_t value_bytes = stored_bytes;
    static constexpr bool in_place = true;
    static constexpr bool total = false;
    static constexpr bool has_bool = false;
    static_assert(std::is_trivially_copyable_v<nullable<T>>);
    static_assert(stored_bytes == round_up(part::stored_bytes + 1, alignment));

    static element_type type() { return element_type::nullable(part::type()); }
    static void copy(std::byte* to, std::byte const* from) noexcept {
        std::memcpy(to, from, stored_bytes);
    }
    static void normalize_bools(std::byte*) noexcept {}
    static bool valid(std::byte const* p) {
        constexpr std::size_t at = part::stored_bytes;
        if (!all_zero(p + at + 1, stored_bytes - at - 1))
            return false;
        switch (static_cast<cell_state>(p[at])) {
        case cell_state::value: return part::valid(p);
        case cell_state::absent:
        case cell_state::null: return all_zero(p, at);
        }
        return false;
    }
};

} // namespace detail

static_assert(element<nullable<double>> && element<nullable<nullable<int>>>);

} // namespace numstore
