// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element.hpp>
#include <numstore/array/element_bytes.hpp>
#include <numstore/array/slice.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/error.hpp>
#include <numstore/rope/element_search.hpp>
#include <numstore/rope/kernels.hpp>
#include <numstore/rope/leaf_directory.hpp>
#include <numstore/rope/transfer.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace numstore {

namespace detail {

/// What all iterators of a view share: the version, and which of its elements
/// are selected. `offset` is where the value stands in the element.
template <class Policies>
struct view_source {
    pinned_root<Policies> at;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::int64_t step = 1;
    std::size_t offset = 0;

    std::uint64_t position(std::uint64_t index) const noexcept {
        return first + index * static_cast<std::uint64_t>(step);
    }
};

/// Elements in memory around one position.
template <class Policies>
struct view_run {
    std::byte const* data = nullptr;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    leaf_pin<Policies> pin{};

    bool holds(std::uint64_t pos) const noexcept { return pos - first < count; }
};

/// The leaf that holds `pos`. O(log n), or O(1) for who looks often. Throws
/// corrupt, io.
template <class Policies>
view_run<Policies> load_view_run(pinned_root<Policies> const& at,
                                 std::uint64_t pos) {
    node_source<Policies> const nodes(at.pin->pages(), at.shape);
    if (leaf_directory::found f; find_fast(nodes, at.root, pos, f))
        return {f.data, f.first, f.count};
    leaf_path<Policies> way;
    way.seek(nodes, at.root, pos);
    auto leaf = nodes.leaf(way.leaf(at.root));
    return {leaf.data, way.first(), way.count(), std::move(leaf.pin)};
}

} // namespace detail

