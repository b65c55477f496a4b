// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/element_type.hpp>
#include <numstore/format/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace numstore::detail {

/// What the tag of a nullable says. A cell that nobody wrote is zeros, and so
/// absent.
enum class cell_state : std::uint8_t { absent, value, null };

inline bool all_zero(std::byte const* bytes, std::size_t n) noexcept {
    return std::all_of(bytes, bytes + n,
                       [](std::byte b) { return b == std::byte{0}; });
}

/// The length in front of a text of at most `n` bytes.
inline std::size_t stored_text_length(std::byte const* bytes,
                                      std::size_t n) noexcept {
    auto const at = [&](std::size_t i) {
        return std::to_integer<std::size_t>(bytes[i]);
    };
    return text_prefix(n) == 1 ? at(0) : at(0) | at(1) << 8;
}

/// A length of at most `n`, UTF-8, and zeros.
inline bool valid_stored_text(std::byte const* bytes, std::size_t n) noexcept {
    std::size_t const length = stored_text_length(bytes, n);
    if (length > n)
        return false;
    std::byte const* const begin = bytes + text_prefix(n);
    std::string_view const text(reinterpret_cast<char const*>(begin), length);
    return find_malformed_utf8(text) == std::string_view::npos
           && all_zero(begin + length, n - length);
}

} // namespace numstore::detail

namespace numstore {

inline void element_type::normalize(std::byte* bytes) const noexcept {
    if (plain_)
        return;
    switch (kind_) {
    case element_kind::boolean:
        *bytes = std::byte{*bytes != std::byte{0}};
        return;
    case element_kind::array: {
        std::size_t const step = inner().size_;
        for (std::size_t at = 0; at != size_; at += step)
            inner().normalize(bytes + at);
        return;
    }
    case element_kind::text: {
        std::size_t const n = extent();
        std::size_t const used = detail::stored_text_length(bytes, n);
        if (used <= n)
            std::fill(bytes + tag_offset() + used, bytes + size_, std::byte{0});
        return;
    }
    case element_kind::nullable:
    case element_kind::variant: return normalize_tagged(bytes);
    default: break;
    }
    std::size_t end = 0;
    for (member const& m : parts_) {
        std::fill(bytes + end, bytes + m.offset, std::byte{0});
        m.type.normalize(bytes + m.offset);
        end = m.offset + m.type.size_;
    }
    std::fill(bytes + end, bytes + size_, std::byte{0});
}

inline void element_type::normalize_tagged(std::byte* bytes) const noexcept {
    std::size_t const at = tag_offset();
    auto const tag = std::to_integer<std::size_t>(bytes[at]);
    std::fill(bytes + at + 1, bytes + size_, std::byte{0});
    std::size_t used = 0;
    if (kind_ == element_kind::variant) {
        if (tag >= parts_.size())
            return;
        parts_[tag].type.normalize(bytes);
        used = parts_[tag].type.size_;
    } else if (tag == static_cast<std::size_t>(detail::cell_state::value)) {
        inner().normalize(bytes);
        used = at;
    } else if (tag > static_cast<std::size_t>(detail::cell_state::null)) {
        return;
    }
    std::fill(bytes + used, bytes + at, std::byte{0});
}

inline bool element_type::valid(std::byte const* bytes) const noexcept {
    if (total_)
        return true;
    switch (kind_) {
    case element_kind::array: {
        std::size_t const step = inner().size_;
        for (std::size_t at = 0; at != size_; at += step)
            if (!inner().valid(bytes + at))
                return false;
        return true;
    }
    case element_kind::text: return detail::valid_stored_text(bytes, extent());
    case element_kind::nullable:
    case element_kind::variant: return valid_tagged(bytes);
    default:
        return std::all_of(parts_.begin(), parts_.end(), [&](member const& m) {
            return m.type.valid(bytes + m.offset);
        });
    }
}

inline bool element_type::valid_tagged(std::byte const* bytes) const noexcept {
    std::size_t const at = tag_offset();
    auto const tag = std::to_integer<std::size_t>(bytes[at]);
    if (!detail::all_zero(bytes + at + 1, size_ - at - 1))
        return false;
    if (kind_ == element_kind::variant) {
        if (tag >= parts_.size())
            return false;
        element_type const& held = parts_[tag].type;
        return held.valid(bytes)
               && detail::all_zero(bytes + held.size_, at - held.size_);
    }
    if (tag == static_cast<std::size_t>(detail::cell_state::value))
        return inner().valid(bytes);
    return tag <= static_cast<std::size_t>(detail::cell_state::null)
           && detail::all_zero(bytes, at);
}

} // namespace numstore
