// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// What happens between the steps of a commit: threads are stopped where they
// leave a mutex or have loaded an atomic, and others go on.
#include "../bags/simulated_4096.hpp"
#include "../bags/simulated_512_no_log.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_commit_order)

namespace {

namespace ns = numstore;
using ns::testing::call_record;
using ns::testing::power_loss;
using ns::testing::simulated_storage;

using bags::steps;
using policies = bags::simulated_4096;
using unlogged = bags::simulated_512_no_log;

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
            steps.waits = &waits_;
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

/// Does `work`, and `other` beside at its nth step, which loads may be; false
/// if it has fewer.
template <class Work, class Other>
bool interleave(std::uint64_t nth, bool at_loads, Work&& work, Other&& other) {
    beside b(other);
    steps = {};
    steps.nth = nth;
    steps.then = [&] { b.start(); };
    steps.at_loads = at_loads;
    work();
    bool const met = steps.then == nullptr;
    steps = {};
    return met;
}

std::size_t left_of(simulated_storage const& device) {
    ns::basic_database<policies> db(
        device.after_power_loss(power_loss::lose_all()));
    return db.open<int>("a").size();
}

} // namespace

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
            std::uint64_t const left = std::exchange(steps.nth, 0);
            std::size_t const seen = a.size();
            lost = lost || left_of(device) < seen;
            steps.nth = left;
            reading = false;
        });
        bool const met = interleave(
            nth, false, [&] { tx.commit(); }, [&] { db.checkpoint(); });
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
            simulated_storage(512), {.durability = ns::durability::none});
        auto a = db.create<int>("a");
        bool const met = interleave(
            nth, true, [&] { a.append({1}); }, [&] { db.checkpoint(); });
        BOOST_TEST_REQUIRE(a.size() == 1U, "a checkpoint at load " << nth);
        a.append({2});
        BOOST_TEST_REQUIRE(a.size() == 2U);
        if (!met)
            break;
    }
}

BOOST_AUTO_TEST_SUITE_END()
