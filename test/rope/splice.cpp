// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_splice)

using namespace rope_test;

namespace {

using bag = policies<512, false>; // every leaf read is seen
using words = detail::rope_tree<detail::dynamic_element, bag>; // 128 a leaf
using list = std::vector<std::uint64_t>;

bytes numbers(std::size_t n, std::uint32_t from = 1) {
    bytes v(n * 4);
    for (std::uint32_t i = 0; i != n; ++i) {
        std::uint32_t const value = from + i;
        std::memcpy(v.data() + i * 4, &value, 4);
    }
    return v;
}

struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    words tree{disk.pages, detail::dynamic_element{4}};

    explicit setting(std::size_t n) {
        if (n != 0)
            tree.insert_bulk(changes, 0, numbers(n));
        disk.commit(changes);
        settle();
    }
    /// As after a checkpoint: all leaves are on disk.
    void settle() {
        auto const p = write_out(disk, tree);
        if (!tree.root().is_hole() && !tree.empty())
            tree.set_root({detail::child_ref(p.place, p.checksum),
                           tree.root().height, tree.size()});
    }
    /// Pages read by f.
    template <class F>
    std::uint64_t reads(F&& f) {
        std::uint64_t const before = disk.pages.pages_read();
        f();
        return disk.pages.pages_read() - before;
    }
    void require_sound_pages() {
        require_sound(tree, false);
        disk.check_pages(tree, changes);
        disk.commit(changes);
        write_out(disk, tree);
        disk.check_pages(tree);
    }
};

/// What splices should leave.
bytes spliced(bytes const& old, detail::block_places const& at,
              std::uint64_t removed, std::uint64_t added, bytes const& with) {
    bytes result;
    std::size_t from = 0;
    for (std::uint64_t i = 0; i != at.count(); ++i) {
        auto const place = static_cast<std::size_t>(at[i]) * 4;
        result.insert(result.end(),
                      old.begin() + static_cast<std::ptrdiff_t>(from),
                      old.begin() + static_cast<std::ptrdiff_t>(place));
        from = place + static_cast<std::size_t>(removed) * 4;
        auto const n = static_cast<std::size_t>(added) * 4;
        if (with.empty()) {
            result.resize(result.size() + n);
            continue;
        }
        auto const first =
            with.begin() + static_cast<std::ptrdiff_t>(i * n);
        result.insert(result.end(), first,
                      first + static_cast<std::ptrdiff_t>(n));
    }
    result.insert(result.end(),
                  old.begin() + static_cast<std::ptrdiff_t>(from), old.end());
    return result;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_dense_insert_reads_each_leaf_once_and_packs) {
    setting s(128 * 300);
    bytes const old = contents(s.tree);
    detail::block_places const at(5, 10, 3840);
    bytes const with = numbers(3840 * 2, 1000000);
    BOOST_TEST(s.reads([&] { s.tree.insert_blocks(s.changes, at, 2, with); })
               <= 300u + 4);
    BOOST_TEST((contents(s.tree) == spliced(old, at, 0, 2, with)));
    std::uint64_t leaves = 0;
    for (auto c = s.tree.cursor(); !c.at_end(); c.next())
        ++leaves;
    BOOST_TEST(leaves == 360u);
    s.require_sound_pages();
}

BOOST_AUTO_TEST_CASE(a_sparse_insert_touches_only_its_leaves) {
    setting s(128 * 1000);
    bytes const old = contents(s.tree);
    detail::block_places const at(64, 128 * 100, 10);
    bytes const with = numbers(10, 7);
    BOOST_TEST(s.reads([&] { s.tree.insert_blocks(s.changes, at, 1, with); })
               < 80u);
    BOOST_TEST(s.changes.freed.size() < 80u);
    BOOST_TEST((contents(s.tree) == spliced(old, at, 0, 1, with)));
    // Each leaf has become two with room for as much again.
    for (auto c = s.tree.cursor(); !c.at_end(); c.next())
        BOOST_TEST_REQUIRE(c.leaf().count >= 64u);
    s.require_sound_pages();
}

BOOST_AUTO_TEST_CASE(erased_subtrees_are_not_read) {
    setting s(128 * 1000);
    bytes const old = contents(s.tree);
    detail::block_places const at(100, 128 * 500, 2);
    BOOST_TEST(
        s.reads([&] { s.tree.erase_blocks(s.changes, at, 128 * 400); })
        < 40u);
    BOOST_TEST((contents(s.tree) == spliced(old, at, 128 * 400, 0, {})));
    s.require_sound_pages();
}

BOOST_AUTO_TEST_CASE(zeros_among_zeros_stay_a_hole) {
    setting s(0);
    s.tree.insert_zeros(s.changes, 0, std::uint64_t{1} << 40);
    s.tree.insert_zero_blocks(
        s.changes, {3, std::uint64_t{1} << 10, std::uint64_t{1} << 30}, 5);
    std::uint64_t const size =
        (std::uint64_t{1} << 40) + 5 * (std::uint64_t{1} << 30);
    BOOST_TEST(s.tree.size() == size);
    BOOST_TEST(s.tree.root().is_hole());
    s.tree.erase_blocks(
        s.changes, {7, std::uint64_t{1} << 10, std::uint64_t{1} << 30}, 1000);
    BOOST_TEST(s.tree.size() == size - 1000 * (std::uint64_t{1} << 30));
    BOOST_TEST(s.tree.root().is_hole());
}

