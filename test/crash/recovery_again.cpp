// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "recovery_fixture.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

BOOST_AUTO_TEST_SUITE(crash_recovery_again)

using namespace recovery_test;

BOOST_AUTO_TEST_CASE(a_power_loss_inside_recovery_keeps_bulk_pages) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(many()); // durable, but no later batch says so
        simulated_storage const left =
            w.device.after_power_loss(power_loss::lose_all());
        for (std::uint64_t n = 1;; ++n) {
            simulated_storage device = left.clone();
            device.cut_power_at(n);
            try {
                database db(device);
                break;
            } catch (ns::error const&) {
                BOOST_TEST_REQUIRE(!device.powered());
            }
            after_losses(device, [&](simulated_storage const& again) {
                BOOST_TEST_REQUIRE((recovered(again) == w.committed));
            });
        }
    });
}

BOOST_AUTO_TEST_CASE(bulk_pages_are_copied_only_where_there_is_room) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(many());
        simulated_storage full =
            w.device.after_power_loss(power_loss::lose_all());
        std::error_code ec;
        full.set_capacity(full.size(ec));
        database db(full);
        BOOST_TEST((all_of(db) == w.committed));
        require_sound(db);
        db.drop("a");
        db.checkpoint();
        require_sound(db);
    });
}

/// Pages that the older superblock has as "free after the next" may be in
/// use by the log since then.
BOOST_AUTO_TEST_CASE(the_older_superblock_knows_less_of_free_pages) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        database db(device);
        auto a = db.create<int>("a");
        for (int round = 0; round != 12; ++round) {
            BOOST_TEST_CONTEXT("round " << round) {
                a.append(many(round));
                a.erase(0, 100 * static_cast<std::size_t>(round % 3));
                if (round % 4 == 3)
                    a.clear();
                if (round % 2 == 1)
                    db.checkpoint();
                contents const expected = all_of(db);
                simulated_storage left =
                    device.after_power_loss(power_loss::lose_all());
                destroy_newest_superblock(left);
                database again(left);
                for (int i = 0; i != 3; ++i) {
                    require_sound(again);
                    BOOST_TEST_REQUIRE((all_of(again) == expected));
                    again.open_or_create<int>("x").append(numbers(200));
                    again.checkpoint();
                    again.drop("x");
                }
            }
        }
    });
}

namespace {

/// The device at each durable write of `work`, as it is found after the
/// process was killed: written, and not on the disk.
template <class Work>
std::vector<simulated_storage> killed_in_durable_writes(
    simulated_storage device, Work&& work) {
    std::vector<simulated_storage> killed;
    std::optional<std::uint64_t> under_way;
    auto const finish = [&] {
        if (!under_way)
            return;
        std::error_code ec;
        auto const call = device.calls_since(*under_way).front();
        killed.back().write(call.offset, *call.data, ec);
        under_way.reset();
    };
    device.before_each_call([&](ns::testing::call_record const& c) {
        if (c.kind == call_kind::read)
            return;
        finish();
        if (c.kind != call_kind::write_durable)
            return;
        killed.push_back(device.clone());
        under_way = device.mark();
    });
    work();
    finish();
    device.before_each_call({});
    return killed;
}

} // namespace

/// Recovery was killed while it wrote a superblock, which is in the page
/// cache and not on the disk. Who opens the file next sees it, with a log of
/// its own that the superblock before does not know.
BOOST_AUTO_TEST_CASE(a_superblock_that_was_never_synced) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(numbers(10));
        simulated_storage const crashed =
            w.device.after_power_loss(power_loss::lose_all());
        auto const killed = killed_in_durable_writes(
            crashed, [&] { database{crashed}; });
        BOOST_TEST(killed.size() == 4u); // recovery's and those of the end
        for (simulated_storage const& device : killed) {
            database db(device);
            BOOST_TEST((all_of(db) == w.committed));
            contents expected = w.committed;
            for (int i = 0; i != 3; ++i) {
                db.open<int>("a").push_back(i);
                expected["a"].push_back(i);
                after_losses(device, [&](simulated_storage const& left) {
                    BOOST_TEST((recovered(left) == expected));
                });
            }
        }
    });
}

