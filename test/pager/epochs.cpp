// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/epochs.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(pager_epochs)

namespace {

using numstore::detail::epochs;

/// Calls something before the load of an atomic, once.
template <class T>
struct watched_atomic : std::atomic<T> {
    using std::atomic<T>::atomic;
    T load(std::memory_order order) const noexcept {
        if (before && --loads_left == 0)
            std::exchange(before, {})();
        return std::atomic<T>::load(order);
    }
    static inline std::function<void()> before;
    static inline int loads_left = 0;
};

struct policies : numstore::default_policies {
    struct threading : numstore::default_policies::threading {
        template <class T>
        using atomic = watched_atomic<T>;
    };
};

using versions = epochs<numstore::default_policies>;

struct without_fence : numstore::default_policies {
    struct threading : numstore::default_policies::threading {
        static bool process_wide_fence() noexcept { return false; }
    };
};
struct failing_fence : numstore::default_policies {
    struct threading : numstore::default_policies::threading {
        static bool process_wide_fence() noexcept { return works; }
        static inline bool works = true;
    };
};

} // namespace

BOOST_AUTO_TEST_CASE(the_oldest_reader_counts) {
    versions e;
    e.show(5);
    BOOST_TEST(e.oldest() == 5u);
    auto& first = e.enter();
    e.show(9);
    auto& second = e.enter();
    BOOST_TEST(e.oldest() == 5u);
    versions::leave(first);
    BOOST_TEST(e.oldest() == 9u);
    e.show(12);
    BOOST_TEST(e.oldest() == 9u);
    versions::leave(second);
    BOOST_TEST(e.oldest() == 12u);
}

/// Plain reads, one within another too.
BOOST_AUTO_TEST_CASE(a_plain_read_counts) {
    versions e;
    e.show(5);
    auto& outer = e.enter_here();
    e.show(7);
    auto& inner = e.enter_here();
    BOOST_TEST(&inner != &outer);
    e.show(9);
    BOOST_TEST(e.oldest() == 5u);
    versions::leave_here(outer);
    BOOST_TEST(e.oldest() == 7u);
    auto& again = e.enter_here();
    BOOST_TEST(&again == &outer);
    versions::leave_here(inner);
    BOOST_TEST(e.oldest() == 9u);
    BOOST_TEST(e.count().readers == 0u);
    versions::leave_here(again);
    e.wait_for_plain();
}

/// Where there is no fence for all threads, plain reads are as others.
BOOST_AUTO_TEST_CASE(without_a_fence_for_all) {
    epochs<without_fence> e;
    e.show(5);
    auto& s = e.enter_here();
    e.show(7);
    BOOST_TEST(e.oldest() == 5u);
    epochs<without_fence>::leave_here(s);
    BOOST_TEST(e.oldest() == 7u);
}

/// While the fence fails, nothing may be reclaimed.
BOOST_AUTO_TEST_CASE(a_fence_that_fails) {
    failing_fence::threading::works = true;
    epochs<failing_fence> e;
    e.show(5);
    failing_fence::threading::works = false;
    BOOST_TEST(e.oldest() == 0u);
    failing_fence::threading::works = true;
    BOOST_TEST(e.oldest() == 5u);
}

/// Threads read one version after the other while they are shown and
/// reclaimed: none is reclaimed that a read has announced.
BOOST_AUTO_TEST_CASE(plain_reads_beside_a_reclaimer) {
    constexpr std::uint64_t last = 200'000;
    versions e;
    std::vector<std::atomic<bool>> gone(last + 1);
    std::atomic<bool> wrong{false};
    std::vector<std::thread> readers;
    for (int i = 0; i != 3; ++i)
        readers.emplace_back([&] {
            for (std::uint64_t seen = 0; seen != last;) {
                auto& s = e.enter_here();
                seen = s.sequence.load();
                for (int k = 0; k != 100; ++k)
                    if (gone[seen].load(std::memory_order_acquire))
                        wrong = true;
                versions::leave_here(s);
            }
        });
    std::uint64_t kept = 1;
    for (std::uint64_t i = 2; i <= last; ++i) {
        e.show(i);
        for (std::uint64_t const oldest = e.oldest(); kept < oldest; ++kept)
            gone[kept].store(true, std::memory_order_release);
    }
    for (auto& t : readers)
        t.join();
    BOOST_TEST(!wrong);
    BOOST_TEST(e.oldest() == last);
}

