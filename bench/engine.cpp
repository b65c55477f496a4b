// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// The engine, compiled once for the whole program.
#include <numstore/instances.hpp>

NUMSTORE_INSTANTIATE(numstore::default_policies)
