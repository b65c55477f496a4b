// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/memory_512.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/manual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_snapshot)

namespace {

namespace ns = numstore;
using namespace std::chrono_literals;
using ns::testing::manual_clock;

using policies = bags::memory_512;
using database = ns::basic_database<policies>;
using snapshot = ns::basic_snapshot<policies>;
using array = ns::array<std::int32_t, policies>;
using values = std::vector<std::int32_t>;

constexpr std::uint64_t page = policies::page_size;
constexpr std::int32_t leaf = page / sizeof(std::int32_t);

values numbers(std::int32_t n, std::int32_t first = 0) {
    values v(static_cast<std::size_t>(n));
    std::iota(v.begin(), v.end(), first);
    return v;
}

/// An array of some full leaves below one root, on their pages.
array make(database& db, std::string const& name, std::int32_t leaves = 16) {
    auto t = db.create<std::int32_t>(name);
    t.append(numbers(leaves * leaf));
    db.checkpoint();
    return t;
}

template <class F>
bool expired(F&& f) {
    try {
        f();
    } catch (ns::error const& e) {
        BOOST_TEST(e.code() == ns::errc::snapshot_expired, e.what());
        return e.code() == ns::errc::snapshot_expired;
    }
    return false;
}

/// Overwrites leaves, one after the other, each in a commit.
struct overwriting {
    array t;
    std::int32_t next = 0;

    void operator()() {
        t.set(next % static_cast<std::int32_t>(t.size()), -1);
        next += leaf;
    }
};

/// As often as a test needs until all that waits is free.
void ripen(database& db) {
    auto t = db.open_or_create<std::int32_t>("ripening");
    for (int i = 0; i != 4; ++i) {
        t.assign({i});
        db.checkpoint();
    }
    t.assign({4});
}

void require_sound(database const& db) {
    for (auto const& p : db.verify().problems)
        BOOST_ERROR("page " << p.page << " of '" << p.array
                            << "': " << p.what);
}

std::mt19937_64 random_source() {
    char const* const given = std::getenv("NUMSTORE_SEED");
    auto const seed =
        given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
    return std::mt19937_64(seed);
}

} // namespace

// statistics

BOOST_AUTO_TEST_CASE(the_age_is_that_of_the_oldest) {
    database db;
    auto t = make(db, "t");
    BOOST_TEST(db.stats().snapshots == 0u);
    BOOST_TEST(db.stats().oldest_snapshot_age.count() == 0);
    std::optional<snapshot> first = db.snapshot();
    manual_clock::advance(5s);
    snapshot const second = db.snapshot();
    snapshot const copy = second;
    manual_clock::advance(7ms);
    BOOST_TEST(db.stats().snapshots == 2u);
    BOOST_TEST((db.stats().oldest_snapshot_age == 5s + 7ms));
    first.reset();
    BOOST_TEST(db.stats().snapshots == 1u);
    BOOST_TEST((db.stats().oldest_snapshot_age == 7ms));
    {
        auto const view = t.view();
        BOOST_TEST(db.stats().snapshots == 2u);
        BOOST_TEST((db.stats().oldest_snapshot_age == 7ms));
    }
    BOOST_TEST(db.stats().snapshots == 1u);
}

BOOST_AUTO_TEST_CASE(pinned_bytes_are_those_replaced_since) {
    database db;
    auto t = make(db, "t");
    t.set(0, 1); // a leaf and the root, replaced before anybody looks
    BOOST_TEST(db.stats().pinned_bytes == 0u);
    std::optional<snapshot> first = db.snapshot();
    BOOST_TEST(db.stats().pinned_bytes == 0u);
    t.set(leaf, 1); // a leaf; the root of now has no page
    BOOST_TEST(db.stats().pinned_bytes == page);
    t.set(leaf + 1, 1); // neither has this leaf
    BOOST_TEST(db.stats().pinned_bytes == page);
    t.erase(2 * leaf, 3 * leaf);
    BOOST_TEST(db.stats().pinned_bytes == 4 * page);
    std::optional<snapshot> second = db.snapshot();
    t.erase(2 * leaf, 2 * leaf);
    BOOST_TEST(db.stats().pinned_bytes == 6 * page);
    first.reset();
    BOOST_TEST(db.stats().pinned_bytes == 2 * page);
    second.reset();
    BOOST_TEST(db.stats().pinned_bytes == 0u);
    // A view holds as much as a snapshot.
    auto const view = t.view();
    t.set(2 * leaf, 1);
    BOOST_TEST(db.stats().pinned_bytes == page);
}

