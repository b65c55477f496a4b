// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/error.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <set>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(testing_simulated_storage)

namespace ns = numstore;
using namespace ns::testing;

namespace {

using bytes = std::vector<std::byte>;
constexpr std::size_t block = 16;

bytes filled(std::size_t n, int value) {
    return bytes(n, static_cast<std::byte>(value));
}

bytes content(simulated_storage const& device) {
    std::error_code ec;
    bytes all(device.size(ec));
    device.read(0, all, ec);
    BOOST_REQUIRE_EQUAL(ec, std::error_code());
    return all;
}

std::error_code write(simulated_storage& device, std::uint64_t offset,
                      bytes const& data) {
    std::error_code ec;
    device.write(offset, data, ec);
    return ec;
}

std::error_code write_durable(simulated_storage& device, std::uint64_t offset,
                              bytes const& data) {
    std::error_code ec;
    device.write_durable(offset, data, ec);
    return ec;
}

std::error_code sync(simulated_storage& device) {
    std::error_code ec;
    device.sync(ec);
    return ec;
}

std::error_code resize(simulated_storage& device, std::uint64_t size) {
    std::error_code ec;
    device.resize(size, ec);
    return ec;
}

/// `blocks` blocks of ones, durable.
simulated_storage of_ones(std::size_t blocks) {
    simulated_storage device(block);
    resize(device, blocks * block);
    write(device, 0, filled(blocks * block, 1));
    sync(device);
    return device;
}

bool all_are(bytes const& data, std::size_t from, std::size_t n, int value) {
    return std::all_of(data.begin() + std::ptrdiff_t(from),
                       data.begin() + std::ptrdiff_t(from + n),
                       [&](std::byte b) { return b == std::byte(value); });
}

constexpr std::uint64_t seeds = 4000;

/// The contents after random power losses.
std::vector<bytes> random_outcomes(simulated_storage const& device) {
    std::vector<bytes> outcomes;
    for (std::uint64_t seed = 0; seed < seeds; ++seed)
        outcomes.push_back(
            content(device.after_power_loss(power_loss::random(seed))));
    return outcomes;
}

template <class Test>
bool some(std::vector<bytes> const& outcomes, Test test) {
    return std::any_of(outcomes.begin(), outcomes.end(), test);
}
template <class Test>
bool every(std::vector<bytes> const& outcomes, Test test) {
    return std::all_of(outcomes.begin(), outcomes.end(), test);
}

} // namespace

BOOST_AUTO_TEST_CASE(every_subset_of_unsynced_blocks) {
    auto device = of_ones(4);
    write(device, block, filled(2 * block, 2));
    write(device, 2 * block, filled(2 * block, 3));
    BOOST_TEST(device.unsynced_units() == 4u);
    std::uint64_t set = 0;
    BOOST_TEST(for_each_power_loss(device, 4, [&](simulated_storage d) {
        auto expected = filled(4 * block, 1);
        auto const apply = [&](unsigned bit, std::size_t at, int value) {
            if (set >> bit & 1)
                std::fill_n(expected.begin() + std::ptrdiff_t(at * block),
                            block, std::byte(value));
        };
        apply(0, 1, 2);
        apply(1, 2, 2);
        apply(2, 2, 3);
        apply(3, 3, 3);
        BOOST_TEST((content(d) == expected));
        BOOST_TEST(d.unsynced_units() == 0u);
        ++set;
    }));
    BOOST_TEST(set == 16u);
    BOOST_TEST(!for_each_power_loss(device, 3, [](auto const&) {}));
}

BOOST_AUTO_TEST_CASE(parts_of_blocks_are_units_too) {
    auto device = of_ones(3);
    write(device, 10, filled(10, 2));
    BOOST_TEST(device.unsynced_units() == 2u);
    auto expected = filled(3 * block, 1);
    std::fill_n(expected.begin() + 16, 4, std::byte{2});
    BOOST_TEST(
        (content(device.after_power_loss(power_loss::only(2))) == expected));
}

