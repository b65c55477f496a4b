// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "default_instances.hpp"

NUMSTORE_TEST_INSTANCES(template, default_policies)