/// What clones share is not freed by what one of them does.
BOOST_AUTO_TEST_CASE(shared_pages_are_not_pinned) {
    database db;
    auto t = make(db, "t");
    db.clone("t", "u");
    db.checkpoint();
    auto const snap = db.snapshot();
    t.set(0, 1);
    BOOST_TEST(db.stats().pinned_bytes == 0u);
    auto u = db.open<std::int32_t>("u");
    u.set(0, 1); // now nobody has the leaf and the root of both
    BOOST_TEST(db.stats().pinned_bytes == 2 * page);
}

/// Pages that were replaced before a reader began do not wait for it, though
/// a checkpoint gives them back together with those that were replaced later.
BOOST_AUTO_TEST_CASE(what_was_replaced_before_is_not_kept) {
    database db;
    auto t = make(db, "t");
    t.erase(0, 9 * leaf);
    auto const snap = db.snapshot();
    t.erase(0, 4 * leaf);
    ripen(db);
    auto const stats = db.stats();
    // The list of free pages before the last waits for superblocks alone.
    BOOST_TEST(stats.pinned_bytes + page == stats.ripening_bytes);
    BOOST_TEST(snap.open<std::int32_t>("t")[0] == 9 * leaf);
}

BOOST_AUTO_TEST_CASE(pinned_bytes_after_random_work) {
    auto random = random_source();
    database db;
    make(db, "0", 8);
    std::vector<std::pair<snapshot, values>> held;
    int names = 1;
    auto const pick = [&] {
        auto const all = db.list();
        return all[random() % all.size()].name;
    };
    for (int step = 0; step != 300; ++step) {
        auto t = db.open<std::int32_t>(pick());
        auto const n = static_cast<std::uint32_t>(t.size());
        switch (random() % 10) {
        case 0: held.emplace_back(db.snapshot(),
                                  db.open<std::int32_t>("0").to_vector());
            break;
        case 1:
            if (!held.empty())
                held.erase(held.begin()
                           + static_cast<std::ptrdiff_t>(random()
                                                         % held.size()));
            break;
        case 2: db.checkpoint(); break;
        case 3:
            if (names < 6)
                db.clone(pick(), std::to_string(names++));
            break;
        case 4: t.insert(random() % (n + 1), numbers(leaf * 3)); break;
        case 5:
            if (auto const name = pick(); name != "0")
                db.drop(name);
            break;
        case 6: t.erase(n / 2, n / 3); break;
        default:
            if (n != 0)
                t.set(random() % n, static_cast<std::int32_t>(step));
        }
        auto const report = db.verify(); // writes what has changed
        BOOST_TEST_REQUIRE(report.ok());
        std::uint64_t const pinned = db.stats().pinned_bytes;
        if (held.empty())
            BOOST_TEST_REQUIRE(pinned == 0u);
        else
            BOOST_TEST_REQUIRE(pinned == report.pinned_pages * page);
    }
    for (auto const& [snap, was] : held)
        BOOST_TEST((snap.open<std::int32_t>("0").to_vector() == was));
}

// bounds

/// The commit that makes the oldest snapshot keep more than the bound revokes
/// it, and none before.
BOOST_AUTO_TEST_CASE(a_bound_in_bytes_is_exact) {
    for (std::uint64_t const most : {page, 3 * page, 3 * page + 1}) {
        database db({.snapshot_max_bytes = most});
        overwriting overwrite{make(db, "t")};
        overwrite(); // the root gets no page before the next checkpoint
        auto const snap = db.snapshot();
        auto const old = snap.open<std::int32_t>("t");
        for (std::uint64_t n = 1; n <= most / page; ++n) {
            overwrite();
            BOOST_TEST(db.stats().pinned_bytes == n * page);
            BOOST_TEST(old[5 * leaf] == 5 * leaf);
        }
        overwrite();
        BOOST_TEST(expired([&] { old.size(); }));
        BOOST_TEST(db.stats().pinned_bytes == 0u);
        BOOST_TEST(db.stats().snapshots == 0u);
        require_sound(db);
    }
}

BOOST_AUTO_TEST_CASE(pages_of_a_revoked_snapshot_come_free) {
    database db({.snapshot_max_bytes = 20 * page});
    auto t = make(db, "t", 64);
    auto const snap = db.snapshot();
    t.erase(0, 32 * leaf); // drops trees, which are taken apart at once
    BOOST_TEST(expired([&] { snap.contains("t"); }));
    ripen(db);
    auto const stats = db.stats();
    BOOST_TEST(stats.pinned_bytes == 0u);
    t.append(numbers(32 * leaf)); // into what has come free
    ripen(db);
    BOOST_TEST(db.stats().pages == stats.pages);
    require_sound(db);
}

