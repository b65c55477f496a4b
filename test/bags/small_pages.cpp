// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "small_pages.hpp"

NUMSTORE_INSTANTIATE(bags::small_pages)
