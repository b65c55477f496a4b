// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/format/attribute.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/format/element_parser.hpp>
#include <numstore/format/element_text.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/format/free_map.hpp>
#include <numstore/format/glob.hpp>
#include <numstore/format/graveyard.hpp>
#include <numstore/format/inner_page.hpp>
#include <numstore/format/keyed_page.hpp>
#include <numstore/format/list_pieces.hpp>
#include <numstore/format/log_batch.hpp>
#include <numstore/format/log_codec.hpp>
#include <numstore/format/name.hpp>
#include <numstore/format/sharing_table.hpp>
#include <numstore/format/superblock_check.hpp>
#include <numstore/log/log_batch_view.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// One input: which decoder, then what it decodes. A decoder takes what it is
// given or throws `error`; what it took is encoded again, to the same bytes
// where a value has only one form.

namespace {

namespace ns = numstore;
namespace format = numstore::format;
using bytes = std::span<std::byte const>;

void require(bool holds, char const* what) {
    if (holds)
        return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::abort();
}

bool same(bytes a, bytes b) { return std::ranges::equal(a, b); }

/// Runs a decoder, which may refuse with `code` only.
template <class F>
void may_refuse(ns::errc code, F&& f) {
    try {
        f();
    } catch (ns::error const& e) {
        require(e.code() == code, "the expected code of refusal");
    }
}

template <class F>
void may_be_corrupt(F&& f) {
    may_refuse(ns::errc::corrupt, f);
}

/// The decoder sees the bytes behind the checksum, whatever it was.
std::vector<std::byte> with_checksum(bytes in) {
    std::vector<std::byte> b(in.begin(), in.end());
    if (b.size() < format::superblock_bytes)
        return b;
    std::copy_n(reinterpret_cast<std::byte const*>(format::superblock_magic),
                16, b.begin());
    std::uint64_t const sum = ns::detail::superblock_checksum(b);
    std::memcpy(b.data() + offsetof(format::superblock_image, checksum), &sum,
                sizeof sum);
    return b;
}

void superblock(bytes in) {
    format::fingerprint const program{512, 1, 1, 512, 0};
    (void)format::decode_superblock(in, program);
    auto const b = with_checksum(in);
    auto const r = format::decode_superblock(b, program);
    (void)format::error_of(r.state);
    if (r.state != format::superblock_state::ok)
        return require(!r.text.empty(), "a reason for refusing a superblock");
    auto const again = format::decode_superblock(
        format::encode_superblock(r.block), program);
    require(again.block == r.block, "the same superblock");
}

template <std::size_t PageSize>
void inner_page(bytes in) {
    auto const page = std::make_unique<format::inner_page<PageSize>>();
    std::memset(static_cast<void*>(page.get()), 0, sizeof *page);
    std::memcpy(static_cast<void*>(page.get()), in.data(),
                std::min(in.size(), sizeof *page));
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < std::min(page->children.value(),
                                           page->capacity); ++i)
        sum += page->counts[i].value();
    char const* const fault = format::fault_of(*page, page->level, sum);
    require(fault != nullptr || page->children.value() <= page->capacity,
            "children that the page has room for");
    require(format::fault_of(*page, page->level + 1U, sum) != nullptr,
            "no page of two levels");
}

void keyed_page(bytes in) {
    may_be_corrupt([&] {
        format::keyed_page_reader r(in, "page");
        std::vector<std::byte> out;
        format::keyed_page_builder b(out, r.level());
        for (std::uint32_t i = 0; i != r.items(); ++i) {
            if (r.level() == 0) {
                auto const e = r.entry();
                b.entry(e.key, e.value);
            } else {
                auto const c = r.child();
                b.child(c.key, c.fields);
            }
        }
        r.finish();
        b.finish();
        require(out.size() == r.bytes(), "a page of the same length");
        require(same(bytes(out).subspan(sizeof(format::keyed_page_header)),
                     in.first(r.bytes())
                         .subspan(sizeof(format::keyed_page_header))),
                "the same items");
    });
}

void catalogue_entry(bytes in) {
    may_be_corrupt([&] {
        auto const e = format::decode_catalogue_entry(in);
        std::vector<std::byte> out;
        format::encode_catalogue_entry(e, out);
        require(same(out, in), "the same catalogue entry");
    });
}

void attribute(bytes in) {
    may_be_corrupt([&] {
        auto const value = format::decode_attribute(in);
        require(same(format::encode_attribute(value), in),
                "the same attribute");
    });
}

void element(bytes in) {
    may_refuse(ns::errc::invalid_argument, [&] {
        auto const type = ns::element_type::parse(format::as_text(in));
        auto const text = type.to_string();
        auto const again = ns::element_type::parse(text);
        require(again == type && again.to_string() == text,
                "the same element type");
        if (type.size() > 4096)
            return;
        std::vector<std::byte> value(type.size(), std::byte{0xa5});
        type.normalize(value.data());
        auto once = value;
        type.normalize(once.data());
        require(once == value, "normal is normal");
        require(!ns::to_string(type, value.data()).empty(), "some text");
        std::vector<std::byte> const zeros(type.size());
        require(type.valid(zeros.data()), "zeros are a value");
    });
}

