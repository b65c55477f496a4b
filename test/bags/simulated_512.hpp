// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulated.hpp"

namespace bags {

struct simulated_512 : simulated<512> {};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::simulated_512)