/// Selected elements of an array, as they were when the view was made: lazy,
/// cheap to copy, random access, elements by value. `Slice` says which; where
/// it is `every<N>` the stride is a compile-time constant. Owns the version
/// that it reads. Thread-safe; each iterator is for one thread.
template <class T, class Slice, class Policies>
class array_view
    : public std::ranges::view_interface<array_view<T, Slice, Policies>> {
    using source = detail::view_source<Policies>;

    /// A constant where the slice has one.
    template <class Source>
    static constexpr std::int64_t step_of(Source const& s) noexcept {
        if constexpr (requires { Slice::step.value; })
            return Slice::step;
        else
            return s.step;
    }

public:
    using value_type = T;

    array_view() = default;
    explicit array_view(source s)
        : source_(detail::reporting_no_memory([&] {
              return std::make_shared<shared_source const>(std::move(s));
          })),
          direct_{source_->first, source_->step,
                  source_->at.shape.element_size, source_->offset} {
        source_->find_directory();
    }

    class iterator {
    public:
        using value_type = T;
        using difference_type = std::int64_t;
        using reference = T;
        using pointer = void;
        using iterator_category = std::input_iterator_tag;
        using iterator_concept = std::random_access_iterator_tag;

        iterator() = default;
        iterator(source const* s, std::uint64_t index) noexcept
            : source_(s), index_(index) {}

        T operator*() const {
            if (left_ == 0)
                load();
            static constexpr std::array<std::byte, detail::stored_bytes<T>>
                zeros{};
            return detail::load_element<T>(here_ == nullptr ? zeros.data()
                                                            : here_);
        }
        T operator[](difference_type n) const { return *(*this + n); }

        iterator& operator++() noexcept {
            ++index_;
            if (left_ > 1) {
                --left_;
                if (here_ != nullptr)
                    here_ += step_of(*source_) * element_bytes();
            } else {
                left_ = 0;
            }
            return *this;
        }
        iterator operator++(int) {
            iterator const before = *this;
            ++*this;
            return before;
        }
        iterator& operator--() noexcept {
            --index_;
            left_ = 0;
            return *this;
        }
        iterator operator--(int) {
            iterator const before = *this;
            --*this;
            return before;
        }
        iterator& operator+=(difference_type n) noexcept {
            index_ += static_cast<std::uint64_t>(n);
            left_ = 0;
            return *this;
        }
        iterator& operator-=(difference_type n) noexcept {
            index_ -= static_cast<std::uint64_t>(n);
            left_ = 0;
            return *this;
        }
        friend iterator operator+(iterator i, difference_type n) {
            i += n;
            return i;
        }
        friend iterator operator+(difference_type n, iterator i) {
            i += n;
            return i;
        }
        friend iterator operator-(iterator i, difference_type n) {
            i -= n;
            return i;
        }
        friend difference_type operator-(iterator const& a,
                                         iterator const& b) noexcept {
            return static_cast<difference_type>(a.index_ - b.index_);
        }
        friend bool operator==(iterator const& a, iterator const& b) noexcept {
            return a.index_ == b.index_;
        }
        friend auto operator<=>(iterator const& a, iterator const& b) noexcept {
            return a.index_ <=> b.index_;
        }

    private:
        std::int64_t element_bytes() const noexcept {
            return static_cast<std::int64_t>(source_->at.shape.element_size);
        }

        void load() const {
            std::uint64_t const pos = source_->position(index_);
            if (!run_.holds(pos))
                run_ = detail::reporting_no_memory([&] {
                    return detail::load_view_run(source_->at, pos);
                });
            std::uint64_t const skip = pos - run_.first;
            here_ = run_.data == nullptr
                        ? nullptr
                        : run_.data + source_->at.shape.bytes(skip)
                              + source_->offset;
            std::int64_t const step = step_of(*source_);
            left_ = step > 0 ? (run_.count - skip - 1)
                                       / static_cast<std::uint64_t>(step)
                                   + 1
                             : skip
                                       / (std::uint64_t{0}
                                          - static_cast<std::uint64_t>(step))
                                   + 1;
        }

        source const* source_ = nullptr;
        std::uint64_t index_ = 0;
        mutable detail::view_run<Policies> run_{};
        mutable std::byte const* here_ = nullptr; ///< null in a hole
        mutable std::uint64_t left_ = 0; ///< in this run, this one included
    };

    std::uint64_t size() const noexcept {
        return source_ == nullptr ? 0 : source_->count;
    }
    bool empty() const noexcept { return size() == 0; }
    iterator begin() const noexcept { return {source_.get(), 0}; }
    iterator end() const noexcept { return {source_.get(), size()}; }

    /// Element i. O(log n), or O(1) for who looks often. Precondition:
    /// i < size().
    T operator[](std::uint64_t i) const {
        assert(i < size());
        if (auto const* const d =
                source_->directory.load(std::memory_order_acquire))
            if (auto const* const here = d->known(
                    direct_.element_size,
                    direct_.first
                        + i * static_cast<std::uint64_t>(step_of(direct_))))
                return detail::load_element<T>(here + direct_.offset);
        return search(*source_, i);
    }
    /// The same, checked. Throws out_of_range.
    T at(std::uint64_t i) const {
        if (i >= size())
            detail::raise(errc::out_of_range, "element " + std::to_string(i)
                                                  + " of a view of "
                                                  + std::to_string(size()));
        return *iterator(source_.get(), i);
    }
    T front() const { return at(0); }
    T back() const { return at(size() - 1); }

    /// All elements, copied leaf by leaf. Throws corrupt, io, no_memory.
    std::vector<T> to_vector() const {
        auto values = detail::allocate_values<std::vector<T>>(size());
        std::copy(begin(), end(), values.begin());
        return values;
    }

private:
    struct shared_source : source {
        explicit shared_source(source&& s) : source(std::move(s)) {}
        /// Of `at`, once there is one; it lives as long.
        mutable std::atomic<detail::leaf_directory const*> directory{nullptr};

        void find_directory() const noexcept {
            directory.store(detail::directory_of<Policies>(this->at.root),
                            std::memory_order_release);
        }
    };

    /// What `operator[]` needs, in registers where a loop uses it: processors
    /// have few loads in flight, and wait for memory with most of them.
    struct direct_access {
        std::uint64_t first = 0;
        std::int64_t step = 1;
        std::uint64_t element_size = 0;
        std::size_t offset = 0;
    };

    /// Knows nothing of the view, which may so stay in registers.
    [[gnu::noinline]] static T search(shared_source const& from,
                                      std::uint64_t i) {
        auto const& at = from.at;
        auto const* const here = detail::search_element(
            at.pin->pages(), at.shape, at.root, from.position(i));
        if (from.directory.load(std::memory_order_relaxed) == nullptr)
            from.find_directory();
        return here != nullptr ? detail::load_element<T>(here + from.offset)
                               : *iterator(&from, i);
    }

    std::shared_ptr<shared_source const> source_;
    direct_access direct_{};
};

} // namespace numstore
