// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/element_check.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/format/utf8.hpp>
#include <numstore/io/python_literal.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// One move between an item in a .npy file and the element that is stored:
/// `count` numbers of `width` bytes, or a text of `count` code points that has
/// room for `width` bytes of UTF-8.
struct npy_step {
    enum class kind { copy, swap, text, big_endian_text };

    kind what = kind::copy;
    std::size_t file_offset = 0;
    std::size_t offset = 0;
    std::size_t width = 1;
    std::size_t count = 0;
};

/// How elements of a type lie in a .npy file.
struct npy_layout {
    element_type element{};
    std::size_t item_bytes = 0;
    std::vector<npy_step> steps{};

    /// The bytes are the same.
    bool is_plain() const noexcept {
        return item_bytes == element.size() && steps.size() == 1
               && steps[0].what == npy_step::kind::copy
               && steps[0].width * steps[0].count == item_bytes;
    }
};

inline constexpr std::size_t max_npy_steps = 1 << 16;

/// Adds a part to an item; neighbouring bytes that are copied are one step.
inline void append_npy_part(npy_layout& to, npy_layout const& part,
                            std::size_t file_offset, std::size_t offset) {
    using kind = npy_step::kind;
    if (to.steps.size() + part.steps.size() > max_npy_steps)
        raise(errc::invalid_argument, "a dtype of more than 65536 parts");
    for (npy_step step : part.steps) {
        step.file_offset += file_offset;
        step.offset += offset;
        if (step.what == kind::copy && !to.steps.empty()) {
            npy_step& last = to.steps.back();
            if (last.what == kind::copy
                && last.file_offset + last.count == step.file_offset
                && last.offset + last.count == step.offset) {
                last.count += step.count;
                continue;
            }
        }
        to.steps.push_back(step);
    }
}

inline npy_layout npy_array_of(std::uint64_t count, npy_layout const& inner) {
    npy_layout all;
    all.element = element_type::array_of(count, inner.element);
    std::uint64_t bytes = 0;
    if (!multiply(count, inner.item_bytes, bytes)
        || bytes > 4 * max_element_bytes)
        raise(errc::invalid_argument, "a dtype of more than 1 GiB");
    all.item_bytes = static_cast<std::size_t>(bytes);
    bool const numbers =
        inner.steps.size() == 1 && inner.element.size() == inner.item_bytes
        && inner.steps[0].width * inner.steps[0].count == inner.item_bytes;
    if (numbers) {
        all.steps = inner.steps;
        all.steps[0].count *= static_cast<std::size_t>(count);
        return all;
    }
    for (std::size_t i = 0; i != count; ++i)
        append_npy_part(all, inner, i * inner.item_bytes,
                        i * inner.element.size());
    return all;
}

/// Reads the `descr` of a header. Throws corrupt for what NumPy would not
/// write, and invalid_argument for a dtype that no element can hold.
class npy_type_reader {
public:
    explicit npy_type_reader(std::string const& file) noexcept : file_(&file) {}

    /// What `descr` says.
    npy_layout read(python_value const& descr) const {
        if (descr.what == python_value::kind::text)
            return scalar(descr.text);
        if (descr.what != python_value::kind::sequence || descr.items.empty())
            bad("a dtype");
        if (descr.items.size() == 2
            && descr.items[0].what == python_value::kind::text)
            return with_shape(scalar(descr.items[0].text), descr.items[1]);
        return structure(descr);
    }

private:
    using kind = npy_step::kind;

    npy_layout scalar(std::string_view text) const {
        if (text.size() < 2
            || std::string_view("<>|=").find(text[0]) == std::string_view::npos)
            bad("a dtype such as '<f8'");
        std::uint64_t n = 0;
        for (char const c : text.substr(2)) {
            if (c < '0' || c > '9' || n > max_element_bytes)
                refuse(text);
            n = n * 10 + static_cast<unsigned>(c - '0');
        }
        std::string_view const name = text.substr(1);
        constexpr std::pair<std::string_view, char const*> numbers[] = {
            {"b1", "bool"}, {"i1", "i8"},   {"i2", "i16"}, {"i4", "i32"},
            {"i8", "i64"},  {"u1", "u8"},   {"u2", "u16"}, {"u4", "u32"},
            {"u8", "u64"},  {"f2", "f16"},  {"f4", "f32"}, {"f8", "f64"},
            {"c8", "c64"},  {"c16", "c128"}};
        for (auto const& [theirs, ours] : numbers)
            if (name == theirs)
                return number(ours, text[0] == '>', name[0] == 'c');
        if (name[0] == 'S' && n != 0)
            return bytes(element_type::chars(n));
        if (name[0] == 'V' && n != 0)
            return bytes(
                element_type::array_of(n, element_type(element_kind::byte)));
        if (name[0] == 'U' && n != 0 && n <= max_text_bytes / 4)
            return unicode(n, text[0] == '>');
        refuse(text);
    }

