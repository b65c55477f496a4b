// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/utf8.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace numstore::detail {

/// A value of the subset of Python that headers of .npy files are written in.
struct python_value {
    enum class kind { none, boolean, integer, text, sequence, dictionary };

    kind what = kind::none;
    std::uint64_t number = 0; ///< of an integer, or 0 or 1
    std::string text{};
    std::vector<python_value> items{}; ///< keys and values in turn

    /// Null if it is not there.
    python_value const* find(std::string_view key) const noexcept {
        for (std::size_t i = 0; i + 1 < items.size(); i += 2)
            if (items[i].what == kind::text && items[i].text == key)
                return &items[i + 1];
        return nullptr;
    }
};

/// Reads one literal: None, True, False, integers that are not negative,
/// strings, tuples, lists and dictionaries. Time and memory are linear in the
/// text, and recursion is bounded. Throws corrupt.
class python_parser {
public:
    python_parser(std::string_view text, std::string const& file) noexcept
        : text_(text), file_(&file) {}

    python_value parse() {
        python_value v = value(max_depth);
        if (!at_end())
            fail("nothing more");
        return v;
    }

private:
    static constexpr unsigned max_depth = 40;
    using kind = python_value::kind;

    python_value value(unsigned levels) {
        if (levels == 0)
            fail("no deeper nesting");
        if (at_end())
            fail("a value");
        char const c = text_[at_];
        if (c == '\'' || c == '"')
            return string(c);
        if (c == '(' || c == '[')
            return sequence(c == '(' ? ')' : ']', levels);
        if (c == '{')
            return dictionary(levels);
        if (c >= '0' && c <= '9')
            return integer();
        return word();
    }

    python_value string(char quote) {
        python_value v{.what = kind::text};
        for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
            if (text_[at_] == '\\') {
                if (at_ + 1 == text_.size()
                    || (text_[at_ + 1] != '\\' && text_[at_ + 1] != '\''
                        && text_[at_ + 1] != '"'))
                    fail("no other escape than \\\\, \\' and \\\"");
                ++at_;
            }
            v.text += text_[at_];
        }
        if (at_ == text_.size())
            fail("the end of a string");
        ++at_;
        return v;
    }

    python_value integer() {
        python_value v{.what = kind::integer};
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9';
             ++at_) {
            auto const digit = static_cast<unsigned>(text_[at_] - '0');
            if (!multiply(v.number, 10, v.number)
                || !add(v.number, digit, v.number))
                fail("a smaller number");
        }
        if (at_ < text_.size() && text_[at_] == 'L') // Python 2
            ++at_;
        return v;
    }

    python_value sequence(char close, unsigned levels) {
        python_value v{.what = kind::sequence};
        ++at_;
        while (!take(close)) {
            v.items.push_back(value(levels - 1));
            if (take(','))
                continue;
            if (!take(close))
                fail("a comma or the end of a sequence");
            // (3) is a number, not a tuple.
            if (close == ')' && v.items.size() == 1) {
                python_value only = std::move(v.items.front());
                return only;
            }
            break;
        }
        return v;
    }

    python_value dictionary(unsigned levels) {
        python_value v{.what = kind::dictionary};
        ++at_;
        while (!take('}')) {
            v.items.push_back(value(levels - 1));
            if (!take(':'))
                fail("a colon");
            v.items.push_back(value(levels - 1));
            if (take(','))
                continue;
            if (!take('}'))
                fail("a comma or the end of a dictionary");
            break;
        }
        return v;
    }

    python_value word() {
        for (auto const& [name, what, number] :
             {std::tuple("None", kind::none, 0u),
              std::tuple("True", kind::boolean, 1u),
              std::tuple("False", kind::boolean, 0u)})
            if (text_.substr(at_).starts_with(name)) {
                at_ += std::string_view(name).size();
                return {.what = what, .number = number};
            }
        fail("a value");
    }

    bool take(char c) noexcept {
        if (at_end() || text_[at_] != c)
            return false;
        ++at_;
        return true;
    }
    bool at_end() noexcept {
        while (at_ < text_.size()
               && std::string_view(" \t\r\n").find(text_[at_])
                      != std::string_view::npos)
            ++at_;
        return at_ == text_.size();
    }

    [[noreturn]] void fail(char const* expected) const {
        raise(errc::corrupt, *file_ + ": header " + quoted(text_)
                                 + ": expected " + expected + " at byte "
                                 + std::to_string(at_));
    }

    std::string_view text_;
    std::string const* file_;
    std::size_t at_ = 0;
};

} // namespace numstore::detail
