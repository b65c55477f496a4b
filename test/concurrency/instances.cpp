// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#define NUMSTORE_CONCURRENCY_INSTANCES
#include "world.hpp"

NUMSTORE_INSTANTIATE(concurrency::policies)
