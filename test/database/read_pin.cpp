// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/memory_512.hpp"

#include <numstore/database/read_pin.hpp>
#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>

BOOST_AUTO_TEST_SUITE(database_read_pin)

// A slot without a time is a plain read, for which `close` waits.
BOOST_AUTO_TEST_CASE(a_snapshot_made_at_time_zero_does_not_hold_up_close) {
    bags::clock_choice const stands(bags::chosen_clock::time::zero);
    numstore::basic_database<bags::memory_512> db;
    db.create<std::int32_t>("x").append({1, 2, 3});
    auto const snap = db.snapshot();
    BOOST_TEST(db.stats().snapshots == 1u);
    db.close();
    BOOST_TEST(snap.open<std::int32_t>("x").size() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
