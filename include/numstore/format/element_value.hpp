// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/element_check.hpp>
#include <numstore/format/element_reader.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/format/utf8.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace numstore::detail {

/// Reads an element as `element_printer` shows it.
class element_value_parser {
public:
    explicit element_value_parser(std::string_view text) noexcept
        : text_(text) {}

    void parse(element_type const& type, std::byte* bytes) {
        if (!value(type, bytes) || !at_end())
            raise(errc::invalid_argument,
                  quoted(text_) + " is no " + type.to_string()
                      + ": not understood at byte " + std::to_string(at_));
    }

private:
    bool value(element_type const& type, std::byte* bytes) {
        switch (type.kind()) {
        case element_kind::array: return array(type, bytes);
        case element_kind::structure: return structure(type, bytes);
        case element_kind::nullable: return nullable(type, bytes);
        case element_kind::variant: return variant(type, bytes);
        case element_kind::chars:
        case element_kind::text: {
            auto const text = string();
            return text && element_reader::read(type, *text, bytes);
        }
        default: return number(type, bytes);
        }
    }

    bool number(element_type const& type, std::byte* bytes) {
        skip_space();
        bool const complex = at_ < text_.size() && text_[at_] == '(';
        std::size_t const end =
            complex ? std::min(text_.find(')', at_), text_.size() - 1) + 1
                    : std::min(text_.find_first_of(",]}", at_), text_.size());
        if (!element_reader::read(type, text_.substr(at_, end - at_), bytes))
            return false;
        at_ = end;
        return true;
    }

    bool array(element_type const& type, std::byte* bytes) {
        if (!take("["))
            return false;
        for (std::size_t i = 0; i != type.extent(); ++i)
            if ((i != 0 && !take(","))
                || !value(type.inner(), bytes + i * type.inner().size()))
                return false;
        return take("]");
    }

    bool structure(element_type const& type, std::byte* bytes) {
        if (!take("{"))
            return false;
        for (auto const& m : type.members())
            if ((&m != type.members().data() && !take(",")) || !take(m.name)
                || !take(":") || !value(m.type, bytes + m.offset))
                return false;
        return take("}");
    }

    bool nullable(element_type const& type, std::byte* bytes) {
        auto const state = take("null")     ? cell_state::null
                           : take("absent") ? cell_state::absent
                                            : cell_state::value;
        bytes[type.tag_offset()] = static_cast<std::byte>(state);
        return state != cell_state::value || value(type.inner(), bytes);
    }

    /// The first alternative that reads it.
    bool variant(element_type const& type, std::byte* bytes) {
        std::size_t const start = at_;
        std::size_t tag = 0;
        for (auto const& alternative : type.alternatives()) {
            std::fill(bytes, bytes + type.size(), std::byte{0});
            at_ = start;
            if (value(alternative.type, bytes)) {
                bytes[type.tag_offset()] = static_cast<std::byte>(tag);
                return true;
            }
            ++tag;
        }
        return false;
    }

    std::optional<std::string> string() {
        if (!take("\""))
            return std::nullopt;
        std::string text;
        for (; at_ != text_.size() && text_[at_] != '"'; ++at_) {
            if (text_[at_] != '\\') {
                text += text_[at_];
                continue;
            }
            auto const c = escaped();
            if (!c)
                return std::nullopt;
            text += *c;
        }
        if (at_ == text_.size())
            return std::nullopt;
        ++at_;
        return text;
    }

    /// At a backslash; leaves at_ at the last character of the escape.
    std::optional<char> escaped() {
        std::string_view const rest = text_.substr(at_ + 1);
        if (rest.starts_with('x') && rest.size() > 2) {
            unsigned char code = 0;
            char const* const digits = rest.data() + 1;
            if (std::from_chars(digits, digits + 2, code, 16).ptr
                != digits + 2)
                return std::nullopt;
            at_ += 3;
            return static_cast<char>(code);
        }
        if (rest.empty()
            || std::string_view("\"\\n").find(rest[0])
                   == std::string_view::npos)
            return std::nullopt;
        ++at_;
        return rest[0] == 'n' ? '\n' : rest[0];
    }

    bool take(std::string_view word) noexcept {
        skip_space();
        if (!text_.substr(at_).starts_with(word))
            return false;
        at_ += word.size();
        return true;
    }
    bool at_end() noexcept {
        skip_space();
        return at_ == text_.size();
    }
    void skip_space() noexcept {
        at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace numstore::detail

namespace numstore {

/// The stored bytes of an element from the text that `to_string` shows; a
/// variant becomes the first alternative that can be read so. Throws
/// invalid_argument.
inline std::vector<std::byte> parse_element(element_type const& type,
                                            std::string_view text) {
    std::vector<std::byte> bytes(type.size());
    detail::element_value_parser(text).parse(type, bytes.data());
    return bytes;
}

} // namespace numstore
