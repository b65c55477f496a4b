// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

#include <numstore/rope/structure.hpp>

BOOST_AUTO_TEST_SUITE(rope_structure)

using namespace rope_test;

namespace {

using bag = policies<512>;
using tree = detail::rope_tree<detail::fixed_element<32>, bag>; // 16 a leaf

bytes numbered(std::size_t n) {
    bytes v(n * 32);
    for (std::size_t i = 0; i != n; ++i)
        std::memcpy(v.data() + i * 32, &i, sizeof i);
    return v;
}

struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    tree all{disk.pages};

    tree with(detail::rope_root root) {
        return tree(disk.pages, {}, std::move(root));
    }
    detail::tree_structure<bag> trees() {
        return detail::tree_structure<bag>(all.editing(changes));
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(split_anywhere_and_join_again) {
    setting s;
    bytes const v = numbered(16 * 500);
    s.all.insert(s.changes, 0, v);
    BOOST_TEST(s.all.root().height == 3);
    for (std::uint64_t pos = 0; pos <= s.all.size(); pos += 37) {
        detail::build_beside guard(s.changes);
        auto halves = s.trees().split(s.all.root(), pos);
        tree const left = s.with(halves.left);
        tree const right = s.with(halves.right);
        BOOST_REQUIRE_EQUAL(left.size(), pos);
        BOOST_REQUIRE_EQUAL(left.size() + right.size(), s.all.size());
        require_sound(left, false);
        require_sound(right, false);
        tree const again = s.with(
            s.trees().join(std::move(halves.left), std::move(halves.right)));
        require_sound(again, false);
        BOOST_REQUIRE(contents(again) == v);
    }
    BOOST_TEST(s.changes.freed.empty());
    require_sound(s.all, false);
    BOOST_TEST((contents(s.all) == v));
}

BOOST_AUTO_TEST_CASE(join_trees_of_any_heights) {
    for (std::size_t const a : {1u, 15u, 16u, 17u, 160u, 400u, 7000u})
        for (std::size_t const b : {1u, 15u, 16u, 17u, 160u, 400u, 7000u}) {
            setting s;
            bytes const v = numbered(a + b);
            std::span<std::byte const> const all(v);
            tree left(s.disk.pages);
            tree right(s.disk.pages);
            left.insert(s.changes, 0, all.first(a * 32));
            right.insert(s.changes, 0, all.last(b * 32));
            tree const both = s.with(s.trees().join(left.root(), right.root()));
            BOOST_TEST_CONTEXT(a << " and " << b) {
                require_sound(both, false);
                BOOST_REQUIRE(contents(both) == v);
            }
        }
}

BOOST_AUTO_TEST_CASE(build_fills_nodes) {
    setting s;
    std::vector<detail::leaf_entry> row;
    for (int i = 0; i != 1000; ++i)
        row.push_back(
            {detail::child_ref(s.all.editing(s.changes).zero_leaf(16)), 16});
    tree const built = s.with(s.trees().build(std::move(row)));
    require_sound(built, false);
    BOOST_TEST(built.size() == 16000u);
    BOOST_TEST(built.root().height == 3);
}

BOOST_AUTO_TEST_CASE(small_pieces_of_a_hole_become_leaves) {
    setting s;
    s.all.insert_zeros(s.changes, 0, 100);
    BOOST_TEST(s.all.root().is_hole());
    auto halves = s.trees().split(s.all.root(), 3);
    BOOST_TEST(!halves.left.is_hole());
    BOOST_TEST(halves.right.is_hole());
    tree const again =
        s.with(s.trees().join(std::move(halves.left), std::move(halves.right)));
    require_sound(again, false);
    BOOST_TEST((contents(again) == bytes(3200)));
}

BOOST_AUTO_TEST_SUITE_END()
