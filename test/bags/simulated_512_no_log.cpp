// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "simulated_512_no_log.hpp"

NUMSTORE_INSTANTIATE(bags::simulated_512_no_log)
