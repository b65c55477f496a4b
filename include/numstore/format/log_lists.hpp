// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/bytes.hpp>
#include <numstore/types.hpp>

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <vector>

namespace numstore::format {

/// A list of 64-bit integers as little-endian bytes of any alignment, in a
/// log record or in the caller's memory. Does not own them.
class u64_list {
public:
    class iterator {
    public:
        using value_type = std::uint64_t;
        using difference_type = std::ptrdiff_t;
        using reference = std::uint64_t;
        using pointer = void;
        using iterator_category = std::input_iterator_tag;

        iterator() = default;
        explicit iterator(std::byte const* p) noexcept : at_(p) {}
        std::uint64_t operator*() const noexcept { return load(at_); }
        iterator& operator++() noexcept {
            at_ += 8;
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator const before = *this;
            at_ += 8;
            return before;
        }
        friend bool operator==(iterator, iterator) = default;

    private:
        std::byte const* at_ = nullptr;
    };

    u64_list() = default;
    /// Precondition: a multiple of 8 bytes.
    explicit u64_list(std::span<std::byte const> bytes) noexcept
        : bytes_(bytes) {}
    u64_list(std::span<std::uint64_t const> values) noexcept
        : bytes_(std::as_bytes(values)) {
        static_assert(std::endian::native == std::endian::little,
                      "elements are stored as they are in memory");
    }

    std::size_t size() const noexcept { return bytes_.size() / 8; }
    bool empty() const noexcept { return bytes_.empty(); }
    std::uint64_t operator[](std::size_t i) const noexcept {
        return load(bytes_.data() + 8 * i);
    }
    u64_list subspan(std::size_t from, std::size_t count) const noexcept {
        return u64_list(bytes_.subspan(8 * from, 8 * count));
    }
    std::span<std::byte const> bytes() const noexcept { return bytes_; }
    iterator begin() const noexcept { return iterator(bytes_.data()); }
    iterator end() const noexcept {
        return iterator(bytes_.data() + bytes_.size());
    }

private:
    static std::uint64_t load(std::byte const* p) noexcept {
        return boost::endian::load_little_u64(
            reinterpret_cast<unsigned char const*>(p));
    }

    std::span<std::byte const> bytes_;
};

/// Neighbouring full leaves from page `first` on, and their checksums.
struct bulk_run {
    page_no first{};
    u64_list checksums; ///< one for each leaf
};

/// Bytes of runs that one record holds at most, so that recovery needs
/// bounded memory however long an insert was.
inline constexpr std::size_t max_bulk_bytes = 64 * 1024;

/// Runs of leaves of `leaf_pages` pages each, as bytes: first page, leaves,
/// checksums, all 64 bits wide. Does not own them.
class bulk_runs {
public:
    class iterator {
    public:
        using value_type = bulk_run;
        using difference_type = std::ptrdiff_t;
        using reference = bulk_run;
        using pointer = void;
        using iterator_category = std::input_iterator_tag;

        iterator() = default;
        explicit iterator(std::byte const* p) noexcept : at_(p) {}
        bulk_run operator*() const noexcept {
            u64_list const head(std::span(at_, 16));
            return {page_no{head[0]},
                    u64_list(std::span(at_ + 16, 8 * leaves()))};
        }
        iterator& operator++() noexcept {
            at_ += 16 + 8 * leaves();
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator const before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(iterator, iterator) = default;

    private:
        std::size_t leaves() const noexcept {
            return static_cast<std::size_t>(u64_list(std::span(at_ + 8, 8))[0]);
        }
        std::byte const* at_ = nullptr;
    };

    bulk_runs() = default;
    /// Reads and checks `bytes`; throws corrupt through `in`.
    bulk_runs(std::uint64_t leaf_pages, std::span<std::byte const> bytes,
              byte_reader const& in)
        : bytes_(bytes), leaf_pages_(leaf_pages) {
        if (bytes.size() > max_bulk_bytes)
            in.fail("too many bytes of runs");
        if (leaf_pages == 0 && !bytes.empty())
            in.fail("a leaf has no pages");
        byte_reader runs(bytes, "log record: runs");
        while (runs.remaining() != 0) {
            std::uint64_t const first = runs.u64();
            std::uint64_t const leaves = runs.u64();
            std::uint64_t pages = 0;
            std::uint64_t end = 0;
            if (first == 0 || leaves == 0 || leaves > runs.remaining() / 8
                || !detail::multiply(leaves, leaf_pages, pages)
                || !detail::add(first, pages, end))
                runs.fail("a run is impossible");
            runs.raw(8 * leaves);
            leaves_ += leaves;
        }
    }

    std::uint64_t leaf_pages() const noexcept { return leaf_pages_; }
    /// Leaves of all runs together.
    std::uint64_t leaves() const noexcept { return leaves_; }
    bool empty() const noexcept { return bytes_.empty(); }
    std::span<std::byte const> bytes() const noexcept { return bytes_; }
    iterator begin() const noexcept { return iterator(bytes_.data()); }
    iterator end() const noexcept {
        return iterator(bytes_.data() + bytes_.size());
    }

private:
    std::span<std::byte const> bytes_;
    std::uint64_t leaf_pages_ = 0;
    std::uint64_t leaves_ = 0;
};

/// Calls `sink(bulk_runs, bool last)` for as many parts as `runs` need, at
/// least one; runs are cut where a part is full. What sink is given lives
/// for the call.
template <class Sink>
void pack_bulk_runs(std::span<bulk_run const> runs, std::uint64_t leaf_pages,
                    Sink&& sink) {
    std::vector<std::byte> buffer;
    byte_writer w(buffer);
    auto flush = [&](bool last) {
        byte_reader const in({}, "bulk runs");
        sink(bulk_runs(leaf_pages, buffer, in), last);
        buffer.clear();
    };
    for (bulk_run const& run : runs) {
        std::size_t done = 0;
        while (done < run.checksums.size()) {
            if (max_bulk_bytes - buffer.size() < 24)
                flush(false);
            std::size_t const room = (max_bulk_bytes - buffer.size() - 16) / 8;
            std::size_t const n = std::min(room, run.checksums.size() - done);
            w.u64(to_integer(run.first + done * leaf_pages));
            w.u64(n);
            w.raw(run.checksums.subspan(done, n).bytes());
            done += n;
        }
    }
    flush(true);
}

} // namespace numstore::format
