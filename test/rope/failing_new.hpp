// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace rope_test {

/// How many allocations of this thread succeed until one fails, after which
/// all do again, as when this is negative.
extern thread_local long allocations_left;

} // namespace rope_test
