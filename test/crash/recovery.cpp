// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "recovery_fixture.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(crash_recovery)

namespace {

using namespace recovery_test;

/// Every kind of change, in one transaction.
void change_everything(ns::basic_transaction<policies>& tx, array const& in,
                       int first) {
    array a = in.in(tx);
    a.append(numbers(50, first));
    a.insert(0, many(first));
    a.erase(3, 7);
    a.erase(ns::slice{.start = 10, .stop = 200, .step = 3});
    a.write(0, numbers(20, -first));
    a.write(ns::slice{.start = 1, .stop = 300, .step = 5},
            numbers(60, first + 9));
    a.scatter(std::vector<std::uint64_t>{40, 12, 77}, numbers(3, 5));
    a.erase_at(std::vector<std::uint64_t>{90, 80, 11});
    a.resize(a.size() + 3000);
    a.resize(a.size() + 10, 7);
    a.attributes().set("first", std::int64_t{first});
    auto b = tx.create<int>("b" + std::to_string(first));
    b.append(numbers(300, first));
    tx.rename("b" + std::to_string(first), "c" + std::to_string(first));
}

} // namespace

BOOST_AUTO_TEST_CASE(crash_before_commit) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(numbers(100));
        auto tx = w.db.begin();
        change_everything(tx, w.a, 1000);
        require_after_losses(w.device, w.committed);
        tx.drop("a");
        require_after_losses(w.device, w.committed);
        tx.commit();
        BOOST_TEST(!all_of(w.db).contains("a"));
        require_after_losses(w.device, all_of(w.db));
    });
}

BOOST_AUTO_TEST_CASE(what_is_committed_is_redone_whatever_it_is) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(numbers(500));
        for (int round = 1; round != 4; ++round) {
            w.db.transact([&](auto& tx) {
                change_everything(tx, w.a, round * 1000);
            });
            require_after_losses(w.device, all_of(w.db));
        }
        database again(
            w.device.after_power_loss(power_loss::random(1)));
        BOOST_TEST(again.open<int>("a").attributes().get<std::int64_t>("first")
                   == 3000);
    });
}

BOOST_AUTO_TEST_CASE(several_transactions_crash_before_commit) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        contents committed;
        for (int round = 1; round != 5; ++round) {
            database db(device);
            BOOST_TEST_REQUIRE((all_of(db) == committed));
            auto a = db.open_or_create<int>("a");
            a.append(numbers(30, round));
            auto undone = db.begin();
            a.in(undone).append(many(-round));
            undone.rollback();
            committed = all_of(db);
            auto first = db.begin();
            auto second = db.begin();
            auto third = db.begin();
            change_everything(second, a, round);
            require_error(ns::errc::would_deadlock,
                          [&] { a.in(first).append({1}); });
            if (round % 2 == 0)
                db.checkpoint();
            device = device.after_power_loss(power_loss::random(
                static_cast<std::uint64_t>(round)));
        }
        BOOST_TEST((recovered(device) == committed));
    });
}

BOOST_AUTO_TEST_CASE(checkpoint_with_active_transactions) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(numbers(100));
        auto idle = w.db.begin();
        auto tx = w.db.begin();
        change_everything(tx, w.a, 5);
        // Superblocks come and go; the log of an open transaction stays.
        for (int i = 0; i != 4; ++i) {
            w.db.checkpoint();
            w.a.in(tx).append(numbers(400, i));
            require_after_losses(w.device, w.committed);
        }
        tx.commit();
        contents const after = all_of(w.db);
        BOOST_TEST((after != w.committed));
        require_after_losses(w.device, after);
        w.db.checkpoint();
        require_after_losses(w.device, after);
    });
}

BOOST_AUTO_TEST_CASE(rollback_then_crash) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(numbers(100));
        {
            auto tx = w.db.begin();
            change_everything(tx, w.a, 5);
            tx.rollback();
        }
        require_after_losses(w.device, w.committed);
        w.append(many()); // may take the pages that were given back
        require_after_losses(w.device, w.committed);
        {
            auto tx = w.db.begin();
            change_everything(tx, w.a, 6);
            w.db.checkpoint();
        }
        w.append(many(7));
        require_after_losses(w.device, w.committed);
    });
}

BOOST_AUTO_TEST_CASE(savepoint_compensation_is_not_undone_twice) {
    for (bool const checkpoints : {false, true})
        with_both_blocks([&](std::size_t block) {
            world w(block);
            w.append(numbers(100));
            auto tx = w.db.begin();
            auto in = w.a.in(tx);
            in.append(numbers(10, 200));
            auto const outer = tx.savepoint();
            in.append(many(300));
            in.erase(0, 20);
            auto const inner = tx.savepoint();
            in.insert(5, many(400));
            auto made = tx.create<int>("made");
            made.append({1});
            if (checkpoints)
                w.db.checkpoint();
            tx.rollback_to(inner);
            BOOST_TEST(!tx.contains("made"));
            in.write(0, numbers(5, 500));
            tx.rollback_to(inner);
            in.push_back(1);
            if (checkpoints)
                w.db.checkpoint();
            tx.rollback_to(outer);
            tx.rollback_to(outer);
            in.append(many(600));
            values const expected = in.to_vector();
            require_after_losses(w.device, w.committed);
            tx.commit();
            w.committed["a"] = expected;
            require_after_losses(w.device, w.committed);
        });
}

namespace {

/// A crashed database whose recovery has work of every kind.
struct crashed {
    explicit crashed(std::size_t block) : device(block) {
        database db(device);
        auto a = db.create<int>("a");
        a.append(numbers(100));
        db.checkpoint();
        a.append(many());
        a.insert(50, numbers(2000));
        db.create<int>("b").append(numbers(10));
        auto tx = db.begin();
        a.in(tx).append(many(7));
        expected = all_of(db);
        device = device.after_power_loss(power_loss::keep_all());
    }

