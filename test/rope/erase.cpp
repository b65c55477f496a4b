// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_erase)

using namespace rope_test;

namespace {

using bag = policies<512>;
using words = detail::rope_tree<detail::fixed_element<4>, bag>; // 128 a leaf

struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    words tree{disk.pages};
    bytes model;

    explicit setting(std::size_t n) : model(n * 4) {
        for (std::size_t i = 0; i != n; ++i)
            std::memcpy(model.data() + i * 4, &i, 4);
        tree.insert_bulk(changes, 0, model);
    }
    void store_and_load() {
        disk.commit(changes);
        auto const p = write_out(disk, tree);
        tree.set_root({detail::child_ref(p.place, p.checksum),
                       tree.root().height, tree.size()});
    }
    void erase(std::uint64_t pos, std::uint64_t n) {
        tree.erase(changes, pos, n);
        auto const at = model.begin() + static_cast<std::ptrdiff_t>(pos * 4);
        model.erase(at, at + static_cast<std::ptrdiff_t>(n * 4));
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_large_range_is_not_read) {
    setting s(128 * 20000);
    s.store_and_load();
    std::uint64_t const before = s.disk.pages.pages_read();
    s.erase(1000, 128 * 19900);
    BOOST_TEST(s.disk.pages.pages_read() - before < 40u);
    BOOST_TEST(s.changes.freed.size() < 400u);
    require_sound(s.tree, false);
    BOOST_TEST((contents(s.tree) == s.model));
    s.disk.commit(s.changes);
    write_out(s.disk, s.tree);
    s.disk.check_pages(s.tree);
}

BOOST_AUTO_TEST_CASE(leaves_side_by_side_melt) {
    setting s(128 * 40);
    std::mt19937_64 random(seed());
    while (!s.tree.empty()) {
        std::uint64_t const n =
            std::min<std::uint64_t>(s.tree.size(), 1 + random() % 90);
        s.erase(random() % (s.tree.size() - n + 1), n);
        require_sound(s.tree, false);
    }
    BOOST_TEST(s.model.empty());
    s.disk.commit(s.changes);
    s.disk.check_pages(s.tree);
}

BOOST_AUTO_TEST_CASE(a_queue_gives_its_leaves_back) {
    setting s(128 * 30);
    while (s.tree.size() > 5)
        s.erase(0, 5);
    require_sound(s.tree, false);
    BOOST_TEST((contents(s.tree) == s.model));
    BOOST_TEST(s.tree.root().height == 0);
}

BOOST_AUTO_TEST_CASE(private_leaves_give_their_memory_back) {
    setting s(10);
    s.tree.insert(s.changes, 5, bytes(4 * 128 * 1000, std::byte{1}));
    BOOST_TEST(s.disk.pages.account().leaf_bytes.load() > 500000u);
    s.tree.erase(s.changes, 5, 128 * 1000);
    BOOST_TEST(s.disk.pages.account().leaf_bytes.load() < 5000u);
    BOOST_TEST((contents(s.tree) == s.model));
}

BOOST_AUTO_TEST_SUITE_END()
