// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulated.hpp"

namespace bags {

struct simulated_64_kib : simulated<65536> {};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::simulated_64_kib)