    simulated_storage device;
    contents expected;
};

/// Opens a copy of `device` with power going at the n-th call. False if that
/// did not happen; else f(what is left) for several kinds of loss.
template <class F>
bool recover_cut_at(simulated_storage const& device, std::uint64_t n,
                    std::uint64_t losses, F&& f) {
    simulated_storage attempt = device.clone();
    attempt.record(ns::testing::recording::off);
    attempt.cut_power_at(n);
    try {
        database db(attempt);
        if (attempt.powered())
            return false;
        db.close();
    } catch (ns::error const&) {
        BOOST_TEST_REQUIRE(!attempt.powered());
    }
    for (std::uint64_t i = 0; i != losses; ++i)
        BOOST_TEST_CONTEXT("call " << n << ", loss " << i)
            f(attempt.after_power_loss(
                i == 0 ? power_loss::lose_all()
                       : power_loss::random(n * 100 + i)));
    return true;
}

} // namespace

BOOST_AUTO_TEST_CASE(crash_during_recovery_and_its_recovery) {
    with_both_blocks([](std::size_t block) {
        crashed const c(block);
        std::uint64_t n = 1;
        while (recover_cut_at(
            c.device, n, 2, [&](simulated_storage const& once) {
                BOOST_TEST_REQUIRE((recovered(once.clone()) == c.expected));
                for (std::uint64_t m = 1;
                     recover_cut_at(
                         once, m, 1,
                         [&](simulated_storage const& twice) {
                             BOOST_TEST_REQUIRE(
                                 (recovered(twice) == c.expected));
                         });
                     ++m) {
                }
            }))
            ++n;
        BOOST_TEST(n > 5U);
    });
}

BOOST_AUTO_TEST_CASE(crash_during_recovery_again_and_again) {
    with_both_blocks([](std::size_t block) {
        crashed const c(block);
        for (std::uint64_t seed = 1; seed != 6; ++seed) {
            std::mt19937_64 random(seed);
            simulated_storage left = c.device.clone();
            for (int i = 0; i != 15; ++i) {
                simulated_storage attempt = left.clone();
                attempt.cut_power_at(1 + random() % 12);
                try {
                    database db(attempt);
                } catch (ns::error const&) {
                    BOOST_TEST_REQUIRE(!attempt.powered());
                }
                left = attempt.after_power_loss(power_loss::random(random()));
            }
            BOOST_TEST_REQUIRE((recovered(left) == c.expected));
        }
    });
}

BOOST_AUTO_TEST_CASE(crash_during_checkpoint) {
    with_both_blocks([](std::size_t block) {
        for (std::uint64_t n = 1;; ++n) {
            world w(block);
            w.append(many());
            w.db.checkpoint();
            w.db.transact([&](auto& tx) { change_everything(tx, w.a, 3); });
            contents const expected = all_of(w.db);
            auto tx = w.db.begin();
            w.a.in(tx).append(numbers(10));
            w.device.cut_power_at(n);
            bool cut = false;
            try {
                w.db.checkpoint();
            } catch (ns::error const&) {
                cut = true;
            }
            BOOST_TEST_REQUIRE(cut == !w.device.powered());
            after_losses(w.device, [&](simulated_storage const& left) {
                BOOST_TEST_REQUIRE((recovered(left) == expected));
            });
            if (!cut) {
                BOOST_TEST(n > 3U);
                break;
            }
        }
    });
}

namespace {

/// The log's last batch is a commit that was written but not made durable.
struct torn_tail {
    explicit torn_tail(std::size_t block) : device(block) {
        database db(device, {.durability = ns::durability::grouped});
        auto a = db.create<int>("a");
        db.checkpoint();
        a.append(numbers(10));
        without = all_of(db);
        auto const mark = device.mark();
        a.append(numbers(300, 50));
        with = all_of(db);
        auto const written = records_since(device, mark);
        BOOST_TEST_REQUIRE(written.size() == 1U);
        last = written.front();
        device = device.clone();
    }

    std::uint64_t end() const { return last.offset + last.bytes.size(); }

    simulated_storage device;
    contents without, with;
    batch last;
};

} // namespace

BOOST_AUTO_TEST_CASE(torn_log_tail_cut_at_every_byte) {
    constexpr std::size_t every = thinned ? 7 : 1;
    with_both_blocks([](std::size_t block) {
        torn_tail const t(block);
        for (std::byte const fill : {std::byte{0}, std::byte{0xa5}})
            for (std::size_t cut = 0; cut <= t.last.length(); cut += every) {
                simulated_storage torn = t.device.clone();
                torn.record(ns::testing::recording::off);
                torn.corrupt(t.last.offset + cut,
                             std::vector<std::byte>(
                                 t.last.bytes.size() - cut, fill));
                bool const whole = std::all_of(
                    t.last.bytes.begin() + static_cast<std::ptrdiff_t>(cut),
                    t.last.bytes.begin()
                        + static_cast<std::ptrdiff_t>(t.last.length()),
                    [&](std::byte b) { return b == fill; });
                database db(torn);
                BOOST_TEST_REQUIRE(
                    (all_of(db) == (whole ? t.with : t.without)));
            }
    });
}

BOOST_AUTO_TEST_CASE(garbage_or_zeros_behind_the_log) {
    with_both_blocks([](std::size_t block) {
        torn_tail const t(block);
        for (unsigned seed = 0; seed != 40; ++seed) {
            std::mt19937 random(seed);
            std::vector<std::byte> tail(1 + random() % 3000);
            if (seed % 4 != 0)
                for (std::byte& b : tail)
                    b = std::byte{static_cast<unsigned char>(random())};
            simulated_storage torn = t.device.clone();
            torn.corrupt(t.end(), tail);
            BOOST_TEST_REQUIRE((recovered(torn) == t.with));
        }
        simulated_storage mixed = t.device.clone();
        mixed.corrupt(t.end(), t.last.bytes);
        BOOST_TEST((recovered(mixed) == t.with));
    });
}