/// Revoked are the oldest, until the rest is within the bound.
BOOST_AUTO_TEST_CASE(younger_snapshots_stay) {
    database db({.snapshot_max_bytes = 4 * page});
    overwriting overwrite{make(db, "t")};
    overwrite();
    std::vector<snapshot> held;
    for (int i = 0; i != 8; ++i) {
        held.push_back(db.snapshot());
        overwrite();
    }
    for (std::size_t i = 0; i != held.size(); ++i) {
        if (i < 4)
            BOOST_TEST(expired([&] { held[i].open<std::int32_t>("t"); }));
        else
            BOOST_TEST(held[i].open<std::int32_t>("t").to_vector()
                           [static_cast<std::size_t>(i + 2) * leaf]
                       == static_cast<std::int32_t>(i + 2) * leaf);
    }
    BOOST_TEST(db.stats().pinned_bytes == 4 * page);
    BOOST_TEST(db.stats().snapshots == 4u);
}

BOOST_AUTO_TEST_CASE(every_read_from_a_revoked_snapshot_is_refused) {
    database db({.snapshot_max_age = 1s});
    auto t = make(db, "t");
    t.attributes().set("unit", "K");
    auto const snap = db.snapshot();
    auto const old = t.in(snap);
    auto const copy = snap;
    values out(10);
    database other;
    manual_clock::advance(1s + 1ns);
    BOOST_TEST(old.size() == static_cast<std::uint64_t>(16 * leaf)); // as yet
    db.checkpoint();
    std::vector<std::function<void()>> const reads = {
        [&] { snap.open<std::int32_t>("t"); },
        [&] { copy.open<std::int32_t>("none"); },
        [&] { snap.contains("t"); },
        [&] { snap.list(); },
        [&] { old.size(); },
        [&] { old.empty(); },
        [&] { static_cast<void>(old[1]); },
        [&] { old.at(1); },
        [&] { old.front(); },
        [&] { old.back(); },
        [&] { old.read(0, out); },
        [&] { old.read(ns::slice{.stop = 10}, out); },
        [&] { old.to_vector(); },
        [&] { old.to_vector(ns::every<2>{}); },
        [&] { old.gather(values{1, 2}); },
        [&] { old.view(); },
        [&] { old.view(ns::every<2>{}); },
        [&] { old.chunks(); },
        [&] { old.chunks(0, 1); },
        [&] { old.attributes().list(); },
        [&] { old.attributes().get<std::string>("unit"); },
        [&] { t.in(copy).size(); },
        [&] { t.insert(0, old); },
        [&] { db.copy(old, "copy"); },
        [&] { db.backup(other, snap); },
    };
    for (std::size_t i = 0; i != reads.size(); ++i)
        BOOST_TEST(expired(reads[i]), "read " << i);
    BOOST_TEST(!db.contains("copy"));
    BOOST_TEST(other.list().size() == 0u);
    BOOST_TEST(t.size() == static_cast<std::uint64_t>(16 * leaf));
    BOOST_TEST(db.snapshot().open<std::int32_t>("t")[1] == 1);
}

/// What was made from a snapshot before stays, with its pages, until it goes.
BOOST_AUTO_TEST_CASE(views_and_runs_outlive_their_snapshot) {
    database db({.snapshot_max_bytes = 2 * page});
    auto t = make(db, "t");
    auto const expected = t.to_vector();
    std::optional<snapshot> snap = db.snapshot();
    {
        auto const view = t.in(*snap).view();
        auto const left = t.in(*snap).view(ns::every<2>{});
        auto const chunks = t.in(*snap).chunks();
        auto run = chunks.begin();
        t.assign(numbers(16 * leaf, 1000));
        t.assign(numbers(16 * leaf, 2000));
        BOOST_TEST(expired([&] { snap->contains("t"); }));
        snap.reset();
        ripen(db);
        t.assign(numbers(16 * leaf, 3000));
        ripen(db);
        BOOST_TEST(db.stats().pinned_bytes > 16 * page);
        BOOST_TEST((view.to_vector() == expected));
        BOOST_TEST(left[7] == 14);
        values seen;
        for (; run != chunks.end(); ++run)
            seen.insert(seen.end(), (*run).begin(), (*run).end());
        BOOST_TEST((seen == expected));
    }
    BOOST_TEST(db.stats().pinned_bytes == 0u);
    ripen(db);
    BOOST_TEST(db.stats().ripening_pages < 16u);
    require_sound(db);
}

