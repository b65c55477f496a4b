// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/numstore.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace scattered {

namespace ns = numstore;

struct file {
    std::filesystem::path path;
    explicit file(char const* name)
        : path(std::filesystem::temp_directory_path() / name) {
        std::filesystem::remove(path);
    }
    ~file() { std::filesystem::remove(path); }
    std::uint64_t size() const { return std::filesystem::file_size(path); }
};

/// Makes an array of `n` elements whose leaves lie anywhere and are half full.
inline std::vector<std::int32_t> scatter(ns::database& db,
                                         std::string const& name, std::size_t n,
                                         unsigned seed) {
    std::mt19937_64 random(seed);
    auto a = db.create<std::int32_t>(name);
    std::vector<std::int32_t> model(n / 2);
    std::iota(model.begin(), model.end(), 0);
    a.append(model);
    std::size_t const piece = 500;
    while (model.size() < n) {
        auto tx = db.begin();
        auto t = a.in(tx);
        for (int i = 0; i != 20; ++i) {
            std::vector<std::int32_t> some(piece);
            std::iota(some.begin(), some.end(),
                      static_cast<std::int32_t>(random() % 100000));
            std::size_t const at = random() % (model.size() + 1);
            t.insert(at, some);
            model.insert(model.begin() + static_cast<std::ptrdiff_t>(at),
                         some.begin(), some.end());
        }
        tx.commit();
    }
    return model;
}

} // namespace scattered
