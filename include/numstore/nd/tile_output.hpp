// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/nd/tile_map.hpp>
#include <numstore/nd/tile_runs.hpp>
#include <numstore/rope/blocks.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace numstore::detail {

/// Gathers elements for ascending places, some MiB of them, and writes those
/// of equal runs together. `flush` writes what is left.
template <std::size_t Size, class Writer>
class tile_output {
public:
    explicit tile_output(Writer& w) noexcept : w_(w) {}

    void add(std::uint64_t at, std::byte const* from, std::uint64_t n) {
        auto const bytes = static_cast<std::size_t>(n) * Size;
        if (bytes_.size() >= most_bytes || runs_.size() >= most_runs)
            flush();
        if (!runs_.empty() && runs_.back().first + runs_.back().count == at)
            runs_.back().count += n;
        else
            runs_.push_back({at, n});
        bytes_.resize(bytes_.size() + bytes);
        std::memcpy(bytes_.data() + bytes_.size() - bytes, from, bytes);
    }

    void flush() {
        std::span<std::byte const> rest(bytes_);
        for (std::size_t i = 0; i != runs_.size();) {
            std::uint64_t const n = runs_[i].count;
            places_.clear();
            for (; i != runs_.size() && runs_[i].count == n; ++i)
                places_.push_back(runs_[i].first);
            auto const part =
                rest.first(places_.size() * static_cast<std::size_t>(n) * Size);
            rest = rest.subspan(part.size());
            if (places_.size() == 1)
                w_.write(places_[0], part);
            else if (n == 1)
                w_.scatter(places_, part);
            else
                w_.write_blocks(block_places(places_), n, part);
        }
        runs_.clear();
        bytes_.clear();
    }

private:
    struct run {
        std::uint64_t first;
        std::uint64_t count;
    };
    static constexpr std::size_t most_bytes = std::size_t{4} << 20;
    static constexpr std::size_t most_runs = std::size_t{1} << 17;

    Writer& w_;
    std::vector<run> runs_{};
    std::vector<std::byte> bytes_{};
    std::vector<std::uint64_t> places_{};
};

/// Overwrites what is chosen.
template <std::size_t Size, class Writer>
void write_tiles(Writer& w, tile_map const& map,
                 std::span<tile_choice const> choices,
                 std::span<std::byte const> bytes) {
    tile_output<Size, Writer> out(w);
    each_tile_run(map, choices, [&](tile_run const& r) {
        if (r.is_plain())
            return out.add(r.first, bytes.data() + r.index * Size, r.count);
        for (std::uint64_t i = 0; i != r.count; ++i)
            out.add(r.first + i * r.stride,
                    bytes.data() + (r.index + i * r.index_step) * Size, 1);
    });
    out.flush();
}

} // namespace numstore::detail
