// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/format/utf8.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Reads the text form of an element type, one word after the other. Time and
/// memory are linear in the text, and recursion is bounded.
class element_parser {
public:
    explicit element_parser(std::string_view text) noexcept : text_(text) {}

    element_type parse() {
        if (text_.size() > max_element_text)
            raise(errc::invalid_argument,
                  "element type: a description of more than 64 KiB");
        element_type t = type(max_element_depth);
        if (!at_end())
            fail("nothing more");
        return t;
    }

private:
    [[gnu::cold]] element_type type(unsigned levels) {
        if (levels == 0)
            fail("no deeper nesting");
        if (take('[')) {
            std::uint64_t const count = number();
            if (!take(']'))
                fail("]");
            return element_type::array_of(count, type(levels - 1));
        }
        if (take('{'))
            return structure(levels);
        if (take('?'))
            return element_type::nullable(type(levels - 1));
        if (take('('))
            return variant(levels);
        std::string_view const word = identifier();
        if (word == "chars")
            return element_type::chars(parenthesized_number());
        if (word == "text")
            return element_type::text(parenthesized_number());
        auto const found = std::find_if(
            scalar_kinds.begin(), scalar_kinds.end(),
            [&](auto const& k) { return k.size != 0 && k.name == word; });
        if (found == scalar_kinds.end()) {
            at_ -= word.size();
            fail("a type: bool i8 to i128, u8 to u128, f16 bf16 f32 f64 c64 "
                 "c128 byte, chars(8), text(20), ?f32, [3]f32, (f32 | i32), "
                 "{t f64, v f32}");
        }
        return element_type(
            static_cast<element_kind>(found - scalar_kinds.begin()));
    }

    [[gnu::cold]] element_type variant(unsigned levels) {
        std::vector<element_type> alternatives;
        do {
            alternatives.push_back(type(levels - 1));
        } while (take('|'));
        if (!take(')'))
            fail("| or )");
        return element_type::variant(std::move(alternatives));
    }

    std::uint64_t parenthesized_number() {
        if (!take('('))
            fail("(");
        std::uint64_t const n = number();
        if (!take(')'))
            fail(")");
        return n;
    }

    [[gnu::cold]] element_type structure(unsigned levels) {
        std::vector<element_type::member> members;
        std::uint64_t end = 0;
        std::uint64_t last_end = 0;
        std::uint64_t strictest = 1;
        do {
            std::string_view const name = identifier();
            if (name.empty())
                fail("the name of a member");
            element_type t = type(levels - 1);
            std::uint64_t const alignment = t.alignment();
            std::uint64_t const natural = round_up(end, alignment);
            std::uint64_t const offset = take('@') ? number() : natural;
            end = offset + t.size();
            last_end = std::max(last_end, end);
            strictest = std::max(strictest, alignment);
            members.push_back({std::string(name), offset, std::move(t)});
        } while (take(','));
        if (!take('}'))
            fail(", or }");
        std::optional<std::uint64_t> size;
        if (take('#'))
            size = number();
        std::uint64_t const alignment = take('%') ? number() : strictest;
        if (alignment == 0)
            fail("an alignment above 0");
        std::uint64_t const natural = round_up(last_end, alignment);
        return element_type::structure(std::move(members),
                                       size.value_or(natural), alignment);
    }

    /// At most 2^32, so that sums of a few do not overflow.
    std::uint64_t number() {
        skip_space();
        std::uint64_t value = 0;
        std::size_t const start = at_;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9';
             ++at_) {
            value = value * 10 + static_cast<unsigned>(text_[at_] - '0');
            if (value > UINT32_MAX)
                fail("a smaller number");
        }
        if (at_ == start)
            fail("a number");
        return value;
    }

    std::string_view identifier() noexcept {
        skip_space();
        auto const word =
            text_.substr(at_, identifier_bytes(text_.substr(at_)));
        at_ += word.size();
        return word;
    }

    bool take(char c) noexcept {
        if (at_end() || text_[at_] != c)
            return false;
        ++at_;
        return true;
    }

    bool at_end() noexcept {
        skip_space();
        return at_ == text_.size();
    }

    void skip_space() noexcept {
        at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
    }

    [[noreturn]] void fail(char const* expected) const {
        raise(errc::invalid_argument, "element type " + quoted(text_)
                                          + ": expected " + expected
                                          + " at byte " + std::to_string(at_));
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace numstore::detail

namespace numstore {

inline element_type element_type::parse(std::string_view text) {
    return detail::element_parser(text).parse();
}

} // namespace numstore

namespace numstore::detail {

/// True if `text` describes elements of `size` bytes: what a file says of an
/// array, twice.
inline bool describes_elements(std::string_view text, std::uint64_t size) {
    try {
        return element_type::parse(text).size() == size;
    } catch (error const&) {
        return false;
    }
}

} // namespace numstore::detail
