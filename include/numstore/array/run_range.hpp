// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element_bytes.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/rope/cursor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <ranges>
#include <span>
#include <utility>

namespace numstore {

/// The elements [first, first + count) of an array as runs that lie in
/// memory, without copying where the storage allows it. An input range of
/// `std::span<T const>`. Owns the version that it reads; a run is valid until
/// its iterator moves on.
template <class T, class Policies>
class run_range : public std::ranges::view_interface<run_range<T, Policies>> {
    using pinned = detail::pinned_root<Policies>;
    using cursor = detail::rope_cursor<Policies>;

public:
    run_range(pinned at, std::uint64_t first, std::uint64_t count)
        : pinned_(detail::reporting_no_memory([&] {
              return std::make_shared<pinned const>(std::move(at));
          })),
          first_(first),
          end_(first + count) {}

    class iterator {
    public:
        using value_type = std::span<T const>;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::input_iterator_tag;

        iterator(cursor c, std::uint64_t end)
            : cursor_(std::move(c)), end_(end) {
            load();
        }
        /// A copy holds memory of its own for its run. Throws corrupt, io.
        iterator(iterator const& other) : iterator(other.cursor_, other.end_) {}
        iterator& operator=(iterator const& other) {
            if (this != &other)
                *this = iterator(other);
            return *this;
        }
        iterator(iterator&&) noexcept = default;
        iterator& operator=(iterator&&) noexcept = default;
        ~iterator() = default;

        value_type operator*() const noexcept { return run_; }
        iterator& operator++() {
            detail::reporting_no_memory([&] {
                cursor_.seek(cursor_.position() + run_.size());
                load();
            });
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(iterator const& i,
                               std::default_sentinel_t) noexcept {
            return i.cursor_.position() == i.end_;
        }

    private:
        void load() {
            detail::rope_run const r = cursor_.run(end_ - cursor_.position());
            run_ = detail::as_elements<T>(r.data, r.count);
        }

        cursor cursor_;
        std::uint64_t end_;
        value_type run_;
    };

    iterator begin() const {
        return detail::reporting_no_memory([&] {
            cursor c = pinned_->cursor();
            c.seek(first_);
            return iterator(std::move(c), end_);
        });
    }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    std::shared_ptr<pinned const> pinned_;
    std::uint64_t first_;
    std::uint64_t end_;
};

} // namespace numstore
