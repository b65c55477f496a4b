// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/in_file.hpp"
#include "../storage/support.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_memory)

namespace ns = numstore;

namespace {

using bags::in_file;

struct fixture {
    ns::testing::temporary_directory dir;
    std::string file() const { return dir / "figures.ns"; }
};

/// Bytes of a line of /proc/self/status, of the process's memory.
std::uint64_t memory(std::string const& line) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (word == line) {
            std::uint64_t kib = 0;
            status >> kib;
            return kib << 10;
        }
    return 0;
}

/// "VmHWM:" is the most from now on.
void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

} // namespace

BOOST_FIXTURE_TEST_CASE(memory_stays_within_the_budget, fixture) {
    constexpr std::uint64_t budget = std::uint64_t{16} << 20;
    [[maybe_unused]] constexpr std::uint64_t most =
        budget + (std::uint64_t{24} << 20);
    forget_peak(); // that of tests before this one
    [[maybe_unused]] std::uint64_t const before = memory("VmRSS:");
    {
        ns::basic_database<in_file> db(
            file(),
            {.durability = ns::durability::none, .cache_bytes = budget});
        auto a = db.create<float>("a");
        std::vector<float> piece(1 << 18);
        for (int i = 0; i != 256; ++i) {
            std::iota(piece.begin(), piece.end(), static_cast<float>(i));
            a.append(piece);
        }
        // Changes every page, a little at a time.
        for (std::uint64_t pos = 0; pos < a.size(); pos += 500 * 1024) {
            auto tx = db.begin();
            auto t = a.in(tx);
            for (std::uint64_t i = pos;
                 i < std::min(pos + 500 * 1024, a.size()); i += 1024)
                t.set(i, 1.0F);
            tx.commit();
        }
        double sum = 0;
        for (auto const run : a.chunks())
            for (float const x : run)
                sum += static_cast<double>(x);
        for (float const x : a.view(ns::every<7>{}))
            sum += static_cast<double>(x);
        BOOST_TEST(sum > 0);
    }
    std::uint64_t const peak = memory("VmHWM:");
    BOOST_TEST_MESSAGE("resident at most " << peak << ", at first " << before);
#ifndef NUMSTORE_TEST_THINNED // sanitizers keep what is freed
    BOOST_TEST(peak <= before + most);
#endif
}

BOOST_AUTO_TEST_SUITE_END()
