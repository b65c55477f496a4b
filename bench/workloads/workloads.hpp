// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../harness/options.hpp"

namespace bench {

/// Each prints the rows of its family that the options want.
void run_threads(options const& o);

} // namespace bench
