// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace numstore::testing {

/// What a power loss does to the writes and resizes that were not durable.
/// Counted are units: each block that an unsynced write touches is one, and
/// each unsynced resize is one.
class power_loss {
public:
    enum class kind { lose_all, keep_all, only, random };

    /// None of them happened.
    static constexpr power_loss lose_all() noexcept {
        return {kind::lose_all, 0};
    }
    /// All of them happened, in order.
    static constexpr power_loss keep_all() noexcept {
        return {kind::keep_all, 0};
    }
    /// Those units happened, in order, whose bit is set; the units are
    /// numbered in the order of the calls, the blocks of one write by offset,
    /// the resizes after all writes. Units past the 64th did not happen.
    static constexpr power_loss only(std::uint64_t units) noexcept {
        return {kind::only, units};
    }
    /// Any of them happened, in any order, and any byte of a block that they
    /// touch may be damaged: torn, zero, random, or a mix of old and new.
    static constexpr power_loss random(std::uint64_t seed) noexcept {
        return {kind::random, seed};
    }

    constexpr kind how() const noexcept { return kind_; }
    constexpr std::uint64_t value() const noexcept { return value_; }

private:
    constexpr power_loss(kind how, std::uint64_t value) noexcept
        : kind_(how), value_(value) {}

    kind kind_;
    std::uint64_t value_;
};

} // namespace numstore::testing

namespace numstore::detail {

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
class split_mix {
public:
    explicit split_mix(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t operator()() noexcept {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// Below `end`, which is not 0.
    std::size_t below(std::size_t end) noexcept {
        return static_cast<std::size_t>((*this)() % end);
    }
    bool percent(std::size_t chance) noexcept { return below(100) < chance; }

private:
    std::uint64_t state_;
};

/// Damages one block whose write was under way when power went: `block` holds
/// the old bytes and becomes any mixture of them, `next` and nonsense.
class block_damage {
public:
    /// How often a block is damaged, or else lost, is drawn per power loss, so
    /// that nearly whole and nearly empty outcomes are as likely as mixed ones.
    explicit block_damage(std::uint64_t seed) noexcept : random_(seed) {
        constexpr std::size_t chances[]{0, 5, 30, 50, 95, 100};
        damaged_ = chances[random_.below(5)];
        lost_ = chances[random_.below(6)];
    }

    split_mix& random() noexcept { return random_; }

    void apply(std::span<std::byte> block,
               std::span<std::byte const> next) noexcept {
        if (random_.percent(damaged_))
            damage(block, next);
        else if (!random_.percent(lost_))
            std::copy(next.begin(), next.end(), block.begin());
    }

private:
    void damage(std::span<std::byte> block,
                std::span<std::byte const> next) noexcept {
        std::size_t const cut = random_.below(block.size() + 1);
        switch (random_.below(5)) {
        case 0: return copy(block, next, 0, cut);
        case 1: return copy(block, next, cut, block.size());
        case 2: return mix(block, next);
        default: return overwrite(block, next);
        }
    }

    /// The old or the new block, wholly or in part zero or nonsense.
    void overwrite(std::span<std::byte> block,
                   std::span<std::byte const> next) noexcept {
        if (random_.percent(50))
            copy(block, next, 0, block.size());
        if (random_.percent(50)) {
            std::size_t const a = random_.below(block.size() + 1);
            std::size_t const b = random_.below(block.size() + 1);
            block =
                block.subspan(std::min(a, b), std::max(a, b) - std::min(a, b));
        }
        if (random_.percent(50))
            std::fill(block.begin(), block.end(), std::byte{});
        else
            fill_randomly(block);
    }

    void fill_randomly(std::span<std::byte> bytes) noexcept {
        while (!bytes.empty()) {
            std::uint64_t const word = random_();
            std::size_t const n = std::min(bytes.size(), sizeof word);
            std::memcpy(bytes.data(), &word, n);
            bytes = bytes.subspan(n);
        }
    }

    /// Old and new alternate by pieces of one byte up to a sector.
    void mix(std::span<std::byte> block,
             std::span<std::byte const> next) noexcept {
        constexpr std::size_t sizes[]{1, 8, 64, 512};
        std::size_t const piece = sizes[random_.below(4)];
        std::uint64_t coins = 0;
        for (std::size_t i = 0; i < block.size(); i += piece, coins >>= 1) {
            if (i / piece % 64 == 0)
                coins = random_();
            if (coins & 1)
                copy(block, next, i, std::min(i + piece, block.size()));
        }
    }

    static void copy(std::span<std::byte> to, std::span<std::byte const> from,
                     std::size_t begin, std::size_t end) noexcept {
        std::copy_n(from.begin() + std::ptrdiff_t(begin), end - begin,
                    to.begin() + std::ptrdiff_t(begin));
    }

    split_mix random_;
    std::size_t damaged_ = 0;
    std::size_t lost_ = 0;
};

} // namespace numstore::detail
