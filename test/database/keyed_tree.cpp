// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/database/keyed_tree.hpp>
#include <numstore/database/keyed_write_out.hpp>

#include "../rope/rope_fixture.hpp"

#include <map>

BOOST_AUTO_TEST_SUITE(database_keyed_tree)

using namespace rope_test;

namespace {

using bag = policies<512>;
using tree = detail::keyed_tree<bag>;
using model = std::map<std::string, bytes>;

struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    tree names{disk.pages};
    detail::keyed_root root{};

    void set(std::string const& key, bytes value) {
        names.set(changes, root, key, std::move(value));
    }
    /// Writes the tree; the result knows nothing but its place.
    detail::keyed_root write() {
        std::vector<ns::extent> taken;
        detail::page_writer<bag> writer(disk.pages, pages(), taken);
        detail::keyed_write_out<bag> out(writer);
        auto const at = out.write(root);
        writer.finish();
        out.keep();
        BOOST_TEST(pages() == 0u);
        return at;
    }
    std::uint64_t pages() const {
        return detail::count_unwritten_keyed<512>(root.node);
    }
};

model contents(tree const& names, detail::keyed_root const& root,
               std::string const& from = {}) {
    model all;
    names.each(root, from, [&](detail::keyed_entry const& e) {
        all.emplace_hint(all.end(), e.key, e.value);
        return true;
    });
    return all;
}

void require_same(setting const& s, detail::keyed_root const& root,
                  model const& expected) {
    BOOST_REQUIRE_EQUAL(root.count, expected.size());
    BOOST_REQUIRE((contents(s.names, root) == expected));
    std::size_t nth = 0;
    for (auto const& [key, value] : expected) {
        auto const e = s.names.find(root, key);
        BOOST_REQUIRE(e != nullptr && e->value == value);
        BOOST_REQUIRE(s.names.find(root, key + "!") == nullptr);
        if (nth++ % 97 == 0)
            BOOST_REQUIRE((contents(s.names, root, key)
                           == model(expected.find(key), expected.end())));
    }
    s.names.check(
        root, [](ns::extent) {}, [](detail::keyed_entry const&) {},
        [](ns::page_no, std::string const& what) { BOOST_FAIL(what); });
}

std::string key(std::uint64_t n) {
    return "sensor/" + std::string(n % 90, 'x') + std::to_string(n);
}

/// f(node) for all nodes in memory.
template <class F>
void each_node(detail::child_ref const& ref, F const& f) {
    auto const* const n =
        static_cast<detail::keyed_frame const*>(ref.node());
    if (n == nullptr)
        return;
    f(*n);
    for (detail::keyed_child const& c : n->children)
        each_node(c.node, f);
}

} // namespace

BOOST_AUTO_TEST_CASE(random_changes_against_a_map) {
    setting s;
    model expected;
    std::mt19937_64 random(seed());
    for (unsigned phase = 0; phase != 6; ++phase) {
        for (int i = 0; i != 2000; ++i) {
            std::string const k = key(random() % 3000);
            if (random() % 10 < (phase % 2 == 0 ? 8u : 1u)) {
                bytes const value(random() % 60, std::byte(random() % 256));
                expected[k] = value;
                s.set(k, value);
            } else {
                BOOST_REQUIRE_EQUAL(s.names.erase(s.changes, s.root, k),
                                    expected.erase(k) == 1);
            }
        }
        require_same(s, s.root, expected);
        auto const written = s.write();
        require_same(s, written, expected);
        if (phase % 3 == 2)
            s.root = written; // read from disk as it is needed
        s.changes.new_token();
    }
    BOOST_TEST(s.root.height >= 1u);
    for (auto const& [k, value] : expected)
        BOOST_REQUIRE(s.names.erase(s.changes, s.root, k));
    BOOST_TEST(s.root.count == 0u);
    BOOST_TEST(s.root.height == 0u);
}

BOOST_AUTO_TEST_CASE(what_was_published_stays) {
    setting s;
    for (std::uint64_t i = 0; i != 500; ++i)
        s.set(key(i), bytes(8, std::byte{1}));
    auto const before = s.root;
    auto const expected = contents(s.names, before);
    s.changes.new_token();
    for (std::uint64_t i = 0; i != 500; i += 2)
        s.names.erase(s.changes, s.root, key(i));
    for (std::uint64_t i = 1; i != 101; i += 2)
        s.set(key(i), bytes(9, std::byte{2}));
    require_same(s, before, expected);
    BOOST_TEST(contents(s.names, s.root).size() == 250u);
}

/// Names that come in order, as numbered ones do, fill their nodes.
BOOST_AUTO_TEST_CASE(keys_in_order_leave_full_nodes) {
    setting s;
    std::uint64_t data = 0;
    for (std::uint64_t i = 0; i != 4000; ++i) {
        s.set("sensor/" + std::to_string(10000 + i), bytes(40));
        data += 12 + 40;
    }
    BOOST_TEST(s.pages() * 512 < data * 5 / 4);
}

BOOST_AUTO_TEST_CASE(a_node_takes_the_pages_that_it_needs) {
    for (std::size_t size = 1; size != 1200; ++size) {
        setting s;
        s.set("a", bytes(size));
        auto const& n =
            *static_cast<detail::keyed_frame const*>(s.root.node.node());
        BOOST_REQUIRE_EQUAL(n.pages(512), (n.bytes() + 511) / 512);
    }
}

/// So that no node is longer than an entry needs.
BOOST_AUTO_TEST_CASE(large_entries_are_alone) {
    setting s;
    model expected;
    std::mt19937_64 random(seed());
    for (int i = 0; i != 3000; ++i) {
        std::string const k = key(random() % 200);
        if (random() % 8 == 0) {
            BOOST_REQUIRE_EQUAL(s.names.erase(s.changes, s.root, k),
                                expected.erase(k) == 1);
            continue;
        }
        bytes const value(random() % (random() % 4 == 0 ? 9000 : 300));
        expected[k] = value;
        s.set(k, value);
        each_node(s.root.node, [](detail::keyed_frame const& n) {
            BOOST_REQUIRE(n.items() == 1 || n.bytes() <= tree::target_bytes);
        });
        if (i % 100 == 0)
            s.root = s.write();
    }
    require_same(s, s.root, expected);
}

BOOST_AUTO_TEST_CASE(the_largest_entry_beside_others) {
    for (char const* const k : {"a", "b", "c"}) {
        setting s;
        model expected{{"a", bytes(1900)}, {"b", bytes(100)},
                       {"c", bytes(1900)}};
        for (auto const& [name, value] : expected)
            s.set(name, value);
        expected[k] = bytes(ns::format::max_value_bytes);
        s.set(k, expected[k]);
        require_same(s, s.write(), expected);
    }
}

BOOST_AUTO_TEST_SUITE_END()
