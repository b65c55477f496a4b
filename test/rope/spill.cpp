// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_spill)

using namespace rope_test;

namespace {

using bag = policies<512>;
using words = detail::rope_tree<detail::fixed_element<4>, bag>; // 128 a leaf

struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    words tree{disk.pages};

    void spill() {
        detail::rope_spill<bag> spill(tree.editing(changes));
        detail::page_writer<bag> out(disk.pages, spill.pages(tree.root()),
                                     changes.allocated);
        tree.spill(changes, out);
    }
    std::uint64_t memory() { return disk.pages.account().leaf_bytes.load(); }
};

} // namespace

BOOST_AUTO_TEST_CASE(private_leaves_leave_memory) {
    setting s;
    s.tree.insert(s.changes, 0, bytes(4 * 128 * 50 + 40, std::byte{8}));
    s.changes.new_token();
    s.tree.insert(s.changes, 100, bytes(40, std::byte{9}));
    bytes const all = contents(s.tree);
    BOOST_TEST(s.memory() >= 51u * 512);
    detail::rope_spill<bag> const spill(s.tree.editing(s.changes));
    BOOST_TEST(spill.pages(s.tree.root()) >= 51u);
    BOOST_TEST(spill.pages(s.tree.root()) <= 53u);
    s.spill();
    BOOST_TEST(s.memory() == 0u);
    BOOST_TEST((contents(s.tree) == all));
    s.tree.erase(s.changes, 90, 30);
    s.tree.insert(s.changes, 1000, bytes(4));
    s.spill();
    BOOST_TEST(s.memory() == 0u);
    require_sound(s.tree, true);
    s.disk.commit(s.changes);
    write_out(s.disk, s.tree);
    s.disk.check_pages(s.tree);
}

BOOST_AUTO_TEST_CASE(what_versions_share_stays) {
    setting s;
    s.tree.insert(s.changes, 0, bytes(4 * 128 * 50, std::byte{8}));
    s.disk.commit(s.changes);
    s.tree.write(s.changes, 0, bytes(4));
    s.spill();
    BOOST_TEST(s.memory() == 50u * 512); // the version before holds them
    BOOST_TEST(s.changes.allocated.size() == 1u);
    BOOST_TEST(s.changes.allocated[0].pages == 1u);
}

BOOST_AUTO_TEST_CASE(a_rollback_after_a_spill) {
    setting s;
    s.tree.insert(s.changes, 0, bytes(4 * 128 * 20, std::byte{8}));
    detail::rope_root const saved = s.tree.root();
    auto const mark = s.changes.position();
    bytes const before = contents(s.tree);
    s.changes.new_token();
    s.tree.erase(s.changes, 77, 500);
    s.spill();
    for (std::size_t i = mark.allocated; i != s.changes.allocated.size(); ++i)
        s.disk.pages.release(s.changes.allocated[i]);
    s.changes.allocated.resize(mark.allocated);
    s.changes.freed.clear();
    s.tree.set_root(saved);
    s.changes.new_token();
    s.tree.insert_bulk(s.changes, s.tree.size(),
                       bytes(4 * 128 * 40, std::byte{1})); // reuses the pages
    bytes now = contents(s.tree);
    now.resize(before.size());
    BOOST_TEST((now == before));
    s.disk.commit(s.changes);
    write_out(s.disk, s.tree);
    require_sound(s.tree, true);
    s.disk.check_pages(s.tree);
}

BOOST_AUTO_TEST_CASE(a_leaf_that_is_the_root) {
    setting s;
    s.spill();
    s.tree.insert(s.changes, 0, bytes(12, std::byte{2}));
    s.spill();
    BOOST_TEST(s.memory() == 0u);
    BOOST_TEST((contents(s.tree) == bytes(12, std::byte{2})));
    s.tree.insert(s.changes, 1, bytes(4));
    s.disk.commit(s.changes);
    write_out(s.disk, s.tree);
    s.disk.check_pages(s.tree);
}

BOOST_AUTO_TEST_SUITE_END()
