// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/image_512.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_hostile_files)

// Files that lie behind right checksums, each in one way that was once
// believed.

namespace {

namespace ns = numstore;
namespace format = numstore::format;
using fuzz::edit;
using fuzz::edit_kind;
using policies = bags::image_512;
using database = ns::basic_database<policies>;
using image = format::superblock_image;

/// Images of `seed_images`, in order.
enum : std::size_t { plain_image = 1, small_changes_image = 4 };

struct fixture {
    fuzz::image_editor<policies> editor;
    fuzz::checked_image<policies>& file = editor.image();

    database open(ns::open_mode mode = ns::open_mode::open_existing) {
        return database(policies::storage(file.memory()), {.mode = mode});
    }

    /// The code with which f is refused, if it is.
    template <class F>
    std::optional<ns::errc> refusal(F&& f) {
        try {
            f();
        } catch (ns::error const& e) {
            return static_cast<ns::errc>(e.code().value());
        }
        return std::nullopt;
    }

    bool is_corrupt() {
        return refusal([&] { open(ns::open_mode::read_only); })
                   == ns::errc::corrupt
               && refusal([&] { open(); }) == ns::errc::corrupt;
    }

    /// The newest superblock says `value`.
    void superblock(std::size_t field, std::uint64_t value) {
        editor.load(small_changes_image);
        file.put(file.newest_superblock() + field, value);
        file.repair();
    }

    /// The first record of a batch is replaced: of the first or the last one.
    template <class Body>
    bool refused_record(Body const& body, bool last = false) {
        editor.load(small_changes_image);
        auto const& m = file.map();
        std::size_t const batches = m.nodes.size() - m.first_batch;
        for (std::size_t i = 0; i != batches; ++i) {
            fuzz::node const& n =
                m.nodes[last ? m.nodes.size() - 1 - i : m.first_batch + i];
            auto const old = file.memory().bytes(n.at, n.bytes);
            auto records = fuzz::records_of(old);
            if (records.empty())
                continue;
            auto const first = format::decode_log_record(records[0]);
            fuzz::record_bytes changed;
            format::byte_writer w(changed);
            format::encode_log_record(w, first.transaction, first.previous,
                                      body);
            records[0] = changed;
            file.put(n.at, fuzz::with_records(old, records));
            file.repair();
            return is_corrupt();
        }
        return false;
    }

    void entry(std::uint16_t member, std::uint64_t value) {
        editor.load(plain_image);
        edit e{};
        e.kind = static_cast<std::uint8_t>(edit_kind::entry);
        e.where = static_cast<std::uint16_t>(member | 0x8000);
        e.value = value;
        editor.apply(e);
        file.repair();
    }

    std::optional<ns::errc> listing() {
        database const db = open(ns::open_mode::read_only);
        return refusal([&] { (void)db.list(); });
    }
};

/// The text in `telling_texts`.
std::uint64_t text(std::string_view wanted) {
    auto const i = std::ranges::find(fuzz::telling_texts, wanted);
    BOOST_TEST_REQUIRE((i != std::end(fuzz::telling_texts)));
    return static_cast<std::uint64_t>(i - std::begin(fuzz::telling_texts));
}

} // namespace

BOOST_FIXTURE_TEST_CASE(the_images_are_sound, fixture) {
    for (std::size_t i = 0; i != editor.images(); ++i) {
        editor.load(i);
        BOOST_TEST(open().verify().ok());
    }
}