BOOST_AUTO_TEST_CASE(stale_batches_of_the_same_length) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        ns::options const o{.log_bytes = 1 << 18};
        database db(device, o);
        auto a = db.create<int>("a");
        a.append(numbers(16));
        std::uint64_t stale = 0;
        for (int i = 0; i != 2000; ++i) {
            device.record(ns::testing::recording::calls_and_data);
            a.write(0, numbers(16, i));
            auto const last = records_since(device, 0).back();
            std::uint64_t const behind = last.offset + last.bytes.size();
            std::error_code ec;
            if (behind + last.bytes.size() > device.size(ec))
                continue;
            batch const next{behind, bytes_at(device, behind,
                                              last.bytes.size())};
            bool const same = next.head().magic.value()
                                  == ns::format::log_batch_magic
                              && next.length() == last.length();
            stale += same;
            if (same && stale % 16 == 0)
                BOOST_TEST_REQUIRE(
                    (recovered(
                         device.after_power_loss(power_loss::lose_all()))
                     == all_of(db)));
        }
        BOOST_TEST(stale > 10U);
    });
}

BOOST_AUTO_TEST_CASE(a_stale_batch_in_place_of_the_last_ends_the_log) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        database db(device, {.durability = ns::durability::grouped});
        auto a = db.create<int>("a");
        a.append(numbers(16));
        auto const mark = device.mark();
        a.write(0, numbers(16, 100));
        a.write(0, numbers(16, 200));
        contents const before = all_of(db);
        a.write(0, numbers(16, 300));
        auto const written = records_since(device, mark);
        BOOST_TEST_REQUIRE(written.size() == 3U);
        for (std::size_t i = 0; i != 2; ++i) {
            simulated_storage torn = device.clone();
            torn.corrupt(written[2].offset, written[i].bytes);
            BOOST_TEST((recovered(torn) == before));
        }
    });
}

BOOST_AUTO_TEST_CASE(torn_pages) {
    with_both_blocks([](std::size_t block) {
        // Power goes while pages are written: what they replace is intact.
        for (std::uint64_t seed = 1; seed != 25; ++seed) {
            world w(block);
            w.append(many());
            w.db.checkpoint();
            w.a.write(ns::slice{.step = 7},
                      values((w.a.size() + 6) / 7, -1));
            contents const expected = all_of(w.db);
            w.device.inject({.nth = 1,
                             .kinds = mask(call_kind::sync),
                             .cut_power = true});
            BOOST_CHECK_THROW(w.db.checkpoint(), ns::error);
            BOOST_TEST_REQUIRE(w.device.unsynced_units() > 3U);
            BOOST_TEST_REQUIRE(
                (recovered(w.device.after_power_loss(power_loss::random(seed)))
                 == expected));
        }
    });
}

BOOST_AUTO_TEST_CASE(a_damaged_page_is_an_error_and_is_found) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        auto const mark = device.mark();
        {
            database db(device);
            db.create<int>("a").append(many());
        }
        for (auto const& c : device.calls_since(mark)) {
            if (c.kind != call_kind::write || c.length < 2048
                || (*c.data)[1000] == std::byte{0})
                continue;
            simulated_storage damaged = device.clone();
            damaged.corrupt(c.offset + 1000,
                            std::vector<std::byte>{(*c.data)[1000]
                                                   ^ std::byte{1}});
            database db(damaged);
            require_error(ns::errc::corrupt,
                          [&] { db.open<int>("a").to_vector(); });
            BOOST_TEST(!db.verify().ok());
            return;
        }
        BOOST_FAIL("no bulk write was recorded");
    });
}

BOOST_AUTO_TEST_CASE(bulk_pages_written_but_the_commit_record_lost) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(numbers(10));
        simulated_storage const before = w.device.clone();
        auto const mark = w.device.mark();
        contents const expected = w.committed;
        w.append(many());
        simulated_storage pages = before.clone();
        simulated_storage log = before.clone();
        std::error_code ec;
        for (auto const& c : w.device.calls_since(mark)) {
            if (c.kind == call_kind::resize) {
                pages.resize(c.offset, ec);
                log.resize(c.offset, ec);
            }
            if (c.data == nullptr)
                continue;
            batch const b{c.offset, *c.data};
            bool const is_log =
                b.head().magic.value() == ns::format::log_batch_magic;
            (is_log ? log : pages).write(c.offset, *c.data, ec);
            BOOST_TEST_REQUIRE(!ec);
        }
        BOOST_TEST((recovered(pages) == expected));
        // And the other way round: the commit is there, its pages are not.
        BOOST_TEST((recovered(log) == expected));
        BOOST_TEST((recovered(w.device) == w.committed));
    });
}

BOOST_AUTO_TEST_CASE(no_space_half_way_rolls_the_transaction_back) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(many());
        std::error_code ec;
        w.device.set_capacity(w.device.size(ec) + 65536);
        auto tx = w.db.begin();
        auto in = w.a.in(tx);
        in.append(numbers(10));
        require_error(ns::errc::no_space,
                      [&] { in.insert(70, numbers(1 << 20)); });
        BOOST_TEST(!tx.is_active());
        require_error(ns::errc::transaction_ended, [&] { tx.commit(); });
        require_sound(w.db);
        BOOST_TEST((all_of(w.db) == w.committed));
        w.append(numbers(20, 9));
        w.db.checkpoint();
        require_after_losses(w.device, w.committed);
    });
}

