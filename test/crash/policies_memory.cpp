// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// label("native")
#include "../bags/memory_512.hpp"
#include "policy_script.hpp"

BOOST_AUTO_TEST_SUITE(crash_policies_memory)

namespace {
namespace ns = numstore;

using policies = bags::memory_512;
} // namespace

BOOST_AUTO_TEST_CASE(script) {
    database_test::run_policy_script<policies>(
        {.steps = 1500, .array_bytes = 300'000, .cache_bytes = 128 << 10},
        ns::durability::full);
}

BOOST_AUTO_TEST_SUITE_END()
