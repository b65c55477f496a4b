// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_leaf_path)

using namespace rope_test;

namespace {

using bag = policies<512>;
using words = detail::rope_tree<detail::fixed_element<4>, bag>; // 128 a leaf

} // namespace

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

/// Elements come to, or go from, the leaf where a path stands.
BOOST_AUTO_TEST_CASE(a_path_goes_on_after_its_leaf_has_changed) {
    for (std::size_t const n : {100u, 128u * 500u}) {
        file<bag> disk;
        auto changes = disk.begin();
        words tree(disk.pages);
        tree.insert(changes, 0, bytes(4 * n));
        detail::rope_root root = tree.root();
        detail::leaf_path<bag> way;
        way.seek(tree.nodes(), root, n / 2);
        std::uint64_t const first = way.first();
        std::uint64_t const count = way.count();
        way.add(root, ~std::uint64_t{0} - 4); // five fewer
        BOOST_TEST(root.size == n - 5);
        BOOST_TEST(way.count() == count - 5);
        BOOST_TEST(way.end() == first + count - 5);
        BOOST_TEST(!way.holds(first + count - 5));
        detail::leaf_path<bag> fresh;
        fresh.seek(tree.nodes(), root, first);
        BOOST_TEST(fresh.count() == count - 5);
    }
}

BOOST_AUTO_TEST_CASE(a_path_starts_anew_in_a_single_leaf) {
    file<bag> disk;
    auto changes = disk.begin();
    words large(disk.pages);
    words small(disk.pages);
    large.insert(changes, 0, bytes(4 * 128 * 100));
    small.insert(changes, 0, bytes(4 * 20));
    detail::leaf_path<bag> way;
    way.seek(large.nodes(), large.root(), 5000);
    way.reset();
    way.seek(small.nodes(), small.root(), 7);
    BOOST_TEST(way.first() == 0u);
    BOOST_TEST(way.count() == 20u);
    BOOST_TEST(way.holds(0));
}

BOOST_AUTO_TEST_CASE(a_failed_read_resets_the_path) {
    using copied = policies<512, false>;
    using tree_type = detail::rope_tree<detail::fixed_element<4>, copied>;
    file<copied> disk;
    auto changes = disk.begin();
    tree_type tree(disk.pages);
    tree.insert(changes, 0, bytes(4 * 128 * 2000));
    auto const p = write_out(disk, tree);
    tree_type const read(disk.pages, {},
                         {detail::child_ref(p.place, p.checksum),
                          tree.root().height, tree.size()});
    detail::leaf_path<copied> way;
    way.seek(read.nodes(), read.root(), 0);
    disk.plan->writes_only = false;
    disk.plan->calls_left = 0;
    std::uint64_t const far = read.size() - 1;
    BOOST_CHECK_THROW(way.seek(read.nodes(), read.root(), far), ns::error);
    BOOST_TEST(!way.valid());
    disk.plan->writes_only = true;
    disk.plan->calls_left = ~std::uint64_t{0};
    way.seek(read.nodes(), read.root(), 1);
    BOOST_TEST(way.first() == 0u);
    way.seek(read.nodes(), read.root(), far);
    BOOST_TEST(way.holds(far));
}

BOOST_AUTO_TEST_SUITE_END()