BOOST_AUTO_TEST_CASE(sync_makes_all_durable) {
    auto device = of_ones(4);
    write(device, 5, filled(40, 2));
    resize(device, 100);
    BOOST_TEST(!sync(device));
    BOOST_TEST(device.unsynced_units() == 0u);
    auto const expected = content(device);
    BOOST_TEST(every(random_outcomes(device),
                     [&](bytes const& b) { return b == expected; }));
}

BOOST_AUTO_TEST_CASE(damage_stays_in_the_touched_blocks) {
    auto device = of_ones(5);
    write(device, block + 4, filled(8, 2));
    write(device, 3 * block, filled(block, 3));
    auto const outcomes = random_outcomes(device);
    BOOST_TEST(every(outcomes, [](bytes const& b) {
        return all_are(b, 0, block, 1) && all_are(b, 2 * block, block, 1)
               && all_are(b, 4 * block, block, 1);
    }));
    std::vector<bool> damaged(5 * block);
    for (bytes const& b : outcomes)
        for (std::size_t i = 0; i < b.size(); ++i)
            if (b[i] > std::byte{3})
                damaged[i] = true;
    for (std::size_t i = 0; i < damaged.size(); ++i)
        BOOST_TEST(damaged[i] == (i / block == 1 || i / block == 3));
}

BOOST_AUTO_TEST_CASE(random_losses_reach_every_kind_of_damage) {
    auto device = of_ones(1);
    bytes next(block);
    for (std::size_t i = 0; i < block; ++i)
        next[i] = static_cast<std::byte>(100 + i);
    write(device, 0, next);
    auto const outcomes = random_outcomes(device);
    BOOST_TEST(
        some(outcomes, [](bytes const& b) { return b == filled(block, 1); }));
    BOOST_TEST(some(outcomes, [&](bytes const& b) { return b == next; }));
    BOOST_TEST(
        some(outcomes, [](bytes const& b) { return b == filled(block, 0); }));
    for (std::size_t cut = 1; cut < block; ++cut) {
        bytes front = filled(block, 1);
        bytes back = next;
        std::copy_n(next.begin(), cut, front.begin());
        std::fill_n(back.begin(), cut, std::byte{1});
        BOOST_TEST(some(outcomes, [&](bytes const& b) { return b == front; }));
        BOOST_TEST(some(outcomes, [&](bytes const& b) { return b == back; }));
    }
}

BOOST_AUTO_TEST_CASE(writes_may_arrive_in_any_order) {
    auto device = of_ones(3);
    write(device, 0, filled(block, 2));
    write(device, 0, filled(block, 3));
    write(device, block, filled(block, 4));
    auto const outcomes = random_outcomes(device);
    for (int first : {1, 2, 3})
        for (int second : {1, 4})
            BOOST_TEST(some(outcomes, [&](bytes const& b) {
                return all_are(b, 0, block, first)
                       && all_are(b, block, block, second);
            }));
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_loss) {
    auto device = of_ones(8);
    write(device, 0, filled(8 * block, 2));
    std::set<bytes> different;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        auto const loss = power_loss::random(seed);
        auto const once = content(device.after_power_loss(loss));
        BOOST_TEST((once == content(device.clone().after_power_loss(loss))));
        different.insert(once);
    }
    BOOST_TEST(different.size() > 50u);
}

BOOST_AUTO_TEST_CASE(a_durable_write_is_durable_alone) {
    auto device = of_ones(3);
    write(device, 0, filled(2 * block, 2));
    BOOST_TEST(!write_durable(device, 4, filled(block, 3)));
    auto const outcomes = random_outcomes(device);
    BOOST_TEST(every(outcomes,
                     [](bytes const& b) { return all_are(b, 4, block, 3); }));
    BOOST_TEST(
        some(outcomes, [](bytes const& b) { return all_are(b, 0, 4, 1); }));
    auto const lost = content(device.after_power_loss(power_loss::lose_all()));
    BOOST_TEST((all_are(lost, 0, 4, 1) && all_are(lost, 4, block, 3)
                && all_are(lost, 4 + block, 12, 1)));
    auto const kept = content(device.after_power_loss(power_loss::keep_all()));
    BOOST_TEST((kept == content(device)));
}

