// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/error.hpp>
#include <numstore/format/log_codec.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <variant>
#include <vector>

BOOST_AUTO_TEST_SUITE(format_log_codec)

using namespace numstore;

namespace {

using bytes = std::vector<std::byte>;

template <class Body>
bytes encoded(Body const& body, std::uint64_t transaction = 5) {
    bytes out;
    format::byte_writer w(out);
    format::encode_log_record(w, transaction, lsn{900}, body);
    return out;
}

/// Why a record is refused; empty if it is not.
std::string refusal(bytes const& record) {
    try {
        format::decode_log_record(record);
        return {};
    } catch (error const& e) {
        return e.code() == errc::corrupt ? e.what() : "?";
    }
}

bool refused(bytes const& record, std::string const& why) {
    return refusal(record).find(why) != std::string::npos;
}

/// The record that an insert of runs leaves, with its runs as these numbers.
bytes bulk(std::uint64_t leaf_pages, std::vector<std::uint64_t> const& runs) {
    bytes out;
    format::byte_writer w(out);
    w.u8(static_cast<std::uint8_t>(format::log_kind::bulk_more));
    w.varint(5);
    w.varint(900);
    w.varint(1);
    w.u8(1);
    w.varint(leaf_pages);
    w.blob(std::as_bytes(std::span(runs)));
    w.blob({});
    return out;
}

/// An erasure of elements at `positions`.
bytes erase_at(std::vector<std::uint64_t> const& positions) {
    return encoded(
        format::log_erase_at{7, std::span<std::uint64_t const>(positions)});
}

} // namespace

BOOST_AUTO_TEST_CASE(steps_have_signs) {
    for (std::int64_t step :
         {std::int64_t{1}, std::int64_t{-1}, std::int64_t{-300},
          std::numeric_limits<std::int64_t>::max(),
          std::numeric_limits<std::int64_t>::min()}) {
        auto const record = encoded(format::log_erase{7, 10, step, 2});
        auto const r = format::decode_log_record(record);
        BOOST_TEST(r.transaction == 5U);
        BOOST_TEST((r.previous == lsn{900}));
        BOOST_TEST(std::get<format::log_erase>(r.body).step == step);
    }
    BOOST_TEST(refused(encoded(format::log_erase{7, 10, 0, 2}), "step"));
    BOOST_TEST(refused(encoded(format::log_write{7, 10, 0, 2, {}}), "step"));
}

BOOST_AUTO_TEST_CASE(ids_have_bounds) {
    std::uint64_t const most = format::max_log_id;
    format::log_drop const drop{most, "name"};
    BOOST_TEST(refusal(encoded(drop, most)).empty());
    BOOST_TEST(refused(encoded(drop, most + 1), "transaction"));
    BOOST_TEST(refused(encoded(format::log_drop{most + 1, "n"}), "array id"));
    BOOST_TEST(refused(encoded(format::log_drop{0, "n"}), "array id"));
}

BOOST_AUTO_TEST_CASE(kinds_and_flags_are_known) {
    auto record = encoded(format::log_commit{true});
    BOOST_TEST(refusal(record).empty());
    record.back() = std::byte{2};
    BOOST_TEST(refused(record, "flag"));
    record.front() = std::byte{99};
    BOOST_TEST(refused(record, "kind"));
    record = encoded(format::log_abort{});
    record.push_back(std::byte{0});
    BOOST_TEST(refused(record, "after the end"));
}

BOOST_AUTO_TEST_CASE(lists_of_positions_ascend) {
    auto const record = erase_at({1, 5, 9});
    auto const r = format::decode_log_record(record);
    auto const list = std::get<format::log_erase_at>(r.body).positions;
    BOOST_TEST(list.size() == 3U);
    BOOST_TEST(list[2] == 9U);
    BOOST_TEST(refused(erase_at({1, 5, 5}), "in order"));
    bytes cut = record;
    cut.pop_back();
    BOOST_TEST(refused(cut, "longer than its record"));
}

