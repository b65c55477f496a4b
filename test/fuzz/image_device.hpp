// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/policies.hpp>
#include <numstore/storage/storage_device.hpp>

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace fuzz {

namespace ns = numstore;

/// What must hold whatever a file says.
inline void require(bool holds, char const* what) {
    if (holds)
        return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::abort();
}

/// The bytes that devices show one after the other. Only what was written is
/// put back when the next input begins, which makes that fast.
class image_memory {
public:
    static constexpr std::size_t most = std::size_t{1} << 20;
    static constexpr std::size_t unit = 512;

    image_memory() : bytes_(most) {}

    void load(std::vector<std::byte> const& image) {
        if (base_ == &image) {
            for (std::size_t i = 0; i != touched_.size(); ++i)
                if (touched_[i])
                    restore(i);
        } else {
            base_ = &image;
            for (std::size_t i = 0; i != touched_.size(); ++i)
                restore(i);
        }
        touched_.reset();
        size_ = image.size();
        calls_ = 0;
        moved_ = 0;
    }

    std::size_t size() const noexcept { return size_; }
    std::span<std::byte const> bytes() const noexcept {
        return {bytes_.data(), size_};
    }
    std::span<std::byte const> bytes(std::uint64_t at,
                                     std::uint64_t n) const noexcept {
        return bytes().subspan(static_cast<std::size_t>(at),
                               static_cast<std::size_t>(n));
    }
    bool holds(std::uint64_t at, std::uint64_t n) const noexcept {
        return at <= size_ && n <= size_ - at;
    }

    void put(std::uint64_t at, std::span<std::byte const> in) noexcept {
        if (in.empty() || !holds(at, in.size()))
            return;
        touch(at, in.size());
        std::memmove(bytes_.data() + at, in.data(), in.size());
    }

    bool resize(std::uint64_t n) noexcept {
        if (n > most)
            return false;
        auto const to = static_cast<std::size_t>(n);
        if (to < size_) {
            touch(to, size_ - to);
            std::memset(bytes_.data() + to, 0, size_ - to);
        }
        size_ = to;
        return true;
    }

    /// No input may need many times the work of the largest sound file.
    void count(std::size_t n) const noexcept {
        moved_ += n;
        require(++calls_ < 200'000, "a bounded number of device calls");
        require(moved_ < (std::uint64_t{1} << 29), "bounded device traffic");
    }

private:
    void touch(std::uint64_t at, std::uint64_t n) noexcept {
        for (std::uint64_t i = at / unit; i != (at + n - 1) / unit + 1; ++i)
            touched_.set(static_cast<std::size_t>(i));
    }
    void restore(std::size_t i) noexcept {
        std::size_t const at = i * unit;
        std::size_t const n =
            at < base_->size() ? std::min(unit, base_->size() - at) : 0;
        if (n != 0)
            std::memcpy(bytes_.data() + at, base_->data() + at, n);
        std::memset(bytes_.data() + at + n, 0, unit - n);
    }

    std::vector<std::byte> bytes_;
    std::vector<std::byte> const* base_ = nullptr;
    std::bitset<most / unit> touched_;
    std::size_t size_ = 0;
    mutable std::uint64_t calls_ = 0;
    mutable std::uint64_t moved_ = 0;
};

/// A storage device on such bytes, which outlive it; full at 1 MiB.
template <bool Viewable>
class image_device {
public:
    image_device() = default;
    explicit image_device(image_memory& memory) : memory_(&memory) {}

    std::size_t block_size() const noexcept { return 512; }
    std::string name() const { return "image"; }

    std::uint64_t size(std::error_code& ec) const noexcept {
        ec.clear();
        return memory_->size();
    }
    void read(std::uint64_t at, std::span<std::byte> out,
              std::error_code& ec) const noexcept {
        memory_->count(out.size());
        if (!check(at, out.size(), ec) || out.empty())
            return;
        auto const in = memory_->bytes(at, out.size());
        std::memcpy(out.data(), in.data(), in.size());
    }
    void write(std::uint64_t at, std::span<std::byte const> in,
               std::error_code& ec) noexcept {
        memory_->count(in.size());
        if (check(at, in.size(), ec))
            memory_->put(at, in);
    }
    void write_durable(std::uint64_t at, std::span<std::byte const> in,
                       std::error_code& ec) noexcept {
        write(at, in, ec);
    }
    void sync(std::error_code& ec) noexcept { ec.clear(); }
    void resize(std::uint64_t n, std::error_code& ec) noexcept {
        memory_->count(0);
        ec = memory_->resize(n) ? std::error_code()
                                : make_error_code(ns::errc::no_space);
    }
    std::byte const* view(std::uint64_t at, std::size_t n) const noexcept
        requires Viewable
    {
        return memory_->holds(at, n) ? memory_->bytes().data() + at : nullptr;
    }

private:
    bool check(std::uint64_t at, std::size_t n,
               std::error_code& ec) const noexcept {
        ec = memory_->holds(at, n) ? std::error_code()
                                   : make_error_code(ns::errc::io);
        return !ec;
    }

    image_memory* memory_ = nullptr;
};
static_assert(ns::storage_device<image_device<false>>);
static_assert(ns::viewable_device<image_device<true>>);

/// Guards nothing while something lives that says so: all damage gets past
/// it, also what no checksum that is computed bottom-up could allow, as a page
/// above itself.
struct image_checksum {
    static constexpr std::uint32_t id = ns::xxh3_64::id;
    static std::uint64_t of(std::span<std::byte const> bytes) noexcept {
        return is_blind ? 0 : ns::xxh3_64::of(bytes);
    }
    inline static bool is_blind = false;
};

class blindness {
public:
    blindness() noexcept { image_checksum::is_blind = true; }
    blindness(blindness const&) = delete;
    blindness& operator=(blindness const&) = delete;
    ~blindness() { image_checksum::is_blind = false; }
};

/// Policies of tiny databases.
template <std::size_t PageSize, bool Viewable>
struct image_policies : ns::default_policies {
    static constexpr std::size_t page_size = PageSize;
    using storage = image_device<Viewable>;
    using checksum = image_checksum;
    struct tuning : ns::default_tuning {
        static constexpr std::uint64_t reserve_bytes = 4096;
        static constexpr std::uint64_t growth_bytes = 4096;
        static constexpr std::uint64_t max_growth_bytes = 65536;
        static constexpr std::uint64_t log_segment_bytes = 4096;
        static constexpr std::uint64_t max_log_segment_bytes = 8192;
        static constexpr std::uint64_t bulk_bytes = 16384;
    };
};

} // namespace fuzz
