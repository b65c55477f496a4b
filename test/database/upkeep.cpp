// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// What commits leave to be done, and when it is.
#include "../bags/default_policies.hpp"
#include "../storage/support.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_upkeep)

namespace ns = numstore;

namespace {

constexpr std::uint64_t leaf_bytes = 16384;
constexpr std::uint64_t leaf_elements = leaf_bytes / sizeof(float);

struct fixture {
    ns::testing::temporary_directory dir;
    ns::database db{dir / "upkeep.ns",
                    {.durability = ns::durability::none}};
};

} // namespace

/// Replaced leaves are not kept for the next checkpoint.
BOOST_FIXTURE_TEST_CASE(memory_of_replaced_leaves_goes_back_soon, fixture) {
    auto a = db.create<float>("a");
    a.resize(64 * leaf_elements, 1.0F);
    db.checkpoint();
    auto const before = db.stats();
    std::uint64_t most = 0;
    for (int i = 0; i != 100; ++i) {
        a.set(7, static_cast<float>(i));
        most = std::max(most, db.stats().cache_bytes);
    }
    BOOST_TEST(db.stats().checkpoints == before.checkpoints);
    BOOST_TEST(most <= before.cache_bytes + 16 * leaf_bytes);
    BOOST_TEST(a[7] == 99.0F);
}

/// A checkpoint cannot write what is not committed, so that much of it is no
/// reason for one after each commit of another.
BOOST_FIXTURE_TEST_CASE(open_transactions_bring_no_checkpoints, fixture) {
    auto large = db.create<float>("large");
    large.resize(1024 * leaf_elements, 1.0F);
    auto small = db.create<float>("small");
    small.resize(64 * leaf_elements, 1.0F);
    db.checkpoint();
    auto tx = db.begin();
    auto mine = large.in(tx);
    for (std::uint64_t i = 0; i != 1024; ++i)
        mine.set(i * leaf_elements, 2.0F);
    auto const before = db.stats();
    for (std::uint64_t i = 0; i != 64; ++i)
        small.set(i * leaf_elements, 2.0F);
    BOOST_TEST(db.stats().checkpoints <= before.checkpoints + 1);
    tx.commit();
    BOOST_TEST(large[1023 * leaf_elements] == 2.0F);
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_SUITE_END()
