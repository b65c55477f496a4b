// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/storage/storage_device.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace numstore::testing {

/// A device that writes as Linux does: what was written is in memory until it
/// is written back; where that fails the bytes are lost, and each open file,
/// the one of the pages and the one of the log, reports it once, whatever is
/// synced there. Copies are handles on one device.
class late_error_storage {
public:
    enum class channel { pages, log };

    std::size_t block_size() const noexcept { return block; }
    std::string name() const { return "device"; }

    std::uint64_t size(std::error_code& ec) const noexcept {
        std::scoped_lock const lock(d_->guard);
        ec.clear();
        return d_->memory.size();
    }
    void resize(std::uint64_t bytes, std::error_code& ec) noexcept {
        std::scoped_lock const lock(d_->guard);
        ec.clear();
        d_->memory.resize(static_cast<std::size_t>(bytes));
        d_->medium.resize(static_cast<std::size_t>(bytes));
    }
    void read(std::uint64_t at, std::span<std::byte> out,
              std::error_code& ec) const noexcept {
        std::scoped_lock const lock(d_->guard);
        if (has(at, out.size(), ec))
            std::memcpy(out.data(), d_->memory.data() + at, out.size());
    }
    void write(std::uint64_t at, std::span<std::byte const> bytes,
               std::error_code& ec) noexcept {
        std::scoped_lock const lock(d_->guard);
        if (has(at, bytes.size(), ec))
            put(at, bytes);
    }

    void write_durable(std::uint64_t at, std::span<std::byte const> bytes,
                       std::error_code& ec) noexcept {
        write_by(channel::pages, at, bytes, ec);
    }
    void write_log_durable(std::uint64_t at, std::span<std::byte const> bytes,
                           std::error_code& ec) noexcept {
        write_by(channel::log, at, bytes, ec);
    }
    void sync(std::error_code& ec) noexcept { sync_by(channel::pages, ec); }
    void sync_log(std::error_code& ec) noexcept { sync_by(channel::log, ec); }

    /// Written back at once, or lost.
    void start_sync(std::uint64_t at, std::size_t length,
                    std::error_code& ec) noexcept {
        std::scoped_lock const lock(d_->guard);
        if (has(at, length, ec) && d_->loses != 0) {
            --d_->loses;
            write_back(at, length, false);
        }
    }

    /// The next so many ranges that are written back early are lost.
    void lose(unsigned ranges) { d_->loses = ranges; }
    /// Called once, before the next sync of this channel.
    void before_sync(channel which, std::function<void()> what) {
        d_->hooks[static_cast<int>(which)] = std::move(what);
    }
    /// Has the sync of the pages that waits in a hook run now, and report
    /// what it found when it goes on.
    void sync_pages_now() { d_->found = sync_and_report(channel::pages); }

    /// What is left of it.
    late_error_storage after_power_loss() const {
        late_error_storage left;
        left.d_->memory = d_->medium;
        left.d_->medium = d_->medium;
        return left;
    }

private:
    static constexpr std::size_t block = 4096;

    struct disk {
        std::mutex guard;
        std::vector<std::byte> memory;
        std::vector<std::byte> medium;
        std::set<std::uint64_t> dirty; ///< blocks
        bool unseen[2] = {};           ///< an error, by each channel
        unsigned loses = 0;
        std::function<void()> hooks[2];
        std::error_code found{};
    };

    bool has(std::uint64_t at, std::size_t n,
             std::error_code& ec) const noexcept {
        ec.clear();
        if (at + n > d_->memory.size())
            ec = make_error_code(errc::io);
        return !ec;
    }

    void put(std::uint64_t at, std::span<std::byte const> bytes) {
        std::memcpy(d_->memory.data() + at, bytes.data(), bytes.size());
        for (std::uint64_t b = at / block; b * block < at + bytes.size(); ++b)
            d_->dirty.insert(b);
    }

    void write_back(std::uint64_t at, std::size_t n, bool works) {
        auto i = d_->dirty.lower_bound(at / block);
        while (i != d_->dirty.end() && *i * block < at + n) {
            if (works)
                std::memcpy(d_->medium.data() + *i * block,
                            d_->memory.data() + *i * block, block);
            else
                d_->unseen[0] = d_->unseen[1] = true;
            i = d_->dirty.erase(i);
        }
    }

    std::error_code report(channel c) {
        if (std::exchange(d_->unseen[static_cast<int>(c)], false))
            return {EIO, std::generic_category()};
        return {};
    }

    std::error_code sync_and_report(channel c) {
        std::scoped_lock const lock(d_->guard);
        write_back(0, d_->memory.size(), true);
        return report(c);
    }

    void write_by(channel c, std::uint64_t at,
                  std::span<std::byte const> bytes,
                  std::error_code& ec) noexcept {
        std::scoped_lock const lock(d_->guard);
        if (!has(at, bytes.size(), ec))
            return;
        put(at, bytes);
        write_back(at, bytes.size(), true);
        ec = report(c);
    }

    void sync_by(channel c, std::error_code& ec) noexcept {
        if (auto const f = std::exchange(d_->hooks[static_cast<int>(c)], {}))
            f();
        ec = sync_and_report(c);
        if (c == channel::pages && d_->found)
            ec = std::exchange(d_->found, {});
    }

    std::shared_ptr<disk> d_ = std::make_shared<disk>();
};

static_assert(eager_device<late_error_storage>);
static_assert(log_device<late_error_storage>);

} // namespace numstore::testing
