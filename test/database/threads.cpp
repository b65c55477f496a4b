// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/memory_512.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_threads)

namespace {

namespace ns = numstore;

using policies = bags::memory_512;

std::uint64_t seed() {
    char const* const given = std::getenv("NUMSTORE_SEED");
    auto const s =
        given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << s);
    return s;
}

void require(bool holds, char const* what) {
    if (!holds)
        throw std::runtime_error(what);
}

template <class R>
std::int64_t sum(R const& range) {
    std::int64_t s = 0;
    for (auto const i : range)
        s += i;
    return s;
}

template <class Runs>
std::int64_t sum_of_runs(Runs const& runs) {
    std::int64_t s = 0;
    for (std::span<std::int64_t const> const run : runs)
        s += sum(run);
    return s;
}

/// Accounts, between which writers move amounts: in `left` and `right`
/// together, and in `own` alone, there is always the same. Elements move from
/// one array to the other too. `moves` holds the number of the commit.
template <class P>
class bank {
public:
    using database = ns::basic_database<P>;
    using transaction = ns::basic_transaction<P>;
    using snapshot = ns::basic_snapshot<P>;
    using numbers = ns::array<std::int64_t, P>;
    using random = std::mt19937_64;

    static constexpr std::size_t accounts = 3000;
    static constexpr std::int64_t amount = 1000;
    static constexpr std::int64_t all = 2 * accounts * amount;

    explicit bank(database& d) : db(d) {
        std::vector<std::int64_t> const full(accounts, amount);
        left.append(full);
        right.append(full);
        own.append(full);
        moves.append({0});
    }

    /// Both arrays of a snapshot, by calls that differ.
    std::int64_t total(snapshot const& snap, unsigned how) const {
        auto const l = left.in(snap);
        auto const r = snap.template open<std::int64_t>("right");
        switch (how % 4) {
        case 0: return sum(l.to_vector()) + sum_of_runs(r.chunks());
        case 1: return sum_of_runs(l.chunks()) + sum(r.view());
        case 2:
            return sum(l.view(ns::every<2>{})) + sum(l.view(ns::every<2, 1>{}))
                   + sum(r.to_vector(ns::slice{.step = -1}));
        default: {
            auto const half = static_cast<std::int64_t>(r.size() / 2);
            std::vector<std::int64_t> rest(
                static_cast<std::size_t>(r.size())
                - static_cast<std::size_t>(half));
            r.read(half, rest);
            return sum(l.view()) + sum_of_runs(r.chunks(0, half)) + sum(rest);
        }
        }
    }

    /// The one array that no other writer touches.
    void move_in_own(random& rng) {
        auto const n = own.size();
        std::uint64_t const from = rng() % n;
        std::uint64_t const to = (from + 1 + rng() % (n - 1)) % n;
        db.transact([&](transaction& tx) {
            auto t = own.in(tx);
            auto const some = static_cast<std::int64_t>(rng() % 50);
            t.scatter(std::vector{from, to},
                      {t[from] - some, t[to] + some});
        });
    }

    void move(random& rng) {
        db.transact([&](transaction& tx) {
            auto l = left.in(tx);
            auto r = right.in(tx);
            switch (rng() % 4) {
            case 0: move_amounts(l, r, rng); break;
            case 1: move_elements(l, r, rng); break;
            case 2: move_elements(r, l, rng); break;
            default: {
                auto const mark = tx.savepoint();
                move_elements(l, r, rng);
                l.clear();
                tx.rollback_to(mark);
                move_amounts(r, l, rng);
            }
            }
            auto m = moves.in(tx);
            m.set(0, m[0] + 1);
        });
    }

    database& db;
    numbers left = db.template create<std::int64_t>("left");
    numbers right = db.template create<std::int64_t>("right");
    numbers own = db.template create<std::int64_t>("own");
    numbers moves = db.template create<std::int64_t>("moves");

private:
    static void move_amounts(numbers& from, numbers& to, random& rng) {
        if (from.size() < 200 || to.size() < 200)
            return;
        ns::slice const f{
            .start = static_cast<std::int64_t>(rng() % (from.size() - 100)),
            .step = static_cast<std::int64_t>(1 + rng() % 3)};
        auto taken = from.to_vector(f);
        auto const n = std::min<std::size_t>(taken.size(), 50);
        ns::slice const part{
            .start = f.start,
            .stop = *f.start + *f.step * static_cast<std::int64_t>(n),
            .step = f.step};
        std::int64_t some = 0;
        taken.resize(n);
        for (auto& i : taken) {
            some += i / 3;
            i -= i / 3;
        }
        from.write(part, taken);
        std::uint64_t const at = rng() % to.size();
        to.set(at, to[at] + some);
    }

    static void move_elements(numbers& from, numbers& to, random& rng) {
        if (from.size() < 500)
            return;
        auto const n = static_cast<std::int64_t>(rng() % 200);
        auto const at =
            static_cast<std::int64_t>(rng() % (from.size() - 400));
        auto const moved = from.extract(ns::slice{
            .start = at, .stop = at + 2 * n, .step = 1 + (rng() % 2 == 0)});
        to.insert(rng() % (to.size() + 1), moved);
    }
};

