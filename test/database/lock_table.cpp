// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/database/lock_table.hpp>
#include <numstore/policies.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_lock_table)

namespace {

namespace ns = numstore;
using ns::detail::lock_key;
using ns::detail::lock_mode;
using table = ns::detail::lock_table<ns::default_policies>;
using owner = table::owner;

constexpr std::chrono::milliseconds at_once{0};
constexpr std::chrono::seconds long_enough{20};

auto code(ns::errc expected) {
    return [expected](ns::error const& e) { return e.code() == expected; };
}

/// As if another thread had taken it: on one of its own.
void take_elsewhere(table& locks, owner& o, lock_key key, lock_mode mode) {
    std::thread([&] { locks.acquire(o, key, mode, at_once); }).join();
}

/// Until so many wait or hold.
template <class F>
void until(F&& holds) {
    while (!holds())
        std::this_thread::yield();
}

} // namespace

BOOST_AUTO_TEST_CASE(modes_meet_as_multigranularity_locks_do) {
    using enum lock_mode;
    std::array const all{intent_shared, intent_exclusive, shared, exclusive};
    // Gray, Lorie, Putzolu, Traiger: Granularity of locks (1976), table 1
    std::array<std::array<bool, 4>, 4> const expected{{{1, 1, 1, 0},
                                                       {1, 1, 0, 0},
                                                       {1, 0, 1, 0},
                                                       {0, 0, 0, 0}}};
    for (std::size_t i = 0; i != 4; ++i)
        for (std::size_t k = 0; k != 4; ++k) {
            BOOST_TEST(may_meet(all[i], all[k]) == expected[i][k]);
            // What is as good as both meets no more than each of them.
            lock_mode const sum = both(all[i], all[k]);
            BOOST_TEST((sum == both(all[k], all[i])));
            for (lock_mode const m : all)
                BOOST_TEST((!may_meet(sum, m)
                            || (may_meet(all[i], m) && may_meet(all[k], m))));
        }
}