/// A view from no snapshot is not bounded, and bounds no snapshot.
BOOST_AUTO_TEST_CASE(views_of_their_own_are_not_revoked) {
    database db({.snapshot_max_bytes = 8 * page, .snapshot_max_age = 1h});
    auto t = make(db, "t");
    auto const view = t.view();
    t.assign(numbers(16 * leaf, 1000));
    ripen(db);
    auto const snap = db.snapshot();
    t.set(0, 1);
    BOOST_TEST(db.stats().pinned_bytes > 8 * page);
    BOOST_TEST(snap.open<std::int32_t>("t")[0] == 1000);
    BOOST_TEST(view[3] == 3);
    manual_clock::advance(2h);
    db.checkpoint();
    BOOST_TEST(expired([&] { snap.contains("t"); }));
    BOOST_TEST(view[3] == 3);
}

BOOST_AUTO_TEST_CASE(a_bound_in_age) {
    database db({.snapshot_max_age = 10ms});
    auto t = make(db, "t");
    auto const first = db.snapshot();
    manual_clock::advance(5ms);
    auto const second = db.snapshot();
    manual_clock::advance(5ms);
    t.set(0, 7);
    BOOST_TEST(first.open<std::int32_t>("t")[0] == 0); // as old as it may be
    manual_clock::advance(1ns);
    t.set(0, 8);
    BOOST_TEST(expired([&] { first.contains("t"); }));
    BOOST_TEST(second.open<std::int32_t>("t")[0] == 0);
    BOOST_TEST((db.stats().oldest_snapshot_age == 5ms + 1ns));
    manual_clock::advance(5ms);
    db.checkpoint(); // that has something to write
    BOOST_TEST(expired([&] { second.contains("t"); }));
    auto const third = db.snapshot();
    manual_clock::advance(11ms);
    db.checkpoint(); // and one that has not
    BOOST_TEST(expired([&] { third.contains("t"); }));
}

BOOST_AUTO_TEST_CASE(without_bounds_all_stay) {
    database db;
    auto t = make(db, "t");
    auto const snap = db.snapshot();
    for (int i = 0; i != 50; ++i) {
        t.assign(numbers(16 * leaf, i));
        manual_clock::advance(24h);
    }
    ripen(db);
    BOOST_TEST((snap.open<std::int32_t>("t").to_vector()
                == numbers(16 * leaf)));
}

/// After closing nobody revokes, and nobody refuses.
BOOST_AUTO_TEST_CASE(a_snapshot_outlives_its_database) {
    database db({.snapshot_max_bytes = 1 << 20, .snapshot_max_age = 1h});
    auto const t = make(db, "t");
    auto const snap = db.snapshot();
    db.close();
    manual_clock::advance(2h);
    BOOST_TEST(t.in(snap)[3] == 3);
    auto const view = t.in(snap).view();
    BOOST_TEST(view[4] == 4);
    BOOST_TEST(snap.open<std::int32_t>("t").size() == view.size());
}

/// Where nobody commits the database's own thread looks.
BOOST_AUTO_TEST_CASE(in_the_background) {
    database db({.background = true, .snapshot_max_age = 10ms});
    auto const t = make(db, "t");
    auto const snap = db.snapshot();
    BOOST_TEST(t.in(snap)[3] == 3);
    manual_clock::advance(20ms);
    while (db.stats().snapshots != 0)
        std::this_thread::yield();
    BOOST_TEST(expired([&] { snap.contains("t"); }));
}

/// Readers on threads of their own: each read is of one version or refused,
/// though pages are written again as soon as they come free.
BOOST_AUTO_TEST_CASE(readers_while_snapshots_are_revoked) {
    constexpr int readers = 3;
    database db({.snapshot_max_bytes = 24 * page});
    auto t = db.create<std::int32_t>("t");
    values const first(static_cast<std::size_t>(16 * leaf));
    t.append(first);
    std::atomic<bool> done{false};
    std::atomic<int> revoked{0};
    std::vector<std::string> wrong(readers);
    auto const read = [&](std::string& problem) {
        auto const of_one_version = [&](values const& v) {
            if (std::adjacent_find(v.begin(), v.end(), std::not_equal_to<>())
                != v.end())
                problem = "two versions in one read";
        };
        while (!done.load() || revoked.load() == 0) {
            auto const snap = db.snapshot();
            try {
                auto const old = snap.open<std::int32_t>("t");
                auto const view = old.view();
                // The first ones are kept until one has been revoked.
                for (int i = 0; i < 20 || revoked.load() == 0; ++i)
                    of_one_version(old.to_vector());
                of_one_version(view.to_vector());
            } catch (ns::error const& e) {
                if (e.code() == ns::errc::snapshot_expired)
                    revoked.fetch_add(1);
                else
                    problem = e.what();
            }
        }
    };
    std::vector<std::thread> threads;
    for (std::string& problem : wrong)
        threads.emplace_back([&] { read(problem); });
    for (int i = 1; i < 300 || revoked.load() == 0; ++i) {
        t.assign(values(first.size(), i));
        if (i % 2 == 0)
            db.checkpoint();
    }
    done.store(true);
    for (auto& thread : threads)
        thread.join();
    for (std::string const& problem : wrong)
        BOOST_TEST(problem == "");
    BOOST_TEST_MESSAGE(revoked << " snapshots were revoked");
    BOOST_TEST(db.stats().snapshots == 0u);
    require_sound(db);
}

