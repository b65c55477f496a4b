// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace rope_test {

/// How many allocations of this thread succeed until one fails, after which
/// all do again, as when this is negative.
extern thread_local long allocations_left;

/// From then on all fail instead, until this is false or the count negative.
extern thread_local bool allocations_stay_out;

/// What this thread has allocated and not freed.
extern thread_local long allocations_alive;

/// While this is not 0, allocations are neither counted nor fail.
inline constinit thread_local int allocations_spared = 0;

} // namespace rope_test
