// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "default_policies.hpp"

NUMSTORE_INSTANTIATE(numstore::default_policies)
