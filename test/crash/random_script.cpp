// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// label("native")
#include "../bags/simulated_512.hpp"
#include "../bags/simulated_512_no_log.hpp"
#include "../bags/simulated_64_kib.hpp"
#include "crash_script.hpp"

BOOST_AUTO_TEST_SUITE(crash_random_script)

using namespace crash_test;

BOOST_AUTO_TEST_CASE(committed_work_survives_power_losses) {
    unsigned const first = first_seed();
    for (unsigned seed = first; seed != first + 4; ++seed) {
        BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
        crash_script<bags::simulated_512>(seed, 512).run(150);
        crash_script<bags::simulated_512>(seed, 4096).run(100);
    }
    for (unsigned seed = first; seed != first + 2; ++seed)
        crash_script<bags::simulated_64_kib>(seed, 4096).run(100);
}

/// What earlier runs have found: a link to a segment of the log that has
/// nothing yet; a snapshot that opens a small array after a checkpoint.
BOOST_AUTO_TEST_CASE(seeds_that_have_failed_before) {
    crash_script<bags::simulated_512>(324, 4096).run(100);
    crash_script<bags::simulated_512>(4, 512).run(150);
}

BOOST_AUTO_TEST_CASE(without_a_log_each_commit_is_a_checkpoint) {
    unsigned const first = first_seed();
    for (unsigned seed = first; seed != first + 2; ++seed) {
        BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
        crash_script<bags::simulated_512_no_log>(seed, 4096).run(100);
    }
}

BOOST_AUTO_TEST_SUITE_END()
