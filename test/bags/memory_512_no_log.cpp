// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "memory_512_no_log.hpp"

NUMSTORE_INSTANTIATE(bags::memory_512_no_log)
