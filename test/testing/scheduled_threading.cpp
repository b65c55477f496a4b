// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/testing/scheduled_threading.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(testing_scheduled_threading)

namespace {

using namespace std::chrono_literals;
using numstore::testing::manual_clock;
using numstore::testing::schedule;
using numstore::testing::schedule_failure;
using numstore::testing::schedule_options;
using numstore::testing::schedule_trace;
using numstore::testing::scheduled_threading;
using numstore::testing::scheduling;

using mutex = scheduled_threading::mutex;
using condition = scheduled_threading::condition_variable;
template <class T>
using atomic = scheduled_threading::atomic<T>;

schedule_options quiet(std::uint64_t seed) {
    auto o = schedule_options::varied(seed);
    o.quiet = true;
    return o;
}

schedule_options with_priorities(std::uint64_t seed, std::uint64_t steps) {
    schedule_options o = quiet(seed);
    o.how = scheduling::priorities;
    o.changes = 1;
    o.expected_steps = steps;
    return o;
}

/// What the schedule reported, or nothing.
std::string failure_of(schedule& s) {
    try {
        s.run();
    } catch (schedule_failure const& f) {
        return f.what();
    }
    return {};
}

bool has(std::string const& text, char const* part) {
    return text.find(part) != std::string::npos;
}

/// Two threads that count without a read-modify-write.
int lossy_count(schedule_options const& o, schedule_trace* trace = nullptr) {
    atomic<int> count{0};
    schedule s(o);
    for (int i = 0; i != 2; ++i)
        s.spawn([&] { count.store(count.load() + 1); });
    auto const t = s.run();
    if (trace != nullptr)
        *trace = t;
    return count.load();
}

/// Two locks taken in both orders.
std::string crossed_locks(schedule_options const& o) {
    mutex a;
    mutex b;
    schedule s(o);
    s.spawn("forth", [&] {
        std::scoped_lock const first(a);
        std::scoped_lock const second(b);
    });
    s.spawn("back", [&] {
        std::scoped_lock const first(b);
        std::scoped_lock const second(a);
    });
    return failure_of(s);
}

/// The first of `seeds` seeds for which `fails`.
template <class F>
std::optional<std::uint64_t> first_failing(std::uint64_t seeds, F fails) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
        if (fails(seed))
            return seed;
    return {};
}

/// A queue of one place between two threads.
struct exchange {
    mutex guard;
    condition changed;
    int full = 0;

    void put(int value) {
        std::unique_lock lock(guard);
        changed.wait(lock, [&] { return full == 0; });
        full = value;
        changed.notify_all();
    }
    int take() {
        std::unique_lock lock(guard);
        changed.wait(lock, [&] { return full != 0; });
        changed.notify_all();
        return std::exchange(full, 0);
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_lost_update_is_found) {
    auto const lost = first_failing(
        40, [](auto seed) { return lossy_count(quiet(seed)) == 1; });
    BOOST_TEST_REQUIRE(lost.has_value());
    BOOST_TEST_MESSAGE("an update is lost with seed " << *lost);
    BOOST_TEST(first_failing(40, [](auto seed) {
                   return lossy_count(quiet(seed)) == 2;
               }).has_value());
    auto const by_priority = first_failing(200, [](auto seed) {
        return lossy_count(with_priorities(seed, 8)) == 1;
    });
    BOOST_TEST(by_priority.has_value());
}

BOOST_AUTO_TEST_CASE(a_lock_keeps_updates) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        mutex guard;
        int count = 0;
        schedule s(quiet(seed));
        for (int i = 0; i != 3; ++i)
            s.spawn([&] {
                for (int n = 0; n != 5; ++n) {
                    std::scoped_lock const lock(guard);
                    int const seen = count;
                    scheduled_threading::yield();
                    count = seen + 1;
                }
            });
        s.run();
        BOOST_TEST_REQUIRE(count == 15, "seed " << seed);
    }
}

BOOST_AUTO_TEST_CASE(a_deadlock_is_found_and_explained) {
    auto const seed = first_failing(
        60, [](auto s) { return !crossed_locks(quiet(s)).empty(); });
    BOOST_TEST_REQUIRE(seed.has_value());
    auto const report = crossed_locks(quiet(*seed));
    BOOST_TEST_MESSAGE(report);
    BOOST_TEST(has(report, ("seed " + std::to_string(*seed)).c_str()));
    BOOST_TEST(has(report, "deadlock"));
    BOOST_TEST(has(report, "thread 0 (forth) waits for a mutex that "
                           "thread 1 (back) holds"));
    BOOST_TEST(has(report, "thread 1 (back) waits for a mutex that "
                           "thread 0 (forth) holds"));
    BOOST_TEST(first_failing(60, [](auto s) {
                   return crossed_locks(quiet(s)).empty();
               }).has_value());
    BOOST_TEST(first_failing(200, [](auto s) {
                   return !crossed_locks(with_priorities(s, 8)).empty();
               }).has_value());
}