BOOST_AUTO_TEST_CASE(shared_locks_meet_and_an_exclusive_one_waits_for_all) {
    table locks;
    owner a, b, c;
    auto const key = lock_key::array(7);
    take_elsewhere(locks, a, key, lock_mode::shared);
    take_elsewhere(locks, b, key, lock_mode::shared);
    BOOST_TEST(locks.size() == 2u);
    BOOST_CHECK_EXCEPTION(
        locks.acquire(c, key, lock_mode::exclusive,
                      std::chrono::milliseconds(5)),
        ns::error, code(ns::errc::timed_out));
    locks.release_all(a);
    std::thread waiting(
        [&] { locks.acquire(c, key, lock_mode::exclusive, long_enough); });
    locks.release_all(b);
    waiting.join();
    BOOST_TEST(locks.size() == 1u);
    locks.release_all(c);
    BOOST_TEST(locks.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_lock_taken_again_is_the_same_lock) {
    table locks;
    owner a;
    auto const key = lock_key::array(1);
    BOOST_TEST(locks.acquire(a, key, lock_mode::shared, at_once));
    BOOST_TEST(!locks.acquire(a, key, lock_mode::shared, at_once));
    BOOST_TEST(!locks.acquire(a, key, lock_mode::exclusive, at_once));
    BOOST_TEST(!locks.acquire(a, key, lock_mode::shared, at_once));
    BOOST_TEST(locks.size() == 1u);
    locks.release_all(a);
    BOOST_TEST(locks.size() == 0u);
}

/// Else a stream of readers would keep a writer out for good.
BOOST_AUTO_TEST_CASE(what_a_thread_has_just_got) {
    table t;
    owner a;
    lock_key const x = lock_key::array(1);
    lock_key const y = lock_key::array(2);
    BOOST_TEST(!a.has_just_got(x, lock_mode::shared));
    t.acquire(a, x, lock_mode::shared, at_once);
    BOOST_TEST(a.has_just_got(x, lock_mode::shared));
    BOOST_TEST(!a.has_just_got(x, lock_mode::exclusive));
    BOOST_TEST(!a.has_just_got(y, lock_mode::shared));
    t.acquire(a, x, lock_mode::exclusive, at_once);
    t.acquire(a, x, lock_mode::shared, at_once);
    BOOST_TEST(a.has_just_got(x, lock_mode::exclusive));
    std::thread([&] {
        BOOST_TEST(!a.has_just_got(x, lock_mode::shared));
        t.acquire(a, x, lock_mode::shared, at_once);
        BOOST_TEST(a.has_just_got(x, lock_mode::exclusive));
    }).join();
    BOOST_TEST(!a.has_just_got(x, lock_mode::shared));
    t.acquire(a, y, lock_mode::shared, at_once);
    BOOST_TEST(a.has_just_got(y, lock_mode::shared));
    BOOST_TEST(!a.has_just_got(x, lock_mode::shared));
    t.release_all(a);
}

BOOST_AUTO_TEST_CASE(who_comes_later_waits_behind_who_waits) {
    table locks;
    owner reader, writer, late;
    auto const key = lock_key::array(1);
    take_elsewhere(locks, reader, key, lock_mode::shared);
    std::atomic<int> order{0};
    int writer_was = 0;
    int late_was = 0;
    std::thread w([&] {
        locks.acquire(writer, key, lock_mode::exclusive, long_enough);
        writer_was = ++order;
        locks.release_all(writer);
    });
    until([&] {
        owner probe; // waits in vain as soon as the writer is in the queue
        try {
            locks.acquire(probe, key, lock_mode::shared, at_once);
            locks.release_all(probe);
            return false;
        } catch (ns::error const&) {
            return true;
        }
    });
    std::thread l([&] {
        locks.acquire(late, key, lock_mode::shared, long_enough);
        late_was = ++order;
    });
    locks.release_all(reader);
    w.join();
    l.join();
    BOOST_TEST(writer_was == 1);
    BOOST_TEST(late_was == 2);
    locks.release_all(late);
}

BOOST_AUTO_TEST_CASE(two_that_want_more_of_one_lock_are_a_deadlock) {
    table locks;
    owner a, b;
    auto const key = lock_key::array(1);
    take_elsewhere(locks, a, key, lock_mode::shared);
    take_elsewhere(locks, b, key, lock_mode::shared);
    std::atomic<int> victims{0};
    auto const upgrade = [&](owner& o) {
        try {
            locks.acquire(o, key, lock_mode::exclusive, long_enough);
        } catch (ns::error const& e) {
            if (e.code() == ns::errc::deadlock)
                ++victims;
        }
        locks.release_all(o);
    };
    std::thread one([&] { upgrade(a); });
    std::thread two([&] { upgrade(b); });
    one.join();
    two.join();
    BOOST_TEST(victims == 1);
    BOOST_TEST(locks.size() == 0u);
}

/// n transactions in n threads, each with one lock, each waiting for the next
/// one's: the last to wait is told, all others then go on.
BOOST_AUTO_TEST_CASE(a_ring_of_waits_has_one_victim) {
    constexpr std::size_t n = 6;
    table locks;
    std::array<owner, n> owners;
    std::atomic<std::size_t> ready{0};
    std::atomic<int> victims{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i != n; ++i)
        threads.emplace_back([&, i] {
            locks.acquire(owners[i], lock_key::array(i), lock_mode::exclusive,
                          at_once);
            ++ready;
            until([&] { return ready == n; });
            try {
                locks.acquire(owners[i], lock_key::array((i + 1) % n),
                              lock_mode::exclusive, long_enough);
            } catch (ns::error const& e) {
                if (e.code() == ns::errc::deadlock)
                    ++victims;
            }
            locks.release_all(owners[i]);
        });
    for (auto& t : threads)
        t.join();
    BOOST_TEST(victims == 1);
    BOOST_TEST(locks.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_thread_is_told_that_it_would_wait_for_itself) {
    table locks;
    owner outer, inner, other;
    locks.acquire(outer, lock_key::array(1), lock_mode::shared, at_once);
    BOOST_CHECK_EXCEPTION(locks.acquire(inner, lock_key::array(1),
                                        lock_mode::exclusive, long_enough),
                          ns::error, code(ns::errc::would_deadlock));
    // And by way of another one: `other` waits for `outer`.
    take_elsewhere(locks, other, lock_key::array(2), lock_mode::exclusive);
    std::atomic<bool> waits{false};
    std::thread t([&] {
        waits = true;
        for (bool granted = false; !granted;)
            try { // it may be the one that closes the ring, and the victim
                locks.acquire(other, lock_key::array(1), lock_mode::exclusive,
                              long_enough);
                granted = true;
            } catch (ns::error const& e) {
                if (e.code() != ns::errc::deadlock)
                    throw;
            }
    });
    until([&] { return waits.load(); });
    bool told = false;
    while (!told)
        try {
            locks.acquire(inner, lock_key::array(2), lock_mode::exclusive,
                          std::chrono::milliseconds(1));
        } catch (ns::error const& e) {
            told = e.code() == ns::errc::would_deadlock;
        }
    locks.release_all(outer);
    t.join();
    locks.release_all(other);
    locks.release_all(inner);
}

/// Whoever asks for what the owner has is its thread from then on, though
/// another one had asked meanwhile, and was refused.
BOOST_AUTO_TEST_CASE(the_newest_lock_is_known_to_the_thread_that_got_it) {
    table locks;
    owner shared_by_threads, other;
    auto const key = lock_key::array(1);
    locks.acquire(shared_by_threads, key, lock_mode::exclusive, at_once);
    BOOST_TEST(shared_by_threads.has_just_got(key, lock_mode::shared));
    locks.acquire(other, lock_key::array(2), lock_mode::exclusive, at_once);
    std::thread([&] {
        BOOST_CHECK_THROW(locks.acquire(shared_by_threads, lock_key::array(2),
                                        lock_mode::exclusive, at_once),
                          ns::error);
    }).join();
    if (!shared_by_threads.has_just_got(key, lock_mode::exclusive))
        locks.acquire(shared_by_threads, key, lock_mode::exclusive, at_once);
    owner outside;
    BOOST_CHECK_EXCEPTION(
        locks.acquire(outside, key, lock_mode::shared, at_once), ns::error,
        code(ns::errc::would_deadlock));
    locks.release_all(shared_by_threads);
    locks.release_all(other);
}

/// A thread that waits in a second transaction cannot end its first one.
BOOST_AUTO_TEST_CASE(a_wait_goes_by_way_of_the_thread_of_a_transaction) {
    table locks;
    owner first, second, other;
    std::atomic<bool> has_first{false};
    std::atomic<bool> has_other{false};
    std::thread t([&] {
        locks.acquire(first, lock_key::array(1), lock_mode::exclusive,
                      at_once);
        has_first = true;
        until([&] { return has_other.load(); });
        until([&] {
            try {
                locks.acquire(second, lock_key::array(2),
                              lock_mode::exclusive, long_enough);
                return true;
            } catch (ns::error const& e) { // it was `other` that waited first
                BOOST_TEST((e.code() == ns::errc::would_deadlock));
                return false;
            }
        });
    });
    until([&] { return has_first.load(); });
    locks.acquire(other, lock_key::array(2), lock_mode::exclusive, at_once);
    has_other = true;
    bool told = false;
    while (!told)
        try {
            locks.acquire(other, lock_key::array(1), lock_mode::exclusive,
                          std::chrono::milliseconds(1));
        } catch (ns::error const& e) {
            told = e.code() == ns::errc::deadlock;
        }
    locks.release_all(other);
    t.join();
    locks.release_all(first);
    locks.release_all(second);
}

BOOST_AUTO_TEST_CASE(an_owner_that_ends_or_is_interrupted_waits_no_more) {
    table locks;
    owner holder, ends, interrupted;
    auto const key = lock_key::array(1);
    locks.acquire(holder, key, lock_mode::exclusive, at_once);
    std::atomic<bool> closed{false};
    std::thread one([&] {
        BOOST_TEST(!locks.acquire(ends, key, lock_mode::shared, long_enough));
    });
    std::thread two([&] {
        try {
            locks.acquire(interrupted, key, lock_mode::shared, long_enough);
        } catch (ns::error const& e) {
            closed = e.code() == ns::errc::closed;
        }
    });
    locks.release_all(ends);
    locks.interrupt(interrupted);
    one.join();
    two.join();
    BOOST_TEST(closed);
    BOOST_TEST(!locks.acquire(ends, lock_key::array(2), lock_mode::shared,
                              at_once));
    locks.release_all(holder);
    BOOST_TEST(locks.size() == 0u);
}

/// A thread that acquires, and what came of it: null while it waits.
class attempt {
public:
    attempt(table& locks, owner& o, lock_key key, lock_mode mode)
        : thread_([=, this, &locks, &o] {
              try {
                  locks.acquire(o, key, mode, long_enough);
                  result_ = 1;
              } catch (ns::error const& e) {
                  result_ = e.code().value() + 2;
              }
              if (result_ != 1)
                  locks.release_all(o);
          }) {}
    ~attempt() { thread_.join(); }

    bool waits() const {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        return result_ == 0;
    }
    bool granted() const {
        until([&] { return result_ != 0; });
        return result_ == 1;
    }
    bool is_victim() const {
        until([&] { return result_ != 0; });
        return result_ == static_cast<int>(ns::errc::deadlock) + 2;
    }

private:
    std::atomic<int> result_{0};
    std::thread thread_;
};

BOOST_AUTO_TEST_CASE(an_owner_that_ends_while_it_waits_is_given_nothing) {
    table locks;
    owner a, b;
    auto const key = lock_key::array(1);
    take_elsewhere(locks, a, key, lock_mode::exclusive);
    {
        attempt const waiting(locks, b, key, lock_mode::exclusive);
        BOOST_TEST(waiting.waits());
        locks.release_all(b);
        locks.release_all(a);
    }
    BOOST_TEST(locks.size() == 0u);
}

/// An upgrade goes before those that wait already, and so may close a ring
/// that goes through them.
BOOST_AUTO_TEST_CASE(a_deadlock_by_way_of_who_is_overtaken_is_found) {
    table locks;
    owner g, h, w, u;
    auto const all = lock_key::all_names();
    auto const array = lock_key::array(1);
    take_elsewhere(locks, g, all, lock_mode::intent_shared);
    take_elsewhere(locks, h, all, lock_mode::intent_exclusive);
    take_elsewhere(locks, w, array, lock_mode::exclusive);
    take_elsewhere(locks, u, all, lock_mode::intent_shared);
    attempt const w_waits(locks, w, all, lock_mode::shared);
    BOOST_TEST(w_waits.waits());
    attempt const g_waits(locks, g, array, lock_mode::exclusive);
    BOOST_TEST(g_waits.waits());
    attempt const upgrade(locks, u, all, lock_mode::exclusive);
    BOOST_TEST(upgrade.is_victim());
    locks.release_all(h);
    BOOST_TEST(w_waits.granted());
    locks.release_all(w);
    BOOST_TEST(g_waits.granted());
    locks.release_all(g);
    BOOST_TEST(locks.size() == 0u);
}

BOOST_AUTO_TEST_CASE(many_names_become_a_lock_of_all_names) {
    table locks;
    owner a, b;
    for (std::size_t i = 0; i != 3 * table::most_names; ++i)
        locks.acquire_name(a, "array " + std::to_string(i), lock_mode::shared,
                           at_once);
    BOOST_TEST(locks.size() == table::most_names + 1);
    std::thread([&] {
        locks.acquire_name(b, "another", lock_mode::shared, at_once);
        BOOST_CHECK_EXCEPTION(locks.acquire_name(b, "fresh",
                                                 lock_mode::exclusive,
                                                 at_once),
                              ns::error, code(ns::errc::timed_out));
    }).join();
    locks.release_all(a);
    locks.release_all(b);
    BOOST_TEST(locks.size() == 0u);
}

/// Threads take random locks in random modes; a table that lets two meet that
/// must not, forgets to wake or misses a deadlock fails or hangs.
BOOST_AUTO_TEST_CASE(random_owners_exclude_each_other) {
    constexpr std::size_t arrays = 5;
    constexpr int threads = 4;
    constexpr int rounds = 3000;
    struct counts {
        std::atomic<int> readers{0};
        std::atomic<int> writers{0};
    };
    table locks;
    std::array<counts, arrays> inside;
    std::atomic<int> wrong{0};
    std::atomic<int> ended{0};
    auto const work = [&](unsigned seed) {
        std::mt19937 random(seed);
        for (int r = 0; r != rounds; ++r) {
            owner o;
            std::array<int, arrays> mine{}; // 1 shared, 2 exclusive
            try {
                for (unsigned k = random() % 4 + 1; k != 0; --k) {
                    std::size_t const i = random() % arrays;
                    bool const writes = random() % 2 == 0;
                    locks.acquire(o, lock_key::array(i),
                                  writes ? lock_mode::exclusive
                                         : lock_mode::shared,
                                  long_enough);
                    if (mine[i] == 0)
                        ++inside[i].readers;
                    if (writes && mine[i] != 2)
                        ++inside[i].writers;
                    mine[i] = writes ? 2 : std::max(mine[i], 1);
                    if (inside[i].writers > 1
                        || (inside[i].writers == 1 && inside[i].readers > 1))
                        ++wrong;
                }
                ++ended;
            } catch (ns::error const& e) {
                if (e.code() != ns::errc::deadlock)
                    ++wrong;
            }
            for (std::size_t i = 0; i != arrays; ++i) {
                inside[i].writers -= mine[i] == 2;
                inside[i].readers -= mine[i] != 0;
            }
            locks.release_all(o);
        }
    };
    std::vector<std::thread> all;
    for (unsigned t = 0; t != threads; ++t)
        all.emplace_back(work, t + 1);
    for (auto& t : all)
        t.join();
    BOOST_TEST(wrong == 0);
    BOOST_TEST(ended > rounds);
    BOOST_TEST(locks.size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