BOOST_AUTO_TEST_CASE(a_refused_call_inside_a_transaction_that_commits) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(many());
        auto tx = w.db.begin();
        auto in = w.a.in(tx);
        in.append(numbers(5));
        require_error(ns::errc::out_of_range,
                      [&] { in.insert(1 << 30, many()); });
        require_error(ns::errc::invalid_argument, [&] {
            in.erase_at(std::vector<std::uint64_t>{7, 3, 7});
        });
        require_error(ns::errc::size_mismatch,
                      [&] { in.write(ns::every<2>{}, numbers(3)); });
        require_error(ns::errc::already_exists,
                      [&] { tx.create<int>("a"); });
        in.push_back(6);
        tx.commit();
        values& m = w.committed["a"];
        for (int i = 1; i != 7; ++i)
            m.push_back(i);
        require_after_losses(w.device, w.committed);
    });
}

BOOST_AUTO_TEST_CASE(the_older_superblock_leads_to_the_same_commit) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        auto const check = [&](char const* when, contents const& expected) {
            BOOST_TEST_CONTEXT(when) {
                simulated_storage left =
                    device.after_power_loss(power_loss::lose_all());
                destroy_newest_superblock(left);
                BOOST_TEST((recovered(left) == expected));
                // And from then on both are good again.
                simulated_storage again = left.clone();
                destroy_newest_superblock(again);
                BOOST_TEST((recovered(again) == expected));
            }
        };
        {
            database db(device);
            check("new", {});
            auto a = db.create<int>("a");
            a.append(numbers(10));
            check("after commits", all_of(db));
            a.append(many());
            db.checkpoint();
            check("after a checkpoint", all_of(db));
            a.append(many(5));
            a.push_back(1);
            check("after a checkpoint and commits", all_of(db));
            for (int i = 0; i != 5; ++i) {
                a.insert(i, many(i));
                a.erase(0, 3);
                db.checkpoint();
                check("after more checkpoints", all_of(db));
            }
        }
        contents const expected = recovered(device.clone());
        check("closed", expected);
        {
            database db(device);
            check("opened again", expected);
            db.open<int>("a").push_back(2);
            check("opened again, and a commit", all_of(db));
            device = device.after_power_loss(power_loss::lose_all());
        }
        database db(device);
        check("recovered", all_of(db));
        db.open<int>("a").push_back(3);
        check("recovered, and a commit", all_of(db));
        db.checkpoint();
        check("recovered, and a checkpoint", all_of(db));
        db.open<int>("a").push_back(4);
        check("recovered, a checkpoint and a commit", all_of(db));
    });
}

BOOST_AUTO_TEST_CASE(the_older_superblock_after_the_file_shrank) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        contents expected;
        std::error_code ec;
        std::uint64_t before = 0;
        {
            database db(device);
            db.create<int>("b").append(numbers(30));
            db.checkpoint();
            db.create<int>("a").append(numbers(400000));
            db.checkpoint();
            db.drop("a");
            db.checkpoint();
            db.checkpoint();
            db.open<int>("b").push_back(1);
            db.checkpoint();
            db.open<int>("b").push_back(2);
            expected = all_of(db);
            before = device.size(ec);
        }
        BOOST_TEST_REQUIRE(device.size(ec) < before);
        destroy_newest_superblock(device);
        BOOST_TEST((recovered(device) == expected));
    });
}

BOOST_AUTO_TEST_CASE(a_torn_superblock_is_no_damage) {
    // A checkpoint may follow one without a batch of the log in between.
    for (bool const crash_first : {false, true})
        with_both_blocks([&](std::size_t block) {
            for (std::uint64_t seed = 1; seed != 20; ++seed) {
                simulated_storage device(block);
                {
                    database db(device);
                    db.create<int>("a").append(numbers(100));
                    db.checkpoint();
                    if (crash_first) {
                        db.open<int>("a").push_back(1);
                        device = device.after_power_loss(
                            power_loss::lose_all());
                    }
                }
                database db(device);
                contents const expected = all_of(db);
                auto tx = db.begin();
                db.open<int>("a").in(tx).append(numbers(9));
                device.inject({.kinds = mask(call_kind::write_durable),
                               .cut_power = true});
                BOOST_CHECK_THROW(db.checkpoint(), ns::error);
                BOOST_TEST_REQUIRE(
                    (recovered(
                         device.after_power_loss(power_loss::random(seed)))
                     == expected));
            }
        });
}

BOOST_AUTO_TEST_CASE(damage_before_what_was_durable_is_an_error) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.db.checkpoint();
        auto const mark = w.device.mark();
        for (int i = 0; i != 6; ++i)
            w.append(numbers(16, i));
        auto const written = records_since(w.device, mark);
        BOOST_TEST_REQUIRE(written.size() == 6U);
        for (std::size_t i = 0; i + 1 != written.size(); ++i)
            for (std::size_t at = 0; at < written[i].length(); ++at) {
                simulated_storage damaged = w.device.clone();
                damaged.record(ns::testing::recording::off);
                damaged.corrupt(
                    written[i].offset + at,
                    std::vector<std::byte>{written[i].bytes[at]
                                           ^ std::byte{0x10}});
                for (auto const mode : {ns::open_mode::open_existing,
                                        ns::open_mode::read_only})
                    BOOST_CHECK_EXCEPTION(
                        database(damaged, {.mode = mode}), ns::error,
                        [](ns::error const& e) {
                            return is(e, ns::errc::corrupt);
                        });
            }
    });
}

