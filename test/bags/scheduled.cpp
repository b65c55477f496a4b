// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "scheduled.hpp"

NUMSTORE_INSTANTIATE(bags::scheduled)
