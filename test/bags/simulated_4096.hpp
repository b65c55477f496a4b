// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulated.hpp"

namespace bags {

struct simulated_4096 : simulated<4096> {};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::simulated_4096)
