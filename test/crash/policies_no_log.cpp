// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// label("native")
#include "policy_kill.hpp"

BOOST_AUTO_TEST_SUITE(crash_policies_no_log)

namespace {
namespace ns = numstore;

/// With large pages, too.
struct policies : ns::default_policies {
    static constexpr std::size_t page_size = 64 << 10;
    using logging = ns::no_log;
};
} // namespace

BOOST_AUTO_TEST_CASE(durable_script) {
    database_test::run_policy_script<policies>(
        {.steps = 100, .array_bytes = 300'000, .cache_bytes = 1 << 20},
        ns::durability::full);
}
BOOST_AUTO_TEST_CASE(grouped_script) {
    database_test::run_policy_script<policies>(
        {.steps = 1000, .array_bytes = 1'000'000, .cache_bytes = 512 << 10},
        ns::durability::grouped);
}
BOOST_AUTO_TEST_CASE(killed) {
    database_test::run_kill_script<policies>(
        {.steps = 100, .array_bytes = 150'000, .cache_bytes = 1 << 20},
        {ns::durability::full, ns::durability::grouped, ns::durability::none,
         ns::durability::none, ns::durability::grouped, ns::durability::none,
         ns::durability::none, ns::durability::full});
}

BOOST_AUTO_TEST_SUITE_END()
