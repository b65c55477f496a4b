// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include "../program.cpp"
