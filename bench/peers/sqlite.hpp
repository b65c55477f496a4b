// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#if defined(NUMSTORE_BENCH_SQLITE)

#include "chunk_store.hpp"

#include <sqlite3.h>

#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

/// SQLite with a write-ahead log and synchronous=FULL: every commit is
/// synced. Chunks are blobs under an integer primary key.
class sqlite_chunks final : public chunk_store {
public:
    explicit sqlite_chunks(store_setup const& s) : chunk_store(s) {
        check(::sqlite3_open((s.path + "/array.sqlite").c_str(), &db_));
        run("PRAGMA journal_mode=WAL");
        run("PRAGMA synchronous=FULL");
        run("PRAGMA cache_size=-" + std::to_string(s.cache_bytes / 1024));
        run("CREATE TABLE IF NOT EXISTS chunks"
            "(key INTEGER PRIMARY KEY, value BLOB)");
        put_ = prepare("INSERT OR REPLACE INTO chunks VALUES(?,?)");
        remove_ = prepare("DELETE FROM chunks WHERE key=?");
        get_ = prepare("SELECT value FROM chunks WHERE key=?");
        around_ = prepare(
            "SELECT coalesce((SELECT max(key) FROM chunks WHERE key<?1),0),"
            "coalesce((SELECT min(key) FROM chunks WHERE key>=?1),"
            "(SELECT max(key) FROM chunks))");
    }
    ~sqlite_chunks() override {
        for (sqlite3_stmt* const s : {put_, remove_, get_, around_})
            ::sqlite3_finalize(s);
        ::sqlite3_close(db_);
    }

    void settle() override { run("PRAGMA wal_checkpoint(TRUNCATE)"); }

protected:
    void start() override { run("BEGIN IMMEDIATE"); }
    void finish() override { run("COMMIT"); }
    void put(key_type key, std::span<float const> v) override {
        bind(put_, key);
        check(::sqlite3_bind_blob64(put_, 2, v.data(), v.size_bytes(),
                                    SQLITE_STATIC));
        step(put_);
        ::sqlite3_reset(put_);
    }
    void remove(key_type key) override {
        bind(remove_, key);
        step(remove_);
        ::sqlite3_reset(remove_);
    }
    std::vector<float> get(key_type key) override {
        bind(get_, key);
        step(get_);
        auto const* const data =
            static_cast<float const*>(::sqlite3_column_blob(get_, 0));
        auto const bytes =
            static_cast<std::size_t>(::sqlite3_column_bytes(get_, 0));
        std::vector<float> v(data, data + bytes / sizeof(float));
        ::sqlite3_reset(get_);
        return v;
    }
    neighbours around(key_type key) override {
        bind(around_, key);
        step(around_);
        neighbours const n{
            static_cast<key_type>(::sqlite3_column_int64(around_, 0)),
            static_cast<key_type>(::sqlite3_column_int64(around_, 1))};
        ::sqlite3_reset(around_);
        return n;
    }

private:
    void check(int code) const {
        if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
            throw std::runtime_error(::sqlite3_errmsg(db_));
    }
    void run(std::string const& text) const {
        check(::sqlite3_exec(db_, text.c_str(), nullptr, nullptr, nullptr));
    }
    sqlite3_stmt* prepare(char const* text) const {
        sqlite3_stmt* s = nullptr;
        check(::sqlite3_prepare_v2(db_, text, -1, &s, nullptr));
        return s;
    }
    void bind(sqlite3_stmt* s, key_type key) const {
        check(::sqlite3_bind_int64(s, 1, static_cast<sqlite3_int64>(key)));
    }
    void step(sqlite3_stmt* s) const { check(::sqlite3_step(s)); }

    sqlite3* db_ = nullptr;
    sqlite3_stmt* put_;
    sqlite3_stmt* remove_;
    sqlite3_stmt* get_;
    sqlite3_stmt* around_;
};

inline peer sqlite_peer() {
    return {"SQLite", [](store_setup const& s) {
                return std::make_unique<sqlite_chunks>(s);
            }};
}

} // namespace bench

#endif
