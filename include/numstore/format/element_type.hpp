// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/element_kind.hpp>
#include <numstore/format/utf8.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore {

/// What one element of an array is, known at run time: kind, parts, and where
/// in its bytes they are. A regular value. Its text form, which the catalogue
/// holds and `parse` reads:
///
///     bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 c64 c128 byte
///     [3]f32                         a fixed array; [2][3]f32 is two of them
///     {t f64, v f32, flags u8}       a struct laid out as C does
///     {a u8, b f64 @1} #9 %1         one that is not: @ offset of a member,
///                                    # size, % alignment, where they differ
///
///     f16 bf16 i128 u128             half floats, integers of 128 bits
///     chars(8)                       8 bytes, zeros behind a shorter text
///     text(255)                      UTF-8 of up to 255 bytes
///     ?f64                           a number, or null, or nothing yet
///     (f64 | i32 | text(20))         one of these
///
/// A struct's members are in the order of their offsets and do not overlap;
/// bytes of no member are padding and stored as zero. Numbers are little
/// endian, a bool is one byte, 0 or 1. A text is its length in bytes (one
/// byte, or two little-endian ones where more than 255 are possible), the
/// text, and zeros. `?` and `|` put one byte behind the value, or behind room
/// for the longest of the values: 0 nothing yet, 1 a value, 2 null; or which
/// alternative, from 0. What follows, and room that is not used, is zero.
class element_type {
public:
    struct member;

    /// `byte`.
    element_type() noexcept;

    /// A kind without parts. Throws invalid_argument for the others.
    explicit element_type(element_kind kind);

    /// `count` neighbouring elements of one type. Throws invalid_argument
    /// for none, and for a type too large or nested too deep.
    static element_type array_of(std::uint64_t count, element_type inner);

    /// Members at their offsets, in any order, in `size` bytes. Throws
    /// invalid_argument unless each is named, once, by letters, digits and _,
    /// and lies inside, apart from the others; and where the type is too
    /// large or nested too deep.
    static element_type structure(std::vector<member> members,
                                  std::uint64_t size, std::uint64_t alignment);

    /// `n` bytes, or UTF-8 of up to `n` bytes. Throws invalid_argument for
    /// none, and for a text of more than 65535.
    static element_type chars(std::uint64_t n);
    static element_type text(std::uint64_t n);

    /// Values of `inner`, null and nothing. Throws invalid_argument where the
    /// type is too large or nested too deep.
    static element_type nullable(element_type inner);

    /// One of up to 255 types at a time. Throws invalid_argument for none or
    /// more, and as above.
    static element_type variant(std::vector<element_type> alternatives);

    /// Reads the text form, with any white space between its words. Throws
    /// invalid_argument that says what was expected where. Defined in
    /// element_parser.hpp.
    static element_type parse(std::string_view text);

    /// The shortest text that `parse` turns into this type.
    std::string to_string() const;
    operator std::string() const { return to_string(); }

    element_kind kind() const noexcept { return kind_; }
    /// Bytes, with padding.
    std::size_t size() const noexcept { return size_; }
    std::size_t alignment() const noexcept { return alignment_; }

    /// How many elements an array has, bytes chars have, or a text at most;
    /// 1 for other kinds.
    std::size_t extent() const noexcept;
    /// What they are. Precondition: the kind is `array` or `nullable`.
    element_type const& inner() const noexcept;
    /// Members of a struct, by ascending offset; none for other kinds.
    std::span<member const> members() const noexcept;
    /// What a variant may be, without names; none for other kinds.
    std::span<member const> alternatives() const noexcept;
    /// Where the byte is that says what a nullable or a variant is; and where
    /// a text begins.
    std::size_t tag_offset() const noexcept;

    /// Makes an element's bytes what is stored for its value: padding zero,
    /// each bool 0 or 1. Leaves what is no value as it is. Precondition:
    /// `bytes` has size() bytes. Defined in element_check.hpp.
    void normalize(std::byte* bytes) const noexcept;

