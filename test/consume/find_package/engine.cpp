// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

NUMSTORE_INSTANTIATE(numstore::default_policies)
