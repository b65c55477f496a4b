// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "support.hpp"

#include <numstore/error.hpp>
#include <numstore/storage/memory_storage.hpp>

#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

BOOST_AUTO_TEST_SUITE(storage_memory_storage)

namespace ns = numstore;
using namespace ns::testing;

BOOST_AUTO_TEST_CASE(takes_memory_when_written_and_gives_it_back) {
    constexpr std::uint64_t mib = std::uint64_t{1} << 20;
    ns::memory_storage device;
    std::error_code ec;
    auto const before = memory_in_use().resident;
    device.resize(4096 * mib, ec);
    BOOST_REQUIRE(!ec);
    BOOST_TEST(memory_in_use().resident < before + 64 * mib);
    auto const block = filled(mib, 1);
    for (std::uint64_t i = 0; i < 256; ++i)
        device.write(i * mib, block, ec);
    auto const written = memory_in_use().resident;
    BOOST_TEST(written > before + 200 * mib);
    device.resize(1000, ec);
    BOOST_TEST(memory_in_use().resident < written - 200 * mib);
    BOOST_TEST((content(device) == filled(1000, 1)));
}

BOOST_AUTO_TEST_CASE(many_devices_leave_address_space) {
    std::vector<ns::memory_storage> devices(300);
    for (auto& device : devices) {
        std::error_code ec;
        device.resize(std::uint64_t{4} << 20, ec);
        BOOST_REQUIRE(!ec);
        device.write(0, bytes_of("x"), ec);
        BOOST_REQUIRE(!ec);
    }
    std::vector<std::byte> heap(std::size_t{256} << 20);
    BOOST_TEST(heap.size() == std::size_t{256} << 20);
}

BOOST_AUTO_TEST_CASE(says_so_when_address_space_runs_out) {
    constexpr std::uint64_t gib = std::uint64_t{1} << 30;
    auto const refusal = in_child([]() -> std::string {
        auto const most = memory_in_use().address_space + gib;
        rlimit const limit{most, most};
        ::setrlimit(RLIMIT_AS, &limit);
        ns::memory_storage device;
        std::error_code ec;
        device.resize(gib / 16, ec);
        if (ec)
            return "small: " + ec.message();
        device.resize(gib, ec);
        return ec == ns::errc::no_memory ? "" : "large was not refused";
    });
    BOOST_TEST(refusal == "");
}

BOOST_AUTO_TEST_SUITE_END()
