// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../harness/options.hpp"

namespace bench {

// Each prints the rows of its family that the options want.

void run_threads(options const& o);
void run_slow_sync(options const& o);
void run_append(options const& o);
void run_read(options const& o);
void run_edit(options const& o);
void run_age(options const& o);
void run_open(options const& o);
void run_compile(options const& o);

} // namespace bench
