// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/log_batch.hpp>
#include <numstore/types.hpp>

#include <boost/endian/conversion.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

namespace numstore::detail {

/// A record of the log, in the memory of whoever hands it out.
struct log_record {
    lsn at{};
    std::span<std::byte const> body;
};

/// The records of one batch, in LSN order: a forward range of `log_record`.
class log_batch_view {
public:
    class iterator {
    public:
        using value_type = log_record;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;

        iterator() = default;
        iterator(lsn at, std::span<std::byte const> rest) noexcept
            : at_(at), rest_(rest) {}

        log_record operator*() const noexcept {
            return {at_, rest_.subspan(format::log_record_prefix, length())};
        }
        iterator& operator++() noexcept {
            std::size_t const step = format::log_record_prefix + length();
            at_ = at_ + step;
            rest_ = rest_.subspan(step);
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator const old = *this;
            ++*this;
            return old;
        }
        friend bool operator==(iterator const& a, iterator const& b) noexcept {
            return a.rest_.size() == b.rest_.size();
        }

    private:
        std::size_t length() const noexcept {
            return boost::endian::endian_load<std::uint32_t, 4,
                                              boost::endian::order::little>(
                reinterpret_cast<unsigned char const*>(rest_.data()));
        }

        lsn at_{};
        std::span<std::byte const> rest_;
    };

    /// `bytes` is the whole batch, whose records `has_valid_records` passed.
    log_batch_view(log_batch const& batch,
                   std::span<std::byte const> bytes) noexcept
        : first_(batch.first), durable_(batch.durable),
          records_(batch.records), bytes_(bytes) {}

    lsn first() const noexcept { return first_; }
    /// What was known to be durable when the batch was written.
    lsn durable() const noexcept { return durable_; }
    std::uint32_t size() const noexcept { return records_; }

    iterator begin() const noexcept {
        constexpr std::size_t head = sizeof(format::log_batch_header);
        return {first_ + head, bytes_.subspan(head)};
    }
    iterator end() const noexcept { return {first_ + bytes_.size(), {}}; }

private:
    lsn first_;
    lsn durable_;
    std::uint32_t records_;
    std::span<std::byte const> bytes_;
};

/// True if `body` is exactly `records` records of at least one byte each.
inline bool has_valid_records(std::span<std::byte const> body,
                              std::uint32_t records) noexcept {
    for (; records != 0; --records) {
        if (body.size() <= format::log_record_prefix)
            return false;
        std::size_t const length
            = boost::endian::endian_load<std::uint32_t, 4,
                                         boost::endian::order::little>(
                reinterpret_cast<unsigned char const*>(body.data()));
        body = body.subspan(format::log_record_prefix);
        if (length == 0 || length > body.size())
            return false;
        body = body.subspan(length);
    }
    return body.empty();
}

} // namespace numstore::detail
