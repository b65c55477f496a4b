// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// label("native")
#include "policy_script.hpp"

BOOST_AUTO_TEST_SUITE(crash_policies_large_pages)

namespace {
namespace ns = numstore;

struct pages_of_1_mib : ns::default_policies {
    static constexpr std::size_t page_size = 1 << 20;
};
} // namespace

BOOST_AUTO_TEST_CASE(script_1_mib) {
    database_test::run_policy_script<pages_of_1_mib>(
        {.steps = 200, .array_bytes = 4'000'000, .cache_bytes = 4 << 20},
        ns::durability::grouped);
}

BOOST_AUTO_TEST_SUITE_END()
