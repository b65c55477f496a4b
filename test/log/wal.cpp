// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../storage/eager_storage.hpp"

#include <numstore/format/log_batch.hpp>
#include <numstore/log/log_policy.hpp>
#include <numstore/log/log_scan.hpp>
#include <numstore/log/wal.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(log_wal)

namespace {

using namespace numstore::detail;
namespace format = numstore::format;
using numstore::errc;
using numstore::lsn;
using numstore::testing::simulated_storage;

struct policies : numstore::default_policies {
    using storage = simulated_storage;
    struct tuning : numstore::default_tuning {
        static constexpr std::uint64_t log_segment_bytes = 8192;
        static constexpr std::uint64_t max_log_segment_bytes = 32768;
    };
};
static_assert(numstore::log_policy<numstore::write_ahead_log, policies>);
static_assert(numstore::log_policy<numstore::no_log, policies>);

using log_type = wal<policies>;
using record = std::vector<std::byte>;

/// Segments one behind the other.
struct space {
    simulated_storage* device;
    std::uint64_t used = 0;
    bool full = false;
    log_space acquire(std::uint64_t, std::uint64_t wanted) {
        if (full)
            throw numstore::error(errc::no_space, "full");
        std::error_code ec;
        std::uint64_t const at = used;
        used += wanted;
        if (device->size(ec) < used)
            device->resize(used, ec);
        BOOST_REQUIRE(!ec);
        return {at, wanted, false};
    }
    void give_back(log_space s) noexcept { given_back += s.bytes; }
    std::uint64_t given_back = 0;
};

struct fixture {
    simulated_storage device{512};
    space source{&device};
    database_id id{};
    std::unique_ptr<log_type> log = make();
    log_position start;

    fixture() {
        log->start(lsn{0}, 42);
        start = log->position_at(lsn{0});
    }
    std::unique_ptr<log_type> make() {
        return std::make_unique<log_type>(device, id,
                                          segment_source_ref(source));
    }

    static record bytes(std::size_t n, unsigned fill) {
        return record(n, std::byte{static_cast<unsigned char>(fill)});
    }

