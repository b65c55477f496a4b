// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "spared_512.hpp"

NUMSTORE_INSTANTIATE(bags::spared_512)