/// Threads that work until the last of the writers is done.
class crew {
public:
    explicit crew(std::uint64_t s) : random_(s) {}

    /// step(random, i) for i = 0, 1, ..., `count` times.
    template <class Step>
    void write(int count, Step step) {
        ++writers_;
        start([=, this](auto& rng) {
            one_less const at_the_end{writers_};
            for (int i = 0; i != count; ++i)
                step(rng, i);
        });
    }
    /// At least `least` times, and then until the writers are done.
    template <class Step>
    void read(int least, Step step) {
        start([=, this](auto& rng) {
            auto mine = step;
            for (int i = 0; i < least || writers_.load() != 0; ++i)
                mine(rng, i);
        });
    }

    /// What went wrong, of all.
    std::vector<std::string> run() {
        std::vector<std::thread> threads;
        for (auto& j : jobs_)
            threads.emplace_back([&j] { j.work(); });
        for (auto& t : threads)
            t.join();
        std::vector<std::string> problems;
        for (auto const& j : jobs_)
            if (!j.problem.empty())
                problems.push_back(j.problem);
        return problems;
    }

private:
    struct one_less {
        std::atomic<int>& left;
        ~one_less() { left.fetch_sub(1); }
    };
    struct job {
        std::function<void()> work{};
        std::string problem{};
    };

    template <class Work>
    void start(Work w) {
        job& j = jobs_.emplace_back();
        j.work = [&j, w, rng = std::mt19937_64(random_())]() mutable {
            try {
                w(rng);
            } catch (std::exception const& e) {
                j.problem = e.what();
            }
        };
    }

    std::mt19937_64 random_;
    std::atomic<int> writers_{0};
    std::deque<job> jobs_;
};

/// Reads a version, and compares numbers of commits, which only grow.
template <class P>
auto snapshot_reader(bank<P>& b) {
    return [&b, last = std::int64_t{0}](auto& rng, int) mutable {
        auto const snap = b.db.snapshot();
        require(b.total(snap, static_cast<unsigned>(rng())) == bank<P>::all,
                "a snapshot shows half a transaction");
        auto const now = b.moves.in(snap)[0];
        require(now >= last, "a snapshot is older than the one before");
        last = now;
        require(b.total(snap, static_cast<unsigned>(rng())) == bank<P>::all,
                "a snapshot has changed");
    };
}

template <class P>
auto plain_reader(bank<P>& b) {
    return [&b](auto& rng, int) {
        constexpr auto expected = bank<P>::all / 2;
        std::vector<std::int64_t> out(bank<P>::accounts);
        switch (rng() % 5) {
        case 0: out = b.own.to_vector(); break;
        case 1: b.own.read(0, out); break;
        case 2: b.own.read(ns::slice{.step = -1}, out); break;
        case 3: out = b.own.view().to_vector(); break;
        default: out = {sum_of_runs(b.own.chunks())};
        }
        require(sum(out) == expected, "a read shows half a transaction");
    };
}

/// Views and snapshots that outlive many commits, given up in any order.
template <class P>
auto view_holder(bank<P>& b) {
    using numbers = typename bank<P>::numbers;
    struct held {
        typename bank<P>::snapshot snap;
        decltype(std::declval<numbers>().view()) left;
        decltype(std::declval<numbers>().chunks()) right;
        decltype(std::declval<numbers>().view()) own;
        std::int64_t own_first;
    };
    return [&b, old = std::deque<held>()](auto& rng, int) mutable {
        auto snap = b.db.snapshot();
        auto own = b.own.view();
        auto const first = own[0];
        old.push_back({snap, b.left.in(snap).view(), b.right.in(snap).chunks(),
                       std::move(own), first});
        if (old.size() == 9)
            old.erase(old.begin()
                      + static_cast<std::ptrdiff_t>(rng() % old.size()));
        held const& h = old[static_cast<std::size_t>(rng() % old.size())];
        require(sum(h.left) + sum_of_runs(h.right) == bank<P>::all,
                "views of a snapshot have changed");
        require(sum(h.own) == bank<P>::all / 2 && h.own[0] == h.own_first,
                "a view has changed");
    };
}

template <class P>
auto snapshot_opener(bank<P>& b) {
    using snapshot = typename bank<P>::snapshot;
    return [&b, some = std::deque<snapshot>()](auto& rng, int) mutable {
        for (int i = 0; i != 20; ++i)
            some.push_back(b.db.snapshot());
        auto const copy = some[static_cast<std::size_t>(rng() % some.size())];
        while (some.size() > 30)
            some.erase(some.begin()
                       + static_cast<std::ptrdiff_t>(rng() % some.size()));
        require(copy.contains("own"), "an array is missing");
        require(b.own.in(copy).size() == bank<P>::accounts,
                "an array has another size");
    };
}

