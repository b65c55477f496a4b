// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#define NUMSTORE_TEST_INSTANCE template
#include "default_instances.hpp"
