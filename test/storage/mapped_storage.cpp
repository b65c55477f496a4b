// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "support.hpp"

#include <numstore/error.hpp>
#include <numstore/storage/address_space.hpp>
#include <numstore/storage/mapped_storage.hpp>

#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

BOOST_AUTO_TEST_SUITE(storage_mapped_storage)

namespace ns = numstore;
using namespace ns::testing;

BOOST_AUTO_TEST_CASE(one_window_reaches_far_past_the_end) {
    temporary_directory dir;
    std::error_code ec;
    auto device = ns::mapped_storage::create(dir / "a", false, ec);
    device.resize(4096, ec);
    BOOST_REQUIRE(!ec);
    auto const* const view = device.view(0, 4096);
    for (std::uint64_t mib : {1u, 3u, 10u, 30u, 60u}) {
        device.resize(mib << 20, ec);
        BOOST_REQUIRE(!ec);
        BOOST_TEST((device.view(0, mib << 20) == view));
        BOOST_TEST((device.view((mib << 20) - 1, 2) == nullptr));
    }
}

BOOST_AUTO_TEST_CASE(views_of_a_read_only_file) {
    temporary_directory dir;
    std::error_code ec;
    {
        auto device = ns::mapped_storage::create(dir / "a", false, ec);
        device.resize(5000, ec);
        device.write(4999, filled(1, 7), ec);
        device.publish(ec);
    }
    auto const device = ns::mapped_storage::open(dir / "a", true, false, ec);
    BOOST_REQUIRE(!ec);
    auto const* const view = device.view(0, 5000);
    BOOST_REQUIRE(view != nullptr);
    BOOST_TEST((view[4999] == std::byte{7}));
}

BOOST_AUTO_TEST_CASE(little_address_space_means_several_windows) {
    temporary_directory dir;
    auto const result = in_child([&]() -> std::string {
        constexpr std::uint64_t mib = std::uint64_t{1} << 20;
        auto const most = memory_in_use().address_space + 310 * mib;
        rlimit const limit{most, most};
        ::setrlimit(RLIMIT_AS, &limit);
        if (!ns::detail::mapping::reserve(256 * mib))
            return "skipped";
        std::error_code ec;
        auto device = ns::mapped_storage::create(dir / "a", false, ec);
        device.resize(4096, ec);
        auto const* const first = device.view(0, 4096);
        if (!first)
            return "no window";
        device.resize(100 * mib, ec);
        auto const* const second = device.view(0, 100 * mib);
        if (!second || second == first)
            return "no second window";
        device.write(100 * mib - 1, filled(1, 7), ec);
        device.write(0, filled(1, 8), ec);
        if (ec)
            return ec.message();
        if (first[0] != std::byte{8} || second[0] != std::byte{8}
            || second[100 * mib - 1] != std::byte{7})
            return "windows do not agree";
        device.resize(300 * mib, ec);
        if (ec)
            return ec.message();
        if (device.view(0, 300 * mib) != nullptr)
            return "a window where there is no space";
        if (device.view(0, 100 * mib) != second)
            return "the last window is gone";
        std::byte out[1];
        device.read(100 * mib - 1, out, ec);
        return !ec && out[0] == std::byte{7} ? "" : "read";
    });
    if (result == "skipped")
        BOOST_TEST_MESSAGE("skipped: no limit on address space");
    else
        BOOST_TEST(result == "");
}

BOOST_AUTO_TEST_CASE(many_files_leave_address_space) {
    temporary_directory dir;
    std::vector<ns::mapped_storage> devices;
    for (int i = 0; i < 300; ++i) {
        std::error_code ec;
        devices.push_back(
            ns::mapped_storage::create(dir / std::to_string(i), false, ec));
        devices.back().resize(100000, ec);
        BOOST_REQUIRE(!ec);
        BOOST_REQUIRE(devices.back().view(0, 100000) != nullptr);
    }
    std::vector<std::byte> heap(std::size_t{256} << 20);
    BOOST_TEST(heap.size() == std::size_t{256} << 20);
}

BOOST_AUTO_TEST_SUITE_END()
