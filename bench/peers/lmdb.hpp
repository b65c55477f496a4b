// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#if defined(NUMSTORE_BENCH_LMDB)

#include "store.hpp"

#include <lmdb.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

namespace bench {

inline void check_lmdb(int code, char const* what) {
    if (code != MDB_SUCCESS)
        throw std::runtime_error(std::string(what) + ": "
                                 + ::mdb_strerror(code));
}

inline MDB_val lmdb_value(void const* data, std::size_t bytes) {
    return {bytes, const_cast<void*>(data)};
}

/// An LMDB environment of one file with one table, and a reading transaction
/// that is renewed. Commits are synced: LMDB's default.
class lmdb_table {
public:
    lmdb_table(std::string const& folder, bool fresh, std::uint64_t most,
               unsigned table_flags) {
        check_lmdb(::mdb_env_create(&env_), "mdb_env_create");
        check_lmdb(::mdb_env_set_mapsize(env_, most), "mdb_env_set_mapsize");
        std::string const file = folder + "/array.lmdb";
        check_lmdb(::mdb_env_open(env_, file.c_str(), MDB_NOSUBDIR | MDB_NOTLS,
                                  0644),
                   "mdb_env_open");
        MDB_txn* tx = begin(0);
        check_lmdb(::mdb_dbi_open(tx, nullptr,
                                  table_flags | (fresh ? MDB_CREATE : 0u),
                                  &table_),
                   "mdb_dbi_open");
        check_lmdb(::mdb_txn_commit(tx), "mdb_txn_commit");
    }
    lmdb_table(lmdb_table const&) = delete;
    lmdb_table& operator=(lmdb_table const&) = delete;
    ~lmdb_table() { ::mdb_env_close(env_); }

    MDB_txn* begin(unsigned flags) const {
        MDB_txn* tx = nullptr;
        check_lmdb(::mdb_txn_begin(env_, nullptr, flags, &tx),
                   "mdb_txn_begin");
        return tx;
    }
    MDB_dbi table() const { return table_; }

private:
    MDB_env* env_ = nullptr;
    MDB_dbi table_ = 0;
};

/// An array as values of 64 KiB under the number of the piece: what makes
/// LMDB's reads and overwrites fast. It cannot insert.
class lmdb_values final : public store {
public:
    static constexpr std::uint64_t piece = 16384; ///< elements of a value

    explicit lmdb_values(store_setup const& s)
        : db_(s.path, s.fresh, s.elements * 16 + (std::uint64_t{64} << 20),
              MDB_INTEGERKEY),
          elements_(s.elements), reader_(db_.begin(MDB_RDONLY)) {
        ::mdb_txn_reset(reader_);
    }
    ~lmdb_values() override {
        ::mdb_txn_abort(reader_);
        if (writer_ != nullptr)
            ::mdb_txn_abort(writer_);
    }

    void begin() override { writer_ = db_.begin(0); }
    void commit() override {
        MDB_txn* const tx = writer_;
        writer_ = nullptr;
        check_lmdb(::mdb_txn_commit(tx), "mdb_txn_commit");
    }
    /// Whole pieces.
    void append(std::span<float const> v) override {
        change([&] {
            for (std::size_t i = 0; i != v.size(); i += piece, ++pieces_) {
                MDB_val key = lmdb_value(&pieces_, sizeof pieces_);
                MDB_val value = lmdb_value(&v[i], piece * sizeof(float));
                check_lmdb(::mdb_put(writer_, db_.table(), &key, &value,
                                     MDB_APPEND),
                           "mdb_put");
            }
        });
    }
    void write(std::uint64_t at, std::span<float const> v) override {
        change([&] { put(writer_, at, v); });
    }

    void read(std::uint64_t at, std::span<float> out) override {
        with_reader([&] { get(reader_, at, out); });
    }
    double read_each(std::span<std::uint64_t const> places,
                     std::span<float> block) override {
        double sum = 0;
        for (std::uint64_t const at : places)
            with_reader([&] {
                get(reader_, at, block);
                sum += static_cast<double>(block[0]);
            });
        return sum;
    }
    double elements(std::span<std::uint64_t const> places) override {
        double sum = 0;
        for (std::uint64_t const at : places)
            with_reader([&] {
                float v = 0;
                get(reader_, at, {&v, 1});
                sum += static_cast<double>(v);
            });
        return sum;
    }

    std::uint64_t size() override { return elements_; }

    /// For threads: transactions of their own.
    lmdb_table const& table() const { return db_; }

    void get(MDB_txn* tx, std::uint64_t at, std::span<float> out) const {
        while (!out.empty()) {
            std::uint64_t const number = at / piece;
            std::uint64_t const offset = at % piece;
            std::size_t const n = std::min<std::size_t>(
                out.size(), static_cast<std::size_t>(piece - offset));
            MDB_val key = lmdb_value(&number, sizeof number);
            MDB_val value{};
            check_lmdb(::mdb_get(tx, db_.table(), &key, &value), "mdb_get");
            std::memcpy(out.data(),
                        static_cast<float const*>(value.mv_data) + offset,
                        n * sizeof(float));
            at += n;
            out = out.subspan(n);
        }
    }
    void put(MDB_txn* tx, std::uint64_t at, std::span<float const> v) const {
        while (!v.empty()) {
            std::uint64_t const number = at / piece;
            std::uint64_t const offset = at % piece;
            std::size_t const n = std::min<std::size_t>(
                v.size(), static_cast<std::size_t>(piece - offset));
            auto const whole = std::make_unique_for_overwrite<float[]>(piece);
            if (n != piece)
                get(tx, number * piece, {whole.get(), piece});
            std::copy_n(v.data(), n, whole.get() + offset);
            MDB_val key = lmdb_value(&number, sizeof number);
            MDB_val value = lmdb_value(whole.get(), piece * sizeof(float));
            check_lmdb(::mdb_put(tx, db_.table(), &key, &value, 0), "mdb_put");
            at += n;
            v = v.subspan(n);
        }
    }

private:
    template <class F>
    void change(F&& f) {
        bool const own = writer_ == nullptr;
        if (own)
            begin();
        f();
        if (own)
            commit();
    }
    template <class F>
    void with_reader(F&& f) {
        check_lmdb(::mdb_txn_renew(reader_), "mdb_txn_renew");
        f();
        ::mdb_txn_reset(reader_);
    }

    lmdb_table db_;
    std::uint64_t elements_;
    MDB_txn* reader_;
    MDB_txn* writer_ = nullptr;
    std::uint64_t pieces_ = 0;
};

inline peer lmdb_values_peer() {
    return {"LMDB", [](store_setup const& s) {
                return std::make_unique<lmdb_values>(s);
            }};
}

} // namespace bench

#endif
