// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_check)

using namespace rope_test;

namespace {

using bag = policies<512>;
using words = detail::rope_tree<detail::fixed_element<4>, bag>; // 128 a leaf
using inner = detail::inner_frame<512>;

struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    words tree{disk.pages};

    detail::child_ref leaf(std::uint64_t n) {
        return detail::child_ref(tree.editing(changes).zero_leaf(n));
    }
    /// A tree of one level with leaves of these counts.
    void row(std::initializer_list<std::uint64_t> counts) {
        auto node = tree.editing(changes).new_inner(1);
        for (std::uint64_t const n : counts)
            node->push_back(leaf(std::min<std::uint64_t>(n, 128)), n);
        std::uint64_t const size = node->total();
        tree.set_root({detail::child_ref(std::move(node)), 1, size});
    }
    std::vector<std::string> problems(bool deep = false) {
        std::vector<std::string> all;
        tree.check(deep, [&](detail::rope_problem const& p) {
            all.push_back(p.what);
        });
        return all;
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(leaves_that_fit_into_one) {
    setting s;
    s.row({100, 29, 128});
    BOOST_TEST(s.problems().empty());
    s.row({100, 28, 128});
    BOOST_TEST(s.problems().size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_overfull_leaf) {
    setting s;
    s.row({128, 129});
    BOOST_TEST(s.problems().size() == 2u); // for its pages, for its memory
}

BOOST_AUTO_TEST_CASE(a_root_with_one_child) {
    setting s;
    s.row({100});
    BOOST_TEST(s.problems().size() == 1u);
}

BOOST_AUTO_TEST_CASE(holes) {
    setting s;
    auto node = s.tree.editing(s.changes).new_inner(1);
    node->push_back({}, 128);
    node->push_back({}, 500);
    node->push_back(s.leaf(1), 1);
    node->push_back({}, 127);
    s.tree.set_root({detail::child_ref(std::move(node)), 1, 756});
    auto const found = s.problems();
    BOOST_TEST(found.size() == 3u); // two in a row, a small one, one that fits
}

BOOST_AUTO_TEST_CASE(counts_and_fill_of_inner_nodes) {
    setting s;
    auto root = s.tree.editing(s.changes).new_inner(2);
    for (std::uint64_t i = 0; i != 2; ++i) {
        auto node = s.tree.editing(s.changes).new_inner(1);
        for (std::uint32_t k = 0; k != (i == 0 ? inner::minimum : 9u); ++k)
            node->push_back(s.leaf(100), 100);
        std::uint64_t const size = node->total();
        root->push_back(detail::child_ref(std::move(node)), size + i);
    }
    s.tree.set_root({detail::child_ref(std::move(root)), 2, 1901});
    BOOST_TEST(s.problems().size() == 2u); // nine children, one count wrong
}

BOOST_AUTO_TEST_CASE(bytes_on_disk) {
    setting s;
    s.tree.insert_bulk(s.changes, 0, bytes(4 * 128 * 5, std::byte{1}));
    s.tree.insert(s.changes, s.tree.size(), bytes(40, std::byte{1}));
    s.disk.commit(s.changes);
    auto const p = write_out(s.disk, s.tree);
    s.tree.set_root({detail::child_ref(p.place, p.checksum), 1, s.tree.size()});
    BOOST_TEST(s.problems(true).empty());

    // bytes behind the elements of the last leaf, checksums to match
    detail::leaf_path<bag> way;
    way.seek(s.tree.nodes(), s.tree.root(), s.tree.size() - 1);
    ns::page_no const leaf = way.leaf(s.tree.root()).place();
    bytes page(512);
    s.disk.pages.read(leaf, page);
    page[511] = std::byte{1};
    s.disk.pages.write(leaf, page);
    way.at(1).node->child(way.at(1).index) =
        detail::child_ref(leaf, s.disk.pages.checksum(page));
    BOOST_TEST(s.problems(false).empty());
    BOOST_TEST(s.problems(true).size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
