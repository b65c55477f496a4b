// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// label("native")
#include "policy_script.hpp"

namespace {
namespace ns = numstore;

struct policies : ns::default_policies {
    using storage = ns::memory_storage;
};
} // namespace

BOOST_AUTO_TEST_SUITE(crash_policies_memory)

BOOST_AUTO_TEST_CASE(script) {
    database_test::run_policy_script<policies>(
        {.steps = 1500, .array_bytes = 300'000, .cache_bytes = 128 << 10},
        ns::durability::full);
}

BOOST_AUTO_TEST_SUITE_END()
