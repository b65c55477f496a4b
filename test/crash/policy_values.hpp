// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/numstore.hpp>

#include <boost/describe.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <variant>
#include <vector>

namespace database_test {

/// 12 bytes, 3 of them padding: whole elements fill no page of 512 bytes.
struct sample {
    float v;
    std::int32_t t;
    std::uint8_t flags;
    friend bool operator==(sample const&, sample const&) = default;
};
BOOST_DESCRIBE_STRUCT(sample, (), (v, t, flags))

/// 300 bytes.
using block = std::array<std::uint16_t, 150>;

inline std::uint64_t seed() {
    static std::uint64_t const value = [] {
        char const* const set = std::getenv("NUMSTORE_SEED");
        return set != nullptr ? std::strtoull(set, nullptr, 10)
                              : std::random_device{}();
    }();
    return value;
}

/// Random numbers that are the same on every machine, and values that differ.
class random_source {
public:
    explicit random_source(std::uint64_t seed) : random_(seed) {}

    std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : random_() % n; }
    std::uint64_t upto(std::uint64_t n) { return below(n + 1); }
    bool one_in(std::uint64_t n) { return below(n) == 0; }

    /// Small numbers are as likely as large ones.
    std::uint64_t skewed(std::uint64_t most) {
        switch (below(4)) {
        case 0: return std::min(most, upto(3));
        case 1: return upto(std::min<std::uint64_t>(most, 100));
        case 2: return upto(most / 8);
        default: return upto(most);
        }
    }

    /// Any slice, often with bounds outside of an array of `size`.
    numstore::slice slice(std::uint64_t size) {
        auto const bound = [&] {
            auto const n = static_cast<std::int64_t>(size);
            return static_cast<std::int64_t>(below(2 * size + 7)) - n - 3;
        };
        numstore::slice s;
        if (!one_in(3))
            s.start = bound();
        if (!one_in(3))
            s.stop = bound();
        s.step = static_cast<std::int64_t>(1 + skewed(40));
        if (one_in(3))
            s.step = -*s.step;
        return s;
    }

    template <class T>
    std::vector<T> values(std::uint64_t n) {
        std::vector<T> v;
        v.reserve(static_cast<std::size_t>(n));
        for (std::uint64_t i = 0; i != n; ++i)
            v.push_back(value<T>());
        return v;
    }

    template <class T>
    T value() {
        std::uint64_t const n = ++counter_;
        if constexpr (std::is_same_v<T, sample>) {
            return {static_cast<float>(n % 4096), static_cast<int>(n),
                    static_cast<std::uint8_t>(n)};
        } else if constexpr (std::is_same_v<T, block>) {
            block b;
            for (std::size_t i = 0; i != b.size(); ++i)
                b[i] = static_cast<std::uint16_t>(n + i * 257);
            return b;
        } else if constexpr (std::is_same_v<T, bool>) {
            return (n * 0x9e3779b97f4a7c15U >> 63) != 0;
        } else {
            return static_cast<T>(n);
        }
    }

private:
    std::mt19937_64 random_;
    std::uint64_t counter_ = 0;
};

/// The positions that a slice selects, as the Python manual tells.
inline std::vector<std::uint64_t> selected(numstore::slice const& s,
                                           std::uint64_t size) {
    auto const n = static_cast<std::int64_t>(size);
    std::int64_t const step = s.step.value_or(1);
    std::int64_t const low = step > 0 ? 0 : -1;
    std::int64_t const high = step > 0 ? n : n - 1;
    auto const bound = [&](std::int64_t b) {
        return std::clamp(b < 0 ? b + n : b, low, high);
    };
    std::int64_t i = s.start ? bound(*s.start) : step > 0 ? low : high;
    std::int64_t const stop = s.stop ? bound(*s.stop) : step > 0 ? high : low;
    std::vector<std::uint64_t> positions;
    for (; step > 0 ? i < stop : i > stop; i += step)
        positions.push_back(static_cast<std::uint64_t>(i));
    return positions;
}

/// What an array should hold.
struct array_model {
    std::variant<std::vector<std::int32_t>, std::vector<bool>,
                 std::vector<sample>, std::vector<block>>
        values;
    std::map<std::string, numstore::attribute_value> attributes;

    std::uint64_t size() const {
        return std::visit([](auto const& v) { return v.size(); }, values);
    }
};

/// What a database should hold. Copies share what neither has edited.
class world {
public:
    using map = std::map<std::string, std::shared_ptr<array_model>>;

    std::size_t size() const { return arrays_.size(); }
    bool contains(std::string const& name) const {
        return arrays_.contains(name);
    }
    array_model const& at(std::string const& name) const {
        return *arrays_.at(name);
    }
    map const& arrays() const { return arrays_; }

    array_model& edit(std::string const& name) {
        auto& held = arrays_.at(name);
        if (held.use_count() != 1)
            held = std::make_shared<array_model>(*held);
        return *held;
    }
    void add(std::string const& name, array_model m) {
        arrays_.emplace(name, std::make_shared<array_model>(std::move(m)));
    }
    void rename(std::string const& from, std::string const& to) {
        auto node = arrays_.extract(from);
        node.key() = to;
        arrays_.insert(std::move(node));
    }
    void erase(std::string const& name) { arrays_.erase(name); }

    std::string any(random_source& random) const {
        auto const i = static_cast<std::ptrdiff_t>(random.below(size()));
        return std::next(arrays_.begin(), i)->first;
    }

private:
    map arrays_;
};

} // namespace database_test