    static npy_layout bytes(element_type element) {
        std::size_t const n = element.size();
        return {std::move(element), n, {{.count = n}}};
    }

    static npy_layout number(char const* ours, bool big, bool complex) {
        npy_layout all;
        for (auto const& known : scalar_kinds)
            if (known.name == ours)
                all.element = element_type(
                    static_cast<element_kind>(&known - scalar_kinds.data()));
        std::size_t const n = all.element.size();
        all.item_bytes = n;
        std::size_t const width = complex ? n / 2 : n;
        if (big && width != 1)
            all.steps.push_back(
                {.what = kind::swap, .width = width, .count = n / width});
        else
            all.steps.push_back({.count = n});
        return all;
    }

    static npy_layout unicode(std::uint64_t n, bool big) {
        auto const count = static_cast<std::size_t>(n);
        return {element_type::text(4 * n),
                4 * count,
                {{.what = big ? kind::big_endian_text : kind::text,
                  .width = 4 * count,
                  .count = count}}};
    }

    npy_layout with_shape(npy_layout inner, python_value const& shape) const {
        if (shape.what == python_value::kind::integer)
            return npy_array_of(shape.number, inner);
        if (shape.what != python_value::kind::sequence)
            bad("the shape of a dtype");
        for (std::size_t i = shape.items.size(); i-- != 0;) {
            if (shape.items[i].what != python_value::kind::integer)
                bad("the shape of a dtype");
            inner = npy_array_of(shape.items[i].number, inner);
        }
        return inner;
    }

    /// [(name, descr), ((title, name), descr, shape), ('', '|V3'), ...]; the
    /// fields follow one another, and those without a name are padding.
    npy_layout structure(python_value const& fields) const {
        npy_layout all;
        std::vector<element_type::member> members;
        std::uint64_t end = 0;
        std::uint64_t strictest = 1;
        for (python_value const& field : fields.items) {
            if (field.what != python_value::kind::sequence
                || field.items.size() < 2 || field.items.size() > 3)
                bad("a field of a dtype");
            npy_layout part = read(field.items[1]);
            if (field.items.size() == 3)
                part = with_shape(std::move(part), field.items[2]);
            std::string const name = field_name(field.items[0]);
            if (!name.empty()) {
                std::uint64_t const at =
                    round_up(end, part.element.alignment());
                strictest = std::max<std::uint64_t>(strictest,
                                                    part.element.alignment());
                append_npy_part(all, part, all.item_bytes,
                                static_cast<std::size_t>(at));
                end = at + part.element.size();
                members.push_back({name, at, std::move(part.element)});
            }
            all.item_bytes += part.item_bytes;
            if (all.item_bytes > 4 * max_element_bytes)
                raise(errc::invalid_argument,
                      *file_ + ": a dtype of more than 1 GiB");
        }
        all.element = element_type::structure(
            std::move(members), round_up(end, strictest), strictest);
        return all;
    }

    std::string field_name(python_value const& name) const {
        python_value const* last = &name;
        if (name.what == python_value::kind::sequence && name.items.size() == 2)
            last = &name.items[1];
        if (last->what != python_value::kind::text)
            bad("the name of a field");
        return last->text;
    }

    [[noreturn]] void bad(char const* expected) const {
        raise(errc::corrupt, *file_ + ": expected " + expected);
    }
    [[noreturn]] void refuse(std::string_view dtype) const {
        raise(errc::invalid_argument,
              *file_ + ": no element can hold the dtype " + quoted(dtype));
    }

    std::string const* file_;
};

} // namespace numstore::detail
