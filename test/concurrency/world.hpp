// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../bags/scheduled.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/planted_faults.hpp>
#include <numstore/testing/scheduled_threading.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

/// A database whose threads are scheduled, and what must always hold in it.
namespace concurrency {

namespace ns = numstore;
using ns::testing::power_loss;
using ns::testing::recording;
using ns::testing::schedule;
using ns::testing::schedule_options;
using ns::testing::schedule_trace;
using ns::testing::scheduled_threading;
using ns::testing::simulated_storage;

using policies = bags::scheduled;
using database = ns::basic_database<policies>;
using transaction = ns::basic_transaction<policies>;
using snapshot = ns::basic_snapshot<policies>;
using number = std::int64_t;
using array = ns::array<number, policies>;
using values = std::vector<number>;
using random_source = ns::detail::split_mix;

/// Seeds of one test: `usual`, or NUMSTORE_LONG times as many, or the one
/// that NUMSTORE_SEED names.
template <class F>
void for_each_seed(std::uint64_t usual, F&& f) {
    std::uint64_t first = 1;
    if (char const* const one = std::getenv("NUMSTORE_SEED")) {
        first = std::strtoull(one, nullptr, 10);
        usual = 1;
    } else if (char const* const times = std::getenv("NUMSTORE_LONG")) {
        usual *= std::max(1ULL, std::strtoull(times, nullptr, 10));
    }
#if defined(NUMSTORE_TEST_THINNED)
    usual = (usual + 15) / 16;
#endif
    for (std::uint64_t seed = first; seed != first + usual; ++seed)
        BOOST_TEST_CONTEXT("NUMSTORE_SEED=" << seed)
    f(seed);
}

constexpr std::size_t accounts = 3;      // arrays between which sums move
constexpr std::size_t account_size = 90; // numbers in each, at first
constexpr number all_money = accounts * account_size * 100;
constexpr std::size_t ring_size = 150;
constexpr std::size_t most_writers = 3;

inline std::string account(std::size_t i) {
    return "account " + std::to_string(i);
}
inline std::string own(std::size_t writer) {
    return "own " + std::to_string(writer);
}

/// Each element names the next; all are on one round.
inline bool is_ring(values const& next) {
    std::size_t at = 0;
    for (std::size_t met = 1; met <= next.size(); ++met) {
        if (next[at] < 0 || next[at] >= static_cast<number>(next.size()))
            return false;
        at = static_cast<std::size_t>(next[at]);
        if (at == 0)
            return met == next.size();
    }
    return false;
}

/// What commit `k` of a writer does to its own array: inserts, bulk inserts,
/// erasures. To a vector or an array alike.
template <class Insert, class Erase>
void own_edit(number k, std::size_t size, Insert insert, Erase erase) {
    auto const at = static_cast<std::size_t>(k) * 7919 % (size + 1);
    if (k % 4 == 3)
        erase(at / 2, size / 2);
    else
        insert(at, values(k % 5 == 0 ? 300 : std::size_t(1 + k % 7), k));
}

inline void own_edit(number k, array to) {
    own_edit(
        k, to.size(),
        [&](std::size_t at, values const& v) { to.insert(at, v); },
        [&](std::size_t at, std::size_t n) { to.erase(at, n); });
}

/// The array after commits 1 to `k`.
inline values own_after(number k) {
    values v;
    for (number i = 1; i <= k; ++i)
        own_edit(
            i, v.size(),
            [&](std::size_t at, values const& more) {
                v.insert(v.begin() + std::ptrdiff_t(at), more.begin(),
                         more.end());
            },
            [&](std::size_t at, std::size_t n) {
                auto const from = v.begin() + std::ptrdiff_t(at);
                v.erase(from, from + std::ptrdiff_t(n));
            });
    return v;
}

/// What a writer knows of its commits.
struct progress {
    number attempted = 0;
    number acknowledged = 0;
};

/// A device, a database on it, and the notes of the threads; one of them runs
/// at a time.
class world {
public:
    explicit world(ns::options const& o = {}) : db(device, o) {
        device.record(recording::off);
        for (std::size_t i = 0; i != accounts; ++i)
            db.create<number>(account(i)).append(values(account_size, 100));
        values next(ring_size);
        std::iota(next.begin(), next.end(), 1);
        next.back() = 0;
        db.create<number>("ring").append(next);
        for (std::size_t i = 0; i != most_writers; ++i)
            db.create<number>(own(i));
        db.create<number>("commits").append(values(most_writers, 0));
        db.checkpoint(); // also without waiting this much is durable
        device.before_each_call(
            [](auto const&) { scheduled_threading::point(); });
    }
    /// What opening finds on a device.
    world(simulated_storage const& left, ns::options const& o)
        : device(left), db(device, o) {}
    ~world() { device.before_each_call({}); }
    world(world const&) = delete;
    world& operator=(world const&) = delete;