/// A superblock that says "closed" lets the log behind it go unread, so it must
/// not be there any more.
BOOST_AUTO_TEST_CASE(damage_of_the_first_commit_after_a_close_is_an_error) {
    with_both_blocks([](std::size_t block) {
        for (bool const again : {false, true}) {
            world w(block);
            if (again) {
                w.append(numbers(100));
                w.db.checkpoint();
                w.db.checkpoint();
            }
            w.db.close();
            database db(w.device);
            auto a = db.open<int>("a");
            auto const mark = w.device.mark();
            for (int i = 0; i != 3; ++i)
                a.append(numbers(16, i));
            auto const written = records_since(w.device, mark);
            BOOST_TEST_REQUIRE(written.size() == 3U);
            simulated_storage left =
                w.device.after_power_loss(power_loss::lose_all());
            left.corrupt(written[0].offset, std::vector<std::byte>(
                                                written[0].length()));
            for (auto const mode :
                 {ns::open_mode::open_existing, ns::open_mode::read_only})
                BOOST_CHECK_EXCEPTION(database(left, {.mode = mode}), ns::error,
                                      [](ns::error const& e) {
                                          return is(e, ns::errc::corrupt);
                                      });
        }
    });
}

BOOST_AUTO_TEST_CASE(log_sequence_numbers_never_go_back) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        std::uint64_t version = 0;
        std::uint64_t redo = 0;
        std::uint64_t place = 0;
        std::set<std::uint64_t> salts;
        for (std::uint64_t round = 1; round != 12; ++round) {
            auto const mark = device.mark();
            {
                database db(device);
                auto a = db.open_or_create<int>("a");
                for (int i = 0; i != 20; ++i)
                    a.append(numbers(30));
                if (round % 3 == 0)
                    db.checkpoint();
                auto tx = db.begin();
                a.in(tx).append(many());
                if (round % 4 == 0) {
                    tx.rollback();
                    db.close();
                }
                for (batch const& b : batches_since(device, mark)) {
                    auto const h = b.head();
                    if (h.position.value() < place)
                        BOOST_TEST_REQUIRE(h.position.value() >= place);
                    place = std::max(place, h.position.value());
                    salts.insert(h.salt.value());
                }
                device = device.after_power_loss(power_loss::random(round));
            }
            auto const s = superblocks_of(device);
            BOOST_TEST_REQUIRE(!s.empty());
            BOOST_TEST_REQUIRE(ns::to_integer(s[0].version) >= version);
            BOOST_TEST_REQUIRE(ns::to_integer(s[0].redo) >= redo);
            version = ns::to_integer(s[0].version);
            redo = ns::to_integer(s[0].redo);
        }
        BOOST_TEST(salts.size() > 3U);
    });
}

BOOST_AUTO_TEST_CASE(reading_a_crashed_file_writes_nothing) {
    with_both_blocks([](std::size_t block) {
        crashed const c(block);
        for (std::uint64_t const cache : {1u << 14, 1u << 28}) {
            simulated_storage const device = c.device.clone();
            ns::options const o{.mode = ns::open_mode::read_only,
                                .cache_bytes = cache};
            {
                database first(device, o);
                database second(device, o);
                BOOST_TEST((all_of(first) == c.expected));
                BOOST_TEST((all_of(second) == c.expected));
                BOOST_TEST((all_of(first.snapshot()) == c.expected));
                BOOST_TEST(first.verify().ok());
                require_error(ns::errc::read_only, [&] {
                    first.open<int>("a").push_back(1);
                });
                first.close();
                BOOST_TEST((all_of(second) == c.expected));
            }
            auto const counts = device.counts();
            BOOST_TEST(counts.writes == 0U);
            BOOST_TEST(counts.durable_writes == 0U);
            BOOST_TEST(counts.syncs == 0U);
            BOOST_TEST(counts.resizes == 0U);
            BOOST_TEST((recovered(device) == c.expected));
        }
    });
}

/// The reserve, of which removals have taken a part, serves recovery too.
BOOST_AUTO_TEST_CASE(a_crash_on_a_full_device_is_recovered) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        device.set_capacity(400'000);
        database db(device);
        auto a = db.create<int>("a");
        require_error(ns::errc::no_space, [&] {
            for (;;)
                a.append(numbers(500));
        });
        for (bool full = false; !full;) {
            try {
                a.erase(ns::slice{.step = 400});
            } catch (ns::error const& e) {
                BOOST_TEST_REQUIRE(e.code() == ns::errc::no_space);
                full = true;
            }
            auto const before = all_of(db);
            auto const crashed =
                device.after_power_loss(power_loss::lose_all());
            database again(crashed);
            BOOST_TEST((all_of(again) == before));
        }
    });
}

BOOST_AUTO_TEST_CASE(a_dropped_array_in_a_crashed_file_is_sound) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        database db(device);
        db.create<int>("a").append(many());
        db.checkpoint();
        db.drop("a");
        auto const crashed = device.after_power_loss(power_loss::lose_all());
        database reader(crashed, {.mode = ns::open_mode::read_only});
        BOOST_TEST(reader.list().empty());
        require_sound(reader);
    });
}

BOOST_AUTO_TEST_CASE(reading_a_crashed_file_copies_clones_in_memory) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        database db(device);
        db.create<int>("a").append(numbers(1000));
        db.clone("a", "b");
        db.open<int>("b").insert(300, numbers(700, -700));
        db.create<int>("d").append(many());
        db.checkpoint();
        db.open<int>("d").insert(10000, numbers(50));
        db.clone("b", "c");
        db.clone("d", "e");
        auto const before = all_of(db);
        auto const crashed = device.after_power_loss(power_loss::lose_all());
        auto const start = crashed.mark();
        database reader(crashed, {.mode = ns::open_mode::read_only});
        BOOST_TEST((all_of(reader) == before));
        require_sound(reader);
        BOOST_TEST(crashed.mark() == start);
    });
}