BOOST_AUTO_TEST_CASE(a_later_write_may_damage_a_durable_one_in_its_block) {
    auto device = of_ones(2);
    write_durable(device, 0, filled(8, 3));
    write_durable(device, block, filled(8, 3));
    write(device, 8, filled(8, 4));
    auto const outcomes = random_outcomes(device);
    BOOST_TEST(
        some(outcomes, [](bytes const& b) { return !all_are(b, 0, 8, 3); }));
    BOOST_TEST(every(outcomes,
                     [](bytes const& b) { return all_are(b, block, 8, 3); }));
}

BOOST_AUTO_TEST_CASE(an_unsynced_size_is_old_or_new) {
    auto device = of_ones(2);
    resize(device, 4 * block);
    resize(device, block);
    BOOST_TEST(device.unsynced_units() == 2u);
    std::set<std::size_t> sizes;
    for (bytes const& b : random_outcomes(device)) {
        sizes.insert(b.size());
        BOOST_TEST(all_are(b, 0, std::min(b.size(), 2 * block), 1));
        if (b.size() > 2 * block)
            BOOST_TEST(all_are(b, 2 * block, 2 * block, 0));
    }
    BOOST_TEST((sizes == std::set<std::size_t>{block, 2 * block, 4 * block}));
    auto const size_after = [&](power_loss loss) {
        return content(device.after_power_loss(loss)).size();
    };
    BOOST_TEST(size_after(power_loss::lose_all()) == 2 * block);
    BOOST_TEST(size_after(power_loss::only(1)) == 4 * block);
    BOOST_TEST(size_after(power_loss::only(3)) == block);
    BOOST_TEST(size_after(power_loss::keep_all()) == block);
}

BOOST_AUTO_TEST_CASE(a_durable_write_keeps_the_size_it_needs) {
    auto device = of_ones(2);
    resize(device, 8 * block);
    write_durable(device, 3 * block, filled(block, 5));
    BOOST_TEST(every(random_outcomes(device), [](bytes const& b) {
        return b.size() == 8 * block && all_are(b, 3 * block, block, 5);
    }));
    resize(device, 4 * block);
    BOOST_TEST(every(random_outcomes(device), [](bytes const& b) {
        return b.size() >= 4 * block && all_are(b, 3 * block, block, 5);
    }));
}

BOOST_AUTO_TEST_CASE(shrinking_and_growing_may_bring_old_bytes_back) {
    auto device = of_ones(3);
    resize(device, block);
    resize(device, 3 * block);
    BOOST_TEST((all_are(content(device), block, 2 * block, 0)));
    auto const outcomes = random_outcomes(device);
    BOOST_TEST(some(outcomes, [](bytes const& b) {
        return b.size() == 3 * block && all_are(b, block, block, 1)
               && all_are(b, 2 * block, block, 0);
    }));
    sync(device);
    BOOST_TEST(
        (all_are(content(device.after_power_loss(power_loss::lose_all())),
                 block, 2 * block, 0)));
}

