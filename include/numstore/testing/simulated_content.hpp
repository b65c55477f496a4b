// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/testing/simulated_image.hpp>
#include <numstore/testing/simulated_power_loss.hpp>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace numstore::detail {

using shared_bytes = std::shared_ptr<std::vector<std::byte> const>;

inline shared_bytes share(std::span<std::byte const> bytes) {
    return std::make_shared<std::vector<std::byte> const>(bytes.begin(),
                                                          bytes.end());
}

/// The content of a simulated device: what reads show, what is durable, and
/// in order the writes between the two. Not thread-safe.
class simulated_content {
public:
    explicit simulated_content(std::size_t block_size)
        : block_size_(block_size) {}

    std::size_t block_size() const noexcept { return block_size_; }
    std::uint64_t size() const noexcept { return current_.size(); }

    void read(std::uint64_t offset, std::span<std::byte> out) const noexcept {
        current_.read(offset, out);
    }

    /// Shown by reads, durable by the next successful sync.
    void write(std::uint64_t offset, shared_bytes bytes) {
        add(offset, std::move(bytes), state::unsynced);
    }

    /// Shown by reads, but no sync makes it durable.
    void write_lost(std::uint64_t offset, shared_bytes bytes) {
        add(offset, std::move(bytes), state::lost);
    }

    /// Durable, also against damage by earlier writes to the same blocks.
    void write_durable(std::uint64_t offset, shared_bytes bytes) {
        std::uint64_t const end = offset + bytes->size();
        std::uint64_t const now = sizes_.back();
        sizes_.pop_back();
        std::erase_if(sizes_, [&](std::uint64_t size) { return size < end; });
        sizes_.push_back(now);
        if (touched(offset, bytes->size())) {
            add(offset, std::move(bytes), state::durable);
        } else {
            current_.write(offset, *bytes);
            durable_.write(offset, *bytes);
        }
    }

    void resize(std::uint64_t bytes) {
        std::uint64_t const old = size();
        std::uint64_t const stale = std::min(bytes, durable_.size());
        current_.resize(bytes);
        if (durable_.size() < bytes)
            durable_.resize(bytes);
        sizes_.push_back(bytes);
        if (old < stale) {
            add(old, share(std::vector<std::byte>(stale - old)),
                state::unsynced);
            writes_.back().zeros_of_growth = true;
        }
    }

    void sync() {
        sizes_.assign(1, size());
        auto const is_lost = [](auto const& w) { return w.how == state::lost; };
        if (std::any_of(writes_.begin(), writes_.end(), is_lost)) {
            for (auto& w : writes_)
                if (w.how == state::unsynced)
                    w.how = state::durable;
            return;
        }
        for (auto const& w : writes_)
            durable_.write_inside(w.offset, *w.bytes);
        durable_.resize(size());
        writes_.clear();
        touched_.clear();
    }

    /// As Linux after a failed fsync: what was not durable is still shown, but
    /// counts as written and will never be.
    void fail_sync() {
        for (auto& w : writes_)
            if (w.how == state::unsynced && !w.zeros_of_growth)
                w.how = state::lost;
    }

    std::size_t unsynced_units() const noexcept {
        std::size_t units = sizes_.size() - 1;
        for (auto const& w : writes_)
            if (w.how != state::durable)
                units += end_block(w) - first_block(w);
        return units;
    }

    simulated_content after_power_loss(testing::power_loss loss) const {
        using kind = testing::power_loss::kind;
        simulated_content result(block_size_);
        result.durable_ = durable_;
        std::uint64_t size = sizes_.front();
        switch (loss.how()) {
        case kind::lose_all: keep(result.durable_, 0); break;
        case kind::keep_all:
            keep(result.durable_, ~std::uint64_t{0}, true);
            size = sizes_.back();
            break;
        case kind::only: {
            std::uint64_t const rest = keep(result.durable_, loss.value());
            for (std::size_t i = 1;
                 i < std::min<std::size_t>(sizes_.size(), 65); ++i)
                if (rest >> (i - 1) & 1)
                    size = sizes_[i];
            break;
        }
        case kind::random: {
            block_damage damage(loss.value());
            scramble(result.durable_, damage);
            size = sizes_[damage.random().below(sizes_.size())];
            break;
        }
        }
        result.durable_.resize(size);
        result.current_ = result.durable_;
        result.sizes_.assign(1, size);
        return result;
    }

    /// The content without what a failed sync or write lost.
    simulated_content reopened() const {
        simulated_content result = *this;
        std::erase_if(result.writes_,
                      [](auto const& w) { return w.how == state::lost; });
        if (result.writes_.size() != writes_.size()) {
            result.current_ = durable_;
            for (auto const& w : result.writes_)
                result.current_.write(w.offset, *w.bytes);
            result.current_.resize(size());
        }
        return result;
    }

private:
    enum class state { unsynced, lost, durable };

