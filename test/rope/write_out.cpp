// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

#include <optional>

BOOST_AUTO_TEST_SUITE(rope_write_out)

using namespace rope_test;

namespace {

using bag = policies<512>;
using words = detail::rope_tree<detail::fixed_element<4>, bag>; // 128 a leaf

/// Inner nodes in memory, and leaves.
struct frames {
    std::size_t inner = 0;
    std::size_t leaves = 0;
};
void count_frames(detail::child_ref const& ref, frames& all) {
    detail::frame const* const f = ref.node();
    if (f == nullptr)
        return;
    if (f->kind() == detail::frame_kind::leaf) {
        ++all.leaves;
        return;
    }
    ++all.inner;
    auto const& n = *static_cast<detail::inner_frame<512> const*>(f);
    for (std::uint32_t i = 0; i != n.size(); ++i)
        count_frames(n.child(i), all);
}
frames frames_of(words const& tree) {
    frames all;
    count_frames(tree.root().node, all);
    return all;
}

/// Writes a tree as a checkpoint would; gives what goes on after one.
detail::rope_root written(file<bag>& disk, words const& tree,
                          bool keeps_inner = true) {
    std::vector<ns::extent> taken;
    detail::page_writer<bag> writer(disk.pages, 10, taken);
    detail::write_out_batch<bag> batch(
        writer, keeps_inner ? &disk.pages.account() : nullptr);
    batch.write(tree.root(), tree.shape());
    writer.finish();
    detail::rope_root const result = batch.written(tree.root());
    batch.keep();
    for (ns::extent const& x : taken)
        disk.note(x);
    return result;
}

} // namespace

BOOST_AUTO_TEST_CASE(inner_nodes_stay_in_memory_and_leaves_do_not) {
    file<bag> disk;
    auto changes = disk.begin();
    std::optional<words> tree(std::in_place, disk.pages);
    tree->insert(changes, 0, bytes(4 * 128 * 1000, std::byte{3}));
    tree->insert_zeros(changes, 64'010, 5000);
    disk.commit(changes);
    frames const before = frames_of(*tree);
    BOOST_TEST(before.leaves == 1001u); // the hole has split one
    bytes const all = contents(*tree);

    words const next(disk.pages, {}, written(disk, *tree));
    tree.reset();
    frames const after = frames_of(next);
    BOOST_TEST(after.inner == before.inner);
    BOOST_TEST(after.leaves == 0u);
    BOOST_TEST(disk.pages.account().leaf_bytes.load() == 0u);
    BOOST_TEST(disk.pages.account().unwritten_bytes.load() == 0u);
    BOOST_TEST((contents(next) == all));
    require_sound(next, true);
    BOOST_TEST(detail::count_unwritten<bag>(next.root(), next.shape()).pages
               == 0u);

    words const from_disk(disk.pages, {}, written(disk, next, false));
    BOOST_TEST(frames_of(from_disk).inner == 0u);
    BOOST_TEST((contents(from_disk) == all));
}

/// Commits that come while a checkpoint writes go on with the nodes that it
/// has written, and with the leaves below them.
BOOST_AUTO_TEST_CASE(leaves_of_nodes_written_before_go_too) {
    file<bag> disk;
    auto changes = disk.begin();
    std::optional<words> tree(std::in_place, disk.pages);
    tree->insert(changes, 0, bytes(4 * 128 * 1000, std::byte{3}));
    disk.commit(changes);
    written(disk, *tree); // and is not used
    auto more = disk.begin();
    std::optional<words> later(std::in_place, disk.pages,
                               detail::fixed_element<4>{}, tree->root());
    later->write(more, 70'000, bytes(4, std::byte{4}));
    disk.commit(more);
    tree.reset();
    BOOST_TEST(frames_of(*later).leaves > 900u);

    words const next(disk.pages, {}, written(disk, *later));
    frames const before = frames_of(*later);
    bytes const all = contents(*later);
    later.reset();
    frames const after = frames_of(next);
    BOOST_TEST(after.inner == before.inner);
    BOOST_TEST(after.leaves == 0u);
    BOOST_TEST(disk.pages.account().leaf_bytes.load() == 0u);
    BOOST_TEST((contents(next) == all));
    require_sound(next, true);
}

/// What has not changed since is the same node, not a copy each time.
BOOST_AUTO_TEST_CASE(unchanged_inner_nodes_are_shared) {
    file<bag> disk;
    auto changes = disk.begin();
    words tree(disk.pages);
    tree.insert(changes, 0, bytes(4 * 128 * 1000, std::byte{3}));
    disk.commit(changes);
    words const first(disk.pages, {}, written(disk, tree));
    words second(disk.pages, {}, first.root());
    auto more = disk.begin();
    second.write(more, 0, bytes(4, std::byte{4}));
    disk.commit(more);
    words const next(disk.pages, {}, written(disk, second));
    auto const child = [](words const& t, std::uint32_t i) {
        return static_cast<detail::inner_frame<512> const*>(
                   t.root().node.node())
            ->child(i)
            .node();
    };
    BOOST_TEST(child(next, 0) != child(first, 0));
    BOOST_TEST(child(next, 1) != nullptr);
    BOOST_TEST(child(next, 1) == child(first, 1));
}

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
