// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../bags/memory_512.hpp"
#include "support.hpp"

namespace io_test {

using policies = bags::memory_512;
using database = ns::basic_database<policies>;

} // namespace io_test
