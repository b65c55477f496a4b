// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "instances.hpp"

NUMSTORE_TEST_INSTANCES(extern template, default_policies)
