// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/element_check.hpp>
#include <numstore/format/element_reader.hpp>
#include <numstore/format/element_text.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/format/utf8.hpp>
#include <numstore/io/csv_scanner.hpp>
#include <numstore/io/file.hpp>
#include <numstore/io/transfer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore {

namespace io {

/// How a text file separates its values.
struct csv_format {
    char delimiter = ','; ///< '\t' for TSV
    /// The first record names the columns. On reading they are found by name,
    /// and columns that no member is named after are passed over; without, or
    /// where the element has no names, by their order, and there are no more.
    bool header = true;
    /// False: by their order, even if they have names.
    bool by_name = true;
};

} // namespace io

namespace detail {

/// A value without parts in an element: a column.
struct csv_column {
    std::string name{}; ///< "a", "a.b" in a struct, "a[0]" in an array
    std::size_t offset = 0;
    element_type type{};
};

/// What an element's columns are. Throws invalid_argument for variants.
inline void collect_columns(element_type const& type, std::string const& name,
                            std::size_t offset,
                            std::vector<csv_column>& columns) {
    constexpr std::size_t most = 65536;
    if (columns.size() > most)
        raise(errc::invalid_argument, "more than 65536 columns");
    switch (type.kind()) {
    case element_kind::structure:
        for (auto const& m : type.members())
            collect_columns(m.type, name.empty() ? m.name : name + "." + m.name,
                            offset + m.offset, columns);
        return;
    case element_kind::array:
        for (std::size_t i = 0; i != type.extent(); ++i)
            collect_columns(type.inner(), name + "[" + std::to_string(i) + "]",
                            offset + i * type.inner().size(), columns);
        return;
    case element_kind::nullable: {
        auto const inner = type.inner().kind();
        if (inner != element_kind::nullable && inner != element_kind::structure
            && inner != element_kind::array && inner != element_kind::variant)
            break;
        [[fallthrough]];
    }
    case element_kind::variant:
        raise(errc::invalid_argument, "a column of type " + type.to_string());
    default: break;
    }
    columns.push_back({name, offset, type});
}

inline std::vector<csv_column> columns_of(element_type const& type) {
    std::vector<csv_column> columns;
    collect_columns(type, "", 0, columns);
    if (columns.size() == 1 && columns[0].name.empty())
        columns[0].name = "value";
    return columns;
}

/// Fills elements from records.
template <io::byte_source Source>
class csv_reader {
public:
    csv_reader(Source const& file, element_type const& element,
               io::csv_format const& format)
        : scanner_(file, format.delimiter),
          element_(element),
          columns_(columns_of(element)) {
        check_delimiter(format.delimiter);
        for (std::size_t i = 0; i != columns_.size(); ++i)
            which_.push_back(i);
        if (format.header && scanner_.next() && format.by_name
            && element.kind() == element_kind::structure)
            match_names();
        expected_ = named_ ? which_.size() : columns_.size();
    }

    static void check_delimiter(char c) {
        if (c == '"' || c == '\n' || c == '\r')
            raise(errc::invalid_argument, "a quote or line break as delimiter");
    }

    /// Reads a record to zeroed bytes. False at the end.
    bool read(std::byte* element) {
        do {
            if (!scanner_.next())
                return false;
        } while (scanner_.blank() && expected_ > 1);
        auto const& fields = scanner_.fields();
        if (fields.size() != expected_)
            raise(errc::corrupt,
                  scanner_.place(fields[std::min(expected_, fields.size() - 1)])
                      + ": " + std::to_string(fields.size())
                      + " values, and not " + std::to_string(expected_));
        for (std::size_t i = 0; i != fields.size(); ++i)
            if (which_[i] != unused)
                value(fields[i], columns_[which_[i]], element);
        return true;
    }

    std::uint64_t left() const noexcept { return scanner_.left(); }

private:
    static constexpr std::size_t unused = SIZE_MAX;