BOOST_AUTO_TEST_CASE(a_backup_of_a_snapshot) {
    for (std::uint64_t const most : {std::uint64_t{0}, page}) {
        bool overwriting = false;
        array* t = nullptr;
        database db({.snapshot_max_bytes = most,
                     .progress = [&](ns::progress_info const&) {
                         if (overwriting)
                             t->assign(numbers(16 * leaf, 3000));
                     }});
        auto first = make(db, "1");
        auto last = make(db, "2");
        t = &last;
        auto const snap = db.snapshot();
        if (most == 0) // else it would be revoked before it is used
            last.assign(numbers(16 * leaf, 2000));
        overwriting = true;
        database copy;
        db.backup(copy, snap);
        overwriting = false;
        BOOST_TEST(last[0] == 3000);
        for (char const* const name : {"1", "2"})
            BOOST_TEST((copy.open<std::int32_t>(name).to_vector()
                        == numbers(16 * leaf)));
        BOOST_TEST((most != 0) == expired([&] { snap.contains("1"); }));
        require_sound(copy);
        BOOST_CHECK_EXCEPTION(
            copy.backup(db, snap), ns::error, [](ns::error const& e) {
                return e.code() == ns::errc::invalid_argument
                       || e.code() == ns::errc::snapshot_expired;
            });
    }
}

/// What a backup reads is a version of its own, which is not revoked.
BOOST_AUTO_TEST_CASE(a_backup_is_not_revoked) {
    array* t = nullptr;
    database db({.snapshot_max_bytes = page,
                 .progress = [&](ns::progress_info const&) {
                     if (t != nullptr)
                         t->assign(numbers(16 * leaf, 1000));
                 }});
    auto first = make(db, "1");
    auto last = make(db, "2");
    auto const snap = db.snapshot();
    t = &last;
    database copy;
    db.backup(copy);
    t = nullptr;
    BOOST_TEST(last[0] == 1000);
    BOOST_TEST((copy.open<std::int32_t>("2").to_vector()
                == numbers(16 * leaf)));
    BOOST_TEST(expired([&] { snap.contains("1"); }));
}

/// Nor leaves of versions between it and the newest in memory.
BOOST_AUTO_TEST_CASE(a_long_snapshot_keeps_no_versions_that_nobody_reads) {
    constexpr std::int32_t leaves = 16;
    database db;
    overwriting writes{make(db, "a", leaves)};
    auto const first = db.snapshot();
    std::optional<snapshot> middle;
    std::uint64_t most = 0;
    for (int i = 0; i != 4000; ++i) {
        writes();
        if (i == 500)
            middle = db.snapshot();
        most = std::max(most, db.stats().cache_bytes);
        if (i == 2000)
            middle.reset();
    }
    // Some, until it is looked for them: as many commits as there are leaves
    // would be 4000.
    BOOST_TEST(most <= 8 * leaves * page);
    BOOST_TEST((writes.t.in(first).to_vector() == numbers(leaves * leaf)));
    auto now = writes.t.to_vector();
    for (std::int32_t i = 0; i != leaves; ++i)
        BOOST_TEST(now[static_cast<std::size_t>(i * leaf)] == -1);
}

/// Nor while a snapshot that may be revoked is being read.
BOOST_AUTO_TEST_CASE(a_long_read_keeps_no_versions_that_nobody_reads) {
    constexpr std::int32_t leaves = 16;
    database db({.snapshot_max_age = std::chrono::hours(1)});
    overwriting writes{make(db, "a", leaves)};
    auto const first = db.snapshot();
    ns::detail::pinned_read<policies> const reading(*first.pin());
    std::uint64_t most = 0;
    for (int i = 0; i != 2000; ++i) {
        writes();
        most = std::max(most, db.stats().cache_bytes);
    }
    BOOST_TEST(most <= 8 * leaves * page);
    BOOST_TEST((writes.t.in(first).to_vector() == numbers(leaves * leaf)));
}

BOOST_AUTO_TEST_SUITE_END()
