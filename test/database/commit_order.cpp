// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// What happens between the steps of a commit: threads are stopped where they
// leave a mutex or have loaded an atomic, and others go on.
#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace ns = numstore;
using ns::testing::call_record;
using ns::testing::power_loss;
using ns::testing::simulated_storage;

/// Of one thread: runs `then` at its nth step, and tells when it waits.
struct stop {
    std::uint64_t nth = 0;
    std::function<void()> then;
    std::atomic<bool>* waits = nullptr;
    int held = 0;

    void step() {
        if (held == 0 && nth != 0 && --nth == 0)
            std::exchange(then, nullptr)();
    }
};
thread_local stop here;

struct stepping_mutex {
    void lock() {
        if (!inner.try_lock()) {
            if (here.waits != nullptr)
                here.waits->store(true);
            inner.lock();
        }
        ++here.held;
    }
    bool try_lock() {
        bool const locked = inner.try_lock();
        here.held += locked;
        return locked;
    }
    void unlock() {
        inner.unlock();
        --here.held;
        here.step();
    }
    std::mutex inner;
};

template <class T>
struct stepping_atomic : std::atomic<T> {
    using std::atomic<T>::atomic;
    T load(std::memory_order order) const noexcept {
        T const value = std::atomic<T>::load(order);
        if (here.held != 0 && here.nth != 0 && --here.nth == 0)
            std::exchange(here.then, nullptr)();
        return value;
    }
};

struct stepping_condition : std::condition_variable_any {
    template <class Lock>
    void wait(Lock& lock) {
        if (here.waits != nullptr)
            here.waits->store(true);
        std::condition_variable_any::wait(lock);
    }
};

struct stepping : ns::std_threading {
    using mutex = stepping_mutex;
    using condition_variable = stepping_condition;
};
struct loading : stepping {
    template <class T>
    using atomic = stepping_atomic<T>;
};

struct policies : ns::default_policies {
    using storage = simulated_storage;
    using threading = stepping;
};
struct unlogged : ns::default_policies {
    using storage = ns::memory_storage;
    using logging = ns::no_log;
    using threading = loading;
};

std::vector<int> numbers(std::size_t n) {
    std::vector<int> v(n);
    std::iota(v.begin(), v.end(), 1);
    return v;
}

/// Runs work on a thread of its own until it is over, or has to wait.
class beside {
public:
    explicit beside(std::function<void()> work) : work_(std::move(work)) {}
    ~beside() {
        if (thread_.joinable())
            thread_.join();
    }
    void start() {
        thread_ = std::thread([this] {
            here.waits = &waits_;
            work_();
            done_ = true;
        });
        while (!waits_ && !done_)
            std::this_thread::yield();
    }

private:
    std::function<void()> work_;
    std::thread thread_;
    std::atomic<bool> waits_{false};
    std::atomic<bool> done_{false};
};

/// Does `work`, and `other` beside at its nth step; false if it has fewer.
template <class Work, class Other>
bool interleave(std::uint64_t nth, Work&& work, Other&& other) {
    beside b(other);
    here = {nth, [&] { b.start(); }, nullptr, 0};
    work();
    bool const met = here.then == nullptr;
    here = {};
    return met;
}

std::size_t left_of(simulated_storage const& device) {
    ns::basic_database<policies> db(
        device.after_power_loss(power_loss::lose_all()));
    return db.open<int>("a").size();
}

} // namespace

BOOST_AUTO_TEST_SUITE(database_commit_order)

BOOST_AUTO_TEST_CASE(what_readers_see_survives_a_power_loss) {
    for (std::uint64_t nth = 1;; ++nth) {
        simulated_storage device(4096);
        ns::basic_database<policies> db(device);
        auto a = db.create<int>("a");
        ns::basic_transaction<policies> tx = db.begin();
        a.in(tx).append(numbers(20000)); // pages that no sync has covered
        std::recursive_mutex one;
        bool lost = false;
        bool reading = false;
        device.before_each_call([&](call_record const&) {
            std::scoped_lock const lock(one);
            if (std::exchange(reading, true))
                return;
            std::uint64_t const steps = std::exchange(here.nth, 0);
            std::size_t const seen = a.size();
            lost = lost || left_of(device) < seen;
            here.nth = steps;
            reading = false;
        });
        bool const met = interleave(
            nth, [&] { tx.commit(); }, [&] { db.checkpoint(); });
        device.before_each_call({});
        BOOST_TEST_REQUIRE(!lost, "a checkpoint at step " << nth);
        BOOST_TEST_REQUIRE(left_of(device) == 20000U);
        if (!met)
            break;
    }
}

BOOST_AUTO_TEST_CASE(what_is_visible_never_goes_back) {
    for (std::uint64_t nth = 1;; ++nth) {
        ns::basic_database<unlogged> db(
            ns::memory_storage{}, {.durability = ns::durability::none});
        auto a = db.create<int>("a");
        bool const met = interleave(
            nth, [&] { a.append({1}); }, [&] { db.checkpoint(); });
        BOOST_TEST_REQUIRE(a.size() == 1U, "a checkpoint at load " << nth);
        a.append({2});
        BOOST_TEST_REQUIRE(a.size() == 2U);
        if (!met)
            break;
    }
}

BOOST_AUTO_TEST_SUITE_END()