BOOST_FIXTURE_TEST_CASE(an_element_of_another_size_than_its_description,
                        fixture) {
    entry(2, text("[200]f64"));
    BOOST_TEST((listing() == ns::errc::corrupt));
    database db = open();
    BOOST_TEST((refusal([&] { db.open_any("small").read(); })
                == ns::errc::corrupt));
    BOOST_TEST(!db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(a_name_that_is_not_utf_8, fixture) {
    entry(1, text(std::string_view("\xff\xfe\x80", 3)));
    BOOST_TEST((listing() == ns::errc::corrupt));
    entry(8, text("\xed\xa0\x80"));
    BOOST_TEST((listing() == ns::errc::corrupt));
}

BOOST_FIXTURE_TEST_CASE(a_name_without_an_entry, fixture) {
    editor.load(plain_image);
    auto const& root =
        file.map().superblocks().at(file.newest_superblock()).names;
    std::uint64_t const at = to_integer(root.place) * policies::page_size;
    auto const page =
        file.memory().bytes(at, root.pages * policies::page_size);
    format::keyed_page_reader in(page, "names");
    auto const value = in.entry().value;
    auto const id = format::encode_array_id(12345);
    file.put(at + static_cast<std::uint64_t>(value.data() - page.data()),
              std::span<std::byte const>(id));
    file.repair();
    BOOST_TEST((listing() == ns::errc::corrupt));
    BOOST_TEST(!open().verify().ok());
}

BOOST_FIXTURE_TEST_CASE(a_version_behind_the_end_of_the_log, fixture) {
    superblock(offsetof(image, version_lsn), std::uint64_t{1} << 40);
    BOOST_TEST(is_corrupt());
}

BOOST_FIXTURE_TEST_CASE(counters_near_their_end, fixture) {
    for (std::size_t const field :
         {offsetof(image, generation), offsetof(image, next_array),
          offsetof(image, next_transaction), offsetof(image, version_lsn)}) {
        superblock(field, ~std::uint64_t{0} - 1);
        auto const found = format::decode_superblock(
            file.memory().bytes(file.newest_superblock(), 512),
            {512, ns::xxh3_64::id, policies::logging::id, 512, 0});
        BOOST_TEST((found.state == format::superblock_state::damaged));
        refusal([&] { BOOST_TEST(open().verify().ok()); });
    }
}

BOOST_FIXTURE_TEST_CASE(a_log_where_superblocks_are, fixture) {
    superblock(offsetof(image, log_offset), 0);
    auto const code = refusal([&] { open(); });
    BOOST_TEST((!code || code == ns::errc::corrupt));
    BOOST_TEST((code || open().verify().ok()));
}

BOOST_FIXTURE_TEST_CASE(a_page_that_is_used_and_free, fixture) {
    editor.load(plain_image);
    for (std::uint16_t which = 0; which != 40; ++which) {
        edit e{};
        e.kind = static_cast<std::uint8_t>(edit_kind::free_list);
        e.where = 1;
        e.source = 3;
        e.value = which;
        editor.load(plain_image);
        editor.apply(e);
        file.repair();
        refusal([&] {
            database db = open();
            db.drop("deep");
            for (int i = 0; i != 4; ++i) {
                db.create<int>(std::to_string(i)).push_back(1);
                db.checkpoint();
            }
        });
    }
}

BOOST_FIXTURE_TEST_CASE(a_dropped_tree_of_more_elements_than_bytes, fixture) {
    for (unsigned const height : {0U, 3U}) {
        edit e{};
        e.kind = static_cast<std::uint8_t>(edit_kind::graves);
        e.how = 128;
        e.where = static_cast<std::uint16_t>(height);
        e.value = 1'000'000;
        editor.load(plain_image);
        editor.apply(e);
        file.repair();
        BOOST_TEST(is_corrupt());
    }
}

BOOST_FIXTURE_TEST_CASE(records_that_lie, fixture) {
    std::array<std::byte, 4> const four{};
    BOOST_TEST(refused_record(format::log_insert_fill{1, 0, 9, {}}));
    BOOST_TEST(refused_record(
        format::log_insert_fill{1, 0, std::uint64_t{1} << 60, four}));
    BOOST_TEST(refused_record(format::log_create{90, 0, "x", "u8"}));
    BOOST_TEST(refused_record(format::log_create{90, 1, "x", "f64"}));
    BOOST_TEST(refused_record(format::log_create{90, 1, "\xff", "u8"}));
    BOOST_TEST(refused_record(format::log_create{1, 1, "x", "u8"}));
    BOOST_TEST(refused_record(format::log_clone{1, 1, "x"}));
    BOOST_TEST(refused_record(format::log_create_nd{90, 1, "x", "u8", 0}));
    BOOST_TEST(refused_record(format::log_create_nd{90, 1, "x", "u8", 33}));
    BOOST_TEST(refused_record(format::log_create_nd{90, 1, "x", "u8", 2, 2}));
    BOOST_TEST(refused_record(format::log_create_nd{90, 1, "x", "u8", 2, 1}));
    std::vector<std::uint64_t> const tile{8, 0};
    format::u64_list const tiles{std::span<std::uint64_t const>(tile)};
    BOOST_TEST(refused_record(
        format::log_create_tiled{90, 1, "x", "u8", 2, 2, {}, tiles}));
    BOOST_TEST(refused_record(
        format::log_create_tiled{90, 1, "x", "u8", 2, 2, {}, {}}));
    BOOST_TEST(refused_record(format::log_reshape{1, {}}));
    BOOST_TEST(refused_record(
        format::log_write_blocks{1, 0, 1, 2, 1, {}, four}));
    BOOST_TEST(refused_record(format::log_write_blocks{
        1, 0, 1, std::uint64_t{1} << 62, 4, {}, four}));
    BOOST_TEST(refused_record(format::log_erase_blocks{
        1, 0, 1, std::uint64_t{1} << 62, 1, {}}));
    BOOST_TEST(refused_record(format::log_insert_blocks{
        1, 0, 0, std::uint64_t{1} << 62, std::uint64_t{1} << 10, {}, {}}));
    BOOST_TEST(refused_record(format::log_rename{1, "deep", "\xff"}));
    BOOST_TEST(refused_record(format::log_set_attribute{1, "", four}));
    BOOST_TEST(refused_record(
        format::log_create{~std::uint64_t{0}, 1, "x", "u8"}));
}

BOOST_FIXTURE_TEST_CASE(a_bulk_insert_of_enormous_leaves, fixture) {
    std::array<std::uint64_t, 3> const run{300, 1, 7};
    format::bulk_runs const runs(std::uint64_t{1} << 40,
                                 std::as_bytes(std::span(run)),
                                 format::byte_reader({}, ""));
    auto const code = refusal([&] {
        refused_record(format::log_insert_bulk{1, 0, 5, true, {}, runs, {}},
                       true);
        open().verify();
    });
    BOOST_TEST((!code || code == ns::errc::corrupt));
}

BOOST_AUTO_TEST_SUITE_END()