BOOST_AUTO_TEST_CASE(a_failed_sync_ends_writing_until_the_next_open) {
    using ns::testing::fault;
    for (auto const& f :
         {fault{.kinds =
                    mask(call_kind::sync) | mask(call_kind::write_durable)},
          fault{.kinds = mask(call_kind::write), .transferred = 100},
          fault{.kinds = mask(call_kind::write_durable), .transferred = 100}})
        for (bool const bulk : {false, true})
            with_both_blocks([&](std::size_t block) {
                world w(block);
                w.append(numbers(100));
                contents attempted = w.committed;
                values const more = bulk ? many() : numbers(5);
                w.device.inject(f);
                bool failed = false;
                try {
                    w.append(more);
                } catch (ns::error const& e) {
                    failed = true;
                    BOOST_TEST((is(e, ns::errc::failed)
                                || is(e, ns::errc::io)));
                }
                if (!failed)
                    return; // this commit makes no such call
                values& m = attempted["a"];
                m.insert(m.end(), more.begin(), more.end());
                auto const before = w.device.counts();
                require_error(ns::errc::failed, [&] { w.a.push_back(1); });
                require_error(ns::errc::failed, [&] { w.db.begin(); });
                require_error(ns::errc::failed, [&] { w.db.checkpoint(); });
                BOOST_TEST((all_of(w.db) == w.committed));
                BOOST_TEST((all_of(w.db.snapshot()) == w.committed));
                w.db.close();
                auto const after = w.device.counts();
                BOOST_TEST(after.writes == before.writes);
                BOOST_TEST(after.durable_writes == before.durable_writes);
                BOOST_TEST(after.syncs == before.syncs);
                auto const found = recovered(w.device.reopen());
                BOOST_TEST((found == w.committed || found == attempted));
                // The page cache may show what the disk has not: what the
                // next open accepts stays.
                simulated_storage shown = w.device.reopen();
                contents const accepted = recovered(shown);
                BOOST_TEST(
                    (recovered(shown.after_power_loss(power_loss::lose_all()))
                     == accepted));
            });
}

namespace {

/// Commits of all sizes, and what each left.
std::vector<contents> commit_many(database& db) {
    std::vector<contents> after{all_of(db)};
    auto a = db.create<int>("a");
    after.push_back(all_of(db));
    for (int i = 0; i != 12; ++i) {
        switch (i % 4) {
        case 0: a.append(numbers(16, i)); break;
        case 1: a.insert(0, many(i)); break;
        case 2:
            db.transact([&](auto& tx) {
                a.in(tx).erase(0, 9);
                tx.template create<int>("b" + std::to_string(i)).append({i});
            });
            break;
        default: a.write(0, numbers(3000, -i)); break;
        }
        after.push_back(all_of(db));
        if (i == 6)
            db.checkpoint();
    }
    return after;
}

} // namespace

BOOST_AUTO_TEST_CASE(without_syncs_a_power_loss_takes_the_newest_commits) {
    for (auto const promise : {ns::durability::grouped, ns::durability::none})
        with_both_blocks([&](std::size_t block) {
            simulated_storage device(block);
            database db(device, {.durability = promise});
            auto const after = commit_many(db);
            std::set<std::size_t> left;
            after_losses(
                device,
                [&](simulated_storage const& lost) {
                    contents const found = recovered(lost);
                    auto const i = std::ranges::find(after, found);
                    BOOST_TEST_REQUIRE((i != after.end()));
                    left.insert(static_cast<std::size_t>(i - after.begin()));
                },
                30);
            // The checkpoint came behind the ninth.
            BOOST_TEST(*left.begin() >= 8U);
            BOOST_TEST(left.size() > 1U);
            BOOST_TEST((recovered(device.reopen()) == after.back()));
        });
}

BOOST_AUTO_TEST_CASE(a_killed_process_loses_no_commit) {
    for (auto const promise : {ns::durability::full, ns::durability::grouped,
                               ns::durability::none})
        with_both_blocks([&](std::size_t block) {
            simulated_storage device(block);
            database db(device, {.durability = promise});
            auto a = db.create<int>("a");
            for (int i = 0; i != 8; ++i) {
                a.insert(0, i % 2 == 0 ? numbers(7, i) : many(i));
                auto tx = db.begin();
                a.in(tx).append(numbers(9));
                BOOST_TEST((recovered(device.reopen()) == all_of(db)));
            }
        });
}

BOOST_AUTO_TEST_CASE(write_ahead_rule) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        std::uint64_t superblocks = 0;
        bool ordered = true;
        device.before_each_call([&](ns::testing::call_record const& c) {
            if (c.kind != call_kind::write_durable
                || (c.offset != ns::format::superblock_offsets[0]
                    && c.offset != ns::format::superblock_offsets[1]))
                return;
            ++superblocks;
            ordered = ordered && device.unsynced_units() == 0;
        });
        database db(device);
        auto a = db.create<int>("a");
        for (int i = 0; i != 10; ++i) {
            if (i % 2 == 0)
                a.insert(0, many(i));
            else
                a.insert(0, numbers(7, i));
            // Acknowledged is durable.
            BOOST_TEST_REQUIRE(
                (recovered(device.after_power_loss(power_loss::lose_all()))
                 == all_of(db)));
            if (i % 3 == 0)
                db.checkpoint();
        }
        db.close();
        BOOST_TEST(ordered);
        BOOST_TEST(superblocks > 5U);
        device.before_each_call({});
    });
}

