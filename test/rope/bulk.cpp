// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_bulk)

using namespace rope_test;

namespace {

template <std::size_t Size, class Policies>
struct setting {
    file<Policies> disk;
    typename file<Policies>::edit_type changes = disk.begin();
    detail::rope_tree<detail::fixed_element<Size>, Policies> tree{disk.pages};

    static bytes values(std::size_t n, unsigned salt) {
        bytes v(n * Size);
        for (std::size_t i = 0; i != v.size(); ++i)
            v[i] = static_cast<std::byte>(i * 7 + i / 97 + salt);
        return v;
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(data_is_written_once) {
    setting<4, policies<16384>> s;
    bytes const v = s.values(std::size_t{1} << 20, 1);
    std::uint64_t const before = s.disk.pages.bytes_written();
    auto const log = s.tree.insert_bulk(s.changes, 0, v);
    BOOST_TEST(log.runs.size() == 1u);
    BOOST_TEST(log.runs[0].leaves == 256u);
    BOOST_TEST(s.disk.pages.bytes_written() - before == v.size());
    BOOST_TEST(s.disk.pages.account().leaf_bytes.load() == 0u);
    s.disk.commit(s.changes);
    write_out(s.disk, s.tree);
    BOOST_TEST(s.disk.pages.bytes_written() - before <= v.size() + 32768);
    BOOST_TEST((contents(s.tree) == v));
}

BOOST_AUTO_TEST_CASE(an_append_continues_the_last_leaf) {
    setting<4, policies<512>> s;
    s.tree.insert(s.changes, 0, s.values(128 + 100, 1));
    auto const log = s.tree.insert_bulk(s.changes, s.tree.size(),
                                        s.values(28 + 128 * 10 + 3, 2));
    BOOST_TEST(log.absorbed == 100u);
    BOOST_TEST(log.runs.at(0).leaves == 11u);
    BOOST_TEST(log.tail_count == 3u);
    require_sound(s.tree, true);
}

BOOST_AUTO_TEST_CASE(appended_pieces_of_any_size_lie_side_by_side) {
    setting<12, policies<512>> s;
    bytes all;
    ns::page_no next = ns::no_page;
    for (unsigned i = 0; i != 50; ++i) {
        bytes const v = s.values(42 * 20 + i * 7 % 42, i);
        auto const log = s.tree.insert_bulk(s.changes, s.tree.size(), v);
        all.insert(all.end(), v.begin(), v.end());
        for (auto const& run : log.runs) {
            if (next != ns::no_page)
                BOOST_TEST(to_integer(run.first) == to_integer(next));
            next = run.first + run.leaves * s.tree.shape().pages;
        }
    }
    require_sound(s.tree, true);
    BOOST_TEST((contents(s.tree) == all));
}

/// What recovery does: the same inserts on a second tree, from the log and
/// the pages that the first has written.
template <std::size_t Size, class Policies>
void replay() {
    setting<Size, Policies> s;
    detail::rope_tree<detail::fixed_element<Size>, Policies> twin(s.disk.pages);
    std::mt19937_64 random(seed());
    auto other = s.disk.begin();
    std::uint64_t const cap = s.tree.shape().capacity;
    for (int i = 0; i != 30; ++i) {
        std::uint64_t const pos = random() % (s.tree.size() + 1);
        std::uint64_t const removed =
            i % 3 != 0 ? 0 : random() % (s.tree.size() - pos + 1);
        bytes const v =
            s.values(static_cast<std::size_t>(random() % (20 * cap)),
                     static_cast<unsigned>(i));
        auto const log = s.tree.replace_bulk(s.changes, pos, removed, v);
        std::span<std::byte const> const all(v);
        twin.replace_placed(
            other, pos - log.absorbed, removed + log.absorbed, {}, log.runs,
            all.last(static_cast<std::size_t>(log.tail_count * Size)));
        require_sound(s.tree, true);
        require_sound(twin, true);
        BOOST_REQUIRE(contents(s.tree) == contents(twin));
    }
    s.disk.commit(s.changes);
    write_out(s.disk, s.tree);
    s.disk.check_pages(s.tree);
}

BOOST_AUTO_TEST_CASE(replayed_without_waste) { replay<12, policies<512>>(); }
BOOST_AUTO_TEST_CASE(replayed_with_waste) {
    replay<1000, policies<4096>>();
    replay<130, policies<16384, false>>();
}

BOOST_AUTO_TEST_CASE(malformed_runs_are_refused) {
    setting<4, policies<512>> s;
    std::vector<detail::bulk_run> runs{{ns::page_no{300}, 2, {1}}};
    BOOST_CHECK_THROW(s.tree.insert_placed(s.changes, 0, {}, runs, {}),
                      ns::error);
    runs[0] = {ns::page_no{300}, ~std::uint64_t{0}, {}};
    BOOST_CHECK_THROW(s.tree.insert_placed(s.changes, 0, {}, runs, {}),
                      ns::error);
    bytes const v = s.values(129, 1);
    BOOST_CHECK_THROW(s.tree.insert_placed(s.changes, 0, v, {}, {}), ns::error);
    BOOST_TEST(s.tree.empty());
}

BOOST_AUTO_TEST_SUITE_END()
