// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_retire)

using namespace rope_test;

namespace {

using bag = policies<512>;
using triples = detail::rope_tree<detail::fixed_element<12>, bag>;

} // namespace

BOOST_AUTO_TEST_CASE(a_tree_dropped_before_it_is_written) {
    file<bag> disk;
    auto changes = disk.begin();
    triples tree(disk.pages);
    tree.insert(changes, 0, bytes(12 * 128 * 60));
    disk.commit(changes);
    triples const kept(disk.pages, {}, tree.root());
    tree.clear(changes);
    auto const pages = [&] {
        std::uint64_t n = 0;
        for (detail::retired const& r : changes.freed)
            detail::walk_retired(disk.pages, r,
                                 [&](ns::extent x) { n += x.pages; });
        return n;
    };
    BOOST_TEST(pages() == 0u);
    write_out(disk, kept); // a checkpoint of the version before
    BOOST_TEST(pages() > 60u * 3);
    disk.commit(changes);
    disk.check_pages(tree);
}

BOOST_AUTO_TEST_CASE(neighbouring_pages_are_one_extent) {
    file<bag> disk;
    auto changes = disk.begin();
    triples tree(disk.pages);
    tree.insert_bulk(changes, 0, bytes(12 * 128 * 1000));
    disk.commit(changes);
    auto const p = write_out(disk, tree);
    tree.set_root({detail::child_ref(p.place, p.checksum), tree.root().height,
                   tree.size()});
    tree.clear(changes);
    BOOST_TEST(changes.freed.size() == 1u);
    std::uint64_t extents = 0;
    std::uint64_t pages = 0;
    std::uint64_t const before = disk.pages.pages_read();
    detail::walk_retired(disk.pages, changes.freed[0], [&](ns::extent x) {
        ++extents;
        pages += x.pages;
    });
    BOOST_TEST(pages == 3000u + 50 + 3 + 1);
    BOOST_TEST(extents < 110u);
    BOOST_TEST(disk.pages.pages_read() - before <= 54u); // inner pages alone
    disk.commit(changes);
    disk.check_pages(tree);
}

BOOST_AUTO_TEST_SUITE_END()
