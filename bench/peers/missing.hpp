// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>

namespace bench {

/// Which systems the program was built without.
inline void say_missing_peers() {
#if !defined(NUMSTORE_BENCH_LMDB)
    std::fputs("bench: built without LMDB\n", stderr);
#endif
#if !defined(NUMSTORE_BENCH_SQLITE)
    std::fputs("bench: built without SQLite\n", stderr);
#endif
#if !defined(NUMSTORE_BENCH_ROCKSDB)
    std::fputs("bench: built without RocksDB\n", stderr);
#endif
#if !defined(NUMSTORE_BENCH_HDF5)
    std::fputs("bench: built without HDF5\n", stderr);
#endif
}

} // namespace bench
