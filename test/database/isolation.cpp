// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/numstore.hpp>

#include "refusal.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(isolation)

namespace {

namespace ns = numstore;
using refusal::directory;
using numbers = ns::array<std::int64_t>;

auto code(ns::errc expected) {
    return [expected](ns::error const& e) { return e.code() == expected; };
}

struct fixture {
    directory place;
    ns::database db{place.path() + "/a.ns",
                    {.lock_timeout = std::chrono::seconds(60)}};
    numbers x = db.create<std::int64_t>("x");
    numbers y = db.create<std::int64_t>("y");
};

std::int64_t value(numbers const& a) { return a.size() == 0 ? 0 : a.at(0); }

/// Runs both at once, each in a transaction that is repeated as the victim of
/// a deadlock, and both once before either writes.
void both_at_once(ns::database& db,
                  std::function<void(ns::transaction&, bool)> const& work) {
    std::atomic<int> first_tries{0};
    auto const run = [&](bool which) {
        bool again = false;
        db.transact([&](ns::transaction& tx) {
            if (!again) {
                again = true;
                ++first_tries;
                for (int i = 0; first_tries != 2 && i != 1'000'000; ++i)
                    std::this_thread::yield();
            }
            work(tx, which);
        });
    };
    std::thread one(run, false);
    std::thread two(run, true);
    one.join();
    two.join();
}

} // namespace

BOOST_FIXTURE_TEST_CASE(transactions_on_different_arrays_run_side_by_side,
                        fixture) {
    ns::transaction one = db.begin();
    ns::transaction two = db.begin();
    x.in(one).append(std::vector<std::int64_t>{1});
    y.in(two).append(std::vector<std::int64_t>{2});
    x.in(one).append(std::vector<std::int64_t>{3});
    two.commit();
    BOOST_TEST(value(y) == 2);
    BOOST_TEST(x.size() == 0u);
    one.commit();
    BOOST_TEST(x.size() == 2u);
    BOOST_TEST(db.verify().ok());
}

/// Each reads both and takes from one as long as the sum allows it.
BOOST_FIXTURE_TEST_CASE(there_is_no_write_skew, fixture) {
    for (int round = 0; round != 20; ++round) {
        db.transact([&](ns::transaction& tx) {
            for (numbers const& a : {x, y}) {
                a.in(tx).clear();
                a.in(tx).append(std::vector<std::int64_t>{50});
            }
        });
        both_at_once(db, [&](ns::transaction& tx, bool which) {
            std::int64_t const sum = value(x.in(tx)) + value(y.in(tx));
            std::this_thread::yield();
            if (sum >= 80)
                (which ? x : y).in(tx).write(
                    0, std::vector<std::int64_t>{-30});
        });
        BOOST_TEST(value(x) + value(y) == 20);
    }
}

BOOST_FIXTURE_TEST_CASE(no_update_is_lost, fixture) {
    x.append(std::vector<std::int64_t>{0});
    constexpr int rounds = 100;
    for (int round = 0; round != rounds; ++round)
        both_at_once(db, [&](ns::transaction& tx, bool) {
            std::int64_t const seen = value(x.in(tx));
            std::this_thread::yield();
            x.in(tx).write(0, std::vector<std::int64_t>{seen + 1});
        });
    BOOST_TEST(value(x) == 2 * rounds);
}

/// Each makes an array unless there is one already.
BOOST_FIXTURE_TEST_CASE(there_are_no_phantom_names, fixture) {
    for (int round = 0; round != 20; ++round) {
        std::string const number = std::to_string(round);
        both_at_once(db, [&](ns::transaction& tx, bool which) {
            std::string const mine = (which ? "a" : "b") + number;
            std::string const other = (which ? "b" : "a") + number;
            if (!tx.contains(other)) {
                std::this_thread::yield();
                tx.create<float>(mine);
            }
        });
        BOOST_TEST(db.contains("a" + number) != db.contains("b" + number));
        both_at_once(db, [&](ns::transaction& tx, bool which) {
            if (tx.list("c" + number + "*").empty()) {
                std::this_thread::yield();
                tx.create<float>("c" + number + (which ? "x" : "y"));
            }
        });
        BOOST_TEST(db.list("c" + number + "*").size() == 1u);
    }
}