    std::vector<record> read(simulated_storage const& from,
                             scan_result* result = nullptr) const {
        std::vector<record> all;
        auto const r = scan<numstore::default_policies>(
            from, start, id, [&](log_batch_view const& batch) {
                for (log_record const x : batch)
                    all.emplace_back(x.body.begin(), x.body.end());
                return true;
            });
        if (result != nullptr)
            *result = r;
        return all;
    }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_small_commit_is_one_durable_block, fixture) {
    auto const before = device.counts();
    auto const batches = log->counters().batches;
    log->append(bytes(100, 1));
    lsn const at = log->append(bytes(30, 2));
    log->flush(at, false);
    auto const after = device.counts();
    BOOST_TEST(log->counters().batches == batches + 1);
    BOOST_TEST(after.durable_writes - before.durable_writes == 1U);
    BOOST_TEST(after.writes - before.writes == 0U);
    BOOST_TEST(after.syncs - before.syncs == 0U);
    BOOST_TEST(after.bytes_written - before.bytes_written == 512U);
    BOOST_TEST((log->durable() > at));
}

BOOST_FIXTURE_TEST_CASE(what_is_flushed_is_read_back, fixture) {
    std::mt19937 random(7);
    std::vector<record> written;
    for (unsigned i = 0; i != 400; ++i) {
        written.push_back(bytes(1 + random() % 3000, i));
        lsn const at = log->append(written.back());
        if (random() % 3 == 0)
            log->flush(at, random() % 4 == 0);
    }
    log->flush(log->append(bytes(1, 0)), false);
    written.push_back(bytes(1, 0));
    BOOST_TEST((read(device) == written));
    BOOST_TEST(log->segments().size() > 3U);
    auto const left = device.after_power_loss(
        numstore::testing::power_loss::lose_all());
    BOOST_TEST((read(left) == written));
}

BOOST_FIXTURE_TEST_CASE(a_resumed_log_knows_what_was_durable, fixture) {
    log->flush(log->append(bytes(100, 1)), false);
    log_position const end = log->position_at(log->end());
    log = make();
    log->resume(end, {});
    log->flush(log->append(bytes(100, 2)), false);
    lsn known{};
    scan<numstore::default_policies>(
        device, start, id, [&](log_batch_view const& b) {
            known = b.durable();
            return true;
        });
    BOOST_TEST((known == end.start));
}

BOOST_FIXTURE_TEST_CASE(a_large_record_gets_a_segment, fixture) {
    record const large = bytes(200000, 9);
    log->flush(log->append(large), false);
    BOOST_TEST((read(device) == std::vector<record>{large}));
}

BOOST_FIXTURE_TEST_CASE(a_record_that_comes_while_batches_are_written,
                        fixture) {
    constexpr std::size_t size = 20000; // one in each segment
    bool done = false;
    device.before_each_call([&](numstore::testing::call_record const& c) {
        if (c.kind != numstore::testing::call_kind::write || c.length < size
            || c.length > size + 1000 || std::exchange(done, true))
            return; // the preparation of a segment
        log->append(bytes(size, 99));
    });
    for (unsigned i = 0; i != 40; ++i)
        log->append(bytes(size, i));
    log->flush(lsn{to_integer(log->end()) - 1}, false);
    BOOST_TEST(done);
    std::vector<record> found = read(device);
    BOOST_TEST_REQUIRE(found.size() == 41U);
    std::erase(found, bytes(size, 99));
    for (unsigned i = 0; i != 40; ++i)
        BOOST_TEST_REQUIRE((found[i] == bytes(size, i)));
}

BOOST_FIXTURE_TEST_CASE(a_tail_cut_anywhere_ends_the_log, fixture) {
    log->flush(log->append(bytes(50, 1)), false);
    log->write(log->append(bytes(700, 2)));
    std::uint64_t const place = 512;
    for (std::size_t cut = 0; cut < 1024; cut += 1) {
        simulated_storage const torn = device.clone();
        simulated_storage copy = torn;
        copy.corrupt(place + cut, bytes(1024 - cut, 0xee));
        auto const found = read(copy);
        BOOST_TEST_REQUIRE(found.size() >= 1U);
        BOOST_TEST_REQUIRE((found[0] == bytes(50, 1)));
        // The padding behind the record is not part of the batch.
        if (found.size() == 2)
            BOOST_TEST_REQUIRE((found[1] == bytes(700, 2)));
    }
}

BOOST_FIXTURE_TEST_CASE(lost_durable_batches_are_damage, fixture) {
    log->flush(log->append(bytes(50, 1)), false);
    log->flush(log->append(bytes(50, 2)), false);
    log->flush(log->append(bytes(50, 3)), false);
    simulated_storage damaged = device.clone();
    damaged.corrupt(10, bytes(20, 0xee));
    BOOST_CHECK_EXCEPTION(read(damaged), numstore::error,
                          [](numstore::error const& e) {
                              return e.code() == errc::corrupt;
                          });
}

BOOST_FIXTURE_TEST_CASE(batches_of_another_generation_do_not_count, fixture) {
    log->flush(log->append(bytes(50, 1)), false);
    log_position other = start;
    other.salt = 43;
    std::size_t seen = 0;
    scan<numstore::default_policies>(device, other, id,
                                     [&](log_batch_view const&) {
                                         ++seen;
                                         return true;
                                     });
    BOOST_TEST(seen == 0U);
    database_id foreign{};
    foreign[3] = std::byte{1};
    scan<numstore::default_policies>(device, start, foreign,
                            [&](log_batch_view const&) {
                                ++seen;
                                return true;
                            });
    BOOST_TEST(seen == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_failed_sync_ends_its_use, fixture) {
    lsn const at = log->append(bytes(50, 1));
    device.inject({.nth = 1});
    BOOST_CHECK_THROW(log->flush(at, true), numstore::error);
    BOOST_TEST(log->failed());
    BOOST_CHECK_EXCEPTION(log->append(bytes(1, 1)), numstore::error,
                          [](numstore::error const& e) {
                              return e.code() == errc::failed;
                          });
}

BOOST_FIXTURE_TEST_CASE(a_segment_that_cannot_be_prepared_goes_back,
                        fixture) {
    std::uint64_t const used = source.used;
    device.inject({.nth = 2}); // the first lets the device grow
    BOOST_CHECK_THROW(log->append(bytes(100000, 1)), numstore::error);
    BOOST_TEST(source.used > used);
    BOOST_TEST(source.given_back == source.used - used);
}

BOOST_FIXTURE_TEST_CASE(a_new_segment_waits_for_no_sync, fixture) {
    auto const before = device.counts();
    auto const segments = log->segment_count();
    while (log->segment_count() < segments + 3)
        log->write(log->append(bytes(400, 1)));
    auto const written = device.counts();
    BOOST_TEST(written.syncs == before.syncs);
    BOOST_TEST(written.durable_writes == before.durable_writes);
    auto const records = read(device).size();
    log->flush(log->append(bytes(400, 2)), false);
    BOOST_TEST(device.counts().syncs == written.syncs + 1);
    auto const left = device.after_power_loss(
        numstore::testing::power_loss::lose_all());
    BOOST_TEST(read(left).size() == records + 1);
}

/// Two sessions go on from the same end of a log, and lose power.
/// Of the first only a batch behind the link to its new segment is left, of
/// the second only the link, which is the same: the batch is not heard again.
BOOST_FIXTURE_TEST_CASE(a_lost_session_does_not_come_back, fixture) {
    log->flush(log->append(bytes(100, 1)), false);
    log_position const end = log->position_at(log->end());
    std::uint64_t const used = source.used;
    std::error_code ec;
    device.resize(used + 100'000, ec); // the new segment is in the file
    device.sync(ec);
    struct put {
        std::uint64_t place;
        std::vector<std::byte> bytes;
    };
    auto const lose = [&](std::size_t size, unsigned fill, bool keep_links) {
        source.used = used;
        log = make();
        log->resume(end, {});
        auto const mark = device.mark();
        log->write(log->append(bytes(size, fill)));
        std::vector<put> batches;
        for (auto const& c : device.calls_since(mark)) {
            format::log_batch_header head;
            if (!c.data || c.data->size() < sizeof head)
                continue;
            std::memcpy(&head, c.data->data(), sizeof head);
            bool const is_link =
                head.kind.value()
                == static_cast<std::uint8_t>(format::log_batch_kind::link);
            if (head.magic.value() == format::log_batch_magic
                && is_link == keep_links)
                batches.push_back({c.offset, *c.data});
        }
        BOOST_TEST_REQUIRE(batches.size() == 1U);
        auto left = device.after_power_loss(
            numstore::testing::power_loss::lose_all());
        for (put const& b : batches)
            left.corrupt(b.place, b.bytes);
        return left;
    };
    device = lose(10000, 2, false);
    BOOST_TEST((read(device) == std::vector<record>{bytes(100, 1)}));
    BOOST_TEST((read(lose(9000, 3, true))
                == std::vector<record>{bytes(100, 1)}));
}

BOOST_FIXTURE_TEST_CASE(segments_are_small_only_where_that_was_asked,
                        fixture) {
    auto const next_bytes = [&] {
        for (auto const n = log->segment_count(); log->segment_count() == n;)
            log->flush(log->append(bytes(400, 1)), false);
        return log->segments().back().bytes;
    };
    source.full = true;
    BOOST_CHECK_THROW(log->rotate(), numstore::error);
    source.full = false;
    BOOST_TEST(!log->failed());
    BOOST_TEST(log->segment_count() == 1U);
    BOOST_TEST(next_bytes() == 16384U);
    log->rotate();
    BOOST_TEST(log->segments().back().bytes == 2560U);
    BOOST_TEST(next_bytes() == 8192U);
}

/// A transaction notes where the log ended before its first record, which may
/// come only behind a link: also the first that a log or a segment has.
BOOST_FIXTURE_TEST_CASE(a_scan_from_before_a_link_sees_what_follows, fixture) {
    lsn const first = log->end();
    log->flush(log->append(bytes(20'000, 1)), false);
    start = log->position_at(first);
    BOOST_TEST((read(device) == std::vector<record>{bytes(20'000, 1)}));

    log->rotate();
    lsn const second = log->end();
    log->flush(lsn{numstore::to_integer(second) - 1}, false); // the link
    log->release_before(second);
    log->flush(log->append(bytes(20'000, 2)), false);
    log->flush(log->append(bytes(10, 3)), false);
    start = log->position_at(second);
    BOOST_TEST((read(device)
                == std::vector<record>{bytes(20'000, 2), bytes(10, 3)}));
}

BOOST_FIXTURE_TEST_CASE(released_segments_are_those_before, fixture) {
    lsn at{};
    for (unsigned i = 0; i != 100; ++i) {
        at = log->append(bytes(500, i));
        log->flush(at, false);
    }
    auto const all = log->segments();
    BOOST_TEST_REQUIRE(all.size() > 2U);
    start = log->position_at(at);
    auto const given = log->release_before(at);
    BOOST_TEST(given.size() + log->segments().size() == all.size());
    for (auto const& s : given)
        BOOST_TEST((s.end() <= at));
    auto const found = read(device);
    BOOST_TEST_REQUIRE(!found.empty());
    BOOST_TEST((found.back() == bytes(500, 99)));
}

/// While the first to come writes, the second has time for something else,
/// once, and then waits like any other.
BOOST_FIXTURE_TEST_CASE(who_waits_works_meanwhile, fixture) {
    std::atomic<bool> writing{false};
    std::atomic<int> worked{0};
    device.before_each_call([&](numstore::testing::call_record const& c) {
        if (c.kind != numstore::testing::call_kind::write_durable
            || writing.exchange(true))
            return;
        for (int i = 0; i != 10'000 && worked == 0; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    auto const work = [&]() noexcept { ++worked; };
    lsn const first = log->append(bytes(30, 1));
    std::thread leader([&] { log->flush(first, false, work); });
    while (!writing)
        std::this_thread::yield();
    lsn const second = log->append(bytes(30, 2));
    log->flush(second, false, work);
    leader.join();
    device.before_each_call({});
    BOOST_TEST(worked == 1); // not by the first
    BOOST_TEST((second < log->durable()));
    BOOST_TEST(read(device).size() == 2U);
}

namespace {

struct eager_policies : numstore::default_policies {
    using storage = numstore::testing::eager_storage;
};

struct eager_fixture {
    numstore::testing::eager_storage device{512};
    space source{&device};
    wal<eager_policies> log{device, database_id{}, segment_source_ref(source)};

    eager_fixture() { log.start(lsn{0}, 42); }

    /// Two MiB, of which no more than two batches stay in memory.
    lsn append_much() {
        lsn at{};
        for (unsigned i = 0; i != 100; ++i)
            at = log.append(fixture::bytes(20'000, i));
        return at;
    }
};

} // namespace

/// What a long transaction wrote need not wait for its commit.
BOOST_FIXTURE_TEST_CASE(a_sync_of_much_begins_early, eager_fixture) {
    log.flush(append_much(), false);
    BOOST_TEST(device.started().empty());
    log.set_syncs_soon(true);
    auto const mark = device.mark();
    auto const at = append_much();
    std::uint64_t bytes = 0;
    auto started = device.started().begin();
    for (auto const& c : device.calls_since(mark))
        if (c.kind == numstore::testing::call_kind::write
            && started != device.started().end()
            && c.offset == started->offset) {
            BOOST_TEST(c.length == started->length);
            bytes += started++->length;
        }
    BOOST_TEST((started == device.started().end()));
    BOOST_TEST(bytes > 1u << 20);
    auto const begun = device.started().size();
    log.flush(at, false);
    BOOST_TEST(device.started().size() == begun); // the sync does the rest
    BOOST_TEST((at < log.durable()));
}

BOOST_FIXTURE_TEST_CASE(a_sync_that_cannot_begin_fails_the_log,
                        eager_fixture) {
    log.set_syncs_soon(true);
    device.fail_start_sync(std::make_error_code(std::errc::io_error));
    BOOST_CHECK_EXCEPTION(append_much(), numstore::error,
                          [](numstore::error const& e) {
                              return e.code() == errc::io;
                          });
    BOOST_TEST(log.failed());
    device.fail_start_sync({});
    BOOST_CHECK_THROW(log.append(fixture::bytes(10, 1)), numstore::error);
}

BOOST_AUTO_TEST_SUITE_END()