    void match_names() {
        std::map<std::string_view, std::size_t> by_name;
        for (std::size_t i = 0; i != columns_.size(); ++i)
            by_name.emplace(columns_[i].name, i);
        std::vector<bool> found(columns_.size());
        std::vector<std::size_t> which;
        for (auto const& field : scanner_.fields()) {
            std::string_view const name = scanner_.text(field);
            auto const known = by_name.find(name);
            std::size_t const at =
                known == by_name.end() ? unused : known->second;
            if (at != unused && found[at])
                raise(errc::corrupt, scanner_.place(field) + ": the column "
                                         + detail::quoted(name)
                                         + " is there twice");
            if (at != unused)
                found[at] = true;
            which.push_back(at);
        }
        for (std::size_t i = 0; i != columns_.size(); ++i)
            if (!found[i])
                raise(errc::invalid_argument,
                      scanner_.place(scanner_.fields()[0])
                          + ": there is no column "
                          + detail::quoted(columns_[i].name));
        which_ = std::move(which);
        named_ = true;
    }

    void value(csv_field const& field, csv_column const& column,
               std::byte* element) {
        std::string_view const text = scanner_.text(field);
        std::byte* const to = element + column.offset;
        element_type const* type = &column.type;
        if (type->kind() == element_kind::nullable) {
            bool const null = text.empty() && !field.quoted;
            to[type->tag_offset()] = static_cast<std::byte>(
                null ? cell_state::null : cell_state::value);
            if (null)
                return;
            type = &type->inner();
        }
        if (!element_reader::read(*type, text, to))
            raise(errc::invalid_argument,
                  scanner_.place(field) + ": " + detail::quoted(text)
                      + " in column " + detail::quoted(column.name) + " is no "
                      + type->to_string());
    }

    csv_scanner<Source> scanner_;
    element_type element_;
    std::vector<csv_column> columns_;
    std::vector<std::size_t> which_; ///< column of each field
    std::size_t expected_ = 0;       ///< fields of a record
    bool named_ = false;
};

/// Appends values as `csv_reader` reads them.
class csv_printer {
public:
    csv_printer(std::vector<csv_column> const& columns, char delimiter)
        : columns_(&columns), delimiter_(delimiter) {}

    void header(std::string& out) {
        for (auto const& c : *columns_) {
            separate(out, &c);
            text(out, c.name);
        }
        out += '\n';
    }

    void print(std::string& out, std::byte const* element) {
        for (auto const& c : *columns_) {
            separate(out, &c);
            std::byte const* const bytes = element + c.offset;
            if (c.type.kind() != element_kind::nullable)
                value(out, c.type, bytes);
            else if (static_cast<cell_state>(bytes[c.type.tag_offset()])
                     == cell_state::value)
                value(out, c.type.inner(), bytes);
        }
        out += '\n';
    }

private:
    void separate(std::string& out, csv_column const* c) const {
        if (c != columns_->data())
            out += delimiter_;
    }

    void value(std::string& out, element_type const& type,
               std::byte const* bytes) {
        auto const chars = reinterpret_cast<char const*>(bytes);
        if (type.kind() == element_kind::text) {
            text(out, {chars + type.tag_offset(),
                       stored_text_length(bytes, type.extent())});
        } else if (type.kind() == element_kind::chars) {
            std::size_t n = type.size();
            while (n != 0 && chars[n - 1] == '\0')
                --n;
            text(out, {chars, n});
        } else {
            shown_.clear();
            element_printer(shown_).print(type, bytes);
            if (shown_.find(delimiter_) == std::string::npos)
                out += shown_;
            else
                quote(out, shown_);
        }
    }

    /// An empty text is quoted, to be told from null.
    void text(std::string& out, std::string_view s) const {
        bool const bare = !s.empty() && s.find(delimiter_) == s.npos
                          && s.find_first_of("\"\r\n") == s.npos;
        if (bare)
            out += s;
        else
            quote(out, s);
    }