    /// Are these the bytes of a value? False for a text that is too long or
    /// malformed, for a tag that means nothing, and for bytes other than zero
    /// where a text, a null or an alternative has none; other padding is not
    /// looked at, and any byte is a bool. Precondition: as above. Defined in
    /// element_check.hpp.
    bool valid(std::byte const* bytes) const noexcept;

    friend bool operator==(element_type const&, element_type const&) noexcept;
    friend bool operator==(element_type const& type, std::string_view text) {
        return type.to_string() == text;
    }
    template <class Traits>
    friend std::basic_ostream<char, Traits>&
    operator<<(std::basic_ostream<char, Traits>& out,
               element_type const& type) {
        return out << type.to_string();
    }

private:
    void append_to(std::string& out) const;
    void append_structure_to(std::string& out) const;
    void append_variant_to(std::string& out) const;
    void set_tagged(std::uint64_t payload, std::vector<member> parts);
    void normalize_tagged(std::byte* bytes) const noexcept;
    bool valid_tagged(std::byte const* bytes) const noexcept;
    /// Offset that C gives a part behind `end`, and the size of a struct.
    std::uint64_t natural(std::uint64_t end) const noexcept {
        return detail::round_up(end, alignment_);
    }
    void sort_members();
    void check_limits() const;
    void check_members() const;

    element_kind kind_ = element_kind::byte;
    bool plain_ = true; // neither padding nor bool: nothing to normalize
    bool total_ = true; // any bytes are a value
    std::uint8_t depth_ = 1;
    std::uint16_t alignment_ = 1;
    std::uint64_t size_ = 1;
    std::uint64_t text_ = 4;    // the text has at most so many bytes
    std::vector<member> parts_; // without names but in a struct
};

/// One member of a struct.
struct element_type::member {
    std::string name;
    std::uint64_t offset = 0;
    element_type type;
    friend bool operator==(member const&, member const&) noexcept = default;
};

inline element_type::element_type() noexcept = default;

inline element_type::element_type(element_kind kind) : kind_(kind) {
    if (!detail::is_scalar(kind))
        detail::raise(errc::invalid_argument,
                      "element type: a kind with parts without its parts");
    size_ = detail::scalar(kind).size;
    alignment_ = detail::scalar(kind).alignment;
    plain_ = kind != element_kind::boolean;
}

inline bool operator==(element_type const& a, element_type const& b) noexcept {
    return a.kind_ == b.kind_ && a.size_ == b.size_
           && a.alignment_ == b.alignment_ && a.parts_ == b.parts_;
}

inline element_type const& element_type::inner() const noexcept {
    return parts_.front().type;
}

inline std::size_t element_type::extent() const noexcept {
    switch (kind_) {
    case element_kind::array: return size_ / inner().size_;
    case element_kind::chars: return size_;
    case element_kind::text: return size_ - (size_ <= 256 ? 1 : 2);
    default: return 1;
    }
}

inline std::span<element_type::member const>
element_type::members() const noexcept {
    if (kind_ != element_kind::structure)
        return {};
    return parts_;
}

inline std::span<element_type::member const>
element_type::alternatives() const noexcept {
    if (kind_ != element_kind::variant)
        return {};
    return parts_;
}

inline std::size_t element_type::tag_offset() const noexcept {
    if (kind_ == element_kind::text)
        return size_ - extent();
    std::uint64_t longest = 0;
    for (member const& m : parts_)
        longest = std::max(longest, m.type.size_);
    return longest;
}

inline element_type element_type::chars(std::uint64_t n) {
    if (n == 0)
        detail::raise(errc::invalid_argument,
                      "element type: a text of no bytes");
    element_type t;
    t.kind_ = element_kind::chars;
    t.size_ = n;
    t.text_ = 30;
    t.check_limits();
    return t;
}

inline element_type element_type::text(std::uint64_t n) {
    if (n > detail::max_text_bytes)
        detail::raise(errc::invalid_argument,
                      "element type: a text of more than 65535 bytes");
    element_type t = chars(n);
    t.kind_ = element_kind::text;
    t.size_ += detail::text_prefix(n);
    t.plain_ = false;
    t.total_ = false;
    return t;
}

