// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hdf5.hpp"
#include "lmdb.hpp"
#include "lmdb_chunks.hpp"
#include "mapped_file.hpp"
#include "numstore.hpp"
#include "raw_file.hpp"
#include "rocksdb.hpp"
#include "sqlite.hpp"
#include "vector.hpp"

#include <vector>

namespace bench {

/// numstore, and what keeps an array as one whole: appended, read and
/// overwritten.
inline std::vector<peer> array_peers() {
    return {
        numstore_peer(), raw_file_peer(), mapped_file_peer(), vector_peer(),
#if defined(NUMSTORE_BENCH_LMDB)
        lmdb_values_peer(),
#endif
#if defined(NUMSTORE_BENCH_HDF5)
        hdf5_peer(),
#endif
    };
}

/// numstore, and what can be edited in the middle. See chunk_store.
inline std::vector<peer> editing_peers() {
    return {
        numstore_peer(), raw_file_peer("tail rewrite"), range_file_peer(),
#if defined(NUMSTORE_BENCH_LMDB)
        lmdb_chunks_peer(),
#endif
#if defined(NUMSTORE_BENCH_SQLITE)
        sqlite_peer(),
#endif
#if defined(NUMSTORE_BENCH_ROCKSDB)
        rocksdb_peer(),
#endif
    };
}

} // namespace bench