BOOST_AUTO_TEST_CASE(a_failed_sync_forgets) {
    auto device = of_ones(4);
    write(device, 0, filled(block, 2));
    device.inject({.kinds = mask(call_kind::sync)});
    BOOST_TEST((sync(device) == std::errc::io_error));
    BOOST_TEST((all_are(content(device), 0, block, 2)));
    write(device, block, filled(block, 3));

    auto const expect_reopened = [&] {
        auto const again = content(device.reopen());
        BOOST_TEST(
            (all_are(again, 0, block, 1) && all_are(again, block, block, 3)));
    };
    expect_reopened();
    BOOST_TEST(!sync(device));
    BOOST_TEST((all_are(content(device), 0, block, 2)));
    expect_reopened();
    auto const lost = content(device.after_power_loss(power_loss::lose_all()));
    BOOST_TEST((all_are(lost, 0, block, 1)));
    BOOST_TEST((all_are(lost, block, block, 3)));
    auto const outcomes = random_outcomes(device);
    BOOST_TEST(
        some(outcomes, [](bytes const& b) { return all_are(b, 0, block, 2); }));
    BOOST_TEST(every(
        outcomes, [](bytes const& b) { return all_are(b, block, block, 3); }));
}

BOOST_AUTO_TEST_CASE(a_failed_durable_write_shows_and_is_lost) {
    auto device = of_ones(2);
    device.inject({.kinds = mask(call_kind::write_durable)});
    BOOST_TEST(
        (write_durable(device, 0, filled(block, 2)) == std::errc::io_error));
    BOOST_TEST((all_are(content(device), 0, block, 2)));
    BOOST_TEST((content(device.reopen()) == filled(2 * block, 1)));
    sync(device);
    BOOST_TEST((content(device.reopen()) == filled(2 * block, 1)));
}

BOOST_AUTO_TEST_CASE(reopen_keeps_the_unsynced_unsynced) {
    auto device = of_ones(2);
    write(device, 0, filled(block, 2));
    device.cut_power();
    auto again = device.reopen();
    BOOST_TEST((all_are(content(again), 0, block, 2)));
    BOOST_TEST((content(again.after_power_loss(power_loss::lose_all()))
                == filled(2 * block, 1)));
    sync(again);
    BOOST_TEST((all_are(content(again.after_power_loss(power_loss::lose_all())),
                        0, block, 2)));
}

