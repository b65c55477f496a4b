// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/rope/leaf_directory.hpp>
#include <numstore/testing/simulated_power_loss.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

BOOST_AUTO_TEST_SUITE(rope_leaf_directory)

namespace {

using numstore::page_no;
using numstore::detail::leaf_directory;
using numstore::detail::leaf_shape;
using numstore::detail::memory_account;
using numstore::detail::split_mix;

constexpr leaf_shape shape{4, 2, 100, 512};

std::byte const* at(std::uint64_t n) {
    return reinterpret_cast<std::byte const*>(n + 4096); // never read
}

/// The leaves of a directory with runs of random lengths.
struct leaves {
    leaf_directory::run_list runs;
    std::vector<leaf_directory::found> all;

    leaves(std::uint64_t seed, std::size_t n, std::uint64_t longest) {
        split_mix random(seed);
        std::uint64_t first = 0;
        for (std::size_t i = 0; i != n; ++i) {
            auto const kind = random.below(3);
            page_no const place{kind == 0 ? 1000 * (i + 1)
                                          : numstore::to_integer(
                                              numstore::no_page)};
            auto const* const data = kind == 2 ? nullptr : at(10'000'000 * i);
            runs.push_back({first, data, place});
            if (kind != 0) {
                auto const count = 1 + random.below(300);
                all.push_back({data, first, count, place});
                first += count;
                continue;
            }
            auto const full = random.below(longest);
            for (std::uint64_t k = 0; k <= full; ++k) {
                auto const count =
                    k == full ? 1 + random.below(shape.capacity)
                              : shape.capacity;
                all.push_back({data + k * shape.page_bytes, first, count,
                               place + k * shape.pages});
                first += count;
            }
        }
        runs.push_back({first, nullptr, numstore::no_page});
    }
};

leaf_directory::found find(leaf_directory const& d, std::uint64_t pos) {
    leaf_directory::found leaf{};
    d.find(shape, pos, leaf);
    return leaf;
}

void require_found(leaf_directory const& d, leaf_directory::found const& leaf,
                   std::uint64_t pos) {
    auto const f = find(d, pos);
    BOOST_REQUIRE((f.data == leaf.data && f.first == leaf.first
                   && f.count == leaf.count && f.place == leaf.place));
}

} // namespace

BOOST_AUTO_TEST_CASE(it_finds_every_leaf) {
    for (std::uint64_t seed = 1; seed != 60; ++seed) {
        memory_account account;
        {
            leaves const l(seed, 1 + seed * seed % 97, 1 + seed % 30);
            leaf_directory const d(l.runs, shape, account, 1 << 20);
            BOOST_TEST(d.runs() == l.runs.size() - 1);
            BOOST_TEST(
                account.directory_bytes
                <= leaf_directory::bytes_of(l.runs.size())
                       + 8 * (2 * l.all.size() + 64));
            for (auto const& leaf : l.all) {
                require_found(d, leaf, leaf.first);
                require_found(d, leaf, leaf.first + leaf.count / 2);
                require_found(d, leaf, leaf.first + leaf.count - 1);
            }
        }
        BOOST_TEST(account.directory_bytes == 0u);
    }
}

/// What was found once is found at once, and only where it is.
BOOST_AUTO_TEST_CASE(elements_are_remembered) {
    leaf_shape const odd{4, 2, 100, 512};
    leaf_shape const even{4, 1, 128, 512};
    std::size_t found = 0;
    for (std::uint64_t seed = 1; seed != 30; ++seed) {
        leaves const l(seed, 1 + seed * seed % 97, 1 + seed % 30);
        for (leaf_shape const& s : {odd, even}) {
            memory_account account;
            leaf_directory const d(l.runs, s, account, 1 << 20);
            std::uint64_t const size = l.runs.back().first;
            auto const verified = [](page_no p) {
                return numstore::to_integer(p) % 7 != 0;
            };
            for (std::uint64_t pos = 0; pos < size; pos += 1 + seed % 5) {
                d.remember(s, pos, [](page_no) { return false; });
                leaf_directory::found leaf{};
                d.find(s, pos, leaf);
                BOOST_REQUIRE((d.known(s.element_size, pos) == nullptr
                               || leaf.place == numstore::no_page
                               || verified(leaf.place)));
                d.remember(s, pos, verified);
                auto const* const here = d.known(s.element_size, pos);
                if (here == nullptr)
                    continue;
                ++found;
                BOOST_REQUIRE(
                    (here == leaf.data + s.bytes(pos - leaf.first)));
            }
        }
    }
    BOOST_TEST(found > 1000u);
}

/// Many short runs beside a long one, all in one bucket.
BOOST_AUTO_TEST_CASE(runs_of_very_different_lengths) {
    leaf_directory::run_list runs;
    std::uint64_t first = 0;
    for (std::uint64_t i = 0; i != 1000; ++i, first += 3)
        runs.push_back({first, at(i), numstore::no_page});
    runs.push_back({first, at(7777), page_no{5}});
    runs.push_back({std::uint64_t{1} << 40, nullptr, numstore::no_page});
    memory_account account;
    leaf_directory const d(runs, shape, account, 1 << 20);
    for (std::uint64_t i = 0; i != 1000; ++i)
        BOOST_REQUIRE(find(d, 3 * i + 2).data == at(i));
    auto const far = find(d, (std::uint64_t{1} << 40) - 1);
    BOOST_TEST(far.first + far.count == std::uint64_t{1} << 40);
    d.remember(shape, 100, [](page_no) { return true; });
    // It would take too much.
    BOOST_TEST(d.known(shape.element_size, 100) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
