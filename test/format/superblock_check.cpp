// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/format/superblock_check.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

BOOST_AUTO_TEST_SUITE(format_superblock_check)

using namespace numstore;
using format::superblock;
using format::superblock_image;
using state = format::superblock_state;

namespace {

constexpr format::fingerprint program{4096, 1, 1, 512, 0};
constexpr std::uint64_t huge = UINT64_MAX;

superblock good() {
    superblock s;
    s.policies = program;
    s.generation = 7;
    s.version = lsn{900};
    s.redo = lsn{800};
    s.file_pages = 100;
    s.log = {40 * 4096, 8 * 4096, lsn{512}, 42, 43, lsn{1024}};
    s.names = {page_no{32}, 1, 0, 5, 3};
    s.entries = {page_no{33}, 2, 1, 6, 3};
    s.graveyard = {page_no{35}, 1, 0, 7, 8};
    s.sharing = {page_no{36}, 1, 0, 8, 8};
    s.free_map = {page_no{37}, 1, 0, 9, 100};
    s.clean = true;
    s.twin = format::twin_role::twin;
    return s;
}

using image = std::array<std::byte, format::superblock_bytes>;

/// The bytes as `change` leaves them, behind a good checksum.
template <class Change>
image changed(Change change) {
    image bytes = format::encode_superblock(good());
    superblock_image d;
    std::memcpy(&d, bytes.data(), sizeof d);
    change(d);
    std::memcpy(bytes.data(), &d, sizeof d);
    d.checksum = detail::superblock_checksum(bytes);
    std::memcpy(bytes.data(), &d, sizeof d);
    return bytes;
}

format::superblock_result read(std::span<std::byte const> bytes) {
    return format::decode_superblock(bytes, program);
}

/// What is said of a superblock with values that cannot be; empty if it is
/// taken.
template <class Change>
std::string fault(Change change) {
    superblock s = good();
    change(s);
    auto const r = read(format::encode_superblock(s));
    if (r.state == state::ok)
        return {};
    std::string const start = "a superblock is damaged: its ";
    bool const damaged = r.state == state::damaged;
    return damaged && r.text.starts_with(start) ? r.text.substr(start.size())
                                                : "? " + r.text;
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
    auto const r = read(format::encode_superblock(good()));
    BOOST_TEST((r.state == state::ok));
    BOOST_TEST(r.text.empty());
    BOOST_TEST((r.block == good()));
}

BOOST_AUTO_TEST_CASE(other_files_and_damaged_ones_are_told_apart) {
    auto bytes = format::encode_superblock(good());
    std::span const all(bytes);
    BOOST_TEST((read({}).state == state::foreign));
    BOOST_TEST((read(all.first(10)).state == state::foreign));
    BOOST_TEST((read(all.first(11)).state == state::damaged));
    BOOST_TEST((read(all.first(511)).text == "the file is cut off"));
    bytes[11] = std::byte{'\n'};
    BOOST_TEST(read(bytes).text.starts_with("its signature is damaged"));
    bytes[0] = std::byte{'x'};
    BOOST_TEST((read(bytes).state == state::foreign));
}

BOOST_AUTO_TEST_CASE(every_byte_is_checked) {
    auto const bytes = format::encode_superblock(good());
    for (std::size_t i = 0; i != bytes.size(); ++i) {
        auto damaged = bytes;
        damaged[i] ^= std::byte{0x10};
        BOOST_TEST((read(damaged).state != state::ok));
    }
}

BOOST_AUTO_TEST_CASE(later_formats_are_refused) {
    auto const of = [](auto change) { return read(changed(change)).state; };
    BOOST_TEST((of([](auto& d) { d.version = 0; }) == state::unsupported));
    BOOST_TEST((of([](auto& d) { d.version = 2; }) == state::unsupported));
    BOOST_TEST(
        (of([](auto& d) { d.must_understand = 8; }) == state::unsupported));
    BOOST_TEST((of([](auto& d) { d.safe_to_read = 4; }) == state::ok_to_read));
    BOOST_TEST((of([](auto& d) { d.ignorable = 4; }) == state::ok));
}

/// Who wrote 1 did not take it back.
BOOST_AUTO_TEST_CASE(closed_once_is_not_closed_and_alone) {
    for (unsigned const value : {0U, 1U, 3U})
        BOOST_TEST(!read(changed([=](auto& d) { d.clean = value; })).block.clean);
}

BOOST_AUTO_TEST_CASE(other_policies_are_named) {
    auto const r = read(changed([](auto& d) {
        d.checksum_id = 2;
        d.block_size = 4096;
    }));
    BOOST_TEST((r.state == state::incompatible));
    BOOST_TEST(r.block.policies.checksum == 2U);
    BOOST_TEST(r.text
               == "file was written with checksum kind 2, this program uses 1"
                  "; with block_size 4096, this program uses 512");
    BOOST_TEST(format::difference({512, 1, 2, 512, 3}, program)
               == "file was written with page_size 512, this program uses 4096"
                  "; with logging kind 2, this program uses 1"
                  "; with storage kind 3, this program uses 0");
}

BOOST_AUTO_TEST_CASE(impossible_sizes_and_counters_are_refused) {
    std::string const size = "page size is impossible";
    BOOST_TEST(fault([](auto&) {}).empty());
    for (std::uint32_t p : {0U, 256U, 4095U, 1U << 21})
        BOOST_TEST(fault([&](auto& s) { s.policies.page_size = p; }) == size);
    std::string const file = "file size is impossible";
    BOOST_TEST(fault([](auto& s) { s.file_pages = 31; }) == file);
    BOOST_TEST(fault([](auto& s) { s.file_pages = huge / 4095; }) == file);
    auto const says = [](auto change, std::string const& what) {
        superblock s = good();
        change(s);
        return detail::superblock_fault(s) == what;
    };
    std::string const zero = "a counter is zero";
    BOOST_TEST(says([](auto& s) { s.generation = 0; }, zero));
    BOOST_TEST(says([](auto& s) { s.next_array = 0; }, zero));
    BOOST_TEST(says([](auto& s) { s.next_transaction = 0; }, zero));
    std::string const large = "a counter is impossible";
    BOOST_TEST(says([](auto& s) { s.generation = huge; }, large));
    BOOST_TEST(says([](auto& s) { s.next_array = huge; }, large));
    BOOST_TEST(says([](auto& s) { s.next_transaction = huge; }, large));
    BOOST_TEST(says([](auto& s) { s.version = lsn{huge}; }, large));
    BOOST_TEST(says([](auto& s) { s.redo = lsn{huge}; }, large));
    BOOST_TEST(fault([](auto& s) { s.twin = format::twin_role{3}; })
               == "role is impossible");
}

BOOST_AUTO_TEST_CASE(impossible_trees_are_refused) {
    auto const impossible = [](auto change) {
        int refused = 0;
        for (auto root : {&superblock::names, &superblock::entries}) {
            superblock s = good();
            change(s.*root);
            char const* const why = detail::superblock_fault(s);
            refused += why != nullptr
                       && std::string(why) == "a tree root is impossible";
        }
        return refused == 2;
    };
    BOOST_TEST(impossible([](auto& t) { t.pages = 0; }));
    BOOST_TEST(impossible([](auto& t) { t.count = 0; }));
    BOOST_TEST(impossible([](auto& t) { t.height = 65; }));
    BOOST_TEST(impossible([](auto& t) { t.place = page_no{31}; }));
    BOOST_TEST(impossible([](auto& t) { t.place = page_no{100}; }));
    BOOST_TEST(impossible([](auto& t) { t.place = page_no{huge}; }));
    BOOST_TEST(impossible([](auto& t) { t.pages = 69; }));
    BOOST_TEST(impossible([](auto& t) { t.place = no_page; }));
    BOOST_TEST(fault([](auto& s) { s.names = {}; }).empty());
}

BOOST_AUTO_TEST_CASE(impossible_lists_are_refused) {
    struct named {
        format::list_root superblock::*root;
        std::string is_bad;
    };
    for (named const& n :
         {named{&superblock::free_map, "free map is impossible"},
          named{&superblock::sharing, "sharing table is impossible"},
          named{&superblock::graveyard, "graveyard is impossible"}}) {
        auto const with = [&](auto change) {
            return fault([&](auto& s) { change(s.*n.root); });
        };
        BOOST_TEST(with([](auto& m) { m = {}; }).empty());
        BOOST_TEST(with([](auto& m) { m.bytes = 4096; }).empty());
        BOOST_TEST(with([](auto& m) { m.bytes = 4097; }) == n.is_bad);
        BOOST_TEST(with([](auto& m) { m.bytes = 0; }) == n.is_bad);
        BOOST_TEST(with([](auto& m) { m.pages = 0; }) == n.is_bad);
        BOOST_TEST(with([](auto& m) { m.pages = 69; }) == n.is_bad);
        BOOST_TEST(with([](auto& m) { m.place = page_no{31}; }) == n.is_bad);
        BOOST_TEST(with([](auto& m) { m.place = page_no{huge}; }) == n.is_bad);
        BOOST_TEST(with([](auto& m) { m.place = no_page; }) == n.is_bad);
        BOOST_TEST(with([](auto& m) { m.levels = 1; }) == n.is_bad);
        auto const in_pieces = [&](std::uint8_t levels) {
            return fault([&](auto& s) {
                s.features.must_understand = format::lists_in_pieces;
                (s.*n.root).levels = levels;
            });
        };
        BOOST_TEST(in_pieces(1).empty());
        BOOST_TEST(in_pieces(64).empty());
        BOOST_TEST(in_pieces(65) == n.is_bad);
    }
}

BOOST_AUTO_TEST_CASE(impossible_logs_are_refused) {
    std::string const bad = "log position is impossible";
    auto const with = [](auto change) {
        return fault([&](auto& s) { change(s.log); });
    };
    BOOST_TEST(with([](auto& l) { l = {}; }).empty());
    BOOST_TEST(with([](auto& l) { l.offset += 512; }) == bad);
    BOOST_TEST(with([](auto& l) { l.bytes += 512; }) == bad);
    BOOST_TEST(with([](auto& l) { l.offset = 31 * 4096; }) == bad);
    BOOST_TEST(with([](auto& l) { l.bytes = 61 * 4096; }) == bad);
    BOOST_TEST(with([](auto& l) { l.first = lsn{huge}; }) == bad);
    BOOST_TEST(with([](auto& l) { l.start = lsn{511}; }) == bad);
    BOOST_TEST(with([](auto& l) { l.start = l.first + l.bytes; }).empty());
    BOOST_TEST(with([](auto& l) { l.start = lsn{512 + 8 * 4096 + 1}; }) == bad);
    BOOST_TEST(with([](auto& l) {
                   l.start = l.first = lsn{format::max_counter - 1};
               })
               == bad);
}

BOOST_AUTO_TEST_CASE(every_state_has_its_error) {
    BOOST_TEST(
        (format::error_of(state::ok_to_read) == errc::unsupported_version));
    BOOST_TEST(
        (format::error_of(state::unsupported) == errc::unsupported_version));
    BOOST_TEST((format::error_of(state::incompatible)
                == errc::incompatible_policies));
    BOOST_TEST((format::error_of(state::damaged) == errc::corrupt));
    BOOST_TEST((format::error_of(state::foreign) == errc::not_a_database));
}

BOOST_AUTO_TEST_SUITE_END()
