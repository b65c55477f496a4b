// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/rope/node.hpp>

#include <cstdint>
#include <random>
#include <vector>

BOOST_AUTO_TEST_SUITE(rope_node)

namespace detail = numstore::detail;

namespace {

template <std::size_t PageSize>
struct row {
    using node_type = detail::inner_frame<PageSize>;

    detail::memory_account account;
    node_type node{detail::published_token, account, 1};
    std::vector<std::uint64_t> counts;

    void fill(std::uint32_t n, std::uint64_t first_place = 1) {
        std::mt19937 random(n);
        for (std::uint32_t i = 0; i != n; ++i) {
            counts.push_back(random() % 100 + 1);
            node.push_back(
                detail::child_ref(numstore::page_no{first_place + i}, i),
                counts.back());
        }
    }
    std::vector<std::uint64_t> places() const {
        std::vector<std::uint64_t> p;
        for (std::uint32_t i = 0; i != node.size(); ++i)
            p.push_back(to_integer(node.child(i).place()));
        return p;
    }
};

template <std::size_t PageSize>
void find_every_element() {
    for (std::uint32_t n = 1; n <= detail::inner_frame<PageSize>::capacity;
         n += 1 + n / 4) {
        row<PageSize> r;
        r.fill(n);
        std::uint64_t pos = 0;
        for (std::uint32_t i = 0; i != n; ++i) {
            std::uint64_t const first = pos;
            for (std::uint64_t k = 0; k != r.counts[i]; ++k, ++pos) {
                auto const f = r.node.find(pos);
                BOOST_REQUIRE_EQUAL(f.index, i);
                BOOST_REQUIRE_EQUAL(f.first, first);
                auto const near = r.node.find(pos, f);
                BOOST_REQUIRE_EQUAL(near.index, i);
            }
        }
        BOOST_REQUIRE_EQUAL(r.node.total(), pos);
    }
}

/// Every element is found below the child that the counts say.
template <class Node>
void require_found(Node const& node) {
    std::uint64_t first = 0;
    for (std::uint32_t i = 0; i != node.size(); first += node.count(i++))
        for (std::uint64_t k = 0; k != node.count(i); ++k) {
            auto const f = node.find(first + k);
            BOOST_REQUIRE_EQUAL(f.index, i);
            BOOST_REQUIRE_EQUAL(f.first, first);
        }
}

} // namespace

BOOST_AUTO_TEST_CASE(find) {
    find_every_element<512>();
    find_every_element<4096>();
    find_every_element<16384>();
}

BOOST_AUTO_TEST_CASE(find_after_changes_of_even_children) {
    std::mt19937 engine(1);
    auto const random = [&] { return static_cast<std::uint32_t>(engine()); };
    for (int round = 0; round != 300; ++round) {
        row<512> r;
        row<512> other;
        for (int i = 0; i != 12; ++i) {
            r.node.push_back(detail::child_ref(), 7);
            other.node.push_back(detail::child_ref(), i % 4 == 3 ? 2 : 7);
        }
        for (int change = 0; change != 3; ++change) {
            std::uint32_t const at = random() % r.node.size();
            switch (random() % 4) {
            case 0: r.node.set_count(at, random() % 3 + 6); break;
            case 1: r.node.erase(at, 1); break;
            case 2:
                r.node.open(at, 1);
                r.node.set_count(at, random() % 3 + 6);
                break;
            default: r.node.take(at, other.node, random() % 2, 2); break;
            }
            require_found(r.node);
            require_found(other.node);
        }
    }
}

BOOST_AUTO_TEST_CASE(open_and_erase) {
    row<512> r;
    r.fill(10);
    r.node.open(4, 3);
    BOOST_TEST(r.node.size() == 13u);
    BOOST_TEST(r.node.child(4).is_hole());
    BOOST_TEST(r.node.count(6) == 0u);
    BOOST_TEST(to_integer(r.node.child(7).place()) == 5u);
    r.node.erase(4, 3);
    r.node.erase(0, 1);
    std::vector<std::uint64_t> const expected{2, 3, 4, 5, 6, 7, 8, 9, 10};
    BOOST_TEST(r.places() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(take_moves_a_range_in_the_middle) {
    row<512> a;
    row<512> b;
    a.fill(4, 1);
    b.fill(6, 11);
    a.node.take(2, b.node, 1, 4);
    std::vector<std::uint64_t> const in_a{1, 2, 12, 13, 14, 3, 4};
    std::vector<std::uint64_t> const in_b{11, 15, 16};
    BOOST_TEST(a.places() == in_a, boost::test_tools::per_element());
    BOOST_TEST(b.places() == in_b, boost::test_tools::per_element());
    BOOST_TEST(a.node.count(2) == b.counts[1]);
}

BOOST_AUTO_TEST_CASE(children_live_and_die_with_their_node) {
    detail::memory_account account;
    {
        using node_type = detail::inner_frame<512>;
        detail::inner_ptr<512> parent(
            new node_type(detail::published_token, account, 1));
        for (int i = 0; i != 5; ++i)
            parent->push_back(
                detail::child_ref(detail::leaf_frame::make(
                    detail::published_token, account, 64, 4)),
                1);
        detail::inner_ptr<512> copy(
            new node_type(detail::published_token, account, 1));
        copy->append(*parent, 1, 3);
        parent = nullptr;
        BOOST_TEST(account.leaf_bytes.load() == 2 * 64u);
        BOOST_TEST(account.inner_bytes.load() == sizeof(node_type));
        BOOST_TEST(account.unwritten_pages.load() == 2 * 4u + 1);
        BOOST_TEST(account.unwritten_bytes.load() == 2 * 64u + 512);
        copy->child(1).node()->set_written(numstore::page_no{9}, 1);
        BOOST_TEST(account.unwritten_pages.load() == 4u + 1);
        copy->set_written(numstore::page_no{13}, 1);
        BOOST_TEST(account.unwritten_pages.load() == 4u);
        copy->erase(0, 1);
        BOOST_TEST(account.leaf_bytes.load() == 64u);
    }
    BOOST_TEST(account.leaf_bytes.load() == 0u);
    BOOST_TEST(account.inner_bytes.load() == 0u);
    BOOST_TEST(account.unwritten_pages.load() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
