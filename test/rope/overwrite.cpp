// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_overwrite)

using namespace rope_test;

namespace {

using bag = policies<512>;
using words = detail::rope_tree<detail::fixed_element<4>, bag>; // 128 a leaf

struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    words tree{disk.pages};
};

} // namespace

BOOST_AUTO_TEST_CASE(holes_fill_leaf_by_leaf) {
    setting s;
    constexpr std::uint64_t n = 128 * 50 + 77;
    s.tree.insert_zeros(s.changes, 0, n);
    bytes model(n * 4);
    std::mt19937_64 random(seed());
    for (int i = 0; i != 300; ++i) {
        std::uint64_t const pos = random() % n;
        bytes const v(4, static_cast<std::byte>(i + 1));
        s.tree.write(s.changes, pos, v);
        std::copy(v.begin(), v.end(),
                  model.begin() + static_cast<std::ptrdiff_t>(pos * 4));
        require_sound(s.tree, false);
    }
    BOOST_TEST((contents(s.tree) == model));
    std::uint64_t leaves = 0;
    for (auto c = s.tree.cursor(); !c.at_end(); c.next())
        ++leaves;
    BOOST_TEST(leaves <= 52u);
}

BOOST_AUTO_TEST_CASE(owned_leaves_are_changed_in_place) {
    setting s;
    s.tree.insert(s.changes, 0, bytes(4 * 128 * 10));
    std::uint64_t const before = s.disk.pages.account().leaf_bytes.load();
    for (std::uint64_t pos = 0; pos < s.tree.size(); pos += 100)
        s.tree.write(s.changes, pos, bytes(4, std::byte{1}));
    BOOST_TEST(s.disk.pages.account().leaf_bytes.load() == before);
    BOOST_TEST(s.changes.freed.empty());
}

BOOST_AUTO_TEST_SUITE_END()
