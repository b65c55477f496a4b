// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "simulated_64_kib.hpp"

NUMSTORE_INSTANTIATE(bags::simulated_64_kib)
