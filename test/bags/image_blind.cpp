// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "image_blind.hpp"

NUMSTORE_INSTANTIATE(bags::image_blind)