inline element_type element_type::nullable(element_type inner) {
    element_type t;
    t.kind_ = element_kind::nullable;
    std::vector<member> parts;
    std::uint64_t const payload = inner.size_;
    parts.push_back({{}, 0, std::move(inner)});
    t.set_tagged(payload, std::move(parts));
    return t;
}

inline element_type
element_type::variant(std::vector<element_type> alternatives) {
    if (alternatives.empty() || alternatives.size() > detail::max_alternatives)
        detail::raise(errc::invalid_argument,
                      "element type: a variant of "
                          + std::to_string(alternatives.size()) + " types");
    element_type t;
    t.kind_ = element_kind::variant;
    std::vector<member> parts;
    std::uint64_t longest = 0;
    for (element_type& a : alternatives) {
        longest = std::max(longest, a.size_);
        parts.push_back({{}, 0, std::move(a)});
    }
    t.set_tagged(longest, std::move(parts));
    return t;
}

[[gnu::cold]]
inline void element_type::set_tagged(std::uint64_t payload,
                                     std::vector<member> parts) {
    text_ = 4;
    plain_ = false;
    total_ = false;
    for (member const& m : parts) {
        alignment_ = std::max(alignment_, m.type.alignment_);
        depth_ = std::max(depth_, static_cast<std::uint8_t>(m.type.depth_ + 1));
        text_ += m.type.text_ + 3;
    }
    size_ = natural(payload + 1);
    parts_ = std::move(parts);
    check_limits();
}

[[gnu::cold]]
inline element_type element_type::array_of(std::uint64_t count,
                                           element_type inner) {
    constexpr std::uint64_t brackets = 22;
    if (count == 0)
        detail::raise(errc::invalid_argument,
                      "element type: an array of no elements");
    element_type t;
    t.kind_ = element_kind::array;
    if (!detail::multiply(count, inner.size_, t.size_))
        t.size_ = UINT64_MAX;
    t.alignment_ = inner.alignment_;
    t.plain_ = inner.plain_;
    t.total_ = inner.total_;
    t.depth_ = static_cast<std::uint8_t>(inner.depth_ + 1);
    t.text_ = inner.text_ + brackets;
    t.check_limits();
    t.parts_.push_back({{}, 0, std::move(inner)});
    return t;
}

[[gnu::cold]]
inline element_type element_type::structure(std::vector<member> members,
                                            std::uint64_t size,
                                            std::uint64_t alignment) {
    constexpr std::uint64_t numbers = 24;
    if (!std::has_single_bit(alignment)
        || alignment > detail::max_element_alignment)
        detail::raise(errc::invalid_argument, "element type: an alignment of "
                                                  + std::to_string(alignment));
    element_type t;
    t.kind_ = element_kind::structure;
    t.size_ = size;
    t.alignment_ = static_cast<std::uint16_t>(alignment);
    t.text_ = numbers * 2;
    t.parts_ = std::move(members);
    std::uint64_t used = 0;
    for (member const& m : t.parts_) {
        used += m.type.size_;
        t.plain_ = t.plain_ && m.type.plain_;
        t.total_ = t.total_ && m.type.total_;
        t.depth_ =
            std::max(t.depth_, static_cast<std::uint8_t>(m.type.depth_ + 1));
        t.text_ += m.name.size() + m.type.text_ + numbers;
    }
    t.plain_ = t.plain_ && used == size;
    t.sort_members();
    t.check_limits();
    t.check_members();
    return t;
}

/// By offset. Pointers are sorted, which takes little code.
[[gnu::cold]] inline void element_type::sort_members() {
    auto const before = [](member const& a, member const& b) {
        return a.offset < b.offset;
    };
    if (std::is_sorted(parts_.begin(), parts_.end(), before))
        return;
    std::vector<member*> order;
    order.reserve(parts_.size());
    for (member& m : parts_)
        order.push_back(&m);
    std::sort(order.begin(), order.end(),
              [&](member* a, member* b) { return before(*a, *b); });
    std::vector<member> sorted;
    sorted.reserve(parts_.size());
    for (member* const m : order)
        sorted.push_back(std::move(*m));
    parts_ = std::move(sorted);
}

