// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "recovery_fixture.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
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

BOOST_AUTO_TEST_SUITE_END()