    struct pending_write {
        std::uint64_t offset;
        shared_bytes bytes;
        state how;
        bool zeros_of_growth = false;
    };

    struct piece {
        std::uint64_t block;
        std::size_t write;

        friend auto operator<=>(piece const&, piece const&) = default;
    };

    std::uint64_t first_block(pending_write const& w) const noexcept {
        return w.offset / block_size_;
    }
    std::uint64_t end_block(pending_write const& w) const noexcept {
        return (w.offset + w.bytes->size() + block_size_ - 1) / block_size_;
    }

    bool touched(std::uint64_t offset, std::size_t length) const noexcept {
        std::uint64_t const end = std::min<std::uint64_t>(
            touched_.size(), (offset + length + block_size_ - 1) / block_size_);
        for (std::uint64_t b = offset / block_size_; b < end; ++b)
            if (touched_[b])
                return true;
        return false;
    }

    void add(std::uint64_t offset, shared_bytes bytes, state how) {
        if (bytes->empty())
            return;
        current_.write(offset, *bytes);
        writes_.push_back({offset, std::move(bytes), how});
        auto const first = first_block(writes_.back());
        auto const end = end_block(writes_.back());
        if (touched_.size() < end)
            touched_.resize(end);
        std::fill(touched_.begin() + std::ptrdiff_t(first),
                  touched_.begin() + std::ptrdiff_t(end), true);
    }

    /// Applies in order the durable writes and those blocks of the others
    /// whose bit is set, or all of them. Returns the bits that are left.
    std::uint64_t keep(simulated_image& image, std::uint64_t units,
                       bool all = false) const {
        for (auto const& w : writes_) {
            if (all || w.how == state::durable) {
                image.write(w.offset, *w.bytes);
                continue;
            }
            for (auto b = first_block(w); b < end_block(w); ++b, units >>= 1)
                if (units & 1)
                    keep_block(image, w, b);
        }
        return units;
    }

    /// The part of `w` in block `b`, and where it starts.
    std::pair<std::uint64_t, std::span<std::byte const>>
    part_in_block(pending_write const& w, std::uint64_t b) const noexcept {
        std::uint64_t const begin = std::max(w.offset, b * block_size_);
        std::uint64_t const end =
            std::min(w.offset + w.bytes->size(), (b + 1) * block_size_);
        return {begin,
                std::span(*w.bytes).subspan(begin - w.offset, end - begin)};
    }

    void keep_block(simulated_image& image, pending_write const& w,
                    std::uint64_t b) const {
        auto const [offset, bytes] = part_in_block(w, b);
        image.write(offset, bytes);
    }

    /// Block by block: any subset in any order of the writes between two
    /// durable ones, damaged; a durable write then repairs its own bytes.
    void scramble(simulated_image& image, block_damage& damage) const {
        std::vector<piece> pieces;
        for (std::size_t i = 0; i < writes_.size(); ++i)
            for (auto b = first_block(writes_[i]); b < end_block(writes_[i]);
                 ++b)
                pieces.push_back({b, i});
        std::sort(pieces.begin(), pieces.end());
        auto const is_durable = [&](piece const& p) {
            return writes_[p.write].how == state::durable;
        };
        for (auto at = pieces.begin(); at != pieces.end();) {
            if (is_durable(*at)) {
                keep_block(image, writes_[at->write], at->block);
                ++at;
                continue;
            }
            auto const end =
                std::find_if(at, pieces.end(), [&](piece const& p) {
                    return p.block != at->block || is_durable(p);
                });
            scramble_block(image, std::span(at, end), damage);
            at = end;
        }
    }

    void scramble_block(simulated_image& image, std::span<piece> pieces,
                        block_damage& damage) const {
        std::uint64_t const begin = pieces.front().block * block_size_;
        auto const length = static_cast<std::size_t>(
            std::min<std::uint64_t>(block_size_, image.size() - begin));
        for (std::size_t i = pieces.size(); i > 1; --i)
            std::swap(pieces[i - 1], pieces[damage.random().below(i)]);
        std::vector<std::byte> block(length);
        image.read(begin, block);
        for (piece const& p : pieces) {
            auto const [offset, bytes] =
                part_in_block(writes_[p.write], p.block);
            std::vector<std::byte> next = block;
            std::copy(bytes.begin(), bytes.end(),
                      next.begin() + std::ptrdiff_t(offset - begin));
            damage.apply(block, next);
        }
        image.write(begin, block);
    }

    std::size_t block_size_;
    simulated_image current_;
    /// At least as long as any size the device may come back with.
    simulated_image durable_;
    /// The sizes it may come back with, oldest first; the last one is current.
    std::vector<std::uint64_t> sizes_{0};
    std::vector<pending_write> writes_;
    /// Blocks of `writes_`.
    std::vector<bool> touched_;
};

} // namespace numstore::detail
