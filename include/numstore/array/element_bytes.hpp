// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element.hpp>
#include <numstore/error.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <new>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace numstore::detail {

/// A range whose elements convert to T.
template <class R, class T>
concept element_range =
    std::ranges::input_range<R>
    && std::convertible_to<std::ranges::range_reference_t<R>, T>;

/// A range that is stored as it lies in memory: no copy is made.
template <class R, class T>
concept stored_in_place =
    std::ranges::contiguous_range<R> && std::ranges::sized_range<R>
    && std::same_as<std::remove_cvref_t<std::ranges::range_reference_t<R>>, T>
    && !has_padding<T>;

/// The bytes of a contiguous range, to read or, where it is const, as const.
template <std::ranges::contiguous_range R>
auto bytes_of(R&& range) noexcept {
    auto const values =
        std::span(std::ranges::data(range),
                  static_cast<std::size_t>(std::ranges::size(range)));
    if constexpr (std::is_const_v<typename decltype(values)::element_type>)
        return std::as_bytes(values);
    else
        return std::as_writable_bytes(values);
}

/// Elements as bytes are read into them: `std::vector<bool>` shows none.
template <class T>
using element_buffer =
    std::vector<std::conditional_t<std::same_as<T, bool>, std::uint8_t, T>>;

/// Throws no_memory.
template <class V>
V allocate_values(std::uint64_t count) {
    constexpr std::uint64_t address_space = std::uint64_t{1} << 47;
    return reporting_no_memory([&] {
        try {
            if (count <= address_space / sizeof(typename V::value_type))
                return V(static_cast<std::size_t>(count));
        } catch (std::bad_alloc const&) { // NOLINT: said below
        }
        raise(errc::no_memory,
              "room for " + std::to_string(count) + " elements");
    });
}

/// The elements that were read.
template <class T>
std::vector<T> to_values(element_buffer<T>&& stored) {
    if constexpr (std::same_as<T, bool>)
        return std::vector<bool>(stored.begin(), stored.end());
    else
        return std::move(stored);
}

/// The one place that turns stored bytes into elements: checked, aligned
/// bytes of a leaf, which hold elements of this type. Throws corrupt where
/// one is no value of the type.
template <class T>
std::span<T const> as_elements(std::byte const* data, std::uint64_t count) {
    auto const n = static_cast<std::size_t>(count);
    static_assert(in_place<T>, "elements of this type are converted when they "
                               "are read, so there are no runs of them");
    if (!valid_elements<T>(data, n))
        raise_no_value();
    return {reinterpret_cast<T const*>(data), n};
}

/// Fills `out` with the elements whose stored bytes `read` fills a span with.
/// Throws corrupt where they are none, no_memory: what is not in place is read
/// to memory of its own first.
template <class T, class U, class Read>
void fill_elements(std::span<U> out, Read&& read) {
    if constexpr (in_place<T>) {
        auto const bytes = bytes_of(out);
        read(bytes);
        accept_elements<T>(bytes.data(), out.size());
    } else {
        auto stored = allocate_values<std::vector<std::byte>>(
            out.size() * stored_bytes<T>);
        read(std::span(stored));
        load_elements<T>(out.data(), stored.data(), out.size());
    }
}

/// Elements that `fill_elements` has filled.
template <class T, class U>
std::span<T const> filled_elements(std::span<U> values) {
    if constexpr (in_place<T>)
        return as_elements<T>(std::as_bytes(values).data(), values.size());
    else
        return values;
}

/// A T that is returned by value and cannot be assigned to.
template <class T>
using read_only_value = std::conditional_t<std::is_class_v<T>, T const, T>;

/// 0 where the range does not know how many elements it has.
template <class T, class R>
std::uint64_t bytes_to_store(R& values) {
    if constexpr (std::ranges::sized_range<R>)
        return static_cast<std::uint64_t>(std::ranges::size(values))
               * sizeof(T);
    else
        return 0;
}

/// Turns any range into stored elements, piece by piece, with two pieces in
/// memory at most.
template <class T, class R>
class element_pieces {
public:
    explicit element_pieces(R& values)
        : at_(std::ranges::begin(values)), end_(std::ranges::end(values)) {}

    /// The next elements, until the next call; none at the end.
    std::span<std::byte const> next() {
        buffer_.clear();
        for (; at_ != end_ && buffer_.size() < piece_bytes; ++at_) {
            std::size_t const to = buffer_.size();
            buffer_.resize(to + stored_bytes<T>);
            T const value = static_cast<T>(*at_);
            store_element(value, buffer_.data() + to);
        }
        return buffer_;
    }
    bool done() const { return at_ == end_; }

private:
    static constexpr std::size_t piece_bytes =
        std::max(std::size_t{4} << 20, stored_bytes<T>);

    std::ranges::iterator_t<R> at_;
    std::ranges::sentinel_t<R> end_;
    std::vector<std::byte> buffer_;
};

/// f(all elements of the range as they are stored).
template <class T, class R, class F>
void with_element_bytes(R&& values, F&& f) {
    if constexpr (stored_in_place<R, T>) {
        f(std::span<std::byte const>(bytes_of(values)));
    } else {
        element_pieces<T, std::remove_reference_t<R>> pieces(values);
        std::span<std::byte const> const first = pieces.next();
        if (pieces.done())
            return f(first);
        std::vector<std::byte> all(first.begin(), first.end());
        for (auto piece = pieces.next(); !piece.empty(); piece = pieces.next())
            all.insert(all.end(), piece.begin(), piece.end());
        f(std::span<std::byte const>(all));
    }
}

/// Elements in the order that `order` gives, in `buffer` if that is another.
template <std::size_t Size>
std::span<std::byte const> permuted(std::span<std::byte const> bytes,
                                    std::span<std::uint64_t const> order,
                                    std::vector<std::byte>& buffer) {
    if (order.empty())
        return bytes;
    buffer.resize(bytes.size());
    for (std::size_t i = 0; i != order.size(); ++i)
        std::memcpy(buffer.data() + i * Size,
                    bytes.data() + static_cast<std::size_t>(order[i]) * Size,
                    Size);
    return buffer;
}

inline void require_same_size(std::uint64_t given, std::uint64_t wanted) {
    if (given != wanted)
        raise(errc::size_mismatch, std::to_string(given) + " values for "
                                       + std::to_string(wanted) + " elements");
}

/// Positions of any array: to be checked against its size later.
inline constexpr std::uint64_t any_size =
    std::numeric_limits<std::uint64_t>::max();

template <class T>
bool is_stored_as_zero(T const& value) noexcept(in_place<T>) {
    std::byte stored[stored_bytes<T>];
    store_element(value, stored);
    return std::all_of(stored, stored + stored_bytes<T>,
                       [](std::byte b) { return b == std::byte{0}; });
}

} // namespace numstore::detail
