// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/simulated_4096.hpp"
#include "../bags/simulated_512.hpp"
#include "../bags/simulated_512_no_log.hpp"
#include "../bags/simulated_64_kib.hpp"
#include "campaign.hpp"

namespace campaign {

std::unique_ptr<workload_source> make_log_512(plan const& p) {
    return std::make_unique<workloads<bags::simulated_512>>("log-512", p);
}
std::unique_ptr<workload_source> make_no_log_512(plan const& p) {
    return std::make_unique<workloads<bags::simulated_512_no_log>>(
        "no-log-512", p);
}
std::unique_ptr<workload_source> make_log_4096(plan const& p) {
    return std::make_unique<workloads<bags::simulated_4096>>("log-4096", p);
}
std::unique_ptr<workload_source> make_log_65536(plan const& p) {
    return std::make_unique<workloads<bags::simulated_64_kib>>("log-65536", p);
}

} // namespace campaign
