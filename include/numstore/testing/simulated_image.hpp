// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace numstore::detail {

/// The bytes of a simulated device. A copy shares the chunks that neither
/// side has changed since, so that thousands of crash states are cheap; an
/// absent chunk is zero. Different images may be used by different threads.
class simulated_image {
public:
    std::uint64_t size() const noexcept { return size_; }

    void resize(std::uint64_t bytes) {
        auto const chunks =
            static_cast<std::size_t>((bytes + chunk_bytes - 1) / chunk_bytes);
        if (bytes < size_ && bytes % chunk_bytes != 0 && chunks_[chunks - 1]) {
            auto& last = chunks_[chunks - 1].own();
            std::fill(last.begin() + std::ptrdiff_t(bytes % chunk_bytes),
                      last.end(), std::byte{});
        }
        chunks_.resize(chunks);
        size_ = bytes;
    }

    /// Precondition of both: the range lies inside.
    void read(std::uint64_t offset, std::span<std::byte> out) const noexcept {
        while (!out.empty()) {
            auto const [index, begin, n] = place(offset, out.size());
            if (auto const& source = chunks_[index])
                std::memcpy(out.data(), source.bytes().data() + begin, n);
            else
                std::memset(out.data(), 0, n);
            out = out.subspan(n);
            offset += n;
        }
    }

    void write(std::uint64_t offset, std::span<std::byte const> in) {
        while (!in.empty()) {
            auto const [index, begin, n] = place(offset, in.size());
            std::memcpy(chunks_[index].own().data() + begin, in.data(), n);
            in = in.subspan(n);
            offset += n;
        }
    }

    /// The same for whatever part of `in` lies inside.
    void write_inside(std::uint64_t offset, std::span<std::byte const> in) {
        if (offset < size_)
            write(offset,
                  in.first(static_cast<std::size_t>(
                      std::min<std::uint64_t>(in.size(), size_ - offset))));
    }

private:
    static constexpr std::size_t chunk_bytes = 4096;
    using chunk = std::array<std::byte, chunk_bytes>;

    class shared_chunk {
    public:
        shared_chunk() noexcept = default;
        shared_chunk(shared_chunk const& other) noexcept : node_(other.node_) {
            if (node_)
                node_->owners.fetch_add(1, std::memory_order_relaxed);
        }
        shared_chunk(shared_chunk&& other) noexcept
            : node_(std::exchange(other.node_, nullptr)) {}
        shared_chunk& operator=(shared_chunk other) noexcept {
            std::swap(node_, other.node_);
            return *this;
        }
        ~shared_chunk() {
            // Pairs with the load in `own`: who finds itself the only owner
            // also finds the reads of former owners done.
            if (node_
                && node_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1)
                delete node_;
        }

        explicit operator bool() const noexcept { return node_ != nullptr; }
        chunk const& bytes() const noexcept { return node_->bytes; }

        chunk& own() {
            if (!node_) {
                node_ = new node(chunk{});
            } else if (node_->owners.load(std::memory_order_acquire) != 1) {
                shared_chunk copy;
                copy.node_ = new node(node_->bytes);
                std::swap(node_, copy.node_);
            }
            return node_->bytes;
        }

    private:
        struct node {
            explicit node(chunk const& content) : bytes(content) {}

            std::atomic<std::uint32_t> owners = 1;
            chunk bytes;
        };
        node* node_ = nullptr;
    };

    struct position {
        std::size_t index;
        std::size_t begin;
        std::size_t length;
    };

    static position place(std::uint64_t offset, std::size_t length) noexcept {
        auto const begin = static_cast<std::size_t>(offset % chunk_bytes);
        return {static_cast<std::size_t>(offset / chunk_bytes), begin,
                std::min(length, chunk_bytes - begin)};
    }

    std::vector<shared_chunk> chunks_;
    std::uint64_t size_ = 0;
};

} // namespace numstore::detail
