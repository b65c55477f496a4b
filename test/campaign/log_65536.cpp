// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "campaign.hpp"

namespace campaign {

std::unique_ptr<workload_source> make_log_65536(plan const& p) {
    return std::make_unique<
        workloads<policies<65536, numstore::write_ahead_log>>>("log-65536", p);
}

} // namespace campaign