BOOST_AUTO_TEST_CASE(blocks_are_as_many_as_their_places) {
    std::vector<std::uint64_t> const places{3, 9, 4};
    std::span<std::uint64_t const> const list(places);
    bytes const six(24);
    auto const record =
        encoded(format::log_insert_blocks{7, 0, 0, 3, 2, list, six});
    auto const r = format::decode_log_record(record);
    auto const& b = std::get<format::log_insert_blocks>(r.body);
    BOOST_TEST(b.positions[2] == 4U);
    BOOST_TEST(b.block == 2U);
    BOOST_TEST(b.elements.size() == 24U);
    BOOST_TEST(refused(
        encoded(format::log_write_blocks{7, 0, 0, 2, 2, list, six}),
        "as many positions"));
    BOOST_TEST(refused(encoded(format::log_erase_blocks{7, 0, 5, 0, 2, {}}),
                       "blocks are empty"));
    BOOST_TEST(refused(encoded(format::log_erase_blocks{7, 0, 5, 3, 0, {}}),
                       "blocks are empty"));
}

BOOST_AUTO_TEST_CASE(shapes_are_read_back) {
    std::vector<std::uint64_t> const shape{1000, 3};
    auto record = encoded(
        format::log_reshape{7, std::span<std::uint64_t const>(shape)});
    auto r = format::decode_log_record(record);
    BOOST_TEST(std::get<format::log_reshape>(r.body).dimensions[0] == 1000U);
    bytes const fill(2, std::byte{9});
    record = encoded(format::log_create_nd{7, 2, "n", "u16", 3, 1, fill});
    r = format::decode_log_record(record);
    auto const& made = std::get<format::log_create_nd>(r.body);
    BOOST_TEST(made.rank == 3U);
    BOOST_TEST(made.fill.size() == 2U);
    std::vector<std::uint64_t> const tile{8, 4};
    record = encoded(format::log_create_tiled{
        7, 2, "n", "u16", 2, 3, fill, std::span<std::uint64_t const>(tile)});
    r = format::decode_log_record(record);
    auto const& tiles = std::get<format::log_create_tiled>(r.body);
    BOOST_TEST(tiles.layout == 3U);
    BOOST_TEST(tiles.tile.size() == 2U);
    BOOST_TEST(tiles.tile[1] == 4U);
}

BOOST_AUTO_TEST_CASE(only_the_last_part_has_a_tail) {
    bytes const tail(8);
    format::log_bulk_more part;
    part.tail = tail;
    BOOST_TEST(refusal(encoded(part)).empty());
    part.last = false;
    BOOST_TEST(refused(encoded(part), "tail before the last part"));
}

BOOST_AUTO_TEST_CASE(impossible_runs_are_refused) {
    std::uint64_t const huge = UINT64_MAX;
    BOOST_TEST(refusal(bulk(2, {40, 2, 11, 12, 50, 1, 13})).empty());
    BOOST_TEST(refusal(bulk(0, {})).empty());
    BOOST_TEST(refused(bulk(0, {40, 1, 11}), "a leaf has no pages"));
    BOOST_TEST(refused(bulk(1, {0, 1, 11}), "a run is impossible"));
    BOOST_TEST(refused(bulk(1, {40, 0}), "a run is impossible"));
    BOOST_TEST(refused(bulk(1, {40, 2, 11}), "a run is impossible"));
    BOOST_TEST(refused(bulk(huge, {40, 2, 11, 12}), "a run is impossible"));
    BOOST_TEST(refused(bulk(1, {huge, 1, 11}), "a run is impossible"));
    BOOST_TEST(refused(bulk(1, {40}), "end too early"));
    std::vector<std::uint64_t> many(format::max_bulk_bytes / 8 + 1, 1);
    BOOST_TEST(refused(bulk(1, many), "too many bytes of runs"));
}

BOOST_AUTO_TEST_CASE(long_lists_of_leaves_are_cut) {
    std::vector<std::uint64_t> const sums(20'000, 77);
    format::u64_list const list{std::span(sums)};
    std::vector<format::bulk_run> const runs{{page_no{100}, list},
                                             {page_no{90'000}, list}};
    std::size_t parts = 0;
    std::vector<std::uint64_t> pages;
    bool ended = false;
    format::pack_bulk_runs(runs, 2, [&](format::bulk_runs const& p, bool last) {
        BOOST_TEST(!ended);
        BOOST_TEST(p.bytes().size() <= format::max_bulk_bytes);
        for (format::bulk_run const& r : p)
            for (std::size_t i = 0; i != r.checksums.size(); ++i)
                pages.push_back(to_integer(r.first) + 2 * i);
        ended = last;
        ++parts;
    });
    BOOST_TEST(ended);
    BOOST_TEST(parts == 5U);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t const first : {100U, 90'000U})
        for (std::uint64_t i = 0; i != sums.size(); ++i)
            expected.push_back(first + 2 * i);
    BOOST_TEST((pages == expected));
}

BOOST_AUTO_TEST_SUITE_END()