BOOST_AUTO_TEST_CASE(any_number_of_zeros_at_one_place) {
    setting s(300);
    s.tree.insert_zero_blocks(s.changes, {100, 0, std::uint64_t{1} << 50}, 2);
    BOOST_TEST(s.tree.size() == 300 + (std::uint64_t{1} << 51));
    bytes out(8);
    s.tree.read(99, out);
    BOOST_TEST((out == bytes{std::byte{100}, {}, {}, {}, {}, {}, {}, {}}));
    s.require_sound_pages();
}

BOOST_AUTO_TEST_CASE(wrong_places_are_refused_and_change_nothing) {
    setting s(1000);
    bytes const old = contents(s.tree);
    bytes const two = numbers(2);
    auto const refused = [&](auto&& f) {
        BOOST_CHECK_THROW(f(), ns::error);
        BOOST_TEST((contents(s.tree) == old));
    };
    list const wrong{7, 5};
    list const close{5, 6};
    list const far{5, 1001};
    bytes const none;
    using places = detail::block_places;
    refused([&] { s.tree.insert_blocks(s.changes, places(wrong), 1, two); });
    refused([&] { s.tree.insert_blocks(s.changes, places(far), 1, two); });
    refused([&] { s.tree.insert_blocks(s.changes, places(close), 2, two); });
    refused([&] { s.tree.insert_blocks(s.changes, {0, 600, 3}, 1,
                                       numbers(3)); });
    refused([&] { s.tree.erase_blocks(s.changes, places(close), 2); });
    refused([&] { s.tree.erase_blocks(s.changes, {0, 2, 3}, 3); });
    refused([&] { s.tree.erase_blocks(s.changes, {999, 10, 1}, 2); });
    refused([&] { s.tree.write_blocks(s.changes, {0, 1, 2}, 2,
                                      numbers(4)); });
    refused([&] {
        s.tree.insert_zero_blocks(s.changes, {0, 1, 1000}, ~std::uint64_t{0});
    });
}

/// All kinds of changes at random places, over leaves, zeros and both.
BOOST_AUTO_TEST_CASE(scripts_against_a_vector) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    std::mt19937_64 random(seed());
    auto const below = [&](std::uint64_t n) { return random() % n; };
    BOOST_TEST_CONTEXT("NUMSTORE_SEED=" << seed())
    for (int script = 0; script != 12; ++script) {
        setting s(static_cast<std::size_t>(below(2000)));
        for (int round = 0; round != 25; ++round) {
            bytes const old = contents(s.tree);
            std::uint64_t const size = s.tree.size();
            std::uint64_t const block = 1 + below(below(3) == 0 ? 400 : 9);
            std::uint64_t const stride = block + below(300);
            std::uint64_t const first = below(size + 1);
            std::uint64_t const fit =
                first + block > size ? 0 : (size - first - block) / stride + 1;
            list scattered;
            for (std::uint64_t i = below(20); i-- != 0;)
                scattered.push_back(below(size + 1));
            std::sort(scattered.begin(), scattered.end());
            detail::block_places at(first, stride, fit);
            switch (below(6)) {
            case 0: {
                at = detail::block_places(scattered);
                auto const with = numbers(
                    static_cast<std::size_t>(at.count() * block), 5000);
                s.tree.insert_blocks(s.changes, at, block, with);
                BOOST_TEST_REQUIRE((contents(s.tree)
                                    == spliced(old, at, 0, block, with)));
                break;
            }
            case 1: {
                auto const with = numbers(
                    static_cast<std::size_t>(fit * block), 9000);
                s.tree.insert_blocks(s.changes, at, block, with);
                BOOST_TEST_REQUIRE((contents(s.tree)
                                    == spliced(old, at, 0, block, with)));
                break;
            }
            case 2:
                s.tree.insert_zero_blocks(s.changes, at, block);
                BOOST_TEST_REQUIRE((contents(s.tree)
                                    == spliced(old, at, 0, block, {})));
                break;
            case 3: {
                auto const with = numbers(
                    static_cast<std::size_t>(fit * block), 70000);
                bytes expected = old;
                for (std::uint64_t i = 0; i != fit; ++i)
                    std::memcpy(expected.data() + at[i] * 4,
                                with.data() + i * block * 4, block * 4);
                s.tree.write_blocks(s.changes, at, block, with);
                BOOST_TEST_REQUIRE((contents(s.tree) == expected));
                bytes back(with.size());
                s.tree.read_blocks(at, block, back);
                BOOST_TEST_REQUIRE((back == with));
                break;
            }
            default:
                s.tree.erase_blocks(s.changes, at, block);
                BOOST_TEST_REQUIRE((contents(s.tree)
                                    == spliced(old, at, block, 0, {})));
            }
            if (s.tree.size() > 6000)
                s.tree.erase(s.changes, 100, s.tree.size() - 1000);
            require_sound(s.tree, false);
            s.disk.check_pages(s.tree, s.changes);
            if (below(4) == 0) {
                s.disk.commit(s.changes);
                s.settle();
                s.disk.check_pages(s.tree);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_failing_read_changes_nothing) {
    for (std::uint64_t allowed = 0;; ++allowed) {
        setting s(128 * 20);
        s.disk.plan->writes_only = false;
        s.disk.plan->calls_left = allowed;
        bool failed = false;
        try {
            s.tree.insert_blocks(s.changes, {1, 60, 40}, 1, numbers(40));
        } catch (ns::error const&) {
            failed = true;
        }
        s.disk.plan->calls_left = ~std::uint64_t{0};
        if (!failed) {
            BOOST_TEST(allowed != 0u);
            break;
        }
        BOOST_TEST_REQUIRE((contents(s.tree) == numbers(128 * 20)));
        s.disk.check_pages(s.tree, s.changes);
    }
}

BOOST_AUTO_TEST_SUITE_END()
