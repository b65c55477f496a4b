// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/log_batch.hpp>
#include <numstore/format/log_codec.hpp>
#include <numstore/log/log_batch_view.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace fuzz {

namespace ns = numstore;
namespace format = numstore::format;

using record_bytes = std::vector<std::byte>;
using record_list = std::vector<record_bytes>;

/// The records of a batch; none if it is not one.
inline record_list records_of(std::span<std::byte const> batch) {
    record_list list;
    format::log_batch_header head;
    std::memcpy(&head, batch.data(), sizeof head);
    std::uint64_t const length = head.length.value();
    if (length <= sizeof head || length > batch.size()
        || head.kind.value() != 1
        || !ns::detail::has_valid_records(
            batch.subspan(sizeof head, length - sizeof head),
            head.records.value()))
        return list;
    ns::detail::log_batch const fields{.length = length,
                                       .records = head.records.value()};
    for (auto const r :
         ns::detail::log_batch_view(fields, batch.first(length)))
        list.emplace_back(r.body.begin(), r.body.end());
    return list;
}

/// The batch with these records, as far as it has room; its checksums are
/// not right.
inline std::vector<std::byte> with_records(std::span<std::byte const> batch,
                                           record_list const& list) {
    format::log_batch_header head;
    std::memcpy(&head, batch.data(), sizeof head);
    std::vector<std::byte> out(sizeof head);
    std::uint32_t records = 0;
    for (record_bytes const& r : list) {
        if (out.size() + format::log_record_prefix + r.size() > batch.size())
            continue;
        format::byte_writer w(out);
        w.u32(static_cast<std::uint32_t>(r.size()));
        w.raw(r);
        ++records;
    }
    head.length = out.size();
    head.records = records;
    std::memcpy(out.data(), &head, sizeof head);
    out.resize(batch.size());
    return out;
}

/// Sets one member of a body; what it refers to lives in `kept`.
class member_setter {
public:
    member_setter(std::uint64_t v, std::string_view text,
                  record_bytes& kept) noexcept
        : v_(v), text_(text), kept_(kept) {}

    void operator()(std::uint64_t& x) const { x = v_; }
    void operator()(ns::lsn& x) const { x = ns::lsn{v_}; }
    void operator()(bool& x) const { x = !x; }
    void operator()(std::int64_t& x) const {
        x = static_cast<std::int64_t>(v_);
    }
    void operator()(std::string_view& x) const { x = text_; }
    void operator()(std::span<std::byte const>& x) const {
        kept_.assign(x.begin(), x.end());
        kept_.resize(v_ % 70, std::byte{1});
        x = kept_;
    }
    void operator()(format::u64_list& x) const {
        kept_.assign(x.bytes().begin(), x.bytes().end());
        if (kept_.size() < 8)
            kept_.resize(16);
        set_word();
        x = format::u64_list(std::span<std::byte const>(kept_));
    }
    void operator()(format::bulk_runs& x) const {
        kept_.assign(x.bytes().begin(), x.bytes().end());
        if (kept_.empty())
            kept_.resize(24, std::byte{1});
        std::uint64_t pages = std::max<std::uint64_t>(x.leaf_pages(), 1);
        if (v_ % 3 == 0)
            pages = v_;
        else
            set_word();
        try {
            x = format::bulk_runs(pages, kept_, format::byte_reader({}, ""));
        } catch (ns::error const&) { // decoders refuse that at once
        }
    }

private:
    void set_word() const {
        std::memcpy(kept_.data() + v_ % (kept_.size() / 8) * 8, &v_, 8);
    }

    std::uint64_t v_;
    std::string_view text_;
    record_bytes& kept_;
};

template <class Body>
void set_member(Body& body, std::size_t which, member_setter const& set) {
    Body::members(body, [&](auto&... all) {
        constexpr std::size_t n = sizeof...(all);
        [[maybe_unused]] std::size_t i = 0;
        ((i++ == which % n ? set(all) : void()), ...);
    });
}

inline record_bytes encoded(format::log_record const& r) {
    record_bytes out;
    format::byte_writer w(out);
    std::visit(
        [&](auto const& body) {
            format::encode_log_record(w, r.transaction, r.previous, body);
        },
        r.body);
    return out;
}

/// A member of the record becomes `v`, or `text`, or a list of another
/// length.
inline void change_record(record_bytes& record, std::size_t member,
                          std::uint64_t v, std::string_view text) {
    try {
        auto r = format::decode_log_record(record);
        record_bytes kept;
        member_setter const set(v, text, kept);
        if (member % 16 == 15)
            r.transaction = v;
        else
            std::visit([&](auto& body) { set_member(body, member, set); },
                       r.body);
        auto changed = encoded(r);
        record = std::move(changed);
    } catch (ns::error const&) { // spoilt by an earlier edit
    }
}

template <std::size_t... I>
format::log_body body_of_kind(std::size_t kind, std::index_sequence<I...>) {
    format::log_body body;
    ((I == kind ? void(body.emplace<I>()) : void()), ...);
    return body;
}

/// The record becomes one of another kind, of the same transaction.
inline void replace_record(record_bytes& record, std::size_t kind,
                           std::uint64_t array, std::uint64_t v,
                           std::string_view text) {
    constexpr std::size_t kinds = std::variant_size_v<format::log_body>;
    try {
        auto r = format::decode_log_record(record);
        r.body = body_of_kind(kind % kinds,
                              std::make_index_sequence<kinds>());
        std::vector<record_bytes> kept(8);
        std::size_t member = 0;
        std::visit(
            [&](auto& body) {
                for (auto& k : kept)
                    set_member(body, member++, member_setter(v, text, k));
                if constexpr (requires { body.array; })
                    body.array = array;
            },
            r.body);
        auto changed = encoded(r);
        record = std::move(changed);
    } catch (ns::error const&) { // spoilt by an earlier edit
    }
}

/// Repeats, swaps or leaves out records.
inline void shuffle(record_list& list, std::size_t which, std::uint64_t v) {
    std::size_t const i = which % list.size();
    std::size_t const k = static_cast<std::size_t>(v) % list.size();
    switch (which / 256 % 3) {
    case 0: list.push_back(record_bytes(list[i])); break;
    case 1: std::swap(list[i], list[k]); break;
    default: list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

} // namespace fuzz
