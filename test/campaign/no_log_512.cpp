// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "campaign.hpp"

namespace campaign {

std::unique_ptr<workload_source> make_no_log_512(plan const& p) {
    return std::make_unique<workloads<policies<512, numstore::no_log>>>(
        "no-log-512", p);
}

} // namespace campaign
