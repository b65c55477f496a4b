// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Two mishaps, the second one while the first is mended: what happens to the
// two superblocks.
#include "../bags/simulated_512.hpp"
#include "../bags/simulated_512_no_log.hpp"

#include <numstore/format/superblock.hpp>
#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(crash_superblocks)

namespace {

namespace ns = numstore;
using ns::testing::call_kind;
using ns::testing::call_record;
using ns::testing::power_loss;
using ns::testing::simulated_storage;
using values = std::vector<int>;
using bytes = std::vector<std::byte>;

/// A torn write has brought these of a superblock, at least, and no more of
/// what tells one from the other.
constexpr std::size_t brought = 64;

values numbers(std::size_t n, int first) {
    values v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

template <class Policies>
values read(simulated_storage const& device) {
    ns::basic_database<Policies> db(device);
    BOOST_TEST_REQUIRE(db.verify().ok());
    return db.template open<int>("a").to_vector();
}

bytes read(simulated_storage const& device, std::uint64_t offset,
           std::size_t n) {
    bytes all(n);
    std::error_code ec;
    device.read(offset, all, ec);
    BOOST_TEST_REQUIRE(!ec);
    return all;
}

std::uint64_t newest_superblock(simulated_storage const& device) {
    std::array<std::uint64_t, 2> generation{};
    for (std::size_t i = 0; i != 2; ++i) {
        ns::format::superblock_image image;
        auto const all = read(device, ns::format::superblock_offsets[i],
                              ns::format::superblock_bytes);
        std::memcpy(&image, all.data(), sizeof image);
        generation[i] = image.generation.value();
    }
    return ns::format::superblock_offsets[generation[1] > generation[0]];
}

/// What is left when power goes at each call of an opening.
template <class Policies, class F>
void each_cut(simulated_storage const& start, power_loss const& loss, F&& f) {
    for (std::uint64_t n = 1;; ++n) {
        simulated_storage device = start.clone();
        device.cut_power_at(n);
        try {
            ns::basic_database<Policies> db(device);
        } catch (ns::error const&) { // NOLINT: most often
        }
        bool const met = device.counts().failed != 0;
        device.clear_faults();
        f(device.after_power_loss(loss));
        if (!met)
            return;
    }
}

template <class Policies>
void edit(ns::basic_database<Policies>& db, int round) {
    auto a = db.template open<int>("a");
    a.append(numbers(300, round));
    a.erase(5, 100);
    a.write(40, numbers(50, -round));
}

} // namespace

/// The newest superblock lacks its beginning, which all have in common; then
/// a torn write of the next one brings just that.
BOOST_AUTO_TEST_CASE(a_damaged_superblock_does_not_come_back) {
    for (int rounds = 1; rounds != 9; ++rounds)
        BOOST_TEST_CONTEXT(rounds << " rounds") {
            simulated_storage device(512);
            values expected;
            {
                ns::basic_database<bags::simulated_512> db(device);
                db.create<int>("a").append(numbers(3000, 1));
                for (int i = 0; i != rounds; ++i) {
                    edit(db, i);
                    db.checkpoint();
                }
                edit(db, rounds);
                expected = db.open<int>("a").to_vector();
                device = device.after_power_loss(power_loss::lose_all());
            }
            std::uint64_t const place = newest_superblock(device);
            bytes const whole =
                read(device, place, ns::format::superblock_bytes);
            device.corrupt(place, bytes(brought));
            bytes const rest(whole.begin() + brought, whole.end());
            each_cut<bags::simulated_512>(
                device, power_loss::lose_all(), [&](simulated_storage left) {
                    if (read(left, place + brought, rest.size()) == rest)
                        left.corrupt(place, bytes(whole.begin(),
                                                  whole.begin() + brought));
                    BOOST_TEST_REQUIRE(
                        (read<bags::simulated_512>(left) == expected));
                });
        }
}

/// Without a log: a process is killed while it writes a superblock, and power
/// goes while the next one opens the file.
BOOST_AUTO_TEST_CASE(a_superblock_that_a_killed_process_left) {
    using policies = bags::simulated_512_no_log;
    for (std::uint64_t seed = 1; seed != 30; ++seed)
        BOOST_TEST_CONTEXT("seed " << seed) {
            simulated_storage device(512);
            std::optional<simulated_storage> killed;
            {
                ns::basic_database<policies> db(device);
                db.create<int>("a").append(numbers(3000, 1));
                edit(db, 1);
                auto mark = device.mark();
                device.before_each_call([&](call_record const& c) {
                    if (c.kind != call_kind::write_durable)
                        return;
                    killed = device.clone();
                    mark = device.mark();
                });
                edit(db, 2);
                device.before_each_call({});
                auto const last = device.calls_since(mark).front();
                std::error_code ec; // the system has it, the disk may not
                killed->write(last.offset, *last.data, ec);
            }
            each_cut<policies>(*killed, power_loss::random(seed),
                               [](simulated_storage const& left) {
                                   BOOST_TEST(!read<policies>(left).empty());
                               });
        }
}

/// The first commit since a database was opened writes the superblock that was
/// found. It must not do so while a checkpoint writes another one, or power
/// that goes then might leave neither.
BOOST_AUTO_TEST_CASE(one_superblock_is_written_at_a_time) {
    simulated_storage device(512);
    {
        ns::basic_database<bags::simulated_512> db(device);
        db.create<int>("a").append(numbers(3000, 1));
        db.create<int>("b").append(numbers(10, 1));
        db.close();
    }
    auto const is_superblock = [](call_record const& c) {
        return c.offset == ns::format::superblock_offsets[0]
               || c.offset == ns::format::superblock_offsets[1];
    };
    for (bool const compacts : {false, true})
        for (int const nth : {1, 2})
            BOOST_TEST_CONTEXT("compacts: " << compacts << ", superblock "
                                            << nth) {
                simulated_storage used = device.clone();
                ns::basic_database<bags::simulated_512> db(
                    used, {.durability = ns::durability::none});
                auto a = db.open<int>("a");
                auto b = db.open<int>("b");
                auto open = db.begin();
                a.in(open).append(numbers(3000, 1));
                if (compacts)
                    open.rollback();
                int seen = 0;
                bool commits = false;
                bool committed = false;
                int beside = 0;
                used.before_each_call([&](call_record const& c) {
                    if (!is_superblock(c))
                        return;
                    if (commits)
                        beside += c.kind == call_kind::write;
                    else if (c.kind == call_kind::write_durable
                             && ++seen == nth) {
                        commits = true;
                        std::thread([&] { b.set(0, 7); }).join();
                        commits = false;
                        committed = true;
                    }
                });
                if (compacts)
                    db.compact();
                else
                    db.checkpoint();
                used.before_each_call({});
                BOOST_TEST(beside == 0);
                BOOST_TEST((committed || nth == 2));
                auto const left =
                    used.after_power_loss(power_loss::lose_all());
                BOOST_TEST(read<bags::simulated_512>(left).size() == 3000U);
            }
}

BOOST_AUTO_TEST_SUITE_END()
