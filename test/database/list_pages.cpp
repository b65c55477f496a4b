// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/simulated_512.hpp"

#include <numstore/database/list_pages.hpp>
#include <numstore/error.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <system_error>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_list_pages)

namespace ns = numstore;
namespace detail = ns::detail;

namespace {

using bag = bags::simulated_512;
using ns::extent;
using ns::page_no;
constexpr std::uint64_t first = detail::pager<bag>::first_data_page;
constexpr std::uint64_t file_pages = first + 1000;

/// A device that is full but for these extents.
struct full_device {
    explicit full_device(std::vector<extent> const& free) {
        std::error_code ec;
        device.resize(file_pages * bag::page_size, ec);
        device.set_capacity(file_pages * bag::page_size);
        pages.emplace(device, 1 << 20);
        pages->adopt(file_pages, free, {}, 1);
    }

    /// Written and read again.
    detail::list_pages<bag>::image check(std::size_t bytes) {
        detail::pager<bag>::checkpoint_scope const all(*pages);
        std::mt19937 random(5);
        std::vector<std::byte> list(bytes);
        for (std::byte& b : list)
            b = static_cast<std::byte>(random());
        detail::list_pages<bag> place(*pages, own);
        place.take(bytes);
        BOOST_TEST(place.room() >= bytes);
        auto image = place.make(list);
        image.write(*pages);
        BOOST_TEST((read(image.root) == list));
        std::uint64_t taken = 0;
        for (extent const& e : own)
            taken += e.pages;
        std::uint64_t found = 0;
        for (extent const& e : places)
            found += e.pages;
        BOOST_TEST(found == taken); // none is lost
        BOOST_TEST(place.all().size() == own.size());
        return image;
    }

    std::vector<std::byte> read(ns::format::list_root const& root) {
        ns::format::superblock s;
        s.file_pages = file_pages;
        places.clear();
        return detail::read_list(*pages, s, root, places);
    }

    ns::testing::simulated_storage device{512};
    std::optional<detail::pager<bag>> pages;
    std::vector<extent> own;
    std::vector<extent> places;
};

/// Every other page.
std::vector<extent> single_pages(std::uint64_t n) {
    std::vector<extent> free;
    for (std::uint64_t i = 0; i != n; ++i)
        free.push_back({page_no{first + 2 * i}, 1});
    return free;
}

} // namespace

BOOST_AUTO_TEST_CASE(in_one_run_if_there_is_one) {
    auto free = single_pages(100);
    free.push_back({page_no{first + 500}, 10});
    full_device disk(free);
    auto const image = disk.check(5000);
    BOOST_TEST(image.root.levels == 0);
    BOOST_TEST((image.root.place == page_no{first + 500}));
    BOOST_TEST(image.root.pages == 10U);
}

BOOST_AUTO_TEST_CASE(in_pieces_and_lists_of_them) {
    BOOST_TEST(full_device(single_pages(400)).check(500).root.levels == 0);
    BOOST_TEST(full_device(single_pages(400)).check(513).root.levels == 1);
    BOOST_TEST(full_device(single_pages(400)).check(21 * 512).root.levels == 1);
    BOOST_TEST(full_device(single_pages(400)).check(22 * 512).root.levels == 2);
    BOOST_TEST(full_device(single_pages(400)).check(380 * 512).root.levels
               == 2);
}

BOOST_AUTO_TEST_CASE(no_space_where_there_is_none) {
    full_device disk(single_pages(20));
    BOOST_CHECK_EXCEPTION(disk.check(20 * 512), ns::error, [](auto const& e) {
        return e.code() == ns::errc::no_space;
    });
    disk.pages->release(disk.own, 0);
    BOOST_TEST(disk.check(19 * 512).root.levels == 1);
}

BOOST_AUTO_TEST_CASE(a_damaged_piece_is_an_error) {
    full_device disk(single_pages(400));
    auto const image = disk.check(30 * 512);
    BOOST_TEST(image.root.levels == 2);
    for (auto const& [place, bytes] : image.parts) {
        auto damaged = bytes;
        damaged.back() ^= std::byte{1};
        disk.pages->write(place.first, damaged);
        BOOST_CHECK_EXCEPTION(
            disk.read(image.root), ns::error,
            [](auto const& e) { return e.code() == ns::errc::corrupt; });
        disk.pages->write(place.first, bytes);
    }
    disk.read(image.root);
}

BOOST_AUTO_TEST_SUITE_END()
