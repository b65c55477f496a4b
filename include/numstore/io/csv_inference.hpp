// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/element_reader.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/io/csv.hpp>
#include <numstore/io/csv_scanner.hpp>
#include <numstore/io/file.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore {

namespace detail {

/// What the values of a column have in common.
class csv_column_type {
public:
    void see(std::string_view text, bool quoted) {
        if (text.empty() && !quoted) {
            missing_ = true;
            return;
        }
        seen_ = true;
        longest_ = std::max(longest_, text.size());
        integer_ = integer_ && is(element_kind::i64, text);
        real_ = real_ && is(element_kind::f64, text);
        bool_ = bool_ && !is(element_kind::i64, text)
                && is(element_kind::boolean, text);
    }

    /// The narrowest of i64, f64, bool and text that holds all.
    element_type type() const {
        element_type found = !seen_ || longest_ == 0
                                 ? element_type::text(1)
                                 : element_type::text(longest_);
        if (seen_ && integer_)
            found = element_type(element_kind::i64);
        else if (seen_ && real_)
            found = element_type(element_kind::f64);
        else if (seen_ && bool_)
            found = element_type(element_kind::boolean);
        return missing_ ? element_type::nullable(std::move(found)) : found;
    }

private:
    static bool is(element_kind kind, std::string_view text) {
        std::byte bytes[8]{};
        return element_reader::read(element_type(kind), text, bytes);
    }

    bool seen_ = false;
    bool missing_ = false;
    bool integer_ = true;
    bool real_ = true;
    bool bool_ = true;
    std::size_t longest_ = 0;
};

/// A member's name from a column's: what no identifier has becomes _, and
/// names that are taken get a number.
inline std::string member_name(std::string_view column,
                               std::set<std::string>& taken) {
    std::string name;
    for (std::size_t at = 0; at < column.size();) {
        code_point const c = decode_utf8(column, at);
        std::size_t const n = std::max<std::size_t>(c.bytes, 1);
        std::string one(name.empty() ? "" : "a");
        one += column.substr(at, n);
        if (identifier_bytes(one) == one.size())
            name += column.substr(at, n);
        else
            name += '_';
        at += n;
    }
    if (name.empty())
        name = "column";
    std::string unique = name;
    for (std::size_t i = 2; !taken.insert(unique).second; ++i)
        unique = name + "_" + std::to_string(i);
    return unique;
}

/// See io::infer_csv.
template <io::byte_source Source>
element_type find_csv_type(Source const& file, io::csv_format const& format) {
    csv_reader<Source>::check_delimiter(format.delimiter);
    csv_scanner<Source> scanner(file, format.delimiter);
    std::vector<std::string> names;
    std::set<std::string> taken;
    std::vector<csv_column_type> columns;
    while (scanner.next()) {
        if (scanner.blank() && columns.size() != 1)
            continue;
        bool const header = columns.empty() && format.header;
        if (columns.empty())
            columns.resize(scanner.fields().size());
        if (scanner.fields().size() != columns.size())
            raise(errc::corrupt, scanner.place(scanner.fields()[0]) + ": "
                                     + std::to_string(scanner.fields().size())
                                     + " values, and not "
                                     + std::to_string(columns.size()));
        for (std::size_t i = 0; i != columns.size(); ++i) {
            auto const& field = scanner.fields()[i];
            if (header)
                names.push_back(member_name(scanner.text(field), taken));
            else
                columns[i].see(scanner.text(field), field.quoted);
        }
    }
    if (columns.empty())
        raise(errc::corrupt, file.name() + ": no records");
    if (names.empty() && columns.size() == 1)
        return columns[0].type();
    while (names.size() != columns.size())
        names.push_back(
            member_name("column_" + std::to_string(names.size() + 1), taken));
    std::vector<element_type::member> members;
    std::uint64_t end = 0;
    std::uint64_t strictest = 1;
    for (std::size_t i = 0; i != columns.size(); ++i) {
        element_type type = columns[i].type();
        end = round_up(end, type.alignment());
        strictest = std::max<std::uint64_t>(strictest, type.alignment());
        std::uint64_t const next = end + type.size();
        members.push_back({names[i], end, std::move(type)});
        end = next;
    }
    return element_type::structure(std::move(members), round_up(end, strictest),
                                   strictest);
}

} // namespace detail

namespace io {

/// Reads a whole CSV file to find what its elements are: a struct with a
/// member for each column, of i64, f64, bool or a text of as many bytes as the
/// longest, nullable where a value is missing; or the type of the one column
/// of a file without names. Columns are named as the header says, with _ for
/// what no member's name can have. Throws corrupt (no records; quotes; not as
/// many values in each), invalid_argument (texts of more than 65535 bytes).
template <byte_source Source>
element_type infer_csv(Source const& file, csv_format const& format = {}) {
    return detail::reporting_no_memory(
        [&] { return detail::find_csv_type(file, format); });
}

} // namespace io
} // namespace numstore
