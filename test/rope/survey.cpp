// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/rope/survey.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_survey)

using namespace rope_test;

namespace {

using bag = policies<512>;
using words = detail::rope_tree<detail::fixed_element<4>, bag>; // 128 a leaf
using survey = detail::range_survey<bag>;

struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    words tree{disk.pages};

    void fill(std::uint64_t leaves) {
        tree.insert(changes, tree.size(),
                    bytes(static_cast<std::size_t>(4 * 128 * leaves),
                          std::byte{1}));
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(leaves_side_by_side) {
    setting s;
    s.fill(12);
    write_out(s.disk, s.tree);
    survey look(s.tree.nodes());
    for (std::uint64_t pos : {0u, 128u, 256u}) { // one survey, many ranges
        auto const r = look(s.tree.root(), pos, 128 * 4);
        BOOST_TEST(r.elements == 128u * 4);
        BOOST_TEST(r.leaves == 4u);
        BOOST_TEST(r.breaks == 1u);
        BOOST_TEST(r.movable);
        BOOST_TEST(!r.hole);
        BOOST_TEST(!r.beyond);
    }
    auto const part = look(s.tree.root(), 100, 1000);
    BOOST_TEST(part.elements == 28u + 8 * 128);
    BOOST_TEST(part.leaves == 9u);
    BOOST_TEST(look(s.tree.root(), 0, ~std::uint64_t{0}).elements
               == s.tree.size());
}

BOOST_AUTO_TEST_CASE(leaves_that_lie_apart) {
    setting s;
    s.fill(6);
    write_out(s.disk, s.tree);
    s.tree.write(s.changes, 300, bytes(4, std::byte{2}));
    write_out(s.disk, s.tree);
    auto const r = survey(s.tree.nodes())(s.tree.root(), 0, s.tree.size());
    BOOST_TEST(r.leaves == 6u);
    BOOST_TEST(r.breaks == 3u); // the first, the moved one, the one behind it
}

BOOST_AUTO_TEST_CASE(what_stays_ends_a_range) {
    setting s;
    s.fill(2);
    s.tree.insert_zeros(s.changes, s.tree.size(), 1000);
    s.fill(1);
    write_out(s.disk, s.tree);
    survey look(s.tree.nodes());
    auto const before = look(s.tree.root(), 0, s.tree.size());
    BOOST_TEST(before.elements == 256u);
    BOOST_TEST(before.movable);
    BOOST_TEST(!before.hole);
    auto const hole = look(s.tree.root(), 256, s.tree.size());
    BOOST_TEST(hole.elements == 1000u);
    BOOST_TEST(hole.hole);
    BOOST_TEST(!hole.movable);
    auto const behind = look(s.tree.root(), 1256, s.tree.size());
    BOOST_TEST(behind.elements == 128u);
    BOOST_TEST(!behind.hole);
}

BOOST_AUTO_TEST_CASE(nodes_at_or_behind_a_limit) {
    setting s;
    s.fill(3);
    write_out(s.disk, s.tree);
    detail::leaf_path<bag> way;
    way.seek(s.tree.nodes(), s.tree.root(), 256);
    ns::page_no const last = way.leaf(s.tree.root()).place();
    ns::page_no const root = s.tree.root().node.place();
    BOOST_TEST_REQUIRE(to_integer(root) > to_integer(last));
    detail::page_shares const none;
    auto const beyond = [&](std::uint64_t pos, ns::page_no limit) {
        return survey(s.tree.nodes(), none, limit)(s.tree.root(), pos, 128)
            .beyond;
    };
    BOOST_TEST(!beyond(0, root + 1));
    BOOST_TEST(beyond(0, root)); // on the way to the first leaf
    BOOST_TEST(beyond(256, last));
    BOOST_TEST(!beyond(256, ns::no_page));
}

BOOST_AUTO_TEST_SUITE_END()
