// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/database/cut_queue.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_cut_queue)

namespace {

using value = std::shared_ptr<int>;
using chain = numstore::detail::version_chain<value>;

} // namespace

/// Versions are freed when the last reader that may see them has gone, and
/// not only with the database.
BOOST_AUTO_TEST_CASE(old_versions_are_freed_as_readers_go) {
    auto const versions = std::make_shared<chain>();
    numstore::detail::cut_queue queue;
    std::vector<std::weak_ptr<int>> values;
    for (std::uint64_t s = 1; s != 7; ++s) {
        auto v = std::make_shared<int>(static_cast<int>(s));
        values.emplace_back(v);
        auto* const n = versions->publish(
            std::make_unique<chain::node>(s, std::move(v)));
        if (s != 1)
            queue.push<value>(versions, n);
    }
    queue.cut(1);
    BOOST_TEST(!values[0].expired());
    queue.cut(4);
    for (std::size_t i = 0; i != values.size(); ++i)
        BOOST_TEST(values[i].expired() == (i + 1 < 4));
    BOOST_TEST(*versions->at(5)->value == 5);
    BOOST_TEST(versions->at(3) == nullptr);
    queue.cut(6);
    BOOST_TEST(versions->single());
    BOOST_TEST(values[4].expired());
    BOOST_TEST(!values[5].expired());
}

BOOST_AUTO_TEST_CASE(one_cut_frees_all_that_is_older) {
    chain versions;
    std::vector<std::weak_ptr<int>> values;
    chain::node* newest = nullptr;
    for (std::uint64_t s = 1; s != 5; ++s) {
        auto v = std::make_shared<int>(0);
        values.emplace_back(v);
        newest = versions.publish(
            std::make_unique<chain::node>(s, std::move(v)));
    }
    chain::cut(newest);
    for (std::size_t i = 0; i != 3; ++i)
        BOOST_TEST(values[i].expired());
    BOOST_TEST(!values[3].expired());
}

/// Readers of old versions keep those alone, and walk past no others.
BOOST_AUTO_TEST_CASE(versions_between_readers_are_skipped) {
    std::mt19937 random(1);
    for (int round = 0; round != 200; ++round) {
        numstore::detail::cut_queue queue;
        std::vector<std::shared_ptr<chain>> chains;
        for (int i = 0; i != 3; ++i)
            chains.push_back(std::make_shared<chain>());
        std::map<std::pair<std::size_t, std::uint64_t>, std::weak_ptr<int>>
            values;
        std::set<std::uint64_t> readers;
        std::uint64_t latest = 0;
        auto const check = [&](std::uint64_t reader) {
            for (std::size_t c = 0; c != 3; ++c) {
                auto expected = values.upper_bound({c, reader});
                auto const* const found = chains[c]->at(reader);
                bool const none = expected == values.begin()
                                  || (--expected)->first.first != c;
                BOOST_TEST_REQUIRE((found == nullptr) == none);
                if (!none)
                    BOOST_TEST_REQUIRE((found->value != nullptr
                                        && found->value
                                               == expected->second.lock()));
            }
        };
        for (int step = 0; step != 300; ++step) {
            std::size_t const c = random() % 3;
            ++latest;
            auto v = std::make_shared<int>(0);
            values[{c, latest}] = v;
            bool const first = chains[c]->newest() == nullptr;
            auto* const n = chains[c]->publish(
                std::make_unique<chain::node>(latest, std::move(v)));
            if (!first)
                queue.push<value>(chains[c], n);
            if (random() % 20 == 0)
                readers.insert(latest);
            if (!readers.empty() && random() % 30 == 0)
                readers.erase(std::next(
                    readers.begin(),
                    static_cast<std::ptrdiff_t>(random() % readers.size())));
            if (random() % 10 != 0)
                continue;
            queue.cut(readers.empty() ? latest : *readers.begin());
            if (!queue.is_long())
                continue;
            std::vector<std::uint64_t> const held(readers.begin(),
                                                  readers.end());
            queue.skip(held, latest);
            std::size_t alive = 0;
            for (auto const& [at, made] : values)
                alive += made.expired() ? 0u : 1u;
            BOOST_TEST_REQUIRE(alive <= 3 * (readers.size() + 1));
            for (std::uint64_t const r : readers)
                check(r);
            check(latest);
        }
        if (round % 2 != 0) // else what is left goes with the queue
            queue.cut(latest);
    }
}

/// A plain read may look at the newest version, though it announced one that
/// is older.
BOOST_AUTO_TEST_CASE(what_is_newer_than_the_limit_stays) {
    auto const versions = std::make_shared<chain>();
    numstore::detail::cut_queue queue;
    std::vector<std::weak_ptr<int>> values;
    for (std::uint64_t s = 1; s != 11; ++s) {
        auto v = std::make_shared<int>(0);
        values.emplace_back(v);
        auto* const n = versions->publish(
            std::make_unique<chain::node>(s, std::move(v)));
        if (s != 1)
            queue.push<value>(versions, n);
    }
    queue.skip({}, 5);
    for (std::size_t i = 0; i != values.size(); ++i)
        BOOST_TEST(values[i].expired() == (i < 4));
    std::vector<std::uint64_t> const held{7};
    queue.skip(held, 10);
    for (std::size_t i = 0; i != values.size(); ++i)
        BOOST_TEST(values[i].expired() == (i != 6 && i != 9));
}

BOOST_AUTO_TEST_SUITE_END()
