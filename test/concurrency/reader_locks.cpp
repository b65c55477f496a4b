// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// label("native")
// Which mutexes readers take: none, once what they read is in memory, cached
// or mapped. Counted where the standard library calls the system's, which is
// replaced in the whole program.
#include "../bags/default_policies.hpp"
#include "../bags/in_file.hpp"
#include "../bags/memory_512.hpp"
#include "../storage/support.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(concurrency_reader_locks)

namespace {

namespace ns = numstore;

/// Locks that this thread has taken.
constinit thread_local std::uint64_t locks_taken = 0;

using mutex_call = int (*)(pthread_mutex_t*);
constinit std::atomic<mutex_call> real_lock{nullptr};
constinit std::atomic<mutex_call> real_try_lock{nullptr};

/// Also before `main`, and so without a variable that is made when first used.
int call(std::atomic<mutex_call>& real, char const* name, pthread_mutex_t* m) {
    mutex_call f = real.load(std::memory_order_relaxed);
    if (f == nullptr) {
        f = reinterpret_cast<mutex_call>(::dlsym(RTLD_NEXT, name));
        real.store(f, std::memory_order_relaxed);
    }
    ++locks_taken;
    return f(m);
}

} // namespace

extern "C" int pthread_mutex_lock(pthread_mutex_t* m) noexcept {
    return call(real_lock, "pthread_mutex_lock", m);
}
extern "C" int pthread_mutex_trylock(pthread_mutex_t* m) noexcept {
    return call(real_try_lock, "pthread_mutex_trylock", m);
}

namespace {

template <class F>
std::uint64_t locks_of(F&& f) {
    auto const before = locks_taken;
    f();
    return locks_taken - before;
}

template <class R>
std::int64_t sum(R const& range) {
    return std::accumulate(range.begin(), range.end(), std::int64_t{0});
}

constexpr std::int64_t size = 20'000; // forty leaves or more
constexpr std::int64_t total = size * (size - 1) / 2;

/// Arrays of which one was made in one piece, and one is changed in memory.
template <class Database>
void fill(Database& db) {
    std::vector<std::int64_t> v(size);
    std::iota(v.begin(), v.end(), 0);
    db.template create<std::int64_t>("bulk").append(v);
    auto t = db.template create<std::int64_t>("edited");
    t.append(v);
    db.checkpoint();
    t.erase(100, 50);
    std::vector<std::int64_t> const part(v.begin() + 100, v.begin() + 150);
    t.insert(7000, part);
}

/// Elements, ranges, views and chunks, in all the ways there are.
template <class Handle>
void read_all_ways(Handle const& t) {
    std::int64_t s = 0;
    for (std::int64_t i = 0; i < size; i += 997)
        s += t[i] - t.at(i);
    BOOST_TEST(s == 0);
    BOOST_TEST(t.size() == static_cast<std::uint64_t>(size));
    BOOST_TEST(t.front() + t.back() == size - 1);
    BOOST_TEST(sum(t.to_vector()) == total);
    std::vector<std::int64_t> out(size);
    t.read(0, out);
    BOOST_TEST(sum(out) == total);
    BOOST_TEST(t.read(ns::slice{.step = -1}, out) == out.size());
    BOOST_TEST(sum(out) == total);
    BOOST_TEST(t.gather(std::vector{0, 5, 99}).size() == 3u);
    BOOST_TEST(sum(t.view()) == total);
    BOOST_TEST(sum(t.view(ns::every<2>{})) + sum(t.view(ns::every<2, 1>{}))
               == total);
    for (auto const run : t.chunks())
        s += sum(run);
    for (auto const run : t.chunks(1000, 4000))
        s -= sum(run);
    BOOST_TEST(s > 0);
}

struct counts {
    std::uint64_t plain;
    std::uint64_t snapshot;
    std::uint64_t by_name;
    std::uint64_t name_in_snapshot;
};

/// Locks that the second of two same readings takes.
template <class Database>
counts count_locks(Database& db, char const* name) {
    auto const t = db.template open<std::int64_t>(name);
    read_all_ways(t);
    counts c{};
    c.plain = locks_of([&] { read_all_ways(t); });
    c.snapshot = locks_of([&] {
        auto const s = db.snapshot();
        auto const copy = s;
        read_all_ways(t.in(copy));
    });
    c.by_name = locks_of([&] { db.template open<std::int64_t>(name); });
    auto const s = db.snapshot();
    c.name_in_snapshot = locks_of([&] { s.template open<std::int64_t>(name); });
    BOOST_TEST_MESSAGE(
        name << ": plain reads take " << c.plain << " locks, snapshots "
             << c.snapshot << ", an open " << c.by_name
             << ", an open in a snapshot " << c.name_in_snapshot);
    return c;
}

/// As it is now: the registry of arrays in use, once.
constexpr std::uint64_t locks_of_an_open = 1;

template <class Database>
void require_no_locks(Database& db) {
    for (char const* const name : {"bulk", "edited"}) {
        auto const c = count_locks(db, name);
        BOOST_TEST(c.plain == 0u);
        BOOST_TEST(c.snapshot == 0u);
        BOOST_TEST(c.by_name == locks_of_an_open);
        BOOST_TEST(c.name_in_snapshot == locks_of_an_open);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(the_counter_counts) {
    ns::basic_database<bags::memory_512> db;
    auto t = db.create<int>("t");
    BOOST_TEST(locks_of([&] { t.append({1, 2, 3}); }) > 0u);
}

BOOST_AUTO_TEST_CASE(in_memory_readers_take_none) {
    ns::basic_database<bags::memory_512> db;
    fill(db);
    require_no_locks(db);
    db.checkpoint();
    require_no_locks(db);
}

/// Neither do those of snapshots that may be revoked.
BOOST_AUTO_TEST_CASE(readers_of_bounded_snapshots_take_none) {
    ns::basic_database<bags::memory_512> db(
        {.snapshot_max_bytes = 1 << 30,
         .snapshot_max_age = std::chrono::hours(24)});
    fill(db);
    require_no_locks(db);
}

BOOST_AUTO_TEST_CASE(of_a_mapped_file_readers_take_none) {
    ns::testing::temporary_directory const in;
    using database = ns::database;
    {
        database db(in / "mapped.ns");
        fill(db);
        require_no_locks(db);
    }
    database db(in / "mapped.ns");
    require_no_locks(db);
}

/// Nor to find a leaf in the cache, once it has been read.
BOOST_AUTO_TEST_CASE(of_a_read_file_they_take_none) {
    ns::testing::temporary_directory const in;
    using database = ns::basic_database<bags::in_file>;
    {
        database db(in / "read.ns");
        fill(db);
        require_no_locks(db);
    }
    database db(in / "read.ns");
    auto const t = db.open<std::int64_t>("bulk");
    BOOST_TEST(locks_of([&] { BOOST_TEST(t[5] == 5); }) > 0u);
    require_no_locks(db);
}

BOOST_AUTO_TEST_SUITE_END()