/// What is asked of a database while others work with it.
template <class P>
auto watcher(bank<P>& b) {
    return [&b, commits = std::uint64_t{0}](auto&, int i) mutable {
        auto const stats = b.db.stats();
        require(stats.commits >= commits, "commits were lost");
        commits = stats.commits;
        auto const list = b.db.list();
        require(std::ranges::is_sorted(list, {}, &ns::array_info::name),
                "the list is not sorted");
        require(std::ranges::count(list, "own", &ns::array_info::name) == 1,
                "an array is not in the list");
        if (i % 4 == 0) {
            auto const report = b.db.verify();
            require(report.ok(), report.ok()
                                     ? ""
                                     : report.problems.front().what.c_str());
        }
    };
}

template <class P>
void check_end(bank<P>& b) {
    BOOST_TEST(b.total(b.db.snapshot(), 0) == bank<P>::all);
    BOOST_TEST(sum(b.own.view()) == bank<P>::all / 2);
    b.db.checkpoint();
    auto const report = b.db.verify();
    BOOST_TEST(report.ok());
    BOOST_TEST(b.db.stats().snapshots == 0u);
}

template <class P>
void check_crew(bank<P>& b, int commits) {
    crew c(seed());
    c.write(commits, [&b](auto& rng, int i) {
        b.move(rng);
        if (i % 25 == 24)
            b.db.checkpoint();
    });
    c.write(commits, [&b](auto& rng, int) { b.move_in_own(rng); });
    c.write(commits / 40, [&b](auto&, int) { b.db.compact(); });
    c.write(commits / 4, [&b](auto&, int) {
        b.db.clone("left", "copy");
        auto const copied = b.db.template open<std::int64_t>("copy");
        auto const first = copied.to_vector(ns::slice{.stop = 700});
        b.db.rename("copy", "other");
        require(copied.to_vector(ns::slice{.stop = 700}) == first,
                "a clone has changed");
        b.db.drop("other");
    });
    c.read(3, snapshot_reader(b));
    c.read(3, plain_reader(b));
    c.read(3, view_holder(b));
    c.read(3, snapshot_opener(b));
    c.read(3, snapshot_opener(b));
    c.read(1, watcher(b));
    auto const problems = c.run();
    for (auto const& p : problems)
        BOOST_ERROR(p);
    BOOST_TEST(b.moves[0] == commits);
}

} // namespace

BOOST_AUTO_TEST_CASE(readers_beside_writers) {
    bank<policies>::database db(
        ns::options{.cache_bytes = 1 << 20, .log_bytes = 1 << 20});
    bank<policies> b(db);
    check_crew(b, 200);
    check_end(b);
}

BOOST_AUTO_TEST_CASE(readers_beside_writers_of_a_file) {
    namespace fs = std::filesystem;
    auto const path = fs::temp_directory_path()
                      / ("numstore-threads-" + std::to_string(seed())
                         + ".ns");
    {
        ns::database db(path, {.mode = ns::open_mode::create_new,
                               .durability = ns::durability::none});
        bank<ns::default_policies> b(db);
        check_crew(b, 100);
        check_end(b);
    }
    ns::database again(path);
    BOOST_TEST(sum(again.open<std::int64_t>("left").view())
                   + sum(again.open<std::int64_t>("right").view())
               == bank<ns::default_policies>::all);
    again.close();
    fs::remove(path);
}

BOOST_AUTO_TEST_CASE(compact_beside_drops) {
    ns::basic_database<policies> db;
    for (int k = 0; k != 3; ++k)
        db.create<int>("kept" + std::to_string(k))
            .append(std::vector<int>(3000, k));
    crew c(seed());
    for (int k = 0; k != 2; ++k)
        c.write(150, [&db, k](auto& rng, int) {
            auto const name = "dropped" + std::to_string(k);
            auto t = db.create<int>(name);
            t.append(std::vector<int>(rng() % 3000, 1));
            t.erase(ns::slice{.stop = -1, .step = 7});
            db.drop(name);
        });
    c.read(20, [&](auto&, int) { db.compact(); });
    for (auto const& p : c.run())
        BOOST_ERROR(p);
    BOOST_TEST(db.list().size() == 3u);
    BOOST_TEST(db.open<int>("kept2").back() == 2);
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_CASE(many_threads_open_and_close_snapshots) {
    ns::basic_database<policies> db;
    auto t = db.create<int>("t");
    t.append(std::vector<int>(1000, 1));
    crew c(seed());
    c.write(500, [&](auto& rng, int i) {
        t.write(rng() % 500, std::vector<int>(500, 1));
        if (i % 50 == 0)
            db.checkpoint();
    });
    for (int k = 0; k != 8; ++k)
        c.read(20, [&](auto&, int) {
            auto const snap = db.snapshot();
            auto const copy = snap;
            require(sum(t.in(copy).view()) == 1000, "another sum");
            require(sum(t.in(snap).to_vector()) == 1000, "another sum");
        });
    for (auto const& p : c.run())
        BOOST_ERROR(p);
    BOOST_TEST(db.stats().snapshots == 0u);
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_SUITE_END()
