// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/database/catalogue_pages.hpp>
#include <numstore/database/keyed_write_out.hpp>

#include "../rope/rope_fixture.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_catalogue_pages)

using namespace rope_test;

namespace {

template <std::size_t PageSize>
struct entries_file {
    using bag = policies<PageSize>;
    using tree = detail::keyed_tree<bag>;

    file<bag> disk;
    typename file<bag>::edit_type changes = disk.begin();
    tree entries{disk.pages};
    detail::catalogue_pages<bag> counted{disk.pages};
    detail::catalogue_version v{};
    std::map<std::uint64_t, std::size_t> sizes;

    void set(std::uint64_t id, std::size_t size) {
        auto const key = ns::format::encode_array_id(id);
        entries.set(changes, v.entries, ns::format::as_text(key),
                    bytes(size));
        sizes[id] = size;
    }
    void write() {
        std::vector<ns::extent> taken;
        detail::page_writer<bag> writer(disk.pages, 1, taken);
        detail::keyed_write_out<bag> out(writer);
        auto const at = out.write(v.entries);
        writer.finish();
        out.keep();
        v.entries = at;
    }
    detail::node_pages unwritten() const {
        detail::node_pages all;
        add(v.entries.node, all);
        return all;
    }

private:
    static void add(detail::child_ref const& ref, detail::node_pages& all) {
        auto const* const n =
            static_cast<detail::keyed_frame const*>(ref.node());
        if (n == nullptr || n->place() != ns::no_page)
            return;
        all.add(n->pages(PageSize));
        for (detail::keyed_child const& c : n->children)
            add(c.node, all);
    }
};

void require_enough(detail::node_pages const& counted,
                    detail::node_pages actual) {
    BOOST_TEST_REQUIRE(counted.pages >= actual.pages);
    BOOST_TEST_REQUIRE(counted.longest >= actual.longest);
    actual.longest = counted.longest;
    BOOST_TEST_REQUIRE(counted.runs_of_longest() >= actual.runs_of_longest());
}

/// New roots in a tree of so many entries, of which one in `large` is large.
template <std::size_t PageSize>
void set_roots(std::size_t arrays, std::uint64_t large,
               std::uint64_t random_seed) {
    entries_file<PageSize> f;
    std::mt19937_64 random(random_seed);
    auto const size = [&] {
        return random() % large == 0 ? random() % 30'000 : random() % 200;
    };
    for (std::size_t i = 0; i != arrays; ++i)
        f.set(random() % (2 * arrays), size());
    if (random() % 2 == 0)
        f.write();
    f.changes.new_token();
    for (std::size_t i = 0, n = random() % 4; i != n; ++i)
        f.set(random() % (2 * arrays), size());
    constexpr std::uint64_t length = 2; // may take more bytes itself
    std::vector<detail::new_root> roots;
    auto const chance = 1 + random() % arrays;
    for (auto const& [id, bytes] : f.sizes)
        if (random() % arrays < chance)
            roots.push_back({id, length + random() % 600});

    require_enough(f.counted.count(f.v, {}), f.unwritten());
    auto const counted = f.counted.count(f.v, roots);
    detail::node_pages ways;
    for (detail::new_root const& r : roots)
        ways += f.counted.way(f.v, r);
    auto const quick = f.counted.at_most(f.v, ways);
    f.changes.new_token();
    std::shuffle(roots.begin(), roots.end(), random);
    for (detail::new_root const& r : roots)
        f.set(r.id, f.sizes[r.id] + r.growth - length);
    require_enough(counted, f.unwritten());
    require_enough(quick, f.unwritten());
}

} // namespace

BOOST_AUTO_TEST_CASE(enough_for_new_roots) {
    for (std::uint64_t i = 0; i != 300; ++i)
        BOOST_TEST_CONTEXT("script " << i) {
            set_roots<512>(1 + i, 2 + i % 9, seed() + i);
            set_roots<4096>(1 + i * 5, 3 + i % 50, seed() + i);
        }
}

/// Where entries are small no run is asked for, and a page for each node.
BOOST_AUTO_TEST_CASE(single_pages_for_small_entries) {
    entries_file<4096> f;
    for (std::uint64_t i = 0; i != 1000; ++i)
        f.set(i, 100);
    f.write();
    BOOST_TEST(f.v.entries.height == 1u);
    BOOST_TEST(f.counted.count(f.v, {}).pages == 0u);
    detail::new_root const one{500, 80};
    auto const counted = f.counted.count(f.v, {&one, 1});
    BOOST_TEST(counted.longest == 1u);
    BOOST_TEST(counted.pages <= 5u);
    auto const way = f.counted.way(f.v, one);
    BOOST_TEST(way.longest == 1u);
    BOOST_TEST(way.pages == 2u);
}

/// A large entry is a run of its length, wherever it is.
BOOST_AUTO_TEST_CASE(runs_for_large_entries) {
    entries_file<512> f;
    for (std::uint64_t i = 0; i != 20; ++i)
        f.set(i, 100);
    f.set(10, 60'000);
    f.write();
    detail::new_root const roots[] = {{3, 80}, {10, 80}};
    auto const counted = f.counted.count(f.v, roots);
    BOOST_TEST(counted.longest == 118u);
    BOOST_TEST(counted.pages < 118u + 16u);
    BOOST_TEST(f.counted.count(f.v, {roots, 1}).longest <= 8u);
    BOOST_TEST(f.counted.way(f.v, roots[0]).longest <= 8u);
    BOOST_TEST(f.counted.way(f.v, roots[1]).longest == 118u);
}

BOOST_AUTO_TEST_SUITE_END()
