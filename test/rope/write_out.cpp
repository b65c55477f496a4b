// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_write_out)

using namespace rope_test;

namespace {

using bag = policies<512>;
using words = detail::rope_tree<detail::fixed_element<4>, bag>; // 128 a leaf

} // namespace

BOOST_AUTO_TEST_CASE(leaves_lie_in_order_of_position) {
    file<bag> disk;
    auto changes = disk.begin();
    words tree(disk.pages);
    std::mt19937_64 random(seed());
    for (int i = 0; i != 500; ++i)
        tree.insert(changes, random() % (tree.size() + 1), bytes(200));
    disk.commit(changes);
    write_out(disk, tree);
    std::uint64_t extents = 0;
    detail::walk_pages(tree.nodes(), tree.root(), [&](ns::extent) {
        ++extents; // inner nodes part the leaves of different parents
    });
    BOOST_TEST(extents < 60u);
    ns::page_no last = ns::no_page;
    detail::leaf_path<bag> way;
    for (std::uint64_t pos = 0; pos != tree.size(); pos = way.end()) {
        way.seek(tree.nodes(), tree.root(), pos);
        ns::page_no const place = way.leaf(tree.root()).place();
        BOOST_REQUIRE(last == ns::no_page || place == last + 1);
        last = place;
    }
}

BOOST_AUTO_TEST_CASE(shared_nodes_are_written_once) {
    file<bag> disk;
    auto changes = disk.begin();
    words tree(disk.pages);
    tree.insert(changes, 0, bytes(4 * 128 * 100, std::byte{3}));
    disk.commit(changes);
    words changed(disk.pages, {}, tree.root());
    changed.write(changes, 5000, bytes(4, std::byte{4}));

    std::vector<ns::extent> taken;
    detail::page_writer<bag> writer(disk.pages, 200, taken);
    detail::write_out_batch<bag> batch(writer);
    auto const count = [](auto const& t) {
        return detail::count_unwritten<bag>(t.root(), t.shape());
    };
    BOOST_TEST(count(tree).pages == 100u + 5 + 1);
    BOOST_TEST(count(tree).runs == 0u);
    auto const a = batch.write(tree.root(), tree.shape());
    auto const b = batch.write(changed.root(), changed.shape());
    auto const again = batch.write(tree.root(), tree.shape());
    BOOST_TEST(to_integer(again.place) == to_integer(a.place));
    BOOST_TEST(to_integer(b.place) != to_integer(a.place));
    BOOST_TEST(to_integer(tree.root().node.place()) == 0u);
    writer.finish();
    batch.keep();
    BOOST_TEST(to_integer(tree.root().node.place()) == to_integer(a.place));
    std::uint64_t pages = 0;
    for (ns::extent const& x : taken)
        pages += x.pages;
    BOOST_TEST(pages == 100u + 5 + 1 + 3);
    BOOST_TEST(count(tree).pages == 0u);
    BOOST_TEST(count(changed).pages == 0u);
}

BOOST_AUTO_TEST_CASE(leaves_of_several_pages_are_counted) {
    file<bag> disk;
    auto changes = disk.begin();
    detail::rope_tree<detail::fixed_element<12>, bag> tree(disk.pages);
    tree.insert(changes, 0, bytes(12 * 128 * 10));
    BOOST_TEST(tree.shape().pages == 3u);
    auto const all =
        detail::count_unwritten<bag>(tree.root(), tree.shape());
    BOOST_TEST(all.pages == 3u * 10 + 1);
    BOOST_TEST(all.runs == 10u);
    BOOST_TEST(all.in_runs == 3u * 10);
    BOOST_TEST(all.longest == 3u);
    BOOST_TEST(all.runs_of_longest() == 10u + 1);
    BOOST_TEST(all.with(3).runs_of_longest() == 10u + 2);
}

/// Once a node has a place, the count of that place goes on.
BOOST_AUTO_TEST_CASE(references_to_nodes_become_references_to_pages) {
    file<bag> disk;
    auto changes = disk.begin();
    words tree(disk.pages);
    tree.insert(changes, 0, bytes(4 * 128 * 10, std::byte{3}));
    disk.commit(changes);
    detail::frame* const root = tree.root().node.node();
    root->set_shares(2);
    std::vector<ns::extent> taken;
    detail::page_writer<bag> writer(disk.pages, 11, taken);
    detail::write_out_batch<bag> batch(writer);
    auto const at = batch.write(tree.root(), tree.shape());
    BOOST_TEST_REQUIRE(batch.shares().size() == 1u);
    BOOST_TEST((batch.shares()[0].pages == ns::extent{at.place, 1}));
    BOOST_TEST(batch.shares()[0].extra == 2u);
    writer.finish();
    BOOST_TEST(root->shares() == 2u);
    batch.keep();
    BOOST_TEST(root->shares() == 0u);
    BOOST_TEST(batch.shares().empty());
}

BOOST_AUTO_TEST_CASE(holes_and_empty_trees_have_no_place) {
    file<bag> disk;
    auto changes = disk.begin();
    words tree(disk.pages);
    BOOST_TEST(to_integer(write_out(disk, tree).place) == 0u);
    tree.insert_zeros(changes, 0, 1000);
    BOOST_TEST(to_integer(write_out(disk, tree).place) == 0u);
    tree.insert(changes, 500, bytes(4));
    BOOST_TEST(to_integer(write_out(disk, tree).place) != 0u);
    require_sound(tree, true);
}

BOOST_AUTO_TEST_CASE(what_follows_copies_written_nodes) {
    file<bag> disk;
    auto changes = disk.begin();
    words tree(disk.pages);
    tree.insert(changes, 0, bytes(4 * 300, std::byte{1}));
    auto const p = write_out(disk, tree); // the same edit goes on
    bytes const before = contents(tree);
    tree.write(changes, 3, bytes(8, std::byte{2}));
    BOOST_TEST(to_integer(tree.root().node.place()) == 0u);
    words old(disk.pages, {},
              {detail::child_ref(p.place, p.checksum), tree.root().height,
               tree.size()});
    BOOST_TEST((contents(old) == before));
    require_sound(old, true);
}

BOOST_AUTO_TEST_SUITE_END()
