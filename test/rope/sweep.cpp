// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_sweep)

using namespace rope_test;

namespace {

using bag = policies<4096, false>; // every leaf read is seen
using words = detail::rope_tree<detail::fixed_element<4>, bag>; // 1024 a leaf

struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    words tree{disk.pages};

    explicit setting(std::size_t leaves) {
        bytes v(leaves * 4096);
        for (std::size_t i = 0; i != v.size() / 4; ++i)
            std::memcpy(v.data() + i * 4, &i, 4);
        tree.insert_bulk(changes, 0, v);
        disk.commit(changes);
        auto const p = write_out(disk, tree);
        tree.set_root({detail::child_ref(p.place, p.checksum),
                       tree.root().height, tree.size()});
    }
    std::uint64_t leaves() const {
        std::uint64_t n = 0;
        for (auto c = tree.cursor(); !c.at_end(); c.next())
            ++n;
        return n;
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_dense_stride_reads_each_leaf_once_and_packs) {
    setting s(300);
    std::uint64_t const before = s.disk.pages.pages_read();
    s.tree.erase_strided(s.changes, 0, 2, 150 * 1024);
    BOOST_TEST(s.disk.pages.pages_read() - before <= 300u + 4);
    BOOST_TEST(s.leaves() == 150u);
    require_sound(s.tree, false);
    s.disk.commit(s.changes);
    write_out(s.disk, s.tree);
    s.disk.check_pages(s.tree);
}

BOOST_AUTO_TEST_CASE(a_sparse_stride_reads_only_what_it_touches) {
    setting s(1000);
    std::uint64_t const before = s.disk.pages.pages_read();
    s.tree.erase_strided(s.changes, 5, 100 * 1024, 10);
    BOOST_TEST(s.disk.pages.pages_read() - before < 40u);
    BOOST_TEST(s.tree.size() == 1000u * 1024 - 10);
    require_sound(s.tree, false);
    s.disk.commit(s.changes);
    write_out(s.disk, s.tree);
    s.disk.check_pages(s.tree);
}

BOOST_AUTO_TEST_CASE(spilling_bounds_memory) {
    setting s(4000);
    std::uint64_t most = 0;
    auto const spill = [&](detail::rope_root& root) {
        most = std::max(most, s.disk.pages.account().leaf_bytes.load());
        detail::rope_spill<bag> out(s.tree.editing(s.changes));
        detail::page_writer<bag> writer(s.disk.pages, out.pages(root),
                                        s.changes.allocated);
        out(root, writer);
    };
    s.tree.erase_strided(s.changes, 0, 3, 1000 * 1024, spill);
    BOOST_TEST(most > 0u);
    BOOST_TEST(most < 3u << 20);
    bytes const v(4 * 900 * 1024, std::byte{5});
    most = 0;
    s.tree.write_strided(s.changes, 1, 3, v, spill);
    BOOST_TEST(most < 3u << 20);
    require_sound(s.tree, true);
    s.disk.commit(s.changes);
    write_out(s.disk, s.tree);
    s.disk.check_pages(s.tree);
}

BOOST_AUTO_TEST_SUITE_END()
