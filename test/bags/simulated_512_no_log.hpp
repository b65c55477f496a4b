// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulated.hpp"

namespace bags {

struct simulated_512_no_log : simulated<512> {
    using logging = numstore::no_log;
};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::simulated_512_no_log)
