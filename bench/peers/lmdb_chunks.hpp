// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#if defined(NUMSTORE_BENCH_LMDB)

#include "chunk_store.hpp"
#include "lmdb.hpp"

#include <memory>
#include <span>
#include <vector>

namespace bench {

/// LMDB with synced commits; chunks under integer keys.
class lmdb_chunks final : public chunk_store {
public:
    explicit lmdb_chunks(store_setup const& s)
        : chunk_store(s),
          db_(s.path, s.fresh, s.elements * 32 + (std::uint64_t{256} << 20),
              MDB_INTEGERKEY) {}
    ~lmdb_chunks() override {
        if (tx_ != nullptr)
            ::mdb_txn_abort(tx_);
    }

protected:
    void start() override { tx_ = db_.begin(0); }
    void finish() override {
        MDB_txn* const tx = tx_;
        tx_ = nullptr;
        check_lmdb(::mdb_txn_commit(tx), "mdb_txn_commit");
    }
    void put(key_type key, std::span<float const> v) override {
        MDB_val k = lmdb_value(&key, sizeof key);
        MDB_val value = lmdb_value(v.data(), v.size_bytes());
        check_lmdb(::mdb_put(tx_, db_.table(), &k, &value, 0), "mdb_put");
    }
    void remove(key_type key) override {
        MDB_val k = lmdb_value(&key, sizeof key);
        check_lmdb(::mdb_del(tx_, db_.table(), &k, nullptr), "mdb_del");
    }
    std::vector<float> get(key_type key) override {
        MDB_val k = lmdb_value(&key, sizeof key);
        MDB_val value{};
        check_lmdb(::mdb_get(tx_, db_.table(), &k, &value), "mdb_get");
        auto const* const data = static_cast<float const*>(value.mv_data);
        return {data, data + value.mv_size / sizeof(float)};
    }
    neighbours around(key_type key) override {
        MDB_cursor* cursor = nullptr;
        check_lmdb(::mdb_cursor_open(tx_, db_.table(), &cursor),
                   "mdb_cursor_open");
        MDB_val k = lmdb_value(&key, sizeof key);
        MDB_val value{};
        neighbours n{0, 0};
        if (::mdb_cursor_get(cursor, &k, &value, MDB_SET_RANGE) != MDB_SUCCESS)
            check_lmdb(::mdb_cursor_get(cursor, &k, &value, MDB_LAST),
                       "mdb_cursor_get");
        std::memcpy(&n.right, k.mv_data, sizeof n.right);
        if (::mdb_cursor_get(cursor, &k, &value, MDB_PREV) == MDB_SUCCESS)
            std::memcpy(&n.left, k.mv_data, sizeof n.left);
        ::mdb_cursor_close(cursor);
        return n;
    }

private:
    lmdb_table db_;
    MDB_txn* tx_ = nullptr;
};

inline peer lmdb_chunks_peer() {
    return {"LMDB", [](store_setup const& s) {
                return std::make_unique<lmdb_chunks>(s);
            }};
}

} // namespace bench

#endif
