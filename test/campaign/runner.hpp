// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "campaign.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace campaign {

/// What the long campaign does at each crash point.
inline constexpr effort deep_effort{.exhaustive_units = 12,
                                    .subsets = 12,
                                    .damages = 8,
                                    .nested_percent = 15,
                                    .nested_points = 4,
                                    .continue_percent = 20,
                                    .all_brief = true};

/// All kinds of workloads under all policies, mixed. Not thread-safe.
class mixture {
public:
    explicit mixture(plan const& p);
    /// The workload `n`. Throws violation.
    void run(std::uint64_t n, figures& f);
    /// Whether that is of a kind, under the policies of a number.
    bool is(std::uint64_t n, std::size_t policies, kind what) const;

private:
    plan plan_;
    std::array<std::unique_ptr<workload_source>, policy_names.size()> sources_;
};

// Each gives 0 if nothing is wrong, and reports on the standard output.

/// About `states` states, by `jobs` threads.
int run_all(plan const& p, std::uint64_t states, unsigned jobs);
/// One workload.
int run_one(plan const& p, std::string_view policies, std::string_view what,
            std::uint64_t number);
/// Each planted fault must show within `states` states.
int find_planted_faults(plan const& p, std::uint64_t states, unsigned jobs);

} // namespace campaign
