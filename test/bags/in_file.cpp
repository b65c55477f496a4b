// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "in_file.hpp"

NUMSTORE_INSTANTIATE(bags::in_file)