BOOST_AUTO_TEST_CASE(the_nth_call_fails) {
    auto const no_space = std::make_error_code(std::errc::no_space_on_device);
    auto device = of_ones(2);
    device.inject({.nth = 3, .error = no_space});
    BOOST_TEST(!write(device, 0, filled(4, 2)));
    BOOST_TEST(!sync(device));
    content(device);
    BOOST_TEST(write(device, 0, filled(4, 3)) == no_space);
    BOOST_TEST((all_are(content(device), 0, 4, 2)));
    BOOST_TEST(!write(device, 0, filled(4, 3)));

    device.inject({.nth = 2, .kinds = mask(call_kind::resize), .sticky = true});
    BOOST_TEST(!resize(device, 40));
    BOOST_TEST(!write(device, 0, filled(4, 3)));
    for (int i = 0; i < 3; ++i)
        BOOST_TEST((resize(device, 50) == std::errc::io_error));
    BOOST_TEST(content(device).size() == 40u);
    device.clear_faults();
    BOOST_TEST(!resize(device, 50));

    device.inject({.nth = 2, .kinds = mask(call_kind::read)});
    bytes out(1);
    std::error_code ec;
    device.read(0, out, ec);
    BOOST_TEST(!ec);
    device.read(0, out, ec);
    BOOST_TEST((ec == std::errc::io_error));
    device.read(0, out, ec);
    BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE(a_short_transfer) {
    auto device = of_ones(1);
    device.inject({.transferred = 5});
    BOOST_TEST(!!write(device, 2, filled(10, 2)));
    auto expected = filled(block, 1);
    std::fill_n(expected.begin() + 2, 5, std::byte{2});
    BOOST_TEST((content(device) == expected));
    sync(device);
    BOOST_TEST(
        (content(device.after_power_loss(power_loss::lose_all())) == expected));
}

BOOST_AUTO_TEST_CASE(capacity_is_a_limit_for_growth) {
    simulated_storage device(block);
    device.set_capacity(100);
    BOOST_TEST(!resize(device, 100));
    BOOST_TEST((resize(device, 101) == std::errc::no_space_on_device));
    BOOST_TEST(content(device).size() == 100u);
    auto next = device.reopen();
    BOOST_TEST((resize(next, 101) == std::errc::no_space_on_device));
    next.set_capacity(50);
    BOOST_TEST(!resize(next, 80));
    BOOST_TEST(!resize(next, 10));
}

BOOST_AUTO_TEST_CASE(power_goes_during_a_call) {
    auto const script = [](simulated_storage device) {
        resize(device, 4 * block);
        write(device, 2 * block, filled(2 * block, 2));
        sync(device);
        write_durable(device, 0, filled(2 * block, 3));
    };
    std::vector<std::size_t> outcomes;
    for (std::uint64_t n = 1; n <= 5; ++n) {
        auto device = of_ones(2);
        device.cut_power_at(n);
        script(device);
        BOOST_TEST(device.powered() == (n == 5));
        std::set<bytes> states;
        for_each_power_loss(device, 10, [&](simulated_storage const& d) {
            states.insert(content(d));
        });
        outcomes.push_back(states.size());
        if (n == 5)
            continue;
        std::error_code ec;
        bytes out(1);
        device.read(0, out, ec);
        BOOST_TEST((ec == std::errc::io_error));
        device.size(ec);
        BOOST_TEST((ec == std::errc::io_error));
        BOOST_TEST((sync(device) == std::errc::io_error));
    }
    // The size, old or new; with it two blocks (which only count when the
    // size is new); the same; two blocks of the durable write; one outcome.
    BOOST_TEST((outcomes == std::vector<std::size_t>{2, 5, 5, 4, 1}));
}

BOOST_AUTO_TEST_CASE(calls_are_recorded_and_counted) {
    simulated_storage device(block);
    resize(device, 64);
    auto const mark = device.mark();
    write(device, 3, filled(5, 7));
    write_durable(device, 32, filled(32, 8));
    device.inject({});
    sync(device);
    sync(device);
    content(device);
    auto const calls = device.calls_since(mark);
    BOOST_REQUIRE(calls.size() == 4u);
    BOOST_TEST((calls[0].kind == call_kind::write));
    BOOST_TEST(calls[0].sequence == mark + 1);
    BOOST_TEST(calls[0].offset == 3u);
    BOOST_TEST(calls[0].length == 5u);
    BOOST_TEST((*calls[0].data == filled(5, 7)));
    BOOST_TEST((calls[1].kind == call_kind::write_durable));
    BOOST_TEST((*calls[1].data == filled(32, 8)));
    BOOST_TEST((calls[2].kind == call_kind::sync));
    BOOST_TEST((calls[2].error == std::errc::io_error));
    BOOST_TEST(!calls[3].error);
    BOOST_TEST((device.counts()
                == call_counts{.reads = 1,
                               .bytes_read = 64,
                               .writes = 1,
                               .durable_writes = 1,
                               .bytes_written = 37,
                               .syncs = 1,
                               .resizes = 1,
                               .failed = 1}));
    device.record(recording::calls);
    write(device, 0, filled(1, 1));
    BOOST_REQUIRE(device.calls_since().size() == 1u);
    BOOST_TEST(!device.calls_since()[0].data);
    device.record(recording::off);
    write(device, 0, filled(1, 1));
    BOOST_TEST(device.calls_since().empty());
    BOOST_TEST(device.counts().writes == 3u);
}

BOOST_AUTO_TEST_CASE(a_hook_sees_the_device_before_each_call) {
    auto device = of_ones(2);
    std::vector<bytes> before;
    device.before_each_call([&, device](call_record const& c) {
        if (c.kind == call_kind::write)
            before.push_back(content(device.clone()));
    });
    write(device, 0, filled(block, 2));
    write(device, block, filled(block, 3));
    device.before_each_call({});
    BOOST_REQUIRE(before.size() == 2u);
    BOOST_TEST((before[0] == filled(2 * block, 1)));
    BOOST_TEST((all_are(before[1], 0, block, 2)));
}

BOOST_AUTO_TEST_CASE(copies_are_one_device_and_clones_are_not) {
    auto device = of_ones(2);
    auto handle = device;
    auto clone = device.clone();
    write(device, 0, filled(block, 2));
    BOOST_TEST((content(handle) == content(device)));
    BOOST_TEST((content(clone) == filled(2 * block, 1)));
    write(clone, 0, filled(block, 3));
    BOOST_TEST((all_are(content(device), 0, block, 2)));
}

BOOST_AUTO_TEST_CASE(corruption_is_durable_and_unrecorded) {
    auto device = of_ones(2);
    write(device, 4, filled(4, 2));
    auto const mark = device.mark();
    device.corrupt(5, filled(2, 9));
    device.corrupt(2 * block - 1, filled(100, 9));
    device.corrupt(1000, filled(1, 9));
    BOOST_TEST(device.mark() == mark);
    for (auto const& b :
         {content(device), content(device.reopen()),
          content(device.after_power_loss(power_loss::lose_all()))})
        BOOST_TEST((all_are(b, 5, 2, 9) && all_are(b, 2 * block - 1, 1, 9)));
}

BOOST_AUTO_TEST_CASE(extremes_agree_with_a_model) {
    char const* const given = std::getenv("NUMSTORE_SEED");
    std::uint64_t const seed =
        given ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
    std::mt19937_64 random(seed);
    simulated_storage device(block);
    resize(device, 50000);
    sync(device);
    bytes now(50000);
    bytes durable(50000);
    for (int step = 0; step < 600; ++step) {
        std::size_t const offset = random() % now.size();
        std::size_t const n =
            random() % std::min<std::size_t>(now.size() - offset, 3000);
        auto const data = filled(n, int(random() % 256));
        auto const at = std::ptrdiff_t(offset);
        switch (random() % 12) {
        case 0:
            BOOST_REQUIRE(!sync(device));
            durable = now;
            break;
        case 1:
        case 2:
        case 3:
            BOOST_REQUIRE(!write_durable(device, offset, data));
            std::copy(data.begin(), data.end(), now.begin() + at);
            std::copy(data.begin(), data.end(), durable.begin() + at);
            break;
        default:
            BOOST_REQUIRE(!write(device, offset, data));
            std::copy(data.begin(), data.end(), now.begin() + at);
        }
        if (step % 20 != 0)
            continue;
        BOOST_TEST((content(device) == now));
        BOOST_TEST((content(device.reopen()) == now));
        BOOST_TEST(
            (content(device.after_power_loss(power_loss::keep_all())) == now));
        BOOST_TEST((content(device.after_power_loss(power_loss::lose_all()))
                    == durable));
        if (random() % 8 == 0) {
            device = device.after_power_loss(power_loss::lose_all());
            now = durable;
        }
    }
}

BOOST_AUTO_TEST_CASE(threads_may_share_a_device) {
    simulated_storage device(512);
    resize(device, 8 * 65536);
    auto const work = [&](std::uint64_t part) {
        auto handle = device;
        std::uint64_t failed = 0;
        for (std::uint64_t i = 0; i < 128; ++i) {
            failed += !!write(handle, part * 65536 + i * 512,
                              filled(512, int(part + 1)));
            auto copy = handle.after_power_loss(power_loss::random(i));
            failed += !!write(copy, i, filled(1, 1));
            failed += i % 16 == 0 && sync(handle);
        }
        return failed;
    };
    std::vector<std::uint64_t> failed(4, 1);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < failed.size(); ++i)
        threads.emplace_back([&, i] { failed[i] = work(i); });
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(failed == std::vector<std::uint64_t>(4));
    auto const all = content(device);
    for (std::size_t i = 0; i < 4; ++i)
        BOOST_TEST(all_are(all, i * 65536, 65536, int(i + 1)));
}

BOOST_AUTO_TEST_SUITE_END()
