// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "memory_512.hpp"

NUMSTORE_INSTANTIATE(bags::memory_512)
