// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/simulated_512.hpp"
#include "../storage/support.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_space)

namespace ns = numstore;

namespace {

/// Under a sanitizer fewer bytes show the same.
#ifndef NUMSTORE_TEST_THINNED
constexpr std::uint64_t large = std::uint64_t{1} << 30;
#else
constexpr std::uint64_t large = std::uint64_t{32} << 20;
#endif

using simulated = bags::simulated_512;
using database = ns::basic_database<simulated>;

struct fixture {
    ns::testing::temporary_directory dir;
    std::string file(std::string_view name) const { return dir / name; }
};

std::vector<int> numbers(std::size_t n, int first = 0) {
    std::vector<int> v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

/// Appends `bytes` of elements, in one transaction.
void fill(ns::database& db, ns::array<int>& a, std::uint64_t bytes) {
    auto const piece = numbers((std::size_t{8} << 20) / sizeof(int));
    auto tx = db.begin();
    auto t = a.in(tx);
    for (std::uint64_t done = 0; done < bytes;
         done += piece.size() * sizeof(int))
        t.append(piece);
    tx.commit();
}

template <class Database>
void require_sound(Database const& db) {
    auto const report = db.verify();
    for (auto const& p : report.problems)
        BOOST_TEST_MESSAGE(p.page << " " << p.array << ": " << p.what);
    BOOST_TEST_REQUIRE(report.ok());
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_clone_and_its_first_insert_write_little, fixture) {
    ns::database db(file("a.ns"), {.durability = ns::durability::none});
    auto a = db.create<int>("a");
    fill(db, a, large);
    db.checkpoint();
    auto const before = db.stats();
    db.clone("a", "b");
    auto b = db.open<int>("b");
    BOOST_TEST(b.size() == a.size());
    b.insert(b.size() / 2, numbers(10));
    db.checkpoint();
    auto const after = db.stats();
    std::uint64_t const path = 4 * ns::default_policies::page_size;
    BOOST_TEST(after.bytes_written - before.bytes_written <= 65536 + path);
    BOOST_TEST(after.live_bytes - before.live_bytes <= 65536u);
    BOOST_TEST(a[a.size() / 2] != b[b.size() / 2 - 3]);
    std::uint64_t const live = after.live_bytes;
    db.drop("a");
    for (int i = 0; i != 20; ++i)
        db.checkpoint();
    BOOST_TEST(db.stats().live_bytes <= live);
    BOOST_TEST(b[b.size() - 1] == static_cast<int>((8 << 20) / 4 - 1));
}

BOOST_FIXTURE_TEST_CASE(drop_and_clear_cost_the_same_whatever_the_size,
                        fixture) {
    std::vector<std::uint64_t> costs[2];
    for (std::uint64_t const mib : {8u, 16u, 64u}) {
        ns::database db(file(std::to_string(mib).c_str()),
                        {.durability = ns::durability::none});
        auto a = db.create<int>("a");
        auto b = db.create<int>("b");
        fill(db, a, mib << 20);
        fill(db, b, mib << 20);
        db.close();
        ns::database again(file(std::to_string(mib).c_str()));
        auto const s0 = again.stats();
        again.drop("a");
        auto const s1 = again.stats();
        again.open<int>("b").clear();
        auto const s2 = again.stats();
        costs[0].push_back(s1.bytes_written - s0.bytes_written
                           + s1.pages_read * 4096);
        costs[1].push_back(s2.bytes_written - s1.bytes_written
                           + (s2.pages_read - s1.pages_read) * 4096);
        BOOST_TEST(again.open<int>("b").empty());
        // Pages come back in bounded steps.
        for (int i = 0; i != 4; ++i)
            again.checkpoint();
        BOOST_TEST(again.stats().live_bytes < 100'000u);
        require_sound(again);
    }
    for (auto const& c : costs)
        BOOST_TEST(c.back() <= c.front() + 16 * 4096);
}

BOOST_FIXTURE_TEST_CASE(space_of_a_dropped_array_survives_crashes, fixture) {
    ns::testing::simulated_storage device(512);
    {
        database db(device, {.cache_bytes = 1 << 16});
        db.create<int>("a").append(numbers(300'000));
        db.create<int>("b").append(numbers(10));
    }
    std::uint64_t live = 0;
    for (std::uint64_t i = 0; i != 200; ++i) {
        database db(device, {.cache_bytes = 1 << 16});
        if (i == 0)
            db.drop("a");
        db.open<int>("b").push_back(static_cast<int>(i));
        if (i % 3 == 0)
            db.checkpoint();
        if (i % 10 == 0)
            require_sound(db);
        live = db.stats().live_bytes;
        device = device.after_power_loss(
            ns::testing::power_loss::random(i + 1));
    }
    BOOST_TEST(live < 16384u);
    database const db(device);
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(a_transaction_larger_than_the_cache_spills, fixture) {
    ns::testing::simulated_storage device(512);
    device.record(ns::testing::recording::off);
    ns::options const o{.cache_bytes = 1 << 17};
    database db(device, o);
    std::vector<int> model = numbers(large > 1 << 28 ? 1'000'000 : 100'000);
    auto a = db.create<int>("a");
    a.append(model);
    db.checkpoint();
    db.checkpoint();
    std::mt19937_64 random(1);
    auto const edit = [&](auto& t, std::vector<int>* m) {
        std::uint64_t most = 0;
        for (int i = 0; i != 40; ++i) {
            std::int64_t const step = 2 + i % 5;
            auto const first = static_cast<std::int64_t>(random() % 100);
            std::size_t const n =
                (t.size() - static_cast<std::size_t>(first)
                 + static_cast<std::size_t>(step) - 1)
                / static_cast<std::size_t>(step);
            t.write(ns::slice{.start = first, .step = step}, numbers(n, i));
            if (m != nullptr)
                for (std::size_t k = 0; k != n; ++k)
                    (*m)[static_cast<std::size_t>(first)
                         + k * static_cast<std::size_t>(step)] =
                        i + static_cast<int>(k);
            most = std::max(most, db.stats().cache_bytes);
        }
        BOOST_TEST(most <= 4u * o.cache_bytes);
    };
    std::uint64_t file = 0;
    for (int round = 0; round != 4; ++round) {
        auto tx = db.begin();
        auto t = a.in(tx);
        edit(t, nullptr);
        db.checkpoint();
        tx.rollback();
        BOOST_TEST((a.to_vector() == model));
        db.checkpoint();
        if (round == 1)
            file = db.stats().file_bytes;
        if (round > 1)
            BOOST_TEST(db.stats().file_bytes <= file);
        require_sound(db);
    }
    auto tx = db.begin();
    auto t = a.in(tx);
    edit(t, &model);
    tx.commit();
    BOOST_TEST((a.to_vector() == model));
    device = device.after_power_loss(ns::testing::power_loss::lose_all());
    database again(device, o);
    BOOST_TEST((again.open<int>("a").to_vector() == model));
    require_sound(again);
}

BOOST_FIXTURE_TEST_CASE(a_large_rollback_is_fast_and_leaks_nothing, fixture) {
    ns::database db(file("a.ns"), {.durability = ns::durability::none,
                                   .cache_bytes = std::uint64_t{16} << 20});
    auto a = db.create<int>("a");
    a.append(numbers(1000));
    db.checkpoint();
    db.checkpoint();
    auto const live = db.stats().live_bytes;
    auto tx = db.begin();
    auto t = a.in(tx);
    auto const piece = numbers((std::size_t{8} << 20) / sizeof(int));
    for (std::uint64_t done = 0; done < large / 2; done += 8 << 20)
        t.insert(t.size() / 2, piece);
    auto const before = db.stats();
    tx.rollback();
    auto const after = db.stats();
    BOOST_TEST(after.bytes_written == before.bytes_written);
    BOOST_TEST(after.pages_read == before.pages_read);
    // All but what was still in memory, of each insert.
    BOOST_TEST(after.free_bytes - before.free_bytes >= large / 2 * 99 / 100);
    BOOST_TEST(after.live_bytes == live);
    BOOST_TEST((a.to_vector() == numbers(1000)));
    require_sound(db);
}

BOOST_FIXTURE_TEST_CASE(a_transaction_over_many_checkpoints, fixture) {
    ns::testing::simulated_storage device(512);
    database db(device, {.cache_bytes = 1 << 16, .log_bytes = 1 << 15});
    std::vector<int> model;
    auto a = db.create<int>("a");
    auto tx = db.begin();
    auto t = a.in(tx);
    for (int i = 0; i != 300; ++i) {
        t.insert(t.size() / 2, numbers(100, i));
        auto const some = numbers(100, i);
        model.insert(model.begin()
                         + static_cast<std::ptrdiff_t>(model.size() / 2),
                     some.begin(), some.end());
        if (i % 10 == 0)
            db.checkpoint();
    }
    BOOST_TEST(a.empty());
    tx.commit();
    BOOST_TEST((a.to_vector() == model));
    device = device.after_power_loss(ns::testing::power_loss::lose_all());
    database again(device);
    BOOST_TEST((again.open<int>("a").to_vector() == model));
    require_sound(again);
}

BOOST_FIXTURE_TEST_CASE(a_transaction_that_keeps_too_much_of_the_log_ends,
                        fixture) {
    ns::testing::simulated_storage device(512);
    database db(device, {.max_log_bytes = 1 << 16});
    auto a = db.create<int>("a");
    a.append(numbers(10));
    auto tx = db.begin();
    auto t = a.in(tx);
    auto const too_old = [](ns::error const& e) {
        return e.code() == ns::errc::transaction_too_old;
    };
    BOOST_CHECK_EXCEPTION(
        for (int i = 0; i != 1000; ++i) t.append(numbers(20)), ns::error,
        too_old);
    BOOST_CHECK_EXCEPTION(t.size(), ns::error, too_old);
    BOOST_CHECK_EXCEPTION(tx.commit(), ns::error, too_old);
    BOOST_TEST(!tx.is_active());
    BOOST_TEST((a.to_vector() == numbers(10)));
    // Others go on, and the log is cut.
    a.push_back(10);
    db.checkpoint();
    db.checkpoint();
    BOOST_TEST((a.to_vector() == numbers(11)));
    // Calls of several changes are undone as a whole.
    BOOST_CHECK_EXCEPTION(
        db.transact([&](auto& x) {
            auto in = a.in(x);
            for (int i = 0; i != 1000; ++i)
                in.assign(numbers(50));
        }),
        ns::error, too_old);
    BOOST_TEST((a.to_vector() == numbers(11)));
    require_sound(db);
    device = device.after_power_loss(ns::testing::power_loss::lose_all());
    database again(device);
    BOOST_TEST((again.open<int>("a").to_vector() == numbers(11)));
}

/// What it keeps no checkpoint frees, so that none is written for it.
BOOST_FIXTURE_TEST_CASE(a_snapshot_makes_commits_no_dearer, fixture) {
    ns::database db(file("a.ns"), {.durability = ns::durability::none});
    auto a = db.create<int>("a");
    auto b = db.create<int>("b");
    for (int i = 0; i != 16; ++i) {
        a.append(numbers(100'000));
        b.append(numbers(100'000));
    }
    db.checkpoint();
    auto const snapshot = db.snapshot();
    db.drop("a");
    for (int i = 0; i != 50; ++i)
        b.push_back(i);
    auto const before = db.stats();
    BOOST_TEST(before.pinned_bytes > before.file_bytes / 4);
    for (int i = 0; i != 200; ++i)
        b.push_back(i);
    BOOST_TEST(db.stats().checkpoints - before.checkpoints <= 2u);
    BOOST_TEST(a.in(snapshot).size() == 1'600'000u);
}

BOOST_FIXTURE_TEST_CASE(cycles_of_filling_and_erasing_reuse_the_file, fixture) {
    ns::database db(file("a.ns"), {.durability = ns::durability::none});
    auto a = db.create<int>("a");
    std::uint64_t once = 0;
    for (int i = 0; i != 20; ++i) {
        fill(db, a, large / 8);
        if (i == 0)
            once = db.stats().file_bytes;
        a.erase(0, a.size());
    }
    BOOST_TEST(db.stats().file_bytes <= once * 13 / 10);
    require_sound(db);
}

BOOST_FIXTURE_TEST_CASE(cycles_of_small_transactions_reuse_the_file, fixture) {
    ns::database db(file("a.ns"), {.durability = ns::durability::none});
    auto a = db.create<int>("a");
    auto const piece = numbers((std::size_t{1} << 20) / sizeof(int));
    std::uint64_t once = 0;
    for (int i = 0; i != 12; ++i) {
        for (std::uint64_t done = 0; done < large / 8; done += 1 << 20)
            a.append(piece);
        if (i == 0)
            once = db.stats().file_bytes;
        if (i % 3 == 0) {
            a.erase(0, a.size());
        } else if (i % 3 == 1) {
            a.clear();
        } else {
            db.drop("a");
            a = db.create<int>("a");
        }
    }
    BOOST_TEST(db.stats().file_bytes <= once * 13 / 10 + (8u << 20));
    require_sound(db);
}

/// The log's space, given up and taken by leaves, would have to be found anew
/// and written over with zeros at each checkpoint.
BOOST_FIXTURE_TEST_CASE(overwriting_keeps_file_and_log_as_they_are, fixture) {
    ns::database db(file("a.ns"), {.durability = ns::durability::none});
    auto a = db.create<int>("a");
    fill(db, a, 16 << 20);
    std::mt19937_64 random(3);
    auto const some = numbers(1024);
    auto const overwrite = [&](int commits) {
        for (int c = 0; c != commits; ++c) {
            auto tx = db.begin();
            auto t = a.in(tx);
            for (int i = 0; i != 1000; ++i)
                t.write(random() % (t.size() - some.size()), some);
            tx.commit();
        }
        return db.stats();
    };
    auto const before = overwrite(25);
    auto const after = overwrite(large < 1 << 30 ? 10 : 40);
    BOOST_TEST(after.checkpoints > before.checkpoints + 5);
    BOOST_TEST(after.file_bytes <= before.file_bytes);
    BOOST_TEST(after.file_bytes <= after.live_bytes * 20 / 10);
    BOOST_TEST(after.log_preparation_bytes == before.log_preparation_bytes);
    require_sound(db);
}

BOOST_FIXTURE_TEST_CASE(edits_in_balance_keep_the_file_in_proportion, fixture) {
    ns::database db(file("a.ns"), {.durability = ns::durability::none});
    auto a = db.create<int>("a");
    fill(db, a, large / 32);
    std::mt19937_64 random(3);
    auto const some = numbers(200);
    for (std::uint64_t bytes = 0; bytes < large / 16; bytes += 800 * 50) {
        auto tx = db.begin();
        auto t = a.in(tx);
        for (int i = 0; i != 50; ++i) {
            t.insert(random() % t.size(), some);
            t.erase(random() % (t.size() - 200), 200);
        }
        tx.commit();
    }
    auto const s = db.stats();
    BOOST_TEST_MESSAGE("file " << s.file_bytes << " live " << s.live_bytes
                               << " elements " << a.size() * 4);
    BOOST_TEST(s.file_bytes <= s.live_bytes * 16 / 10);
    require_sound(db);
}

BOOST_AUTO_TEST_SUITE_END()
