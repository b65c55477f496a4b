// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/freed_pages.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>

BOOST_AUTO_TEST_SUITE(pager_freed_pages)

namespace {

using numstore::detail::freed_pages;

std::uint64_t seed() {
    char const* const given = std::getenv("NUMSTORE_SEED");
    auto const s =
        given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << s);
    return s;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_reader_keeps_what_newer_versions_freed) {
    freed_pages f;
    BOOST_TEST(f.after(0) == 0u);
    f.add(5, 10);
    f.add(7, 1);
    f.add(7, 2);
    BOOST_TEST(f.after(4) == 13u);
    BOOST_TEST(f.after(5) == 3u);
    BOOST_TEST(f.after(6) == 3u);
    BOOST_TEST(f.after(7) == 0u);
}

/// Commits beside a checkpoint are counted after its own version.
BOOST_AUTO_TEST_CASE(an_older_version_comes_later) {
    freed_pages f;
    f.add(5, 10);
    f.add(9, 1);
    f.add(7, 100);
    BOOST_TEST(f.after(6) == 101u);
    BOOST_TEST(f.after(8) == 1u);
    f.forget(7);
    f.add(6, 1000); // nobody reads what is before
    BOOST_TEST(f.after(7) == 1u);
    BOOST_TEST(f.after(9) == 0u);
}

BOOST_AUTO_TEST_CASE(random_versions_against_a_map) {
    std::mt19937_64 random(seed());
    freed_pages f;
    std::map<std::uint64_t, std::uint64_t> model;
    std::uint64_t oldest = 0;
    std::uint64_t newest = 20;
    for (int i = 0; i != 2000; ++i) {
        newest += random() % 3;
        auto const at = newest - random() % 4;
        auto const pages = random() % 100;
        f.add(at, pages);
        model[at] += pages;
        if (random() % 8 == 0)
            f.forget(oldest = std::max(oldest, newest - random() % 20));
        auto const from = oldest + random() % 25;
        std::uint64_t expected = 0;
        for (auto v = model.upper_bound(from); v != model.end(); ++v)
            expected += v->second;
        BOOST_TEST_REQUIRE(f.after(from) == expected);
    }
}

BOOST_AUTO_TEST_SUITE_END()
