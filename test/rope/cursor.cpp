// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

#include <optional>

BOOST_AUTO_TEST_SUITE(rope_cursor)

using namespace rope_test;

namespace {

template <std::size_t Size, class Policies>
struct setting {
    using tree_type = detail::rope_tree<detail::fixed_element<Size>, Policies>;

    file<Policies> disk;
    typename file<Policies>::edit_type changes = disk.begin();
    tree_type tree{disk.pages};
    bytes model;

    void append(std::size_t n, bool bulk) {
        bytes v(n * Size);
        for (std::size_t i = 0; i != v.size(); ++i)
            v[i] = static_cast<std::byte>(i * 31 + i / 256);
        if (bulk)
            tree.insert_bulk(changes, tree.size(), v);
        else
            tree.insert(changes, tree.size(), v);
        model.insert(model.end(), v.begin(), v.end());
    }
    bool matches(detail::rope_run const& r) const {
        return std::memcmp(r.data, model.data() + r.first * Size,
                           static_cast<std::size_t>(r.count * Size))
               == 0;
    }
};

using viewed = policies<512>;
using hidden = policies<512, false>;

/// Everything from the cursor's place on, and how many runs it took.
template <class Setting, class Cursor>
std::size_t runs_to_end(Setting const& s, Cursor cursor) {
    std::size_t runs = 0;
    std::uint64_t pos = cursor.position();
    while (!cursor.at_end()) {
        auto const r = cursor.run();
        BOOST_REQUIRE_EQUAL(r.first, pos);
        BOOST_REQUIRE_GT(r.count, 0u);
        BOOST_REQUIRE(s.matches(r));
        pos += r.count;
        ++runs;
        BOOST_REQUIRE_EQUAL(cursor.next(), pos != s.tree.size());
    }
    BOOST_REQUIRE_EQUAL(pos, s.tree.size());
    return runs;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_loaded_array_is_few_runs) {
    setting<4, viewed> words;
    words.append(128 * 3000, true);
    BOOST_TEST(runs_to_end(words, words.tree.cursor()) == 1u);
    setting<12, viewed> triples;
    triples.append(128 * 3000, true);
    BOOST_TEST(runs_to_end(triples, triples.tree.cursor()) == 1u);
    auto c = triples.tree.cursor();
    c.seek(1000);
    BOOST_TEST(runs_to_end(triples, c) == 1u);
    BOOST_TEST(c.run(10).count == 10u);
    BOOST_TEST(c.run(128 * 20).count == 128u * 20);
}

BOOST_AUTO_TEST_CASE(long_runs_end_somewhere) {
    setting<4096, policies<4096>> s;
    s.append((80u << 20) / 4096, true);
    BOOST_TEST(runs_to_end(s, s.tree.cursor()) == 2u);
}

BOOST_AUTO_TEST_CASE(a_device_that_hides_its_bytes_gives_leaves) {
    setting<4, hidden> s;
    s.append(128 * 50, true);
    BOOST_TEST(runs_to_end(s, s.tree.cursor()) == 50u);
}

BOOST_AUTO_TEST_CASE(leaves_in_memory_and_holes_break_runs) {
    setting<4, viewed> s;
    s.append(128 * 10, true);
    s.append(100, false);
    s.tree.insert_zeros(s.changes, s.tree.size(), 40000);
    s.model.resize(s.model.size() + 160000);
    s.append(128 * 10 + 5, true);
    BOOST_TEST(runs_to_end(s, s.tree.cursor()) >= 5u);
    for (std::uint64_t pos = 0; pos <= s.tree.size(); pos += 997) {
        auto c = s.tree.cursor();
        c.seek(pos);
        runs_to_end(s, c);
    }
}

BOOST_AUTO_TEST_CASE(elements_larger_than_the_shared_zeros) {
    setting<65536 * 2, viewed> s;
    s.tree.insert_zeros(s.changes, 0, 9);
    s.model.resize(9 * 131072);
    BOOST_TEST(runs_to_end(s, s.tree.cursor()) == 9u);
}

BOOST_AUTO_TEST_CASE(backwards_leaf_by_leaf) {
    setting<4, viewed> s;
    s.append(128 * 60, true);
    s.append(50, false);
    s.tree.insert_zeros(s.changes, s.tree.size(), 100000);
    s.model.resize(s.model.size() + 400000);
    auto c = s.tree.cursor();
    c.seek(s.tree.size());
    std::uint64_t end = s.tree.size();
    while (c.previous()) {
        auto const r = c.leaf();
        BOOST_REQUIRE_EQUAL(r.first, c.position());
        BOOST_REQUIRE_EQUAL(r.first + r.count, end);
        BOOST_REQUIRE(s.matches(r));
        end = r.first;
    }
    BOOST_TEST(end == 0u);
}

BOOST_AUTO_TEST_CASE(a_leaf_holds_the_element_in_question) {
    setting<12, hidden> s;
    s.append(128 * 7 + 3, true);
    auto c = s.tree.cursor();
    std::mt19937_64 random(seed());
    for (int i = 0; i != 2000; ++i) {
        std::uint64_t const pos = random() % s.tree.size();
        c.seek(pos);
        auto const r = c.leaf();
        BOOST_REQUIRE(r.first <= pos && pos < r.first + r.count);
        BOOST_REQUIRE(s.matches(r));
    }
}

BOOST_AUTO_TEST_CASE(a_cursor_keeps_its_version) {
    setting<4, viewed> s;
    s.append(128 * 30, false);
    auto c = s.tree.cursor();
    s.disk.commit(s.changes);
    s.tree.erase(s.changes, 100, 3000);
    bytes const now = contents(s.tree);
    s.tree.clear(s.changes);
    std::uint64_t seen = 0;
    for (; !c.at_end(); c.next()) {
        auto const r = c.run();
        BOOST_REQUIRE(s.matches(r));
        seen += r.count;
    }
    BOOST_TEST(seen == 128u * 30);
}

BOOST_AUTO_TEST_CASE(copies_are_independent) {
    setting<4, hidden> s;
    s.append(128 * 3, true);
    s.append(20, false);
    std::optional first(s.tree.cursor());
    first->seek(200);
    auto second = *first;
    first->run();
    first->next();
    BOOST_TEST(second.position() == 200u);
    second = *first;
    first.reset();
    BOOST_TEST(s.matches(second.run()));
    BOOST_TEST(second.position() == 256u);

    setting<4, viewed> small; // the root is a leaf, in memory, then written
    small.append(5, false);
    std::optional a(small.tree.cursor());
    a->run();
    small.disk.commit(small.changes);
    write_out(small.disk, small.tree);
    auto b = *a;
    a.reset();
    small.tree.set_root({});
    BOOST_TEST(small.matches(b.run()));
}

BOOST_AUTO_TEST_CASE(ends) {
    setting<4, viewed> s;
    auto c = s.tree.cursor();
    BOOST_TEST(c.at_end());
    BOOST_TEST(c.run().count == 0u);
    BOOST_TEST(!c.next());
    BOOST_TEST(!c.previous());
    BOOST_CHECK_THROW(c.seek(1), ns::error);
    s.append(3, false);
    c = s.tree.cursor();
    BOOST_TEST(!c.previous());
    BOOST_TEST(!c.next());
    BOOST_TEST(c.at_end());
    BOOST_TEST(c.previous());
    BOOST_TEST(c.position() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
