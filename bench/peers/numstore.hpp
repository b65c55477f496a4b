// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../harness/sum.hpp"
#include "store.hpp"

#include <numstore/instances.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

NUMSTORE_EXTERN_TEMPLATES(numstore::default_policies)

namespace bench {

namespace ns = numstore;

inline std::string database_file(std::string const& folder) {
    return folder + "/array.ns";
}

inline ns::options database_options(store_setup const& s) {
    return {.mode = s.fresh ? ns::open_mode::create_new
                            : ns::open_mode::open_existing,
            .cache_bytes = s.cache_bytes,
            .log_bytes = s.log_bytes};
}

/// numstore itself, through the same interface.
template <class Policies>
class numstore_store final : public store {
public:
    explicit numstore_store(store_setup const& s)
        : numstore_store(s, database_options(s)) {}
    numstore_store(store_setup const& s, ns::options const& o)
        : db_(database_file(s.path), o),
          array_(db_.template open_or_create<float>("array")) {}

    void begin() override { tx_.emplace(db_.begin()); }
    void commit() override {
        tx_->commit();
        tx_.reset();
    }
    void append(std::span<float const> v) override {
        change([&](auto& a) { a.append(v); });
    }
    void write(std::uint64_t at, std::span<float const> v) override {
        change([&](auto& a) { a.write(at, v); });
    }
    void insert(std::uint64_t at, std::span<float const> v) override {
        change([&](auto& a) { a.insert(at, v); });
    }
    void erase(std::uint64_t at, std::uint64_t n) override {
        change([&](auto& a) { a.erase(at, n); });
    }

    void read(std::uint64_t at, std::span<float> out) override {
        array_.read(at, out);
    }
    double read_each(std::span<std::uint64_t const> places,
                     std::span<float> block) override {
        double sum = 0;
        for (std::uint64_t const at : places) {
            array_.read(at, block);
            sum += static_cast<double>(block[0]);
        }
        return sum;
    }
    double elements(std::span<std::uint64_t const> places) override {
        double sum = 0;
        for (std::uint64_t const at : places)
            sum += static_cast<double>(array_[at]);
        return sum;
    }
    double sum() override {
        double sum = 0;
        for (std::span<float const> const run : array_.chunks())
            sum += sum_in_place(run);
        return sum;
    }

    std::uint64_t size() override { return array_.size(); }
    /// Leaves have been in memory, as in a process that has worked for a
    /// while: a change of all of them is given up again.
    void warm() override {
        store::warm();
        auto tx = db_.begin();
        array_.in(tx).erase(ns::every<2>{});
        tx.rollback();
    }
    std::uint64_t cycles() override { return db_.stats().checkpoints; }
    void settle() override { db_.checkpoint(); }
    double checkpoint_seconds() {
        return std::chrono::duration<double>(db_.stats().checkpoint_time)
            .count();
    }
    double bytes_written() override {
        return static_cast<double>(db_.stats().bytes_written);
    }

    ns::basic_database<Policies>& database() { return db_; }
    ns::array<float, Policies>& array() { return array_; }

private:
    template <class F>
    void change(F&& f) {
        if (tx_) {
            auto a = array_.in(*tx_);
            f(a);
        } else {
            f(array_);
        }
    }

    ns::basic_database<Policies> db_;
    ns::array<float, Policies> array_;
    std::optional<ns::basic_transaction<Policies>> tx_;
};

inline peer numstore_peer() {
    return {"numstore", [](store_setup const& s) {
                return std::make_unique<
                    numstore_store<ns::default_policies>>(s);
            }};
}

} // namespace bench