template <class Decode, class Encode>
void list(bytes in, Decode decode, Encode encode) {
    may_be_corrupt([&] {
        auto const value = decode(in, ns::page_no{256}, ns::page_no{1 << 20});
        std::vector<std::byte> out;
        encode(value, out);
        require(same(out, in), "the same list");
    });
}

void batch(bytes in) {
    using namespace ns::detail;
    format::log_batch_header head{};
    std::memcpy(&head, in.data(), std::min(in.size(), sizeof head));
    std::vector<std::byte> b(in.begin(), in.end());
    b.resize(std::max(b.size(), sizeof head));
    head.magic = format::log_batch_magic;
    head.checksum = ns::xxh3_64::of(
        std::as_bytes(std::span(&head, 1))
            .subspan(offsetof(format::log_batch_header, database)));
    std::memcpy(b.data(), &head, sizeof head);
    (void)decode_batch<ns::xxh3_64>(in, head.database);
    auto const found = decode_batch<ns::xxh3_64>(b, head.database);
    if (!found)
        return;
    std::array<std::byte, sizeof head> again{};
    encode_batch<ns::xxh3_64>(*found, head.database, again);
    require(same(again, bytes(b).first(sizeof head)), "the same batch");
    bytes const body = bytes(b).subspan(sizeof head);
    if (auto const link = decode_link(body, 512)) {
        auto const back = encode_link(*link);
        require(std::memcmp(&back, body.data(), sizeof back) == 0,
                "the same link");
    }
    if (!has_valid_records(body, found->records))
        return;
    std::uint64_t records = 0;
    for (auto const r : log_batch_view(*found, b)) {
        ++records;
        may_be_corrupt([&] { (void)format::decode_log_record(r.body); });
    }
    require(records == found->records, "as many records as were checked");
}

void position(bytes in) {
    std::uint64_t words[5]{};
    std::memcpy(words, in.data(), std::min(in.size(), sizeof words));
    ns::detail::log_position const p{
        .start = ns::lsn{words[0]},
        .segment = {words[1], words[2], ns::lsn{words[3]}},
        .block = static_cast<std::uint32_t>(words[4])};
    if (!is_valid(p))
        return;
    std::uint64_t const place = p.segment.place_of(p.start);
    require(place >= p.segment.offset && place % p.block == 0,
            "a block of the device");
    require(place - p.segment.offset <= p.segment.bytes - p.block,
            "a block of the segment");
    require(p.segment.end() > p.start, "not behind the end");
}

/// What redo walks over.
void walk(format::bulk_runs const& runs) {
    std::uint64_t leaves = 0;
    for (format::bulk_run const run : runs)
        for (std::uint64_t const sum : run.checksums)
            leaves += sum == 0 ? 1 : 1;
    require(leaves == runs.leaves(), "as many leaves as were checked");
}

void record(bytes in) {
    may_be_corrupt([&] {
        auto const r = format::decode_log_record(in);
        std::vector<std::byte> out;
        format::byte_writer w(out);
        std::visit(
            [&](auto const& body) {
                format::encode_log_record(w, r.transaction, r.previous, body);
                if constexpr (requires { body.runs; })
                    walk(body.runs);
            },
            r.body);
        require(same(out, in), "the same record");
    });
}

void text(bytes in) {
    std::string_view const all = format::as_text(in);
    std::size_t const bad = ns::detail::find_malformed_utf8(all);
    require(bad == std::string_view::npos || bad < all.size(),
            "a place in the text");
    require(ns::detail::find_malformed_utf8(ns::detail::quoted(all))
                == std::string_view::npos,
            "what is quoted can be shown");
    may_refuse(ns::errc::invalid_argument, [&] {
        ns::detail::check_name(all);
        require(bad == std::string_view::npos, "names are UTF-8");
    });
    std::size_t const half = all.size() / 2;
    auto const pattern = all.substr(0, half);
    auto const name = all.substr(half);
    bool const matches = ns::detail::glob_matches(pattern, name);
    if (matches)
        require(name.starts_with(ns::detail::glob_prefix(pattern)),
                "what matches begins as the pattern does");
    require(ns::detail::glob_matches("*", all), "a star matches all");
    if (pattern.find_first_of("*?") == std::string_view::npos)
        require(matches == (pattern == name), "a plain pattern matches itself");
}

using decoder = void (*)(bytes);

constexpr decoder decoders[] = {
    superblock,
    inner_page<512>,
    inner_page<4096>,
    keyed_page,
    catalogue_entry,
    attribute,
    element,
    [](bytes in) {
        list(in, format::decode_free_map, format::encode_free_map);
    },
    [](bytes in) {
        list(in, format::decode_sharing_table, format::encode_sharing_table);
    },
    [](bytes in) {
        list(in, format::decode_graveyard, format::encode_graveyard);
    },
    batch,
    position,
    record,
    text,
    [](bytes in) {
        may_be_corrupt([&] { (void)format::decode_array_id(in); });
    },
    [](bytes in) {
        may_be_corrupt([&] {
            auto const list = format::decode_list_pieces(
                in, 512, ns::page_no{256}, ns::page_no{100000});
            std::vector<std::byte> out;
            format::encode_list_pieces(list, out);
            require(same(out, in), "the same list of pieces");
        });
    },
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data,
                                      std::size_t size) {
    if (size == 0)
        return 0;
    bytes const in = std::as_bytes(std::span(data, size)).subspan(1);
    decoders[data[0] % std::size(decoders)](in);
    return 0;
}
