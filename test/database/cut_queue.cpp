// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/database/cut_queue.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <memory>
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

BOOST_AUTO_TEST_SUITE_END()
