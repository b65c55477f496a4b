// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#if defined(NUMSTORE_BENCH_ROCKSDB)

#include "chunk_store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

/// RocksDB with synced commits; many changes are one write batch. Values are
/// not compressed, and the memtable is as large as numstore's log.
class rocksdb_chunks final : public chunk_store {
public:
    explicit rocksdb_chunks(store_setup const& s)
        : chunk_store(s), flushes_(std::make_shared<flush_count>()) {
        rocksdb::Options o;
        o.create_if_missing = s.fresh;
        o.compression = rocksdb::kNoCompression;
        o.write_buffer_size = s.log_bytes;
        o.info_log_level = rocksdb::FATAL_LEVEL;
        o.listeners.push_back(flushes_);
        rocksdb::DB* db = nullptr;
        check(rocksdb::DB::Open(o, s.path + "/array.rocksdb", &db));
        db_.reset(db);
    }

    std::uint64_t cycles() override { return flushes_->count.load(); }
    void settle() override { check(db_->Flush({})); }

protected:
    void start() override { batch_.Clear(); }
    void finish() override {
        rocksdb::WriteOptions o;
        o.sync = true;
        check(db_->Write(o, batch_.GetWriteBatch()));
        batch_.Clear();
    }
    void put(key_type key, std::span<float const> v) override {
        check(batch_.Put(bytes_of(key),
                         {reinterpret_cast<char const*>(v.data()),
                          v.size_bytes()}));
    }
    void remove(key_type key) override {
        check(batch_.Delete(bytes_of(key)));
    }
    std::vector<float> get(key_type key) override {
        std::string value;
        check(batch_.GetFromBatchAndDB(db_.get(), {}, bytes_of(key), &value));
        std::vector<float> v(value.size() / sizeof(float));
        std::memcpy(v.data(), value.data(), value.size());
        return v;
    }
    neighbours around(key_type key) override {
        std::unique_ptr<rocksdb::Iterator> const i(
            batch_.NewIteratorWithBase(db_->NewIterator({})));
        i->SeekForPrev(bytes_of(key - 1));
        key_type const left = i->Valid() ? key_from(i->key()) : 0;
        i->Seek(bytes_of(key));
        if (!i->Valid())
            i->SeekToLast();
        return {left, key_from(i->key())};
    }

private:
    struct flush_count final : rocksdb::EventListener {
        void OnFlushCompleted(rocksdb::DB*,
                              rocksdb::FlushJobInfo const&) override {
            ++count;
        }
        std::atomic<std::uint64_t> count{0};
    };

    static void check(rocksdb::Status const& s) {
        if (!s.ok())
            throw std::runtime_error(s.ToString());
    }
    /// Big endian, so that bytes sort as numbers do.
    static std::string bytes_of(key_type key) {
        std::string s(8, '\0');
        for (std::size_t i = 8; i-- != 0; key >>= 8)
            s[i] = static_cast<char>(key & 0xFF);
        return s;
    }
    static key_type key_from(rocksdb::Slice const& s) {
        key_type key = 0;
        for (std::size_t i = 0; i != 8; ++i)
            key = key << 8 | static_cast<unsigned char>(s[i]);
        return key;
    }

    std::shared_ptr<flush_count> flushes_;
    std::unique_ptr<rocksdb::DB> db_;
    rocksdb::WriteBatchWithIndex batch_{rocksdb::BytewiseComparator(), 0, true};
};

inline peer rocksdb_peer() {
    return {"RocksDB", [](store_setup const& s) {
                return std::make_unique<rocksdb_chunks>(s);
            }};
}

} // namespace bench

#endif