BOOST_FIXTURE_TEST_CASE(a_deadlock_has_one_victim_with_nothing_half_done,
                        fixture) {
    std::atomic<int> victims{0};
    std::atomic<int> holding{0};
    auto const run = [&](numbers first, numbers second) {
        try {
            ns::transaction tx = db.begin();
            first.in(tx).append(std::vector<std::int64_t>{1});
            ++holding;
            while (holding != 2)
                std::this_thread::yield();
            second.in(tx).append(std::vector<std::int64_t>{1});
            tx.commit();
        } catch (ns::error const& e) {
            if (e.code() == ns::errc::deadlock)
                ++victims;
        }
    };
    std::thread one(run, x, y);
    std::thread two(run, y, x);
    one.join();
    two.join();
    BOOST_TEST(victims == 1);
    BOOST_TEST(x.size() == 1u);
    BOOST_TEST(y.size() == 1u);
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(a_victim_cannot_be_used_any_more, fixture) {
    ns::transaction mine = db.begin();
    x.in(mine).append(std::vector<std::int64_t>{1});
    std::atomic<bool> holds{false};
    std::thread other([&] {
        ns::transaction tx = db.begin();
        y.in(tx).append(std::vector<std::int64_t>{1});
        holds = true;
        try {
            x.in(tx).append(std::vector<std::int64_t>{1});
            tx.commit();
        } catch (ns::error const& e) {
            BOOST_TEST((e.code() == ns::errc::deadlock));
        }
    });
    while (!holds)
        std::this_thread::yield();
    try {
        y.in(mine).append(std::vector<std::int64_t>{1});
        mine.commit();
    } catch (ns::error const& e) {
        BOOST_TEST((e.code() == ns::errc::deadlock));
        BOOST_TEST(!mine.is_active());
        BOOST_CHECK_EXCEPTION(x.in(mine).size(), ns::error,
                              code(ns::errc::transaction_ended));
    }
    other.join();
    BOOST_TEST(x.size() == 1u);
    BOOST_TEST(y.size() == 1u);
}

/// What was held up by a reader in a transaction goes on after it.
BOOST_FIXTURE_TEST_CASE(writers_wait_for_who_has_read_in_a_transaction,
                        fixture) {
    x.append(std::vector<std::int64_t>{1});
    ns::transaction reader = db.begin();
    BOOST_TEST(value(x.in(reader)) == 1);
    std::atomic<bool> written{false};
    std::thread writer([&] {
        x.write(0, std::vector<std::int64_t>{2});
        written = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    BOOST_TEST(!written);
    BOOST_TEST(value(x.in(reader)) == 1);
    BOOST_TEST(value(x) == 1); // plain reads never wait
    reader.commit();
    writer.join();
    BOOST_TEST(value(x) == 2);
}

BOOST_FIXTURE_TEST_CASE(a_wait_that_is_too_long_changes_nothing, fixture) {
    db = ns::database(place.path() + "/b.ns",
                      {.lock_timeout = std::chrono::milliseconds(10)});
    x = db.create<std::int64_t>("x");
    y = db.create<std::int64_t>("y");
    ns::transaction tx = db.begin();
    x.in(tx).append(std::vector<std::int64_t>{1});
    std::thread([&] {
        ns::transaction other = db.begin();
        y.in(other).append(std::vector<std::int64_t>{1});
        BOOST_CHECK_EXCEPTION(x.in(other).append(
                                  std::vector<std::int64_t>{1}),
                              ns::error, code(ns::errc::timed_out));
        BOOST_CHECK_EXCEPTION(db.drop("x"), ns::error,
                              code(ns::errc::timed_out));
        y.in(other).append(std::vector<std::int64_t>{2});
        other.commit();
    }).join();
    tx.commit();
    BOOST_TEST(x.size() == 1u);
    BOOST_TEST(y.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_thread_is_told_that_it_would_wait_for_itself,
                        fixture) {
    ns::transaction tx = db.begin();
    x.in(tx).append(std::vector<std::int64_t>{1});
    BOOST_CHECK_EXCEPTION(x.append(std::vector<std::int64_t>{2}), ns::error,
                          code(ns::errc::would_deadlock));
    BOOST_CHECK_EXCEPTION(db.drop("x"), ns::error,
                          code(ns::errc::would_deadlock));
    y.append(std::vector<std::int64_t>{2}); // which tx has not locked
    tx.create<float>("z");
    BOOST_CHECK_EXCEPTION(db.create<float>("z"), ns::error,
                          code(ns::errc::would_deadlock));
    BOOST_TEST(!db.contains("z"));
    tx.commit();
    BOOST_TEST(x.size() == 1u);
}

/// Records of two transactions are mixed in the log, bulk data in parts too.
BOOST_FIXTURE_TEST_CASE(interleaved_transactions_are_redone, fixture) {
    std::vector<std::int64_t> large(700'000);
    for (std::size_t i = 0; i != large.size(); ++i)
        large[i] = static_cast<std::int64_t>(i * i);
    db.checkpoint();
    ns::transaction one = db.begin();
    ns::transaction two = db.begin();
    ns::transaction lost = db.begin();
    auto z = lost.create<std::int64_t>("z");
    std::thread a([&] {
        for (int i = 0; i != 3; ++i)
            x.in(one).insert(std::min<std::uint64_t>(7, x.in(one).size()),
                             large);
        one.commit();
    });
    std::thread b([&] {
        for (int i = 0; i != 3; ++i) {
            y.in(two).append(large);
            y.in(two).erase(ns::slice{.start = 1, .stop = 1000, .step = 2});
        }
        auto const mark = two.savepoint();
        y.in(two).clear();
        two.rollback_to(mark);
        two.commit();
    });
    std::thread c([&] {
        for (int i = 0; i != 100; ++i)
            z.append(std::vector<std::int64_t>{i});
    });
    a.join();
    b.join();
    c.join();
    auto const copy = place.path() + "/copy.ns";
    std::filesystem::copy_file(db.path(), copy);
    ns::database again(copy);
    BOOST_TEST(again.verify().ok());
    BOOST_TEST(!again.contains("z"));
    auto const same = [&](numbers const& array, char const* name) {
        return array.to_vector() == again.open<std::int64_t>(name).to_vector();
    };
    BOOST_TEST(same(x, "x"));
    BOOST_TEST(same(y, "y"));
    BOOST_TEST(x.size() == 3 * large.size());
}

BOOST_FIXTURE_TEST_CASE(closing_ends_who_waits_for_a_lock, fixture) {
    std::optional<ns::transaction> tx(db.begin());
    x.in(*tx).append(std::vector<std::int64_t>{1});
    std::atomic<bool> waits{false};
    std::thread other([&] {
        waits = true;
        BOOST_CHECK_EXCEPTION(x.append(std::vector<std::int64_t>{2}),
                              ns::error, code(ns::errc::closed));
    });
    while (!waits)
        std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    db.close();
    other.join();
    tx.reset();
    ns::database again(place.path() + "/a.ns");
    BOOST_TEST(again.open<std::int64_t>("x").size() == 0u);
}

/// A transaction that is too old while its thread is in a call of it ends
/// after that; one that is idle ends at once, and lets go of its locks.
BOOST_FIXTURE_TEST_CASE(transactions_that_keep_too_much_of_the_log_end,
                        fixture) {
    db = ns::database(place.path() + "/c.ns",
                      {.max_log_bytes = std::uint64_t{1} << 20});
    x = db.create<std::int64_t>("x");
    y = db.create<std::int64_t>("y");
    ns::transaction idle = db.begin();
    x.in(idle).append(std::vector<std::int64_t>{1});
    std::vector<std::int64_t> const some(1000);
    std::atomic<bool> begun{false}; // so that no change of `y` is older
    std::atomic<bool> stop{false};
    bool ended = false;
    std::thread busy([&] {
        auto const z = db.create<std::int64_t>("z");
        ns::transaction tx = db.begin();
        try {
            z.in(tx).append(some);
            begun = true;
            while (!stop)
                z.in(tx).append(some);
        } catch (ns::error const& e) {
            ended = e.code() == ns::errc::transaction_too_old;
        }
    });
    while (!begun)
        std::this_thread::yield();
    for (int i = 0; i != 600; ++i)
        y.append(some);
    BOOST_CHECK_EXCEPTION(x.in(idle).size(), ns::error,
                          code(ns::errc::transaction_too_old));
    x.append(std::vector<std::int64_t>{2}); // nobody holds it any more
    stop = true;
    busy.join();
    BOOST_TEST(ended);
    BOOST_TEST(x.size() == 1u);
    BOOST_TEST(y.size() == 600'000u);
    BOOST_TEST(db.verify().ok());
}

/// There is nothing that its commit could wait for.
BOOST_FIXTURE_TEST_CASE(a_look_at_an_empty_database_is_committed, fixture) {
    ns::database empty(place.path() + "/empty.ns");
    ns::transaction tx = empty.begin();
    BOOST_TEST(!tx.contains("x"));
    tx.commit();
    empty.transact([](ns::transaction& t) { BOOST_TEST(t.list().empty()); });
    BOOST_TEST(empty.stats().commits == 0u);
}

/// What is committed while the checkpoint before it is written does not look
/// like damage.
BOOST_FIXTURE_TEST_CASE(verify_beside_writers_finds_nothing_wrong, fixture) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (numbers a : {x, y})
        threads.emplace_back([&, a]() mutable {
            std::vector<std::int64_t> const some(3000, 1);
            while (!stop) {
                a.append(some);
                if (a.size() > 100'000)
                    a.erase(10, 90'000);
            }
        });
    threads.emplace_back([&] {
        while (!stop)
            db.checkpoint();
    });
    for (int i = 0; i != 20; ++i) {
        auto const report = db.verify();
        for (auto const& p : report.problems)
            BOOST_TEST_MESSAGE(p.page << ' ' << p.array << ' ' << p.what);
        BOOST_TEST(report.ok());
    }
    stop = true;
    for (auto& t : threads)
        t.join();
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_SUITE_END()
