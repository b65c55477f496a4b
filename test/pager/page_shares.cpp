// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/page_shares.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

BOOST_AUTO_TEST_SUITE(pager_page_shares)

using numstore::extent;
using numstore::page_no;
using numstore::detail::page_shares;
using numstore::format::shared_pages;

BOOST_AUTO_TEST_CASE(neighbours_of_one_count_are_one_extent) {
    page_shares s;
    s.add({page_no{10}, 5});
    s.add({page_no{15}, 5});
    BOOST_TEST(s.count() == 1u);
    s.add({page_no{12}, 2});
    BOOST_TEST(s.count() == 3u);
    BOOST_TEST(s.extra(page_no{12}) == 2u);
    BOOST_TEST(s.extra(page_no{14}) == 1u);
    s.remove({page_no{12}, 2});
    BOOST_TEST((s.extents()
                == std::vector<shared_pages>{{{page_no{10}, 10}, 1}}));
    s.remove({page_no{10}, 10});
    BOOST_TEST(s.count() == 0u);
    BOOST_TEST(s.extra(page_no{12}) == 0u);
}

BOOST_AUTO_TEST_CASE(random_changes_against_a_map) {
    std::mt19937 random(1);
    page_shares s;
    std::map<std::uint64_t, std::uint64_t> model;
    for (int step = 0; step != 20000; ++step) {
        std::uint64_t const first = random() % 100;
        std::uint64_t const pages = 1 + random() % 10;
        extent const e{page_no{first}, pages};
        bool all = true;
        for (std::uint64_t p = first; p != first + pages; ++p)
            all = all && model.contains(p);
        if (all && random() % 2 == 0) {
            s.remove(e);
            for (std::uint64_t p = first; p != first + pages; ++p)
                if (--model[p] == 0)
                    model.erase(p);
        } else {
            std::uint64_t const n = 1 + random() % 2;
            s.add(e, n);
            for (std::uint64_t p = first; p != first + pages; ++p)
                model[p] += n;
        }
        for (std::uint64_t p = 0; p != 115; ++p) {
            auto const i = model.find(p);
            BOOST_REQUIRE_EQUAL(s.extra(page_no{p}),
                                i == model.end() ? 0 : i->second);
        }
        auto const runs = s.extents();
        for (std::size_t i = 1; i < runs.size(); ++i)
            BOOST_REQUIRE(runs[i - 1].pages.end() < runs[i].pages.first
                          || runs[i - 1].extra != runs[i].extra);
    }
}

BOOST_AUTO_TEST_SUITE_END()
