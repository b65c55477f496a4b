// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/small_pages.hpp"
#include "policy_kill.hpp"

BOOST_AUTO_TEST_SUITE(crash_policies_small_pages)

namespace {
namespace ns = numstore;

using policies = bags::small_pages;
} // namespace

BOOST_AUTO_TEST_CASE(durable_script) {
    database_test::run_policy_script<policies>(
        {.steps = 200, .array_bytes = 100'000, .cache_bytes = 128 << 10},
        ns::durability::full);
}
BOOST_AUTO_TEST_CASE(grouped_script) {
    database_test::run_policy_script<policies>(
        {.steps = 1000, .array_bytes = 100'000, .cache_bytes = 128 << 10},
        ns::durability::grouped);
}
BOOST_AUTO_TEST_CASE(killed) {
    database_test::run_kill_script<policies>(
        {.steps = 150, .array_bytes = 50'000, .cache_bytes = 128 << 10},
        {ns::durability::full, ns::durability::grouped, ns::durability::none,
         ns::durability::none, ns::durability::grouped, ns::durability::none,
         ns::durability::none, ns::durability::full});
}

BOOST_AUTO_TEST_SUITE_END()