    static void quote(std::string& out, std::string_view s) {
        out += '"';
        for (char const c : s) {
            if (c == '"')
                out += '"';
            out += c;
        }
        out += '"';
    }

    std::vector<csv_column> const* columns_;
    char delimiter_;
    std::string shown_;
};

} // namespace detail

namespace io {

/// Reads CSV (RFC 4180) or TSV: a record an element, a column a value without
/// parts, as `columns` of a struct's members and a fixed array's elements.
/// Numbers are read by std::from_chars, whatever the locale; an empty field is
/// null where the column is nullable, "" in quotes an empty text. Blank lines
/// are passed over where there are several columns. Throws, and says file, line
/// and column, corrupt (quotes; another number of values than columns) and
/// invalid_argument (a value that is none of its type, or too long for it; no
/// such column; a type with variants); cancelled, io, and what the sink throws.
template <byte_source Source, element_sink Sink>
void read_csv(Source const& file, element_type const& element, Sink& sink,
              csv_format const& format = {},
              transfer_options const& options = {}) {
    detail::csv_reader<Source> reader(file, element, format);
    std::size_t const size = element.size();
    auto const at_once = elements_at_once(options, size);
    progress_meter meter(options, "reading a CSV file", file.size());
    sink.begin({element, {unknown_count}, {}});
    std::vector<std::byte> piece;
    std::vector<std::byte> one(size);
    std::uint64_t before = file.size();
    for (bool more = true; more;) {
        piece.clear();
        for (std::size_t n = 0; more && n != at_once; ++n) {
            std::fill(one.begin(), one.end(), std::byte{0});
            more = reader.read(one.data());
            if (more)
                piece.insert(piece.end(), one.begin(), one.end());
        }
        if (!piece.empty())
            sink.write(piece);
        meter.advance(before - reader.left());
        before = reader.left();
    }
}

/// Values in the first record, which may be the header. Throws corrupt (no
/// record, quotes), invalid_argument (the delimiter).
template <byte_source Source>
std::uint64_t csv_columns(Source const& file, csv_format const& format = {}) {
    return detail::reporting_no_memory([&]() -> std::uint64_t {
        detail::csv_reader<Source>::check_delimiter(format.delimiter);
        detail::csv_scanner<Source> scanner(file, format.delimiter);
        if (!scanner.next())
            detail::raise(errc::corrupt, file.name() + ": no records");
        return scanner.fields().size();
    });
}

/// Writes CSV or TSV that read_csv reads back, but that null and absent are
/// both an empty field; numbers in the fewest digits that give them back.
/// Throws invalid_argument (a type with variants), cancelled, and what source
/// and sink throw.
template <element_source Source, byte_sink Sink>
void write_csv(Source& source, Sink& out, csv_format const& format = {},
               transfer_options const& options = {}) {
    description const what = source.describe();
    auto const columns = detail::columns_of(what.element);
    detail::csv_reader<input_file>::check_delimiter(format.delimiter);
    detail::csv_printer printer(columns, format.delimiter);
    std::uint64_t const count = element_count(what.shape);
    std::size_t const size = what.element.size();
    auto const at_once = elements_at_once(options, size);
    progress_meter meter(options, "writing a CSV file", count * size);
    std::string text;
    if (format.header)
        printer.header(text);
    std::vector<std::byte> piece;
    for (std::uint64_t done = 0; done != count;) {
        auto const n = static_cast<std::size_t>(
            std::min<std::uint64_t>(at_once, count - done));
        piece.resize(n * size);
        source.read(std::span(piece));
        for (std::size_t i = 0; i != n; ++i) {
            printer.print(text, piece.data() + i * size);
            if (text.size() >= options.buffer_bytes) {
                out.write(std::as_bytes(std::span(text)));
                text.clear();
            }
        }
        done += n;
        meter.advance(piece.size());
    }
    out.write(std::as_bytes(std::span(text)));
}

} // namespace io
} // namespace numstore
