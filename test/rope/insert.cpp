// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_insert)

using namespace rope_test;

namespace {

using bag = policies<512>;
using words = detail::rope_tree<detail::fixed_element<4>, bag>; // 128 a leaf

struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    words tree{disk.pages};
    bytes model;

    void insert(std::uint64_t pos, std::size_t n, int value) {
        bytes const v(n * 4, static_cast<std::byte>(value));
        tree.insert(changes, pos, v);
        model.insert(model.begin() + static_cast<std::ptrdiff_t>(pos * 4),
                     v.begin(), v.end());
    }
    std::uint64_t leaves() const {
        std::uint64_t n = 0;
        auto c = tree.cursor();
        for (; !c.at_end(); c.next())
            ++n;
        return n;
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(appends_leave_full_leaves) {
    setting s;
    for (int i = 0; i != 9000; ++i)
        s.insert(s.tree.size(), 7, i);
    BOOST_TEST(s.leaves() == (9000u * 7 + 127) / 128);
    require_sound(s.tree, false);
    BOOST_TEST((contents(s.tree) == s.model));
}

BOOST_AUTO_TEST_CASE(inserts_at_the_front) {
    setting s;
    for (int i = 0; i != 3000; ++i)
        s.insert(0, 3, i);
    BOOST_TEST(s.leaves() <= 9000u / 64 + 2);
    require_sound(s.tree, false);
    BOOST_TEST((contents(s.tree) == s.model));
}

BOOST_AUTO_TEST_CASE(between_a_full_leaf_and_one_with_room) {
    setting s;
    s.insert(0, 128 + 20, 1);
    s.insert(128, 30, 2);
    BOOST_TEST(s.leaves() == 2u);
    BOOST_TEST((contents(s.tree) == s.model));
}

BOOST_AUTO_TEST_CASE(beside_small_neighbours) {
    // a leaf of one element is legal beside a full one; splitting the full
    // one must not leave it a small neighbour
    for (std::uint64_t const where : {1u, 3u, 60u, 100u, 127u, 128u}) {
        setting s;
        s.insert(0, 128 * 3, 1);
        s.tree.erase(s.changes, 0, 127);
        s.model.erase(s.model.begin(), s.model.begin() + 127 * 4);
        s.tree.erase(s.changes, 1 + 128, 127);
        s.model.erase(s.model.begin() + 129 * 4, s.model.begin() + 256 * 4);
        require_sound(s.tree, false);
        s.insert(where, 1, 2);
        require_sound(s.tree, false);
        BOOST_TEST((contents(s.tree) == s.model));
    }
}

BOOST_AUTO_TEST_CASE(zeros_that_fill_a_leaf_take_no_space) {
    setting s;
    s.insert(0, 50, 1);
    s.tree.insert_zeros(s.changes, 25, 127);
    BOOST_TEST(s.leaves() == 2u);
    auto const before = s.disk.pages.account().leaf_bytes.load();
    s.tree.insert_zeros(s.changes, s.tree.size(), 100000);
    BOOST_TEST(s.disk.pages.account().leaf_bytes.load() <= before + 512);
    s.tree.insert_zeros(s.changes, s.tree.size() - 5, 128);
    BOOST_TEST(s.tree.root().height == 1); // holes side by side are one
    require_sound(s.tree, false);
}

BOOST_AUTO_TEST_CASE(spliced_bytes_in_place_and_copied) {
    bytes old(10);
    for (std::size_t i = 0; i != old.size(); ++i)
        old[i] = static_cast<std::byte>(i);
    bytes const added(5, std::byte{99});
    for (std::size_t offset = 0; offset <= old.size(); ++offset) {
        bytes expected = old;
        expected.insert(expected.begin() + static_cast<std::ptrdiff_t>(offset),
                        added.begin(), added.end());
        detail::spliced_bytes const all{old.data(), old.size(), offset, added};
        for (std::size_t from = 0; from <= 15; ++from)
            for (std::size_t n = 0; n <= 15 - from; ++n) {
                bytes out(n);
                all.copy(from, n, out.data());
                BOOST_REQUIRE(std::equal(
                    out.begin(), out.end(),
                    expected.begin() + static_cast<std::ptrdiff_t>(from)));
            }
        for (std::size_t n = 0; n <= 15; ++n) {
            bytes in_place = old;
            in_place.resize(15);
            all.apply(in_place.data(), n);
            BOOST_REQUIRE(
                std::equal(in_place.begin(),
                           in_place.begin() + static_cast<std::ptrdiff_t>(n),
                           expected.begin()));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
