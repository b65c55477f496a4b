// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element_bytes.hpp>
#include <numstore/array/run_range.hpp>
#include <numstore/nd/nd_read.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <ranges>
#include <span>
#include <utility>

namespace numstore {

/// Neighbouring rows: what stands behind one position of axis 0.
template <class T>
struct row_batch {
    std::uint64_t first = 0; ///< row
    std::uint64_t rows = 0;
    std::span<T const> values; ///< of all of them, row by row
};

/// The rows of an array in batches, one of them in memory. An input range of
/// `row_batch`. Owns the version that it reads; a batch is valid until its
/// iterator moves on. Iterate once.
template <class T, class Policies>
class row_batches
    : public std::ranges::view_interface<row_batches<T, Policies>> {
    using version = detail::nd_version<Policies>;

public:
    row_batches(std::shared_ptr<version const> v, std::uint64_t rows,
                std::uint64_t row, std::uint64_t batch)
        : version_(std::move(v)), rows_(rows), row_(row), batch_(batch) {}
    row_batches(row_batches&&) noexcept = default;
    row_batches& operator=(row_batches&&) noexcept = default;

    class iterator {
    public:
        using value_type = row_batch<T>;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::input_iterator_tag;

        explicit iterator(row_batches* of) : of_(of) { of_->load(); }
        iterator(iterator&&) noexcept = default;
        iterator& operator=(iterator&&) noexcept = default;

        value_type operator*() const noexcept { return of_->now_; }
        iterator& operator++() {
            of_->now_.first += of_->now_.rows;
            of_->load();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(iterator const& i,
                               std::default_sentinel_t) noexcept {
            return i.done();
        }

    private:
        bool done() const noexcept { return of_->now_.rows == 0; }

        row_batches* of_;
    };

    /// Reads the first batch. Throws corrupt, io, no_memory.
    iterator begin() {
        now_ = {};
        return iterator(this);
    }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    using stored = typename detail::element_buffer<T>::value_type;

    void load() {
        detail::reporting_no_memory([&] { load_batch(); });
    }
    void load_batch() {
        now_.rows = std::min(batch_, rows_ - now_.first);
        std::uint64_t const n = now_.rows * row_;
        if (n > room_) {
            buffer_ = std::make_unique<stored[]>(static_cast<std::size_t>(n));
            room_ = n;
        }
        std::span const place(buffer_.get(), static_cast<std::size_t>(n));
        detail::nd_source<T, Policies>(*version_).read(now_.first * row_,
                                                       place);
        now_.values = detail::filled_elements<T>(place);
    }

    std::shared_ptr<version const> version_;
    std::uint64_t rows_;
    std::uint64_t row_;
    std::uint64_t batch_;
    std::unique_ptr<stored[]> buffer_{};
    std::uint64_t room_ = 0;
    row_batch<T> now_{};
};

} // namespace numstore
