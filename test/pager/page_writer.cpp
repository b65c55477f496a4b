// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "../rope/rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(pager_page_writer)

using namespace rope_test;

namespace {

using bag = policies<512>;
using writer = detail::page_writer<bag>;

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

BOOST_AUTO_TEST_SUITE_END()
