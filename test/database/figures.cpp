// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../storage/support.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_figures)

namespace ns = numstore;

namespace {

struct fixture {
    ns::testing::temporary_directory dir;
    std::string file() const { return dir / "figures.ns"; }
};

#ifndef NUMSTORE_TEST_THINNED

using pixel = std::array<float, 3>;

template <class T>
std::size_t runs_of_64_mib(std::string const& file) {
    {
        ns::database db(file, {.durability = ns::durability::none});
        auto a = db.create<T>("a");
        std::vector<T> const piece((std::size_t{1} << 20) / sizeof(T));
        auto tx = db.begin();
        for (int i = 0; i != 64; ++i)
            a.in(tx).append(piece);
        tx.commit();
    }
    ns::database db(file);
    auto const a = db.open<T>("a");
    auto const before = db.stats();
    std::size_t runs = 0;
    std::uint64_t elements = 0;
    for (auto const run : a.chunks()) {
        ++runs;
        elements += run.size();
    }
    BOOST_TEST(elements == a.size());
    // Neither copied nor even read by calls.
    BOOST_TEST(db.stats().cache_bytes == before.cache_bytes);
    BOOST_TEST(db.stats().pages_read - before.pages_read < 200u);
    return runs;
}

#endif

} // namespace

#ifndef NUMSTORE_TEST_THINNED // large, or by the clock

BOOST_FIXTURE_TEST_CASE(a_loaded_array_comes_in_few_runs, fixture) {
    BOOST_TEST(runs_of_64_mib<float>(file()) <= 8u);
    std::filesystem::remove(file());
    BOOST_TEST(runs_of_64_mib<pixel>(file()) <= 8u);
}

BOOST_FIXTURE_TEST_CASE(many_small_arrays_cost_little, fixture) {
    {
        ns::database db(file());
        std::vector<float> const values(16, 1.5F);
        auto tx = db.begin();
        for (int i = 0; i != 100'000; ++i)
            tx.create<float>("sensor/" + std::to_string(i)).append(values);
        tx.commit();
    }
    BOOST_TEST(std::filesystem::file_size(file()) <= 64u << 20);
    auto best = std::chrono::nanoseconds::max();
    for (int i = 0; i != 5; ++i) {
        auto const start = std::chrono::steady_clock::now();
        ns::database const db(file());
        best = std::min<std::chrono::nanoseconds>(
            best, std::chrono::steady_clock::now() - start);
    }
    BOOST_TEST(best.count() <= 10'000'000);
    ns::database db(file());
    BOOST_TEST(db.open<float>("sensor/77777").back() == 1.5F);
    BOOST_TEST(db.list("sensor/1234*").size() == 11u);
}

#endif

namespace {

/// Pages read for an insertion into each leaf of 16 MiB, right after a
/// checkpoint of the same.
std::uint64_t pages_read_after_a_checkpoint(std::string const& file,
                                            std::uint64_t cache_bytes) {
    ns::database db(file, {.durability = ns::durability::none,
                           .cache_bytes = cache_bytes});
    auto a = db.create<float>("a");
    a.append(std::vector<float>(std::size_t{4} << 20, 1.0F));
    auto const change = [&] {
        auto tx = db.begin();
        auto t = a.in(tx);
        for (std::uint64_t pos = 0; pos < t.size(); pos += 1025)
            t.insert(pos, {2.0F});
        tx.commit();
    };
    change();
    db.checkpoint();
    std::uint64_t const before = db.stats().pages_read;
    change();
    std::uint64_t const read = db.stats().pages_read - before;
    BOOST_TEST(db.verify().ok());
    return read;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_checkpoint_leaves_inner_nodes_in_memory, fixture) {
    BOOST_TEST(pages_read_after_a_checkpoint(file(), 64 << 20) < 5u);
    std::filesystem::remove(file());
    // Four times as many bytes would be too few for them.
    BOOST_TEST(pages_read_after_a_checkpoint(file(), 256 << 10) > 20u);
}

BOOST_FIXTURE_TEST_CASE(positions_have_64_bits, fixture) {
    constexpr std::uint64_t n = (std::uint64_t{1} << 33) + 5;
    {
        ns::database db(file());
        auto a = db.create<float>("a");
        a.resize(n);
        a.set(n - 1, 1.0F);
        a.insert(n - 3, {2.0F, 3.0F});
        a.erase(10, std::uint64_t{1} << 32);
        a.write(std::uint64_t{1} << 31, {4.0F});
    }
    BOOST_TEST(std::filesystem::file_size(file()) < 4u << 20);
    ns::database db(file());
    auto const a = db.open<float>("a");
    BOOST_TEST(a.size() == n + 2 - (std::uint64_t{1} << 32));
    BOOST_TEST(a.back() == 1.0F);
    BOOST_TEST(a[a.size() - 5] == 2.0F);
    BOOST_TEST(a[a.size() - 4] == 3.0F);
    BOOST_TEST(a[std::uint64_t{1} << 31] == 4.0F);
    BOOST_TEST(a[(std::uint64_t{1} << 31) + 1] == 0.0F);
    std::vector<float> out(2);
    a.read(a.size() - 5, out);
    BOOST_TEST((out == std::vector{2.0F, 3.0F}));
    BOOST_TEST(a.view(ns::every<std::int64_t{1} << 31>{})[1] == 4.0F);
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_SUITE_END()
