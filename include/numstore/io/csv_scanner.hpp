// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/io/file.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace numstore::detail {

/// One field of a record, as it stands in the buffer.
struct csv_field {
    std::size_t begin = 0; ///< behind the quote, if there is one
    std::size_t size = 0;
    std::uint64_t line = 0; ///< of its first character, from 1
    std::size_t column = 0; ///< in bytes, from 1
    bool quoted = false;
    bool escaped = false; ///< there are doubled quotes in it
};

/// Takes records of fields from a file, one after the other, as RFC 4180 has
/// them: separated by a delimiter, in quotes where they hold one, a quote or a
/// line break; lines end in LF or CRLF. Holds a buffer, of the longest record.
template <io::byte_source Source>
class csv_scanner {
public:
    csv_scanner(Source const& file, char delimiter)
        : file_(&file), delimiter_(delimiter) {
        more();
        if (std::string_view(buffer_).starts_with("\xef\xbb\xbf"))
            at_ = 3;
    }

    /// False at the end. Throws corrupt.
    bool next() {
        for (;;) {
            if (at_ == buffer_.size() && !more())
                return false;
            if (scan())
                return true;
        }
    }

    std::vector<csv_field> const& fields() const noexcept { return fields_; }
    /// A line with nothing on it.
    bool blank() const noexcept {
        return fields_.size() == 1 && fields_[0].size == 0
               && !fields_[0].quoted;
    }
    /// Line of the record, from 1.
    std::uint64_t line() const noexcept { return record_line_; }
    /// Bytes of the file behind this record's end.
    std::uint64_t left() const noexcept {
        return file_->size() - offset_ + (buffer_.size() - at_);
    }

    /// Valid until the next call.
    std::string_view text(csv_field const& f) {
        std::string_view const raw =
            std::string_view(buffer_).substr(f.begin, f.size);
        if (!f.escaped)
            return raw;
        scratch_.clear();
        for (std::size_t i = 0; i != raw.size(); ++i) {
            scratch_ += raw[i];
            if (raw[i] == '"')
                ++i;
        }
        return scratch_;
    }

    /// "file:line:column", as compilers say it.
    std::string place(csv_field const& f) const {
        return file_->name() + ":" + std::to_string(f.line) + ":"
               + std::to_string(f.column);
    }

private:
    static constexpr std::size_t piece_bytes = 1 << 18;
    static constexpr std::size_t most_bytes = 1 << 26;

    /// Reads on behind what is left of the buffer. False at the end.
    bool more() {
        std::uint64_t const left = file_->size() - offset_;
        if (left == 0)
            return false;
        buffer_.erase(0, at_);
        at_ = 0;
        std::size_t const had = buffer_.size();
        if (had >= most_bytes)
            raise(errc::corrupt, file_->name() + ":" + std::to_string(line_)
                                     + ": a record of more than 64 MiB");
        auto const n = static_cast<std::size_t>(
            std::min<std::uint64_t>(left, std::max(piece_bytes, had)));
        buffer_.resize(had + n);
        file_->read_at(offset_,
                       std::as_writable_bytes(std::span(buffer_)).subspan(had));
        offset_ += n;
        return true;
    }

    bool complete() const noexcept { return offset_ == file_->size(); }

    /// Scans a record from at_ on. False, having read on, where the buffer
    /// ends before it: then it starts anew.
    bool scan() {
        fields_.clear();
        record_line_ = line_;
        std::uint64_t line = line_;
        std::size_t line_start = at_;
        std::size_t at = at_;
        for (;;) {
            csv_field f{
                .begin = at, .line = line, .column = at - line_start + 1};
            bool const ended = at < buffer_.size() && buffer_[at] == '"'
                                   ? quoted(f, at, line, line_start)
                                   : plain(f, at);
            if (!ended) {
                more();
                return false;
            }
            fields_.push_back(f);
            if (at == buffer_.size() || buffer_[at] == '\n')
                break;
            ++at;
        }
        at_ = std::min(at + 1, buffer_.size());
        line_ = line + 1;
        return true;
    }

    /// Each leaves `at` at the delimiter, the line break or the end, and
    /// gives false where that is not in the buffer.
    bool plain(csv_field& f, std::size_t& at) {
        while (at != buffer_.size() && buffer_[at] != delimiter_
               && buffer_[at] != '\n')
            ++at;
        if (at == buffer_.size() && !complete())
            return false;
        f.size = at - f.begin;
        bool const line_ends = at == buffer_.size() || buffer_[at] == '\n';
        if (line_ends && f.size != 0 && buffer_[at - 1] == '\r')
            --f.size;
        return true;
    }

    bool quoted(csv_field& f, std::size_t& at, std::uint64_t& line,
                std::size_t& line_start) {
        f.quoted = true;
        f.begin = ++at;
        for (;; ++at) {
            if (at == buffer_.size()) {
                if (complete())
                    raise(errc::corrupt, place(f) + ": a quote without an end");
                return false;
            }
            if (buffer_[at] == '\n') {
                ++line;
                line_start = at + 1;
            } else if (buffer_[at] == '"') {
                if (at + 1 == buffer_.size() && !complete())
                    return false;
                if (at + 1 == buffer_.size() || buffer_[at + 1] != '"')
                    break;
                f.escaped = true;
                ++at;
            }
        }
        f.size = at++ - f.begin;
        if (at + 1 < buffer_.size() && buffer_[at] == '\r'
            && buffer_[at + 1] == '\n')
            ++at;
        else if (at + 1 >= buffer_.size() && !complete())
            return false;
        if (at != buffer_.size() && buffer_[at] != delimiter_
            && buffer_[at] != '\n')
            raise(errc::corrupt,
                  place(f) + ": there is more behind the closing quote");
        return true;
    }

    Source const* file_;
    char delimiter_;
    std::string buffer_;
    std::string scratch_;
    std::vector<csv_field> fields_;
    std::size_t at_ = 0;       // where the next record begins
    std::uint64_t offset_ = 0; // in the file, behind the buffer
    std::uint64_t line_ = 1;
    std::uint64_t record_line_ = 1;
};

} // namespace numstore::detail