    void require(bool holds, std::string const& what) {
        if (!holds)
            wrong.push_back(what);
    }

    /// All that one version must fulfil.
    template <class Source>
    void check(Source& in, std::string const& who) {
        number sum = 0;
        for (std::size_t i = 0; i != accounts; ++i) {
            auto const v = in.template open<number>(account(i)).to_vector();
            sum = std::accumulate(v.begin(), v.end(), sum);
        }
        require(sum == all_money, who + ": the sum is " + std::to_string(sum));
        require(is_ring(in.template open<number>("ring").to_vector()),
                who + ": not a ring");
        auto const commits = in.template open<number>("commits").to_vector();
        for (std::size_t i = 0; i != most_writers; ++i)
            require(in.template open<number>(own(i)).to_vector()
                        == own_after(commits[i]),
                    who + ": " + own(i) + " is not that of commit "
                        + std::to_string(commits[i]));
    }

    /// The same of the newest version, and all pages.
    void check_all(std::string const& who) {
        try {
            check(db, who);
        } catch (ns::error const& e) {
            wrong.push_back(who + ": " + e.what());
        }
        for (auto const& p : db.verify().problems)
            wrong.push_back("page " + std::to_string(p.page) + " " + p.array
                            + ": " + p.what);
    }

    /// Readers outside of transactions saw these commits.
    void show(values const& commits) {
        for (std::size_t i = 0; i != most_writers; ++i) {
            require(commits[i] <= writers[i].attempted,
                    "shown is what was not committed");
            shown[i] = std::max(shown[i], commits[i]);
        }
    }

    std::uint64_t changing_calls() const {
        auto const c = device.counts();
        return c.writes + c.durable_writes + c.syncs + c.resizes;
    }

    simulated_storage device{512};
    database db;
    std::array<progress, most_writers> writers;
    std::array<number, most_writers> shown{}; ///< newest that readers saw
    std::vector<std::string> wrong;
    std::uint64_t deadlocks = 0; ///< transactions told to try again
    std::uint64_t timeouts = 0;
    std::uint64_t revoked = 0; ///< snapshots
};

/// Whether one of `seeds` seeds shows a mistake that the engine is told to
/// make: problems(seed) is what was found wrong.
template <class F>
bool finds(ns::planted_fault f, std::uint64_t seeds, F&& problems) {
    struct plant {
        explicit plant(ns::planted_fault fault) {
            ns::testing::planted_faults::current = fault;
        }
        ~plant() {
            ns::testing::planted_faults::current = ns::planted_fault::none;
        }
    } const planted(f);
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
        if (std::vector<std::string> const wrong = problems(seed);
            !wrong.empty()) {
            BOOST_TEST_MESSAGE("seed " << seed << ": " << wrong.front());
            return true;
        }
    return false;
}

inline void require_none(std::vector<std::string> const& wrong) {
    for (auto const& what : wrong)
        BOOST_TEST_MESSAGE(what);
    BOOST_TEST_REQUIRE(wrong.empty());
}

} // namespace concurrency
