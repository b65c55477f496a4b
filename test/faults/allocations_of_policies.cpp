// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/simulated_4096.hpp"
#include "../bags/simulated_512_no_log.hpp"
#include "allocation_trial.hpp"

#include <cstddef>

BOOST_AUTO_TEST_SUITE(faults_allocations_of_policies)

// The n-th allocation of each step of the script of faults fails, with other
// policies than those of all calls.

namespace {

using namespace faults_test;

template <class Policies>
void fail_in_script(std::size_t n) {
    using database = ns::basic_database<Policies>;
    simulated_storage image(512);
    image.record(ns::testing::recording::off);
    for (step<Policies> const& s : fault_script<Policies>::all(n)) {
        auto const on_disk = [&](database& db, trial& run) {
            run([&] { s.on_disk(db); });
        };
        fail_each_allocation(s.name, [&](fault f) {
            return try_once<Policies>(
                image, f, [](database&) {}, on_disk, s.in_model);
        });
        database db(spared_storage(image), small_cache);
        s.on_disk(db);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(large_pages) {
    fail_in_script<bags::simulated_4096>(4000);
}
BOOST_AUTO_TEST_CASE(no_log) {
    fail_in_script<bags::simulated_512_no_log>(1500);
}

BOOST_AUTO_TEST_SUITE_END()