BOOST_AUTO_TEST_CASE(who_locks_twice_waits_for_itself) {
    mutex guard;
    schedule s(quiet(1));
    s.spawn([&] {
        std::scoped_lock const first(guard);
        std::scoped_lock const second(guard);
    });
    BOOST_TEST(has(failure_of(s), "thread 0 waits for a mutex that thread 0"));
    // What was held is free again, also for others.
    BOOST_TEST_REQUIRE(guard.try_lock());
    guard.unlock();
}

BOOST_AUTO_TEST_CASE(who_is_never_notified_is_reported) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        mutex guard;
        condition never;
        bool caught = false;
        schedule s(quiet(seed));
        s.spawn("waiter", [&] {
            std::unique_lock lock(guard);
            try {
                never.wait(lock, [] { return false; });
            } catch (...) {
                caught = lock.owns_lock();
                throw;
            }
        });
        s.spawn("other", [&] { never.notify_all(); });
        auto const report = failure_of(s);
        BOOST_TEST(has(report, "thread 0 (waiter) waits for a condition"));
        BOOST_TEST(!has(report, "other"));
        BOOST_TEST(caught);
    }
}

BOOST_AUTO_TEST_CASE(at_atomics_only) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        auto o = quiet(seed);
        o.only_atomics = true;
        mutex guard;
        schedule s(o);
        for (int i = 0; i != 2; ++i)
            s.spawn([&] {
                for (int n = 0; n != 20; ++n)
                    std::scoped_lock const lock(guard);
            });
        BOOST_TEST_REQUIRE(s.run().choices == 1u); // at the end of the first
    }
    BOOST_TEST(first_failing(200, [](auto seed) {
                   auto o = quiet(seed);
                   o.only_atomics = true;
                   return lossy_count(o) == 1;
               }).has_value());
}

BOOST_AUTO_TEST_CASE(a_seed_is_an_interleaving) {
    std::set<std::uint64_t> hashes;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        schedule_trace first;
        schedule_trace second;
        BOOST_TEST_REQUIRE(lossy_count(quiet(seed), &first)
                           == lossy_count(quiet(seed), &second));
        BOOST_TEST_REQUIRE((first == second), "seed " << seed);
        BOOST_TEST_REQUIRE(first.steps >= 4u);
        hashes.insert(first.hash);
    }
    BOOST_TEST(hashes.size() > 4u);
}

BOOST_AUTO_TEST_CASE(conditions_hand_over) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        exchange e;
        std::vector<int> taken;
        schedule s(quiet(seed));
        s.spawn("from", [&] {
            for (int i = 1; i <= 5; ++i)
                e.put(i);
        });
        s.spawn("to", [&] {
            for (int i = 1; i <= 5; ++i)
                taken.push_back(e.take());
        });
        auto const t = s.run();
        BOOST_TEST_REQUIRE((taken == std::vector{1, 2, 3, 4, 5}),
                           "seed " << seed);
        BOOST_TEST_REQUIRE((t.waited == 0ns));
    }
}

BOOST_AUTO_TEST_CASE(one_notification_wakes_one) {
    std::set<int> woken;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        mutex guard;
        condition changed;
        int waiting = 0;
        int first = -1;
        int in_time = 0;
        auto o = quiet(seed);
        o.spurious_percent = 0;
        schedule s(o);
        for (int i = 0; i != 2; ++i)
            s.spawn([&, i] {
                std::unique_lock lock(guard);
                ++waiting;
                if (changed.wait_for(lock, 1s) == std::cv_status::timeout)
                    return;
                first = first < 0 ? i : first;
                ++in_time;
            });
        s.spawn([&] {
            for (bool both = false; !both; scheduled_threading::yield()) {
                std::scoped_lock const lock(guard);
                both = waiting == 2;
            }
            changed.notify_one();
        });
        s.run();
        BOOST_TEST_REQUIRE(in_time == 1, "seed " << seed);
        woken.insert(first);
    }
    BOOST_TEST(woken.size() == 2u); // either of them
}

BOOST_AUTO_TEST_CASE(time_passes_when_nobody_can_run) {
    mutex guard;
    condition changed;
    std::vector<int> order;
    auto const begin = manual_clock::now();
    schedule s(quiet(3));
    auto const sleeper = [&](int i, std::chrono::milliseconds most) {
        return [&, i, most] {
            std::unique_lock lock(guard);
            BOOST_TEST(!changed.wait_for(lock, most, [] { return false; }));
            order.push_back(i);
        };
    };
    s.spawn(sleeper(30, 30ms));
    s.spawn(sleeper(10, 10ms));
    s.spawn(sleeper(20, 20ms));
    s.spawn([&] {
        for (int i = 0; i != 1000; ++i)
            std::scoped_lock const lock(guard);
        BOOST_TEST((manual_clock::now() == begin)); // somebody could
    });
    auto const t = s.run();
    BOOST_TEST((order == std::vector{10, 20, 30}));
    BOOST_TEST((manual_clock::now() - begin == 30ms));
    BOOST_TEST((t.waited == 30ms));
}

