// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/page_cache.hpp>
#include <numstore/testing/simulated_power_loss.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(pager_page_cache)

using numstore::page_no;
using cache = numstore::detail::page_cache<numstore::default_policies>;

namespace {

constexpr std::size_t leaf_bytes = 4096;

/// Filled with the number of its page.
cache::pin make(cache& c, std::uint64_t first) {
    auto leaf = c.make(page_no{first}, leaf_bytes);
    std::memcpy(leaf->bytes().data(), &first, sizeof first);
    return leaf;
}
void put(cache& c, std::uint64_t first) {
    c.insert(page_no{first}, make(c, first));
}
bool is_of(cache::pin const& leaf, std::uint64_t first) {
    return std::memcmp(leaf->data(), &first, sizeof first) == 0;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_least_recently_used_leave_first) {
    constexpr std::uint64_t budget = 64 * leaf_bytes;
    cache c(budget);
    put(c, 1);
    auto const pinned = c.find(page_no{1});
    for (std::uint64_t i = 2; i != 2000; ++i) {
        put(c, i);
        BOOST_REQUIRE(c.find(page_no{1}) == pinned);
        BOOST_REQUIRE_LE(c.bytes(), budget);
    }
    BOOST_TEST(c.bytes() > budget / 2);
    BOOST_TEST(!c.find(page_no{2}));
    BOOST_TEST(is_of(c.find(page_no{1999}), 1999));
}

BOOST_AUTO_TEST_CASE(forgotten_leaves_take_no_room) {
    cache c(std::uint64_t{1} << 20);
    for (std::uint64_t i = 1; i != 101; ++i)
        put(c, i);
    put(c, 100); // is there already
    BOOST_TEST(c.bytes() == 100 * leaf_bytes);
    c.forget(page_no{11}, 200);
    BOOST_TEST(c.bytes() == 10 * leaf_bytes);
    BOOST_TEST(is_of(c.find(page_no{10}), 10));
    BOOST_TEST(!c.find(page_no{11}));
}

BOOST_AUTO_TEST_CASE(pinned_leaves_stay_with_their_holders) {
    cache c(16 * leaf_bytes);
    std::vector<cache::pin> held;
    for (std::uint64_t i = 1; i != 300; ++i) {
        put(c, i);
        held.push_back(c.find(page_no{i}));
        BOOST_REQUIRE(held.back());
    }
    c.forget(page_no{1}, 400);
    BOOST_TEST(c.bytes() == 0u);
    for (std::uint64_t i = 1; i != 300; ++i)
        BOOST_REQUIRE(is_of(held[i - 1], i));
    held.clear();
    put(c, 7);
    BOOST_TEST(is_of(c.find(page_no{7}), 7));
}

/// Nobody sees it before it is filled, nor twice.
BOOST_AUTO_TEST_CASE(a_leaf_is_found_once_it_is_inserted) {
    cache c(std::uint64_t{1} << 20);
    auto const first = make(c, 5);
    BOOST_TEST(!c.find(page_no{5}));
    auto const second = make(c, 5);
    c.insert(page_no{5}, second);
    c.insert(page_no{5}, first);
    BOOST_TEST((c.find(page_no{5}) == second));
    BOOST_TEST(c.bytes() == leaf_bytes);
}

BOOST_AUTO_TEST_CASE(threads_find_what_they_look_for) {
    cache c(64 * leaf_bytes);
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> hits{0};
    auto const work = [&](std::uint64_t seed) {
        numstore::detail::split_mix random(seed);
        for (int i = 0; i != 20'000; ++i) {
            std::uint64_t const page = 1 + random.below(100);
            auto leaf = c.find(page_no{page});
            hits += leaf ? 1 : 0;
            if (!leaf) {
                leaf = make(c, page);
                c.insert(page_no{page}, leaf);
            }
            wrong += is_of(leaf, page) ? 0 : 1;
        }
    };
    std::vector<std::thread> threads;
    for (std::uint64_t i = 1; i != 5; ++i)
        threads.emplace_back(work, i);
    for (auto& t : threads)
        t.join();
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(hits > 10'000u);
    BOOST_TEST(c.bytes() <= 64 * leaf_bytes);
}

BOOST_AUTO_TEST_SUITE_END()
