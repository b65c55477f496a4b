// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/instances.hpp>

NUMSTORE_EXTERN_TEMPLATES(numstore::default_policies)
