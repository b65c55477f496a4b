// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image_map.hpp"

#include <numstore/format/log_batch.hpp>
#include <numstore/format/superblock_check.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace fuzz {

/// A copy of a sound file, whose bytes can be changed so that all checksums
/// are right again.
template <class Policies>
class checked_image {
public:
    static constexpr std::size_t page_size = Policies::page_size;
    using checksum = typename Policies::checksum;

    image_memory& memory() noexcept { return memory_; }
    image_memory const& memory() const noexcept { return memory_; }
    image_map<Policies> const& map() const noexcept { return *map_; }

    /// Begins with a sound image; both must live on.
    void load(image_map<Policies> const& map,
              std::vector<std::byte> const& image) {
        map_ = &map;
        memory_.load(image);
        dirty_.assign(map.nodes.size(), false);
        moved_.clear();
        kept_ = false;
    }

    /// Whether the next changes leave the checksums as they are.
    void keep_checksums(bool kept) noexcept { kept_ = kept; }

    void put(std::uint64_t at, std::span<std::byte const> in) {
        memory_.put(at, in);
        if (kept_)
            return;
        for (std::size_t i = 0; i != dirty_.size(); ++i) {
            node const& n = map_->nodes[i];
            if (at < n.at + n.bytes && n.at < at + in.size())
                dirty_[i] = true;
        }
    }
    void put(std::uint64_t at, std::uint64_t v, std::size_t width = 8) {
        put(at, std::as_bytes(std::span(&v, 1)).first(width));
    }

    std::uint64_t get(std::uint64_t at, std::size_t width = 8) const {
        std::uint64_t v = 0;
        if (memory_.holds(at, width))
            std::memcpy(&v, memory_.bytes().data() + at, width);
        return v;
    }

    /// What `r` refers to stands at another page now.
    void move(reference const& r) {
        if (!kept_)
            moved_.push_back(r);
    }

    std::uint64_t newest_superblock() const {
        constexpr auto field = offsetof(format::superblock_image, generation);
        std::uint64_t best = 0;
        for (std::uint64_t const at : format::superblock_offsets)
            if (get(at + field) > get(best + field))
                best = at;
        return best;
    }

    std::uint64_t sum_of(node const& n) const {
        return memory_.holds(n.at, n.bytes)
                   ? checksum::of(memory_.bytes(n.at, n.bytes))
                   : 0;
    }

    /// Bottom-up, so that all damage is behind right checksums.
    void repair() {
        auto const& m = *map_;
        for (reference const& r : moved_)
            put_checksum(r);
        for (std::size_t i = 0; i != m.first_batch; ++i) {
            if (!dirty_[i])
                continue;
            if (m.nodes[i].kind == node_kind::superblock)
                repair_superblock(m.nodes[i].at);
            else
                for (reference const& r : m.references)
                    if (r.target == i && !is_moved(r)) {
                        put(r.checksum_at, sum_of(m.nodes[i]));
                        dirty_[r.owner] = true;
                    }
        }
        for (std::size_t i = m.first_batch; i < m.nodes.size(); ++i)
            if (dirty_[i])
                repair_batch(i);
    }

private:
    bool is_moved(reference const& r) const {
        return std::any_of(
            moved_.begin(), moved_.end(),
            [&](reference const& m) { return m.checksum_at == r.checksum_at; });
    }

    void put_checksum(reference const& r) {
        std::uint64_t const place = get(r.place_at);
        node n = map_->nodes[r.target];
        if (place > image_memory::most / page_size)
            return;
        n.at = place * page_size;
        if (place == 0)
            put(r.checksum_at, std::uint64_t{0});
        else if (memory_.holds(n.at, n.bytes))
            put(r.checksum_at, sum_of(n));
    }

    void repair_superblock(std::uint64_t at) {
        if (memory_.holds(at, format::superblock_bytes))
            put(at + offsetof(format::superblock_image, checksum),
                ns::detail::superblock_checksum(
                    memory_.bytes(at, format::superblock_bytes)));
    }

    void repair_batch(std::size_t i) {
        using h = format::log_batch_header;
        node const& n = map_->nodes[i];
        if (!memory_.holds(n.at, n.bytes))
            return;
        std::uint64_t const length = std::clamp<std::uint64_t>(
            get(n.at + offsetof(h, length)), sizeof(h), n.bytes);
        put(n.at + offsetof(h, body),
            checksum::of(memory_.bytes(n.at + sizeof(h), length - sizeof(h))));
        std::uint64_t const sum = checksum::of(memory_.bytes(
            n.at + offsetof(h, database), sizeof(h) - offsetof(h, database)));
        put(n.at + offsetof(h, checksum), sum);
        if (i + 1 < map_->nodes.size())
            put(map_->nodes[i + 1].at + offsetof(h, previous), sum);
    }

    image_memory memory_;
    image_map<Policies> const* map_ = nullptr;
    std::vector<bool> dirty_;
    std::vector<reference> moved_;
    bool kept_ = false;
};

} // namespace fuzz
