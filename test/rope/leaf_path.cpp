// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

using namespace rope_test;

namespace {

using bag = policies<512>;
using words = detail::rope_tree<detail::fixed_element<4>, bag>; // 128 a leaf

} // namespace

BOOST_AUTO_TEST_SUITE(rope_leaf_path)

BOOST_AUTO_TEST_CASE(near_and_far_seeks_agree_with_fresh_ones) {
    file<bag> disk;
    auto changes = disk.begin();
    words tree(disk.pages);
    std::mt19937_64 random(seed());
    for (int i = 0; i != 3000; ++i)
        tree.insert(changes, random() % (tree.size() + 1), bytes(120));
    BOOST_TEST(tree.root().height >= 2);
    detail::leaf_path<bag> way;
    std::uint64_t pos = 0;
    for (int i = 0; i != 5000; ++i) {
        std::uint64_t const reach = std::uint64_t{1} << (random() % 18);
        pos = (pos + tree.size() + random() % reach - reach / 2) % tree.size();
        way.seek(tree.nodes(), tree.root(), pos);
        detail::leaf_path<bag> fresh;
        fresh.seek(tree.nodes(), tree.root(), pos);
        BOOST_REQUIRE(way.holds(pos));
        BOOST_REQUIRE_EQUAL(way.first(), fresh.first());
        BOOST_REQUIRE_EQUAL(way.count(), fresh.count());
        for (unsigned level = 1; level <= way.height(); ++level) {
            BOOST_REQUIRE_EQUAL(way.at(level).node, fresh.at(level).node);
            BOOST_REQUIRE_EQUAL(way.at(level).index, fresh.at(level).index);
            BOOST_REQUIRE_EQUAL(way.at(level).first, fresh.at(level).first);
        }
    }
}

BOOST_AUTO_TEST_CASE(all_leaves_forwards_and_backwards) {
    file<bag> disk;
    auto changes = disk.begin();
    words tree(disk.pages);
    tree.insert(changes, 0, bytes(4 * 128 * 500 + 4));
    detail::leaf_path<bag> way;
    way.seek(tree.nodes(), tree.root(), 0);
    std::uint64_t leaves = 1;
    while (way.next(tree.nodes(), tree.root()))
        ++leaves;
    BOOST_TEST(leaves == 501u);
    BOOST_TEST(way.end() == tree.size());
    while (way.previous(tree.nodes(), tree.root()))
        --leaves;
    BOOST_TEST(leaves == 1u);
    BOOST_TEST(way.first() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