BOOST_AUTO_TEST_CASE(waits_of_any_length) {
    mutex guard;
    condition changed;
    bool ready = false;
    schedule s(quiet(5));
    s.spawn([&] {
        std::unique_lock lock(guard);
        BOOST_TEST(changed.wait_for(lock, std::chrono::hours::max(),
                                    [&] { return ready; }));
    });
    s.spawn([&] {
        std::unique_lock lock(guard);
        BOOST_TEST(!changed.wait_for(lock, -1s, [] { return false; }));
        BOOST_TEST(!changed.wait_until(
            lock, std::chrono::steady_clock::now() - 1s, [] { return false; }));
        ready = true;
        changed.notify_all();
    });
    BOOST_TEST((s.run().waited == 0ns));
}

BOOST_AUTO_TEST_CASE(who_spins_lets_time_pass) {
    mutex guard;
    condition changed;
    atomic<bool> over{false};
    schedule s(quiet(9));
    s.spawn([&] {
        std::unique_lock lock(guard);
        changed.wait_for(lock, 5ms, [] { return false; });
        over.store(true);
    });
    s.spawn([&] {
        while (!over.load())
            scheduled_threading::yield();
    });
    BOOST_TEST((s.run().waited == 5ms));
}

BOOST_AUTO_TEST_CASE(a_livelock_reaches_the_limit) {
    for (auto const how : {scheduling::random, scheduling::priorities}) {
        schedule_options o{
            .seed = 4, .how = how, .max_steps = 5000, .quiet = true};
        atomic<int> turn{0};
        schedule s(o);
        for (int i = 0; i != 2; ++i)
            s.spawn([&] {
                while (turn.load() == 0)
                    scheduled_threading::yield();
            });
        auto const report = failure_of(s);
        BOOST_TEST(has(report, "more than 5000 steps"));
        BOOST_TEST(
            (has(report, "thread 0 runs") || has(report, "thread 1 runs")));
        BOOST_TEST(has(report, "can run"));
    }
}

BOOST_AUTO_TEST_CASE(exceptions_of_threads_come_out) {
    schedule s(quiet(1));
    int ended = 0;
    s.spawn([&] { ++ended; });
    s.spawn([] { throw std::runtime_error("planned"); });
    s.spawn([&] { ++ended; });
    BOOST_CHECK_EXCEPTION(s.run(), std::runtime_error, [](auto const& e) {
        return std::string(e.what()) == "planned";
    });
    BOOST_TEST(ended == 2);
}

BOOST_AUTO_TEST_CASE(threads_may_spawn_others) {
    atomic<int> ended{0};
    schedule s(quiet(2));
    s.spawn([&] {
        for (int i = 0; i != 3; ++i)
            s.spawn([&] { ++ended; });
        ++ended;
    });
    s.run();
    BOOST_TEST(ended.load() == 4);
}

BOOST_AUTO_TEST_CASE(threads_have_numbers) {
    auto const outside = scheduled_threading::this_thread();
    std::set<std::uint64_t> seen;
    schedule s(quiet(2));
    for (int i = 0; i != 3; ++i)
        s.spawn([&] { seen.insert(scheduled_threading::this_thread()); });
    s.run();
    BOOST_TEST((seen == std::set<std::uint64_t>{1, 2, 3}));
    BOOST_TEST(outside == scheduled_threading::this_thread());
    BOOST_TEST(!seen.contains(outside));
}

BOOST_AUTO_TEST_CASE(outside_they_are_plain) {
    mutex guard;
    condition changed;
    atomic<std::uint64_t> count{1};
    {
        std::unique_lock lock(guard);
        BOOST_TEST(!changed.wait_for(lock, 1ms, [] { return false; }));
        changed.notify_one();
        changed.notify_all();
        changed.wait(lock, [] { return true; });
    }
    scheduled_threading::yield();
    scheduled_threading::point();
    std::uint64_t one = 1;
    BOOST_TEST(count.compare_exchange_strong(one, 5));
    BOOST_TEST(count.exchange(6) == 5u);
    BOOST_TEST(count.fetch_sub(2) == 6u);
    BOOST_TEST(count.fetch_or(3) == 4u);
    BOOST_TEST(count.fetch_and(1) == 7u);
    BOOST_TEST(++count == 2u);
    BOOST_TEST(count-- == 2u);
    BOOST_TEST(count == 1u);
}

BOOST_AUTO_TEST_CASE(the_clock_never_goes_back) {
    auto const begin = manual_clock::now();
    manual_clock::advance(7ns);
    BOOST_TEST((manual_clock::now() - begin == 7ns));
    manual_clock::advance_to(begin);
    BOOST_TEST((manual_clock::now() - begin == 7ns));
    manual_clock::advance_to(begin + 9ns);
    BOOST_TEST((manual_clock::now() - begin == 9ns));
}

BOOST_AUTO_TEST_SUITE_END()
