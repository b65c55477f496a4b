// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../harness/data.hpp"
#include "../harness/sum.hpp"
#include "store.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace bench {

/// std::vector: nothing is kept when the program ends. Opened as it was
/// filled, for nothing else can be there.
class vector_store final : public store {
public:
    explicit vector_store(store_setup const& s) {
        if (!s.fresh)
            all_ = some_elements(static_cast<std::size_t>(s.elements), 1);
    }

    void begin() override {}
    void commit() override {}
    void append(std::span<float const> v) override {
        all_.insert(all_.end(), v.begin(), v.end());
    }
    void write(std::uint64_t at, std::span<float const> v) override {
        std::copy(v.begin(), v.end(), place(at));
    }
    void insert(std::uint64_t at, std::span<float const> v) override {
        all_.insert(place(at), v.begin(), v.end());
    }
    void erase(std::uint64_t at, std::uint64_t n) override {
        all_.erase(place(at), place(at + n));
    }

    void read(std::uint64_t at, std::span<float> out) override {
        std::copy_n(place(at), out.size(), out.data());
    }
    double read_each(std::span<std::uint64_t const> places,
                     std::span<float> block) override {
        double sum = 0;
        for (std::uint64_t const at : places) {
            std::copy_n(place(at), block.size(), block.data());
            sum += static_cast<double>(block[0]);
        }
        return sum;
    }
    double elements(std::span<std::uint64_t const> places) override {
        double sum = 0;
        for (std::uint64_t const at : places)
            sum += static_cast<double>(all_[at]);
        return sum;
    }
    double sum() override { return sum_in_place(all_); }
    std::uint64_t size() override { return all_.size(); }
    std::vector<float>& elements_in_memory() { return all_; }

private:
    std::vector<float>::iterator place(std::uint64_t at) {
        return all_.begin() + static_cast<std::ptrdiff_t>(at);
    }

    std::vector<float> all_;
};

inline peer vector_peer() {
    return {"vector", [](store_setup const& s) {
                return std::make_unique<vector_store>(s);
            }};
}

} // namespace bench