[[gnu::cold]] inline void element_type::check_limits() const {
    auto const refuse = [](char const* what) {
        detail::raise(errc::invalid_argument,
                      std::string("element type: ") + what);
    };
    if (depth_ > detail::max_element_depth)
        refuse("nested deeper than 32 levels");
    if (size_ > detail::max_element_bytes)
        refuse("an element of more than 256 MiB");
    if (text_ > detail::max_element_text)
        refuse("a description of more than 64 KiB");
}

namespace detail {

/// Bytes of the member name that `text` begins with: letters, digits, _ and
/// what is beyond ASCII, as in identifiers of C++.
inline std::size_t identifier_bytes(std::string_view text) noexcept {
    auto const within = [&](std::size_t at, code_point c) {
        char32_t const lower = c.value | 0x20;
        return (lower >= 'a' && lower <= 'z') || c.value == '_'
               || (at != 0 && c.value >= '0' && c.value <= '9')
               || c.value >= 0xa0;
    };
    std::size_t at = 0;
    for (code_point c = decode_utf8(text, 0); c.bytes != 0 && within(at, c);
         c = decode_utf8(text, at))
        at += c.bytes;
    return at;
}

} // namespace detail

[[gnu::cold]] inline void element_type::check_members() const {
    auto const refuse = [](std::string_view name, char const* what) {
        detail::raise(errc::invalid_argument, "element type: the member "
                                                  + detail::quoted(name)
                                                  + what);
    };
    if (parts_.empty())
        detail::raise(errc::invalid_argument,
                      "element type: a struct of no members");
    std::vector<std::string_view> names;
    std::uint64_t end = 0;
    for (member const& m : parts_) {
        if (m.name.empty() || detail::identifier_bytes(m.name) != m.name.size())
            refuse(m.name, " is not named by letters, digits and _");
        if (m.offset < end)
            refuse(m.name, " overlaps another");
        if (m.offset > size_ || m.type.size_ > size_ - m.offset)
            refuse(m.name, " does not lie in the struct");
        end = m.offset + m.type.size_;
        names.push_back(m.name);
    }
    std::sort(names.begin(), names.end());
    auto const twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end())
        refuse(*twice, " is there twice");
}

inline std::string element_type::to_string() const {
    std::string text;
    append_to(text);
    return text;
}

[[gnu::cold]] inline void element_type::append_to(std::string& out) const {
    switch (kind_) {
    case element_kind::array:
        out += '[';
        out += std::to_string(extent());
        out += ']';
        return inner().append_to(out);
    case element_kind::structure: return append_structure_to(out);
    case element_kind::chars:
    case element_kind::text:
        out += kind_ == element_kind::chars ? "chars(" : "text(";
        out += std::to_string(extent());
        out += ')';
        return;
    case element_kind::nullable: out += '?'; return inner().append_to(out);
    case element_kind::variant: return append_variant_to(out);
    default: out += detail::scalar(kind_).name;
    }
}

[[gnu::cold]]
inline void element_type::append_variant_to(std::string& out) const {
    out += '(';
    for (member const& m : parts_) {
        if (&m != parts_.data())
            out += " | ";
        m.type.append_to(out);
    }
    out += ')';
}

[[gnu::cold]]
inline void element_type::append_structure_to(std::string& out) const {
    std::uint64_t end = 0;
    std::uint64_t strictest = 1;
    auto const number = [&](char const* mark, std::uint64_t n) {
        out += mark;
        out += std::to_string(n);
    };
    out += '{';
    for (member const& m : parts_) {
        if (&m != parts_.data())
            out += ", ";
        out += m.name;
        out += ' ';
        m.type.append_to(out);
        if (m.offset != m.type.natural(end))
            number(" @", m.offset);
        end = m.offset + m.type.size_;
        strictest = std::max<std::uint64_t>(strictest, m.type.alignment_);
    }
    out += '}';
    if (size_ != natural(end))
        number(" #", size_);
    if (alignment_ != strictest)
        number(" %", alignment_);
}

} // namespace numstore
