// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "array_fixture.hpp"

NUMSTORE_TEST_INSTANCES(template, ::array_test::policies)