/// The same where the disk refused the superblock.
BOOST_AUTO_TEST_CASE(a_superblock_that_the_disk_refused) {
    with_both_blocks([](std::size_t block) {
        world w(block);
        w.append(numbers(10));
        for (std::uint64_t n = 1; n != 3; ++n) {
            simulated_storage const shown =
                w.device.after_power_loss(power_loss::lose_all());
            simulated_storage(shown).inject(
                {.nth = n, .kinds = mask(call_kind::write_durable)});
            BOOST_CHECK_THROW(database{shown}, ns::error);
            contents expected = w.committed;
            database db(shown);
            BOOST_TEST((all_of(db) == expected));
            db.open<int>("a").push_back(7);
            expected["a"].push_back(7);
            after_losses(shown, [&](simulated_storage const& left) {
                BOOST_TEST((recovered(left) == expected));
            });
        }
    });
}

namespace {

bool is_log_batch(ns::testing::call_record const& c) {
    ns::format::log_batch_header head;
    if (c.kind == call_kind::read || !c.data || c.data->size() < sizeof head)
        return false;
    std::memcpy(&head, c.data->data(), sizeof head);
    return head.magic.value() == ns::format::log_batch_magic;
}

} // namespace

/// Of a session's batches, none of them synced, power takes the first one. The
/// next session begins with the same commit, and is killed: what stands behind
/// it in the log is not its own.
BOOST_AUTO_TEST_CASE(a_session_does_not_go_on_with_a_lost_one) {
    with_both_blocks([](std::size_t block) {
        simulated_storage device(block);
        {
            database db(device);
            db.create<int>("a").append(values(100));
            db.close();
        }
        ns::options const unsynced{.durability = ns::durability::none};
        std::vector<ns::testing::call_record> lost;
        {
            simulated_storage used = device.clone();
            database db(used, unsynced);
            auto a = db.open<int>("a");
            auto const mark = used.mark();
            for (std::size_t i = 1; i != 5; ++i)
                a.set(i, 7);
            for (auto const& c : used.calls_since(mark))
                if (is_log_batch(c))
                    lost.push_back(c);
        }
        BOOST_TEST_REQUIRE(lost.size() >= 4U);
        for (std::size_t i = 1; i != lost.size(); ++i)
            device.corrupt(lost[i].offset, *lost[i].data);
        database db(device, unsynced);
        BOOST_TEST((all_of(db) == contents{{"a", values(100)}}));
        db.open<int>("a").set(1, 7);
        contents const expected = all_of(db);
        BOOST_TEST(expected.at("a")[1] == 7);
        BOOST_TEST((recovered(device.clone()) == expected));
    });
}

/// The last batch before closing fills a segment, so the next one is behind a
/// link. It is found though the superblock still says that none follows.
BOOST_AUTO_TEST_CASE(a_log_that_was_closed_at_the_end_of_a_segment) {
    with_both_blocks([](std::size_t block) {
        for (int n = 0;; ++n) {
            BOOST_TEST_REQUIRE(n < 1000);
            simulated_storage device(block);
            {
                database db(device, {.durability = ns::durability::none});
                auto a = db.create<int>("a");
                a.append(values(100));
                for (int i = 0; i != n; ++i)
                    a.set(0, i);
                db.close();
            }
            auto const closed = superblocks_of(device).front();
            BOOST_TEST_REQUIRE(closed.clean);
            ns::detail::log_segment const last{
                closed.log.offset, closed.log.bytes, closed.log.first};
            if (closed.log.start
                != last.link_slot(static_cast<std::uint32_t>(block)))
                continue;
            database db(device);
            db.open<int>("a").set(1, 7);
            contents const expected = all_of(db);
            simulated_storage left =
                device.after_power_loss(power_loss::lose_all());
            left.corrupt(
                ns::format::superblock_offsets[closed.generation % 2],
                ns::format::encode_superblock(closed));
            BOOST_TEST((recovered(left) == expected));
            return;
        }
    });
}

BOOST_AUTO_TEST_SUITE_END()
