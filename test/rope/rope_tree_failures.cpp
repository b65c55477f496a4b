// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "failing_new.hpp"
#include "rope_fixture.hpp"

#include <new>

BOOST_AUTO_TEST_SUITE(rope_tree_failures)

using namespace rope_test;

namespace {

using bag = policies<512, false>;
constexpr std::size_t element = 32; // 16 in a leaf
using tree_type = detail::rope_tree<detail::fixed_element<element>, bag>;
using edit_type = tree_type::edit_type;

bytes values(std::size_t n, std::uint64_t seed) {
    bytes v(n * element);
    std::mt19937_64 random(seed);
    for (std::byte& b : v)
        b = static_cast<std::byte>(random());
    return v;
}

/// A tree of everything: leaves on disk, of this edit, of a savepoint, and a
/// hole.
struct setting {
    file<bag> disk;
    edit_type changes = disk.begin();
    tree_type tree{disk.pages};

    setting() {
        tree.insert(changes, 0, values(16 * 350, 1));
        tree.insert_zeros(changes, 2000, 500);
        disk.commit(changes);
        auto const at = write_out(disk, tree);
        tree.set_root({detail::child_ref(at.place, at.checksum),
                       tree.root().height, tree.root().size});
        tree.insert(changes, 40, values(9, 2));
        changes.new_token();
        tree.insert(changes, 16, values(20, 3));
        tree.erase(changes, 1000, 3);
    }
};

/// What runs out: memory, or the patience of the device.
struct no_memory {
    static void arm(setting&, long n) { allocations_left = n; }
    static void disarm(setting&) { allocations_left = -1; }
};
struct no_device {
    static void arm(setting& s, long n) {
        s.disk.plan->writes_only = false;
        s.disk.plan->calls_left = static_cast<std::uint64_t>(n);
    }
    static void disarm(setting& s) { *s.disk.plan = {}; }
};

/// Runs an operation with the n-th need failing, for all n, until it succeeds;
/// each failure must leave all as it was.
template <class Failure, class Operation>
void fail_everywhere(Operation operation) {
    for (long n = 0;; ++n) {
        setting s;
        bytes const before = contents(s.tree);
        bool failed = false;
        Failure::arm(s, n);
        try {
            operation(s);
        } catch (std::bad_alloc const&) {
            failed = true;
        } catch (ns::error const&) {
            failed = true;
        }
        Failure::disarm(s);
        require_sound(s.tree, false);
        s.disk.check_pages(s.tree, s.changes);
        if (!failed)
            return;
        BOOST_REQUIRE(contents(s.tree) == before);
        operation(s);
        require_sound(s.tree, true);
        s.disk.check_pages(s.tree, s.changes);
#ifdef NUMSTORE_TEST_THINNED
        n += n / 2;
#endif
        n += n / 8; // the first failures matter most
    }
}

template <class Operation>
void fail_everything(Operation operation) {
    fail_everywhere<no_memory>(operation);
    fail_everywhere<no_device>(operation);
}

std::vector<std::uint64_t> every_tenth(std::uint64_t size) {
    std::vector<std::uint64_t> p;
    for (std::uint64_t i = 0; i < size; i += 10)
        p.push_back(i);
    return p;
}

void write_everything(setting& s) {
    std::vector<ns::extent> taken;
    detail::page_writer<bag> writer(s.disk.pages, 100, taken);
    detail::write_out_batch<bag> batch(writer);
    batch.write(s.tree.root(), s.tree.shape());
    writer.finish();
    batch.keep();
    s.changes.allocated.insert(s.changes.allocated.end(), taken.begin(),
                               taken.end());
}

} // namespace

BOOST_AUTO_TEST_CASE(insert) {
    auto const fresh = values(40, 7);
    for (std::uint64_t const pos : {0u, 45u, 2200u, 5900u})
        fail_everything([&](setting& s) {
            s.tree.insert(s.changes, pos, std::span(fresh).first(5 * element));
        });
    fail_everything([&](setting& s) { s.tree.insert(s.changes, 47, fresh); });
    fail_everything(
        [&](setting& s) { s.tree.insert(s.changes, s.tree.size(), fresh); });
    auto const much = values(16 * 30, 8);
    fail_everything([&](setting& s) { s.tree.insert(s.changes, 3000, much); });
}

BOOST_AUTO_TEST_CASE(insert_zeros) {
    fail_everything([](setting& s) { s.tree.insert_zeros(s.changes, 100, 7); });
    fail_everything(
        [](setting& s) { s.tree.insert_zeros(s.changes, 100, 7000); });
}

BOOST_AUTO_TEST_CASE(insert_bulk) {
    auto const much = values(16 * 200 + 9, 8);
    for (std::uint64_t const pos : {0u, 2100u, 5000u})
        fail_everything(
            [&](setting& s) { s.tree.insert_bulk(s.changes, pos, much); });
    fail_everything(
        [&](setting& s) { s.tree.replace_bulk(s.changes, 1000, 3000, much); });
}

BOOST_AUTO_TEST_CASE(erase) {
    for (std::uint64_t const n : {1u, 14u, 40u, 300u, 2000u})
        for (std::uint64_t const pos : {0u, 33u, 1990u})
            fail_everything(
                [&](setting& s) { s.tree.erase(s.changes, pos, n); });
    fail_everything([](setting& s) { s.tree.clear(s.changes); });
}

BOOST_AUTO_TEST_CASE(erase_scattered) {
    fail_everything([](setting& s) {
        s.tree.erase_strided(s.changes, 3, 2, s.tree.size() / 3);
    });
    fail_everything([](setting& s) {
        s.tree.erase_strided(s.changes, s.tree.size() - 1, -700, 8);
    });
    fail_everything([](setting& s) {
        s.tree.erase_at(s.changes, every_tenth(s.tree.size()));
    });
}

BOOST_AUTO_TEST_CASE(write) {
    for (std::size_t const n : {1u, 40u, 900u}) {
        auto const v = values(n, n);
        for (std::uint64_t const pos : {0u, 37u, 1700u})
            fail_everything(
                [&](setting& s) { s.tree.write(s.changes, pos, v); });
    }
}

BOOST_AUTO_TEST_CASE(write_scattered) {
    auto const v = values(1000, 5);
    fail_everything(
        [&](setting& s) { s.tree.write_strided(s.changes, 5, 6, v); });
    fail_everything([&](setting& s) {
        auto const p = every_tenth(5000);
        s.tree.write_at(s.changes, p, {},
                        std::span(v).first(p.size() * element));
    });
}

BOOST_AUTO_TEST_CASE(spill) {
    fail_everywhere<no_device>([](setting& s) {
        auto const mark = s.changes.allocated.size();
        try {
            detail::page_writer<bag> out(s.disk.pages, 10, s.changes.allocated);
            s.tree.spill(s.changes, out);
        } catch (...) {
            for (std::size_t i = mark; i != s.changes.allocated.size(); ++i)
                s.disk.pages.release(s.changes.allocated[i]);
            s.changes.allocated.resize(mark);
            throw;
        }
    });
}

BOOST_AUTO_TEST_CASE(write_out_leaves_no_trace) {
    fail_everywhere<no_device>(write_everything);
}

BOOST_AUTO_TEST_SUITE_END()
