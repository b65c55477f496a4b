// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/bytes.hpp>
#include <numstore/format/log_lists.hpp>
#include <numstore/format/log_record.hpp>
#include <numstore/types.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

namespace numstore::detail {

/// How each type of member is stored in a log record.
struct log_field {
    using writer = format::byte_writer;
    using reader = format::byte_reader;

    static void put(writer& w, std::uint64_t v) { w.varint(v); }
    static void put(writer& w, lsn v) { w.varint(to_integer(v)); }
    static void put(writer& w, bool v) { w.u8(v ? 1 : 0); }
    static void put(writer& w, std::int64_t v) {
        auto const bits = static_cast<std::uint64_t>(v);
        w.varint((bits << 1) ^ (v < 0 ? ~std::uint64_t{0} : 0));
    }
    static void put(writer& w, std::string_view v) { w.text(v); }
    static void put(writer& w, std::span<std::byte const> v) { w.blob(v); }
    static void put(writer& w, format::u64_list const& v) {
        w.varint(v.size());
        w.raw(v.bytes());
    }
    static void put(writer& w, format::bulk_runs const& v) {
        w.varint(v.leaf_pages());
        w.blob(v.bytes());
    }

    static void get(reader& r, std::uint64_t& v) { v = r.varint(); }
    static void get(reader& r, lsn& v) { v = lsn{r.varint()}; }
    static void get(reader& r, bool& v) {
        std::uint8_t const b = r.u8();
        if (b > 1)
            r.fail("a flag is unknown");
        v = b == 1;
    }
    static void get(reader& r, std::int64_t& v) {
        std::uint64_t const bits = r.varint();
        v = static_cast<std::int64_t>((bits >> 1) ^ (~(bits & 1) + 1));
    }
    static void get(reader& r, std::string_view& v) { v = r.text(); }
    static void get(reader& r, std::span<std::byte const>& v) { v = r.blob(); }
    static void get(reader& r, format::u64_list& v) {
        std::uint64_t const n = r.varint();
        if (n > r.remaining() / 8)
            r.fail("a list is longer than its record");
        v = format::u64_list(r.raw(8 * n));
    }
    static void get(reader& r, format::bulk_runs& v) {
        std::uint64_t const leaf_pages = r.varint();
        auto const bytes = r.blob();
        v = format::bulk_runs(leaf_pages, bytes, r);
    }
};

/// Rules that hold within one record, whatever the arrays are like.
template <class Body>
void check_log_body(Body const& b, format::byte_reader const& in) {
    if constexpr (requires { b.step; }) {
        if (b.step == 0)
            in.fail("a step is zero");
    }
    if constexpr (requires {
                      b.last;
                      b.tail;
                  }) {
        if (!b.last && !b.tail.empty())
            in.fail("a tail before the last part");
    }
    if constexpr (requires { b.array; }) {
        if (b.array == 0)
            in.fail("the array id is zero");
        if (b.array > format::max_log_id)
            in.fail("the array id is impossible");
    }
    if constexpr (requires { b.block; }) {
        if (b.block == 0 || b.count == 0)
            in.fail("blocks are empty");
        if (!b.positions.empty() && b.positions.size() != b.count)
            in.fail("not as many positions as blocks");
    }
    if constexpr (std::same_as<Body, format::log_erase_at>) {
        for (std::size_t i = 1; i < b.positions.size(); ++i)
            if (b.positions[i - 1] >= b.positions[i])
                in.fail("positions are not in order");
    }
}

template <class Body>
[[gnu::cold]]
bool read_log_body(format::log_kind kind, format::byte_reader& in,
                   format::log_body& out) {
    if (kind != Body::kind)
        return false;
    Body b;
    Body::members(b, [&](auto&... all) { (log_field::get(in, all), ...); });
    check_log_body(b, in);
    out = b;
    return true;
}

template <class... Bodies>
[[gnu::cold]]
bool read_log_body(format::log_kind kind, format::byte_reader& in,
                   std::variant<Bodies...>& out) {
    return (read_log_body<Bodies>(kind, in, out) || ...);
}

} // namespace numstore::detail

namespace numstore::format {

/// Appends a record of `transaction`, whose record before stands at
/// `previous` (0 for none).
template <class Body>
void encode_log_record(byte_writer& out, std::uint64_t transaction,
                       lsn previous, Body const& body) {
    out.u8(static_cast<std::uint8_t>(Body::kind));
    out.varint(transaction);
    out.varint(to_integer(previous));
    Body::members(body, [&](auto const&... all) {
        (detail::log_field::put(out, all), ...);
    });
}

/// Reads a record that takes all of `bytes`, which must outlive it. Throws
/// corrupt.
inline log_record decode_log_record(std::span<std::byte const> bytes) {
    byte_reader in(bytes, "log record");
    log_record r;
    auto const kind = static_cast<log_kind>(in.u8());
    r.transaction = in.varint();
    if (r.transaction > max_log_id)
        in.fail("the transaction is impossible");
    r.previous = lsn{in.varint()};
    if (!detail::read_log_body(kind, in, r.body))
        in.fail("the kind is unknown");
    in.finish();
    return r;
}

} // namespace numstore::format
