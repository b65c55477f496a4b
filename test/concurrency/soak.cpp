// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// Real threads on a file, for NUMSTORE_SOAK_SECONDS, by default two: writers
// of several arrays, readers, checkpoints, compaction and clones. The file is
// looked at while they work, at the end, and after it is opened again.
#include <numstore/numstore.hpp>

#include "../storage/support.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <exception>
#include <filesystem>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(concurrency_soak)

namespace {

namespace ns = numstore;
using number = std::int64_t;
using array = ns::array<number>;
using values = std::vector<number>;
using random = std::mt19937_64;

constexpr std::size_t accounts = 4;
constexpr std::size_t account_size = 4000;
constexpr number all_money = accounts * account_size * 100;
constexpr std::size_t ring_size = 3000;
constexpr std::size_t writers = 3;

std::string account(std::size_t i) { return "account " + std::to_string(i); }
std::string own(std::size_t i) { return "own " + std::to_string(i); }

void require(bool holds, std::string const& what) {
    if (!holds)
        throw std::runtime_error(what);
}

std::chrono::seconds duration() {
    char const* const s = std::getenv("NUMSTORE_SOAK_SECONDS");
    return std::chrono::seconds(s ? std::strtoll(s, nullptr, 10) : 2);
}

bool is_ring(values const& next) {
    std::size_t at = 0;
    for (std::size_t met = 1; met <= next.size(); ++met) {
        at = static_cast<std::size_t>(next.at(at));
        if (at == 0)
            return met == next.size();
    }
    return false;
}

/// Commit k of a writer leaves its array with k at the end, and ascending.
void extend_own(array to, number k, random& rng) {
    to.append(values(k % 50 == 0 ? 20'000 : 1 + rng() % 30, k));
    if (to.size() > 60'000)
        to.erase(rng() % 1000, to.size() / 2);
}

template <class Source>
void check(Source& in) {
    number sum = 0;
    for (std::size_t i = 0; i != accounts; ++i)
        for (auto const run : in.template open<number>(account(i)).chunks())
            sum = std::accumulate(run.begin(), run.end(), sum);
    require(sum == all_money, "the sum is " + std::to_string(sum));
    require(is_ring(in.template open<number>("ring").to_vector()),
            "not a ring");
    auto const commits = in.template open<number>("commits").to_vector();
    for (std::size_t i = 0; i != writers; ++i) {
        auto const v = in.template open<number>(own(i)).to_vector();
        require(std::ranges::is_sorted(v), own(i) + " is not sorted");
        require(commits[i] == (v.empty() ? 0 : v.back()),
                own(i) + " does not end with its last commit");
    }
}

void fill(ns::database& db) {
    auto tx = db.begin();
    for (std::size_t i = 0; i != accounts; ++i)
        tx.create<number>(account(i)).append(values(account_size, 100));
    values next(ring_size);
    std::iota(next.begin(), next.end(), 1);
    next.back() = 0;
    tx.create<number>("ring").append(next);
    for (std::size_t i = 0; i != writers; ++i)
        tx.create<number>(own(i));
    tx.create<number>("commits").append(values(writers, 0));
    tx.commit();
}

void move_money(ns::transaction& tx, random& rng) {
    std::size_t const a = rng() % accounts;
    auto from = tx.open<number>(account(a));
    auto to =
        tx.open<number>(account((a + 1 + rng() % (accounts - 1)) % accounts));
    if (from.size() < 500 || to.empty())
        return;
    auto const at = rng() % (from.size() - 400);
    if (rng() % 2 == 0) {
        auto const amount = static_cast<number>(rng() % 50);
        from.set(at, from[at] - amount);
        auto const there = rng() % to.size();
        to.set(there, to[there] + amount);
    } else {
        auto const moved = from.extract(
            ns::slice{.start = static_cast<number>(at),
                      .stop = static_cast<number>(at + rng() % 400),
                      .step = static_cast<number>(1 + rng() % 3)});
        to.insert(rng() % (to.size() + 1), moved);
    }
}

void relink(array ring, random& rng) {
    auto const next = [&](std::size_t i) {
        return static_cast<std::size_t>(number(ring[i]));
    };
    std::size_t const before = rng() % ring_size;
    std::size_t const moved = next(before);
    std::size_t const after = next(moved);
    ring.set(before, static_cast<number>(after));
    std::size_t place = rng() % ring_size;
    place = place == moved ? after : place;
    auto const behind = static_cast<number>(next(place));
    ring.scatter(std::vector{moved, place},
                 values{behind, static_cast<number>(moved)});
}

/// One of the threads: what it did, or what went wrong.
struct job {
    std::uint64_t rounds = 0;
    std::string problem{};
};

class crew {
public:
    explicit crew(std::chrono::seconds time)
        : end_(std::chrono::steady_clock::now() + time) {}

    /// round(random), until the time is over.
    template <class Round>
    void add(Round round) {
        job& j = jobs_.emplace_back();
        random rng(jobs_.size());
        threads_.emplace_back([this, &j, round, rng]() mutable {
            try {
                while (!stop_ && std::chrono::steady_clock::now() < end_) {
                    again([&] { round(rng); });
                    ++j.rounds;
                }
            } catch (std::exception const& e) {
                j.problem = e.what();
                stop_ = true;
            }
        });
    }

    std::deque<job> const& finish() {
        for (auto& t : threads_)
            t.join();
        return jobs_;
    }

private:
    /// Another transaction may have been in the way.
    template <class F>
    static void again(F&& f) {
        for (;;) {
            try {
                return f();
            } catch (ns::error const& e) {
                if (e.code() != ns::errc::deadlock
                    && e.code() != ns::errc::timed_out)
                    throw;
            }
        }
    }

    std::chrono::steady_clock::time_point end_;
    std::atomic<bool> stop_{false};
    std::deque<job> jobs_;
    std::vector<std::thread> threads_;
};

void add_writers(crew& c, ns::database& db) {
    for (std::size_t i = 0; i != writers; ++i)
        c.add([&db, i](random& rng) {
            auto tx = db.begin();
            move_money(tx, rng);
            if (rng() % 3 == 0)
                relink(tx.open<number>("ring"), rng);
            auto commits = tx.open<number>("commits");
            number const k = commits[i] + 1;
            extend_own(tx.open<number>(own(i)), k, rng);
            commits.set(i, k);
            if (rng() % 10 == 0)
                return;
            tx.commit();
            require(db.open<number>("commits")[i] == k, "a commit is not seen");
        });
}

void add_readers(crew& c, ns::database& db) {
    for (int i = 0; i != 2; ++i)
        c.add([&db](random&) {
            auto const s = db.snapshot();
            check(s);
            std::this_thread::yield();
            check(s);
        });
    c.add([ring = db.open<number>("ring")](random&) {
        require(is_ring(ring.to_vector()), "a plain read of half a ring");
        auto const view = ring.view();
        require(is_ring({view.begin(), view.end()}), "a view of half a ring");
    });
}

void add_chores(crew& c, ns::database& db) {
    c.add([&db](random&) { db.checkpoint(); });
    c.add([&db](random& rng) {
        if (rng() % 4 == 0)
            db.compact();
        db.clone("ring", "twin");
        require(is_ring(db.open<number>("twin").to_vector()),
                "a clone of half a ring");
        db.drop("twin");
        if (rng() % 16 == 0) {
            auto const report = db.verify();
            require(report.ok(),
                    report.ok() ? "" : report.problems.front().what);
        }
    });
}

} // namespace

BOOST_AUTO_TEST_CASE(invariants_hold_all_the_time) {
    std::filesystem::path const memory = "/dev/shm";
    ns::testing::temporary_directory const in(
        std::filesystem::is_directory(memory)
            ? memory
            : std::filesystem::temp_directory_path());
    auto const path = in / "soak.ns";
    {
        ns::database db(path, {.log_bytes = 1 << 20,
                               .lock_timeout = std::chrono::minutes(5)});
        fill(db);
        crew c(duration());
        add_writers(c, db);
        add_readers(c, db);
        add_chores(c, db);
        auto const& jobs = c.finish();
        for (auto const& j : jobs) {
            BOOST_TEST(j.problem == "");
            BOOST_TEST(j.rounds > 0u);
        }
        auto const commits = db.open<number>("commits").to_vector();
        auto const sum =
            std::accumulate(commits.begin(), commits.end(), number{0});
        auto const stats = db.stats();
        BOOST_TEST_MESSAGE("figure soak_commits "
                           << sum << "\nfigure soak_snapshots "
                           << jobs[writers].rounds + jobs[writers + 1].rounds
                           << "\nfigure soak_checkpoints " << stats.checkpoints
                           << "\nfigure soak_file_bytes " << stats.file_bytes);
        BOOST_TEST(sum > 0);
        BOOST_TEST(db.verify().ok());
        BOOST_CHECK_NO_THROW(check(db));
    }
    ns::database again(path);
    BOOST_CHECK_NO_THROW(check(again));
    BOOST_TEST(again.verify().ok());
}

BOOST_AUTO_TEST_SUITE_END()
