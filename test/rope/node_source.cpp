// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

#include <thread>

BOOST_AUTO_TEST_SUITE(rope_node_source)

using namespace rope_test;

namespace {

using bag = policies<512>;
using tree_type = detail::rope_tree<detail::fixed_element<32>, bag>;
using image = ns::format::inner_page<512>;

/// A tree of 100 leaves below two levels of inner nodes, on disk.
struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    tree_type tree{disk.pages};
    bytes model = bytes(16 * 100 * 32, std::byte{7});
    detail::placed_root at;

    setting() {
        tree.insert(changes, 0, model);
        disk.commit(changes);
        at = write_out(disk, tree);
        load(at);
    }
    void load(detail::placed_root const& p) {
        tree.set_root({detail::child_ref(p.place, p.checksum),
                       tree.root().height, tree.size()});
    }

    /// Puts a changed root page in place, with the right checksum.
    template <class Change>
    void damage(Change&& change) {
        bytes page(512);
        disk.pages.read(at.place, page);
        change(*reinterpret_cast<image*>(page.data()));
        disk.pages.write(at.place, page);
        load({at.place, disk.pages.checksum(page)});
    }

    /// What reading everything throws, or nothing.
    std::string fault() {
        try {
            contents(tree);
            return {};
        } catch (ns::error const& e) {
            BOOST_TEST(e.code() == ns::errc::corrupt);
            return e.what();
        }
    }
    std::size_t problems() {
        std::size_t n = 0;
        tree.check(true, [&](detail::rope_problem const&) { ++n; });
        return n;
    }
};

template <class Change>
void expect_fault(char const* text, Change&& change) {
    setting s;
    s.damage(change);
    std::string const what = s.fault();
    BOOST_TEST_CONTEXT(what) {
        BOOST_TEST(what.find(text) != std::string::npos);
        BOOST_TEST(what.find("page " + std::to_string(to_integer(s.at.place)))
                   != std::string::npos);
    }
    BOOST_TEST(s.problems() != 0u);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_sound_tree_reads) {
    setting s;
    BOOST_TEST(s.tree.root().height == 2);
    BOOST_TEST(s.fault() == "");
    BOOST_TEST(s.problems() == 0u);
}

BOOST_AUTO_TEST_CASE(fields_of_inner_pages) {
    expect_fault("not an inner node", [](image& p) { p.magic = 0; });
    expect_fault("another level", [](image& p) { p.level = 1; });
    expect_fault("do not add up",
                 [](image& p) { p.counts[0] = p.counts[0].value() + 1; });
    expect_fault("number of children",
                 [](image& p) { p.children = image::capacity + 1; });
    expect_fault("outside of the file",
                 [](image& p) { p.places[1] = 1 << 30; });
    expect_fault("outside of the file", [](image& p) { p.places[1] = 0; });
    expect_fault("outside of the file",
                 [](image& p) { p.places[1] = ~std::uint64_t{0}; });
}

BOOST_AUTO_TEST_CASE(a_wrong_child_is_noticed) {
    setting s;
    s.damage([](image& p) { // the second child stands where the first does
        p.places[1] = p.places[0].value();
        p.checksums[1] = p.checksums[0].value();
        p.counts[1] = p.counts[1].value() + 1;
        p.counts[0] = p.counts[0].value() - 1;
    });
    BOOST_TEST(s.fault() != "");
    BOOST_TEST(s.problems() != 0u);
}

BOOST_AUTO_TEST_CASE(leaves_that_cannot_hold_their_count) {
    setting s;
    s.tree.erase(s.changes, 40, s.tree.size() - 40); // leaves of 16, 16, 8
    s.model.resize(40 * 32);
    s.disk.commit(s.changes);
    s.at = write_out(s.disk, s.tree);
    s.load(s.at);
    BOOST_TEST(s.fault() == "");
    s.damage([](image& p) {
        p.counts[0] = 20;
        p.counts[1] = 12;
    });
    BOOST_TEST(s.fault().find("cannot hold") != std::string::npos);
    setting t;
    t.tree.erase(t.changes, 40, t.tree.size() - 40);
    t.disk.commit(t.changes);
    t.at = write_out(t.disk, t.tree);
    t.damage([](image& p) { p.places[2] = 0; }); // a hole of 8
    BOOST_TEST(t.fault().find("cannot hold") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(impossible_roots) {
    setting s;
    auto const refused = [&](detail::child_ref node, int height,
                             std::uint64_t size) {
        try {
            s.tree.nodes().check_root(
                {node, static_cast<std::uint8_t>(height), size});
            return false;
        } catch (ns::error const& e) {
            return e.code() == ns::errc::corrupt;
        }
    };
    detail::child_ref const sound(s.at.place, s.at.checksum);
    BOOST_TEST(!refused(sound, 2, s.tree.size()));
    BOOST_TEST(!refused({}, 0, 0));
    BOOST_TEST(!refused({}, 0, 16));
    BOOST_TEST(refused(sound, 33, s.tree.size()));
    BOOST_TEST(refused(sound, 2, ~std::uint64_t{0}));
    BOOST_TEST(refused(sound, 0, 17));
    BOOST_TEST(refused(sound, 0, 0));
    BOOST_TEST(refused({}, 0, 15));
    BOOST_TEST(refused({}, 1, 100));
    BOOST_TEST(refused(detail::child_ref(ns::page_no{1}, 0), 1, 100));
}

BOOST_AUTO_TEST_CASE(any_damaged_byte_is_noticed_or_harmless) {
    for (std::size_t at = 0; at < 512; at += 3) {
        setting s;
        s.damage([&](image& p) {
            auto* const raw = reinterpret_cast<std::byte*>(&p);
            raw[at] = raw[at] ^ std::byte{0x41};
        });
        std::string const what = s.fault();
        if (what.empty())
            BOOST_TEST((contents(s.tree) == s.model));
    }
}

BOOST_AUTO_TEST_CASE(bytes_that_do_not_match_their_checksum) {
    setting s;
    bytes page(512);
    s.disk.pages.read(s.at.place, page);
    page[20] ^= std::byte{1};
    s.disk.pages.write(s.at.place, page);
    BOOST_TEST(s.fault().find("checksum") != std::string::npos);
    BOOST_TEST(s.problems() == 1u);
}

BOOST_AUTO_TEST_CASE(threads_that_load_the_same_nodes) {
    for (int round = 0; round != 20; ++round) {
        setting s;
        std::vector<std::thread> threads;
        std::vector<char> equal(4);
        for (std::size_t i = 0; i != equal.size(); ++i)
            threads.emplace_back([&, i] {
                try {
                    equal[i] = contents(s.tree) == s.model;
                } catch (...) {
                    equal[i] = 0;
                }
            });
        for (std::thread& t : threads)
            t.join();
        for (char const e : equal)
            BOOST_TEST(e == 1);
    }
}

BOOST_AUTO_TEST_SUITE_END()