BOOST_AUTO_TEST_CASE(steal_writes_private_pages_that_nothing_refers_to) {
    with_both_blocks([](std::size_t block) {
        ns::options const o{.cache_bytes = 1 << 14};
        world w(block, o);
        w.append(many());
        w.db.checkpoint();
        auto tx = w.db.begin();
        auto in = w.a.in(tx);
        auto const before = w.device.counts();
        for (int i = 0; i != 20; ++i) {
            in.write(ns::slice{.start = i, .step = 20},
                     values((in.size() - static_cast<std::uint64_t>(i) + 19)
                                / 20,
                            -i));
            in.insert(static_cast<std::uint64_t>(i) * 900, numbers(500));
        }
        BOOST_TEST(w.device.counts().bytes_written - before.bytes_written
                   > 80000U);
        require_after_losses(w.device, w.committed, o);
        values const expected = in.to_vector();
        tx.commit();
        w.committed["a"] = expected;
        require_after_losses(w.device, w.committed, o);
        // What was taken for spilling serves again.
        std::error_code ec;
        std::uint64_t most = 0;
        for (int i = 0; i != 12; ++i) {
            auto undone = w.db.begin();
            w.a.in(undone).write(0, numbers(w.a.size(), i));
            undone.rollback();
            if (i == 3)
                most = w.device.size(ec);
            BOOST_TEST_REQUIRE((i < 4 || w.device.size(ec) <= most));
            w.db.checkpoint();
        }
    });
}

BOOST_AUTO_TEST_CASE(no_force_writes_no_page_at_commit) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(many());
        w.db.checkpoint();
        auto const mark = w.device.mark();
        for (int i = 0; i != 30; ++i)
            w.a.set(i * 600, -1);
        for (auto const& c : w.device.calls_since(mark)) {
            if (c.kind == call_kind::sync || c.kind == call_kind::resize)
                continue;
            BOOST_TEST_REQUIRE(c.data != nullptr);
            bool const log = batch{c.offset, *c.data}.head().magic.value()
                             == ns::format::log_batch_magic;
            bool const preparation = std::ranges::all_of(
                *c.data, [](std::byte b) { return b == std::byte{0}; });
            BOOST_TEST_REQUIRE((log || preparation));
        }
        require_after_losses(w.device, all_of(w.db));
    });
}

BOOST_AUTO_TEST_CASE(fuzzy_checkpoint_redoes_only_later_commits) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(numbers(100));
        auto old = w.db.begin();
        auto in = w.a.in(old);
        in.append(numbers(10));
        // The log starts before `old` from now on; its commit comes between
        // two checkpoints, so that one redoes it and the other does not.
        w.db.checkpoint();
        in.erase(0, 50);
        in.append(many());
        old.commit();
        contents const expected = all_of(w.db);
        require_after_losses(w.device, expected);
        auto next = w.db.begin();
        w.a.in(next).erase(0, 7);
        w.db.checkpoint();
        require_after_losses(w.device, expected);
        w.db.checkpoint();
        require_after_losses(w.device, expected);
        next.commit();
        require_after_losses(w.device, all_of(w.db));
    });
}

BOOST_AUTO_TEST_CASE(analysis_reserves_what_the_log_refers_to) {
    // Redo needs fresh pages for many changes while the log names bulk pages
    // that the free map of the superblock has as free.
    for (std::uint64_t const cache : {1u << 13, 1u << 24})
        with_both_blocks([&](std::size_t block) {
            ns::options const o{.cache_bytes = cache};
            simulated_storage device(block);
            database db(device, {.log_bytes = 1 << 28});
            auto a = db.create<int>("a");
            a.append(many());
            db.checkpoint();
            for (int i = 0; i != 6; ++i) {
                a.write(ns::slice{.start = i, .step = 11},
                        values((a.size() - static_cast<std::uint64_t>(i) + 10)
                                   / 11,
                               i));
                a.insert(static_cast<std::uint64_t>(i) * 10, many(i));
                a.erase(5, 3000);
            }
            require_after_losses(device, all_of(db), o);
        });
}

BOOST_AUTO_TEST_CASE(recovery_ends_with_a_generation_that_closes_losers) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        contents committed;
        std::set<std::uint64_t> salts;
        for (int round = 0; round != 6; ++round) {
            database db(device);
            BOOST_TEST_REQUIRE((all_of(db) == committed));
            salts.insert(superblocks_of(device).front().log.salt);
            auto a = db.open_or_create<int>("a");
            auto tx = db.begin();
            a.in(tx).append(numbers(5, round));
            db.checkpoint();
            tx.rollback();
            a.append(numbers(3, round));
            auto loser = db.begin();
            a.in(loser).append(numbers(70000, round));
            committed = all_of(db);
            device = device.after_power_loss(power_loss::keep_all());
        }
        BOOST_TEST(salts.size() == 6U);
    });
}

BOOST_AUTO_TEST_CASE(rule_1_versions_come_in_commit_order) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        database db(device);
        auto const after = commit_many(db);
        // A power loss at any call of the commits leaves a state between.
        for (std::uint64_t n = 1;; ++n) {
            simulated_storage attempt(block);
            attempt.cut_power_at(n);
            std::vector<contents> seen;
            try {
                database cut(attempt);
                seen = commit_many(cut);
            } catch (ns::error const&) {
            }
            if (attempt.powered())
                break;
            simulated_storage const left =
                attempt.after_power_loss(power_loss::random(n));
            try {
                contents const found = recovered(left);
                BOOST_TEST_REQUIRE(
                    (std::ranges::find(after, found) != after.end()));
            } catch (ns::error const& e) {
                // Before the first superblock there is no database.
                BOOST_TEST_REQUIRE(n < 12U);
                BOOST_TEST_REQUIRE(is(e, ns::errc::not_a_database));
            }
        }
    });
}

