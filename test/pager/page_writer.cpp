// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "../rope/rope_fixture.hpp"
#include "../storage/eager_storage.hpp"

BOOST_AUTO_TEST_SUITE(pager_page_writer)

using namespace rope_test;

namespace {

using bag = policies<512>;
using writer = detail::page_writer<bag>;

struct eager_bag : ns::default_policies {
    static constexpr std::size_t page_size = 512;
    using storage = ns::testing::eager_storage;
};
using eager_pager = detail::pager<eager_bag>;
using eager_writer = detail::page_writer<eager_bag>;

} // namespace

BOOST_AUTO_TEST_CASE(what_was_put_is_padded_and_checksummed) {
    file<bag> disk;
    std::vector<ns::extent> taken;
    writer out(disk.pages, 2, taken);
    auto const at = out.put(bytes(700, std::byte{7}), 2);
    out.finish();
    BOOST_TEST((taken == std::vector{ns::extent{at.place, 2}}));
    bytes page(1024);
    disk.pages.read(at.place, page);
    BOOST_TEST((bytes(page.begin(), page.begin() + 700)
                == bytes(700, std::byte{7})));
    BOOST_TEST((bytes(page.begin() + 700, page.end()) == bytes(324)));
    BOOST_TEST(detail::pager<bag>::checksum(page) == at.checksum);
}

/// Neither what a guess took too much nor a writer that never finished.
BOOST_AUTO_TEST_CASE(no_page_is_lost) {
    file<bag> disk;
    std::vector<ns::extent> taken;
    auto const in_use = [&] {
        return disk.pages.file_pages() - disk.pages.free_pages();
    };
    std::uint64_t const before = in_use();
    {
        writer out(disk.pages, 50, taken);
        out.put(bytes(512), 1);
        out.finish();
    }
    BOOST_TEST(in_use() == before + 1);
    {
        writer out(disk.pages, 50, taken);
        out.put(bytes(512), 1);
        out.put(bytes(512), 1);
    }
    BOOST_TEST(in_use() == before + 1);
    BOOST_TEST(taken.size() == 1u);
    disk.plan->calls_left = 0;
    {
        writer out(disk.pages, 50, taken);
        out.put(bytes(512), 1);
        BOOST_CHECK_THROW(out.finish(), ns::error);
    }
    BOOST_TEST(in_use() == before + 1);
    BOOST_TEST(taken.size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_expected_lies_together) {
    file<bag> disk;
    std::vector<ns::extent> taken;
    writer out(disk.pages, 1, taken);
    out.put(bytes(512), 1);
    out.expect(20);
    for (int i = 0; i != 5; ++i)
        out.put(bytes(1024), 2);
    BOOST_TEST(taken.back().pages == 20u);
    out.finish();
    BOOST_TEST(taken.back().pages == 10u);
}

/// Once for much that was written, and only where a sync is to follow.
BOOST_AUTO_TEST_CASE(a_sync_begins_early) {
    constexpr std::uint64_t pages = 5000;
    ns::testing::eager_storage device(512);
    eager_pager disk(device, 1 << 20);
    bytes const node(512);
    auto const write = [&] {
        std::vector<ns::extent> taken;
        eager_writer out(disk, pages, taken);
        for (std::uint64_t i = 0; i != pages; ++i)
            out.put(node, 1);
        out.finish();
        return taken.front();
    };
    write();
    BOOST_TEST(device.started().empty());
    disk.set_syncs_soon(true);
    auto const place = write();
    std::uint64_t end = to_integer(place.first) * 512;
    for (auto const& s : device.started()) {
        BOOST_TEST(s.offset == end);
        end += s.length;
    }
    BOOST_TEST(device.started().size() == 2u);
    BOOST_TEST(end >= (to_integer(place.first) + pages) * 512 - (1 << 20));
    BOOST_TEST(end <= (to_integer(place.first) + pages) * 512);
}

/// Many runs between pages in use are begun with together.
BOOST_AUTO_TEST_CASE(a_sync_of_scattered_pages_begins_early) {
    ns::testing::eager_storage device(512);
    eager_pager disk(device, 1 << 20);
    disk.set_syncs_soon(true);
    std::vector<ns::extent> taken;
    eager_writer out(disk, 1, taken);
    bytes const node(512);
    for (int i = 0; i != 3000; ++i) {
        out.put(node, 1);
        std::vector<ns::extent> other;
        disk.allocate_run(1, 1, ns::no_page, other);
    }
    out.finish();
    BOOST_TEST(taken.size() > 1000u);
    BOOST_REQUIRE(device.started().size() == 1u);
    BOOST_TEST(device.started().front().length >= 1u << 20);
}

/// What the device says there is as bad as a failed sync.
BOOST_AUTO_TEST_CASE(a_sync_that_cannot_begin_is_an_error) {
    ns::testing::eager_storage device(512);
    eager_pager disk(device, 1 << 20);
    disk.set_syncs_soon(true);
    device.fail_start_sync(
        std::make_error_code(std::errc::no_space_on_device));
    BOOST_CHECK_EXCEPTION(disk.start_sync(ns::page_no{300}, 1), ns::error,
                          [](ns::error const& e) {
                              return e.code() == ns::errc::no_space;
                          });
    BOOST_TEST(disk.failed());
}

BOOST_AUTO_TEST_SUITE_END()
