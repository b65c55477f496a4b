// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/thread_owned.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(pager_thread_owned)

namespace {

using owned = numstore::detail::thread_owned<std::atomic<int>>;

std::size_t count(owned const& o) {
    std::size_t n = 0;
    o.each([&](auto const&) { ++n; });
    return n;
}

template <class F>
void in_a_thread(F&& f) {
    std::thread(f).join();
}

} // namespace

BOOST_AUTO_TEST_CASE(each_thread_has_one_of_each) {
    owned a;
    owned b;
    auto* const mine = a.of_this_thread();
    BOOST_TEST_REQUIRE(mine != nullptr);
    BOOST_TEST(b.of_this_thread() != mine);
    BOOST_TEST(a.of_this_thread() == mine);
    in_a_thread([&] {
        auto* const other = a.of_this_thread();
        BOOST_TEST(other != mine);
        BOOST_TEST(a.of_this_thread() == other);
    });
    BOOST_TEST(count(a) == 2u);
    BOOST_TEST(count(b) == 1u);
}

BOOST_AUTO_TEST_CASE(what_a_thread_had_goes_to_the_next) {
    owned a;
    for (int i = 0; i != 20; ++i)
        in_a_thread([&] { ++*a.of_this_thread(); });
    BOOST_TEST(count(a) == 1u);
    a.each([](auto const& n) { BOOST_TEST(n == 20); });
}

/// A thread keeps those that it used last, and gets others when it asks for
/// the rest again.
BOOST_AUTO_TEST_CASE(more_objects_than_a_thread_keeps) {
    std::vector<std::unique_ptr<owned>> all;
    for (int i = 0; i != 30; ++i)
        all.push_back(std::make_unique<owned>());
    for (int round = 0; round != 3; ++round)
        for (auto const& o : all)
            BOOST_TEST(o->of_this_thread() != nullptr);
    for (auto const& o : all)
        BOOST_TEST(count(*o) == 1u);
    auto* const kept = all[0]->of_this_thread();
    for (int i = 1; i != 5; ++i)
        all[std::size_t(i)]->of_this_thread();
    in_a_thread([&] { BOOST_TEST(all[0]->of_this_thread() != kept); });
}

/// Whoever destroys an object keeps nothing of it.
BOOST_AUTO_TEST_CASE(nothing_is_left_of_an_object) {
    struct counted {
        counted() { ++alive(); }
        counted(counted const&) = delete;
        counted& operator=(counted const&) = delete;
        ~counted() { --alive(); }
        static int& alive() {
            static int n = 0;
            return n;
        }
    };
    using objects = numstore::detail::thread_owned<counted>;
    {
        objects a;
        objects b;
        BOOST_TEST(a.of_this_thread() != nullptr);
        BOOST_TEST(b.of_this_thread() != nullptr);
        {
            objects c;
            BOOST_TEST(c.of_this_thread() != nullptr);
            BOOST_TEST(counted::alive() == 3);
        }
        BOOST_TEST(counted::alive() == 2);
        BOOST_TEST(a.of_this_thread() == a.of_this_thread());
        BOOST_TEST(counted::alive() == 2);
    }
    BOOST_TEST(counted::alive() == 0);
}

/// The object goes while a thread still has its own, or the thread first.
BOOST_AUTO_TEST_CASE(either_may_end_first) {
    std::atomic<int> step{0};
    auto o = std::make_unique<owned>();
    std::thread t([&] {
        o->of_this_thread()->store(1);
        step = 1;
        step.notify_all();
        step.wait(1);
        owned other; // the thread goes on, with new objects
        BOOST_TEST(other.of_this_thread() != nullptr);
    });
    step.wait(0);
    o.reset();
    step = 2;
    step.notify_all();
    t.join();
}

/// At the end of a thread there is none any more, whoever asks.
BOOST_AUTO_TEST_CASE(a_thread_that_ends_has_none) {
    struct asks_last {
        owned* of = nullptr;
        bool* had = nullptr;
        ~asks_last() {
            if (of != nullptr)
                *had = of->of_this_thread() != nullptr;
        }
    };
    owned o;
    bool had = true;
    in_a_thread([&] {
        static thread_local asks_last last;
        last.of = &o; // made before what the thread owns: destroyed after it
        last.had = &had;
        BOOST_TEST(o.of_this_thread() != nullptr);
    });
    BOOST_TEST(!had);
}

BOOST_AUTO_TEST_CASE(threads_that_come_and_go) {
    owned o;
    std::atomic<bool> shared{false};
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i)
        threads.emplace_back([&] {
            for (int k = 0; k != 100; ++k)
                in_a_thread([&] {
                    auto* const mine = o.of_this_thread();
                    if (mine->exchange(1) != 0)
                        shared = true;
                    mine->store(0);
                });
        });
    for (auto& t : threads)
        t.join();
    BOOST_TEST(!shared);
    BOOST_TEST(count(o) <= 8u);
}

BOOST_AUTO_TEST_SUITE_END()