BOOST_AUTO_TEST_CASE(more_readers_than_slots_of_a_block) {
    versions e;
    std::vector<versions::slot*> slots;
    for (std::uint64_t i = 1; i != 301; ++i) {
        e.show(i);
        slots.push_back(&e.enter());
    }
    for (std::uint64_t i = 1; i != 300; ++i) {
        BOOST_TEST(e.oldest() == i);
        versions::leave(*slots[i - 1]);
    }
}

/// A plain read has no time and is no reader that statistics know.
BOOST_AUTO_TEST_CASE(readers_with_a_time_are_counted) {
    versions e;
    BOOST_TEST(e.count().readers == 0u);
    auto& plain = e.enter();
    auto& held = e.enter();
    BOOST_TEST(e.count().readers == 0u);
    held.since.store(
        numstore::default_policies::clock::now().count() - 1'000'000);
    BOOST_TEST(e.count().readers == 1u);
    BOOST_TEST(e.count().oldest_age.count() >= 1'000'000);
    versions::leave(plain);
    versions::leave(held);
    BOOST_TEST(e.count().readers == 0u);
    auto& again = e.enter();
    auto& another = e.enter();
    BOOST_TEST(e.count().readers == 0u);
    versions::leave(again);
    versions::leave(another);
}

/// A slot that was revoked no longer counts; those beside it do.
BOOST_AUTO_TEST_CASE(revoked_readers_do_not_count) {
    versions e;
    auto const all = [](auto...) { return true; };
    e.show(5);
    auto& old = e.enter();
    old.since.store(10);
    versions::make_revocable(old);
    auto& view = e.enter();
    view.since.store(20);
    e.show(9);
    auto& use = *e.enter_beside(old);
    e.revoke_if([](auto...) { return false; });
    BOOST_TEST(!versions::is_revoked(old));
    BOOST_TEST(e.count().oldest == 5u);
    e.revoke_if([](std::uint64_t sequence, std::chrono::nanoseconds since) {
        return sequence == 5 && since.count() == 10;
    });
    BOOST_TEST(versions::is_revoked(old));
    BOOST_TEST(!versions::is_revoked(view));
    BOOST_TEST(e.enter_beside(old) == nullptr);
    BOOST_TEST(e.count().readers == 1u);
    versions::leave(view);
    BOOST_TEST(e.count().oldest == versions::idle);
    BOOST_TEST(e.oldest() == 5u); // for the use that began before
    versions::leave(use);
    BOOST_TEST(e.oldest() == 9u);
    versions::leave(old);
    e.revoke_if(all);
    for (int i = 0; i != 200; ++i) // nothing is left of it in its slot
        BOOST_TEST(!versions::is_revoked(e.enter()));
}

/// Who revokes a slot that has been left meanwhile does not meet its next
/// reader.
BOOST_AUTO_TEST_CASE(the_next_reader_of_a_slot_is_not_revoked) {
    versions e;
    auto& first = e.enter();
    versions::make_revocable(first);
    versions::slot* second = nullptr;
    e.revoke_if([&](auto...) {
        if (second == nullptr) {
            versions::leave(first);
            second = &e.enter();
            versions::make_revocable(*second);
        }
        return true;
    });
    BOOST_TEST_REQUIRE(second == &first); // or this shows nothing
    BOOST_TEST(!versions::is_revoked(*second));
    e.revoke_if([](auto...) { return true; });
    BOOST_TEST(versions::is_revoked(*second));
}

/// What is shown between the two looks at the visible version is announced.
BOOST_AUTO_TEST_CASE(a_version_that_is_shown_while_a_reader_enters) {
    using watched = watched_atomic<std::uint64_t>;
    for (int load = 1; load != 6; ++load) {
        epochs<policies> e;
        e.show(3);
        watched::loads_left = load;
        watched::before = [&] { e.show(4); };
        auto& s = e.enter();
        bool const shown = !watched::before;
        watched::before = {};
        BOOST_TEST(e.oldest() == (shown ? e.visible() : 3u));
        epochs<policies>::leave(s);
    }
}

BOOST_AUTO_TEST_SUITE_END()
