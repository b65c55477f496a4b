// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/simulated_4096.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_durability)

namespace {

namespace ns = numstore;
using ns::testing::power_loss;
using ns::testing::simulated_storage;

using policies = bags::simulated_4096;
using database = ns::basic_database<policies>;

bool is(ns::error const& e, ns::errc code) { return e.code() == code; }

std::vector<std::int32_t> numbers(std::size_t n) {
    std::vector<std::int32_t> v(n);
    std::iota(v.begin(), v.end(), 1);
    return v;
}

struct fixture {
    simulated_storage device{4096};
    database db{device};
    ns::array<std::int32_t, policies> a = db.create<std::int32_t>("a");

    /// What is there after a power loss now.
    std::vector<std::int32_t> left(power_loss const& loss) {
        database again(device.after_power_loss(loss));
        BOOST_TEST(again.verify().ok());
        return again.open<std::int32_t>("a").to_vector();
    }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_small_transaction_is_one_block_and_one_sync,
                        fixture) {
    a.append(numbers(16));
    auto const before = device.counts();
    a.write(0, numbers(16));
    auto const after = device.counts();
    BOOST_TEST(after.bytes_written - before.bytes_written == 4096U);
    BOOST_TEST(after.durable_writes - before.durable_writes == 1U);
    BOOST_TEST(after.writes == before.writes);
    BOOST_TEST(after.syncs == before.syncs);
}

BOOST_FIXTURE_TEST_CASE(large_data_is_written_once, fixture) {
    for (std::size_t const mib : {1U, 4U}) {
        std::uint64_t const n = std::uint64_t{mib} << 20;
        auto const data = numbers(n / 4);
        auto const before = device.counts();
        auto const prepared = db.stats().log_preparation_bytes;
        a.insert(a.size() / 3, data);
        auto const committed = device.counts();
        db.checkpoint();
        auto const after = device.counts();
        auto const preparation =
            db.stats().log_preparation_bytes - prepared;
        auto const foreground =
            committed.bytes_written - before.bytes_written - preparation;
        auto const all =
            after.bytes_written - before.bytes_written - preparation;
        BOOST_TEST(static_cast<double>(foreground)
                   <= 1.05 * static_cast<double>(n));
        BOOST_TEST(static_cast<double>(all) <= 1.06 * static_cast<double>(n));
        BOOST_TEST(committed.syncs + committed.durable_writes - before.syncs
                       - before.durable_writes
                   <= 2U);
    }
}

BOOST_FIXTURE_TEST_CASE(reading_writes_nothing, fixture) {
    a.append(numbers(100000));
    auto const before = device.counts();
    BOOST_TEST(a.to_vector().size() == 100000U);
    auto const snap = db.snapshot();
    BOOST_TEST(a.in(snap)[5] == 6);
    auto const after = device.counts();
    BOOST_TEST(after.bytes_written == before.bytes_written);
    BOOST_TEST(after.syncs == before.syncs);
}

/// The two superblocks, the first block of the log, and of the free map, the
/// catalogue, the array and its list of elements what leads to one element.
BOOST_FIXTURE_TEST_CASE(opening_a_closed_database_reads_few_pages, fixture) {
    a.append(numbers(100000));
    for (int i = 0; i != 3; ++i) {
        a.erase(1000, 10);
        db.checkpoint();
    }
    db.close();
    auto const before = device.counts();
    database again(device);
    BOOST_TEST(again.open<std::int32_t>("a")[500] == 501);
    auto const after = device.counts();
    BOOST_TEST(after.reads - before.reads <= 9U);
    BOOST_TEST(after.bytes_read - before.bytes_read <= 9U * 4096);
}

BOOST_FIXTURE_TEST_CASE(a_crash_before_commit_leaves_nothing, fixture) {
    a.append(numbers(10));
    auto tx = db.begin();
    a.in(tx).append(numbers(100000));
    BOOST_TEST((left(power_loss::keep_all()) == numbers(10)));
    BOOST_TEST((left(power_loss::lose_all()) == numbers(10)));
}

BOOST_FIXTURE_TEST_CASE(a_checkpoint_with_an_open_transaction, fixture) {
    a.append(numbers(10));
    auto tx = db.begin();
    a.in(tx).append(numbers(30000));
    a.in(tx).append({7});
    db.checkpoint();
    BOOST_TEST((left(power_loss::lose_all()) == numbers(10)));
    tx.commit();
    BOOST_TEST(left(power_loss::lose_all()).size() == 30011U);
    db.checkpoint();
    BOOST_TEST(left(power_loss::lose_all()).size() == 30011U);
}

BOOST_FIXTURE_TEST_CASE(a_rollback_then_a_crash, fixture) {
    a.append(numbers(10));
    auto tx = db.begin();
    a.in(tx).erase(0, 5);
    tx.rollback();
    a.push_back(11);
    BOOST_TEST((left(power_loss::lose_all()) == numbers(11)));
}

BOOST_FIXTURE_TEST_CASE(what_a_savepoint_undid_is_not_redone, fixture) {
    auto tx = db.begin();
    auto in = a.in(tx);
    in.append(numbers(3));
    auto const mark = tx.savepoint();
    in.erase(0, 2);
    tx.rollback_to(mark);
    in.push_back(4);
    tx.rollback_to(mark);
    in.push_back(4);
    tx.commit();
    BOOST_TEST((left(power_loss::lose_all()) == numbers(4)));
}

BOOST_FIXTURE_TEST_CASE(an_operation_that_failed_half_way, fixture) {
    auto tx = db.begin();
    auto in = a.in(tx);
    in.append(numbers(3));
    BOOST_CHECK_EXCEPTION(in.insert(99, numbers(5)), ns::error,
                          [](auto const& e) {
                              return is(e, ns::errc::out_of_range);
                          });
    in.push_back(4);
    tx.commit();
    BOOST_TEST((left(power_loss::lose_all()) == numbers(4)));
}

BOOST_FIXTURE_TEST_CASE(bulk_pages_without_their_commit, fixture) {
    a.append(numbers(10));
    simulated_storage before = device.clone();
    auto const mark = device.mark();
    a.append(numbers(1 << 20));
    // All that was written but the log: the pages alone.
    std::error_code ec;
    for (auto const& call : device.calls_since(mark)) {
        if (call.kind == ns::testing::call_kind::resize)
            before.resize(call.offset, ec);
        if (call.kind == ns::testing::call_kind::write
            && call.length > 65536)
            before.write(call.offset, *call.data, ec);
    }
    database again(before);
    BOOST_TEST(again.verify().ok());
    BOOST_TEST((again.open<std::int32_t>("a").to_vector() == numbers(10)));
}

BOOST_AUTO_TEST_CASE(a_crash_at_every_call_of_recovery) {
    simulated_storage device(4096);
    {
        database db(device);
        auto a = db.create<std::int32_t>("a");
        for (int i = 0; i != 20; ++i)
            a.append(numbers(5000));
        device.cut_power();
    }
    simulated_storage left = device.after_power_loss(power_loss::lose_all());
    for (std::uint64_t n = 1;; ++n) {
        simulated_storage attempt = left.clone();
        attempt.cut_power_at(n);
        bool done = false;
        try {
            database db(attempt);
            done = attempt.powered();
        } catch (ns::error const&) {
            done = false;
        }
        // What is left of this attempt is what the next one finds.
        left = attempt.after_power_loss(power_loss::random(n));
        if (done)
            break;
    }
    database db(left);
    BOOST_TEST(db.verify().ok());
    BOOST_TEST(db.open<std::int32_t>("a").size() == 100000U);
}

BOOST_AUTO_TEST_CASE(a_log_longer_than_memory_is_recovered) {
    simulated_storage device(4096);
    ns::options o;
    o.cache_bytes = 1 << 18;
    o.log_bytes = std::uint64_t{1} << 30;
    {
        database db(device, {.durability = ns::durability::none,
                             .cache_bytes = std::uint64_t{1} << 30,
                             .log_bytes = std::uint64_t{1} << 30});
        auto a = db.create<std::int32_t>("a");
        a.append(numbers(400000));
        for (int i = 0; i != 3000; ++i)
            a.set((i * 7919) % 400000, -1);
        db.snapshot();
        device.cut_power();
    }
    database db(device.after_power_loss(power_loss::keep_all()), o);
    auto const a = db.open<std::int32_t>("a");
    BOOST_TEST(a.size() == 400000U);
    BOOST_TEST(a[7919] == -1);
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_CASE(every_failing_call_leaves_a_sound_database) {
    using ns::testing::fault;
    for (bool const sticky : {false, true})
        for (auto const code : {std::errc::io_error,
                                std::errc::no_space_on_device}) {
            for (std::uint64_t n = 1;; ++n) {
                simulated_storage device(4096);
                std::vector<std::int32_t> known;
                std::vector<std::int32_t> attempted;
                bool failed = false;
                {
                    database db(device);
                    auto a = db.create<std::int32_t>("a");
                    device.inject({.nth = n,
                                   .error = std::make_error_code(code),
                                   .sticky = sticky});
                    auto const attempt = [&](auto&& change) {
                        attempted = known;
                        try {
                            change();
                            known = attempted;
                        } catch (ns::error const&) {
                            failed = true;
                        }
                    };
                    for (int round = 0; round != 3 && !failed; ++round) {
                        attempt([&] {
                            attempted.insert(attempted.end(), 100, round);
                            a.append(std::vector<std::int32_t>(100, round));
                        });
                        attempt([&] {
                            attempted.insert(attempted.end(), 50000, round);
                            a.append(std::vector<std::int32_t>(50000, round));
                        });
                        attempt([&] { db.checkpoint(); });
                    }
                }
                device.clear_faults();
                database again(device.reopen());
                BOOST_TEST_REQUIRE(again.verify().ok());
                auto const found =
                    again.open<std::int32_t>("a").to_vector();
                BOOST_TEST_REQUIRE((found == known || found == attempted));
                if (!failed && device.counts().failed == 0)
                    break;
                BOOST_TEST_REQUIRE(n < 500U);
            }
        }
}

BOOST_AUTO_TEST_SUITE_END()