BOOST_AUTO_TEST_CASE(rule_2_a_log_that_was_cut_is_not_appended_to) {
    with_both_blocks([](std::size_t block) {
        torn_tail const t(block);
        simulated_storage torn = t.device.clone();
        torn.corrupt(t.last.offset, {t.last.bytes.data(), 1});
        torn.corrupt(t.last.offset + 200, std::vector<std::byte>(9));
        auto const mark = torn.mark();
        database db(torn);
        db.open<int>("a").push_back(77);
        contents const expected = all_of(db);
        auto const written = records_since(torn, mark);
        BOOST_TEST_REQUIRE(!written.empty());
        for (batch const& b : written) {
            BOOST_TEST((b.offset < t.last.offset || b.offset >= t.end()));
            BOOST_TEST(b.head().salt.value() != t.last.head().salt.value());
            BOOST_TEST(b.head().position.value()
                       >= t.last.head().position.value());
        }
        // The batch that was torn comes back whole: it stays dropped.
        simulated_storage whole =
            torn.after_power_loss(power_loss::lose_all());
        whole.corrupt(t.last.offset, t.last.bytes);
        BOOST_TEST((recovered(whole) == expected));
    });
}

BOOST_AUTO_TEST_CASE(rule_3_recovery_does_not_trust_the_page_cache) {
    // What a failed sync left in the page cache is read, accepted, and must
    // then be on the disk.
    for (bool const bulk : {false, true})
        with_both_blocks([&](std::size_t block) {
            world w(block);
            w.append(numbers(100));
            w.device.inject(
                {.kinds = mask(call_kind::sync)
                          | mask(call_kind::write_durable)});
            require_error(ns::errc::failed,
                          [&] { w.a.append(bulk ? many() : numbers(5)); });
            simulated_storage shown = w.device.clone();
            contents const accepted = recovered(shown);
            BOOST_TEST(
                (recovered(shown.after_power_loss(power_loss::lose_all()))
                 == accepted));
        });
}

BOOST_AUTO_TEST_CASE(rule_5_the_catalogue_is_a_delta) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.db.create<int>("b").append(many(3));
        w.db.checkpoint();
        w.db.transact([&](auto& tx) {
            tx.rename("a", "t");
            tx.rename("b", "a");
            tx.rename("t", "b");
            tx.drop("b");
            auto b = tx.template create<int>("b");
            b.append(numbers(4));
            tx.template create<int>("gone").append(many());
            tx.drop("gone");
        });
        {
            auto tx = w.db.begin();
            tx.drop("a");
            tx.create<int>("never").append({1});
        }
        w.db.open<int>("a").push_back(1);
        w.db.open<int>("b").push_back(2);
        require_after_losses(w.device, all_of(w.db));
        // The ids that the log gave are not given again.
        database again(w.device.after_power_loss(power_loss::lose_all()));
        again.create<int>("next").append(numbers(9));
        contents const expected = all_of(again);
        again.close();
        BOOST_TEST(expected.at("next").size() == 9U);
        BOOST_TEST(expected.at("a") == all_of(w.db).at("a"));
    });
}

BOOST_AUTO_TEST_CASE(rule_6_durable_bulk_pages_are_not_read_again) {
    with_both_blocks([](std::size_t block) {
        auto const read_by_recovery = [&](bool later_commit) {
            world w(block);
            w.append(numbers(1 << 18));
            if (later_commit) // its batch knows that the pages are durable
                w.append(numbers(3));
            simulated_storage const left =
                w.device.after_power_loss(power_loss::lose_all());
            database db(left);
            auto const bytes = left.counts().bytes_read;
            BOOST_TEST((all_of(db) == w.committed));
            return bytes;
        };
        BOOST_TEST(read_by_recovery(false) > std::uint64_t{1} << 20);
        BOOST_TEST(read_by_recovery(true) < std::uint64_t{1} << 19);
    });
}

BOOST_AUTO_TEST_CASE(between_the_superblocks_of_a_recovery) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(numbers(10));
        simulated_storage const crashed =
            w.device.after_power_loss(power_loss::lose_all());
        for (std::uint64_t nth = 1;; ++nth) {
            simulated_storage device = crashed.clone();
            device.cut_power_at(nth);
            bool done = false;
            try {
                database db(device);
                done = true;
            } catch (ns::error const&) {
            }
            if (done)
                return;
            simulated_storage left =
                device.after_power_loss(power_loss::lose_all());
            contents expected = w.committed;
            {
                database db(left);
                db.open<int>("a").append({42});
                expected["a"].push_back(42);
                // Without closing: as a crash would find it.
                simulated_storage older =
                    left.after_power_loss(power_loss::lose_all());
                destroy_newest_superblock(older);
                BOOST_TEST_CONTEXT("power goes at call " << nth)
                    BOOST_TEST_REQUIRE((recovered(older) == expected));
            }
        }
    });
}

BOOST_AUTO_TEST_CASE(no_space_in_a_sync_or_a_superblock_ends_writing) {
    with_both_blocks([](std::size_t block) {
        for (call_kind const kind :
             {call_kind::sync, call_kind::write_durable})
            for (auto const code : {std::errc::no_space_on_device,
                                    std::errc::io_error}) {
                world w(block, {.durability = ns::durability::none});
                w.append(many());
                w.device.inject({.nth = 1,
                                 .kinds = ns::testing::mask(kind),
                                 .error = std::make_error_code(code)});
                BOOST_CHECK_THROW(w.db.checkpoint(), ns::error);
                w.device.clear_faults();
                require_error(ns::errc::failed, [&] { w.a.append({1}); });
                require_error(ns::errc::failed, [&] { w.db.checkpoint(); });
                after_losses(w.device, [&](simulated_storage const& left) {
                    contents const found = recovered(left);
                    contents const none{{"a", {}}};
                    BOOST_TEST((found.empty() || found == none
                                || found == w.committed));
                });
            }
    });
}

BOOST_AUTO_TEST_SUITE_END()
