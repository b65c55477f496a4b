// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/space_map.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

BOOST_AUTO_TEST_SUITE(pager_space_map)

using numstore::extent;
using numstore::page_no;
using numstore::detail::extent_set;
using numstore::detail::space_map;

namespace {

constexpr std::uint64_t file_pages = 4000;

/// Each page of `all` once, neighbours in one extent, in order.
std::vector<extent> merged(std::vector<extent> const& all) {
    std::vector<bool> in(file_pages + 1);
    for (extent const& e : all)
        for (std::uint64_t i = 0; i != e.pages; ++i)
            in[static_cast<std::size_t>(to_integer(e.first) + i)] = true;
    std::vector<extent> out;
    for (std::uint64_t i = 0; i != file_pages; ++i)
        if (in[i] && (i == 0 || !in[i - 1]))
            out.push_back({page_no{i}, 1});
        else if (in[i])
            ++out.back().pages;
    return out;
}

} // namespace

/// Damaged files use pages twice: what is free may overlap.
BOOST_AUTO_TEST_CASE(stored_lists_name_each_page_once) {
    std::mt19937 random(1);
    auto const some = [&](std::size_t n) {
        std::vector<extent> all;
        for (std::size_t i = 0; i != n; ++i) {
            std::uint64_t const count = random() % 9;
            all.push_back({page_no{random() % (file_pages - count)}, count});
        }
        return all;
    };
    for (int round = 0; round != 200; ++round) {
        space_map m(1);
        std::vector<extent> now = some(random() % 300);
        for (extent const& e : now)
            m.free().insert(e);
        std::vector<extent> const also_free = some(random() % 20);
        std::vector<extent> const also_next = some(random() % 20);
        now.insert(now.end(), also_free.begin(), also_free.end());
        std::vector<extent> next = also_next;
        for (extent const& e : some(random() % 100)) {
            std::uint64_t const generation = random() % 5;
            m.retire(e, 1, generation);
            (generation + 2 <= 4 ? now : next).push_back(e);
        }
        auto const [stored_now, stored_next] =
            m.stored(4, also_free, also_next);
        BOOST_TEST((stored_now == merged(now)));
        BOOST_TEST((stored_next == merged(next)));
    }
}

BOOST_AUTO_TEST_CASE(runs_that_are_missing) {
    std::mt19937 random(7);
    for (std::uint64_t const unit : {1u, 8u})
        for (int round = 0; round != 200; ++round) {
            extent_set set(unit);
            std::map<std::uint64_t, std::uint64_t> lengths;
            std::uint64_t at = 64;
            for (auto n = random() % 12; n != 0; --n) {
                std::uint64_t const blocks = 1 + random() % 9;
                set.insert({page_no{at}, blocks * unit});
                ++lengths[blocks * unit];
                at += (blocks + 1) * unit;
            }
            std::uint64_t const pages = 1 + random() % 20;
            std::uint64_t there = 0;
            for (auto const& [length, n] : lengths)
                there += length / pages * n;
            for (std::uint64_t wanted = 0; wanted != 30; ++wanted)
                BOOST_TEST(set.missing_runs(pages, wanted)
                           == wanted - std::min(wanted, there));
        }
}

/// Only superblocks refer to such pages, and those of a snapshot before them
/// do not hold them up.
BOOST_AUTO_TEST_CASE(pages_of_no_version_wait_for_no_reader) {
    constexpr std::uint64_t none = ~std::uint64_t{0};
    space_map m(1);
    m.retire({page_no{10}, 3}, 7, 4);
    m.retire({page_no{20}, 2}, 0, 4);
    m.retire({page_no{30}, 1}, 0, 5);
    BOOST_TEST(m.ripening_pages() == 6U);
    BOOST_TEST(m.pinned_pages(6, none) == 3U);
    BOOST_TEST(!m.is_ripe(5, 6));
    BOOST_TEST(m.is_ripe(6, 6));
    m.ripen(6, 6, 4); // but for a reader in another process
    BOOST_TEST(m.free().pages() == 0U);
    m.ripen(6, 6, none);
    BOOST_TEST((m.free().extents()
                == std::vector<extent>{{page_no{20}, 2}}));
    BOOST_TEST(m.ripening_count() == 2U);
    m.ripen(7, 7, none);
    BOOST_TEST(m.free().pages() == 6U);
    BOOST_TEST(m.ripening_pages() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
