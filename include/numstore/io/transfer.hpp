// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/options.hpp>
#include <numstore/error.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace numstore::io {

/// What a file holds: elements of one type in an N-dimensional shape, the
/// last axis innermost, and facts about them that become attributes.
struct description {
    using fact = std::variant<std::int64_t, double, std::string>;

    element_type element;
    std::vector<std::uint64_t> shape;
    std::vector<std::pair<std::string, fact>> facts{};
};

/// Elements of the shape. Throws out_of_range past 2^64.
inline std::uint64_t element_count(std::span<std::uint64_t const> shape) {
    std::uint64_t n = 1;
    bool fits = true;
    for (std::uint64_t const extent : shape)
        fits = fits && detail::multiply(n, extent, n);
    for (std::uint64_t const extent : shape)
        if (extent == 0)
            return 0;
    if (!fits)
        detail::raise(errc::out_of_range, "a shape of more than 2^64 elements");
    return n;
}

/// Readers and writers of files that are given sources and sinks pass on what
/// these throw, and std::bad_alloc. Imports and exports throw no_memory.
///
/// Takes what a reader of files finds: once what it is, then its elements in
/// order, in pieces of whole elements as they are stored. A number that is
/// not known before is given as `unknown_count` in shape[0].
template <class S>
concept element_sink = requires(S& sink, description const& what,
                                std::span<std::byte const> piece) {
    sink.begin(what);
    sink.write(piece);
};

inline constexpr std::uint64_t unknown_count = UINT64_MAX;

/// Gives what a writer of files needs: fills `piece` with the stored bytes of
/// the next elements, whole ones.
template <class S>
concept element_source = requires(S& source, std::span<std::byte> piece) {
    { source.describe() } -> std::convertible_to<description>;
    source.read(piece);
};

/// How bytes go from file to array and back.
struct transfer_options {
    /// Memory for elements on their way, at least one element.
    std::size_t buffer_bytes = std::size_t{4} << 20;
    /// Called between pieces; false ends the call with errc::cancelled, and
    /// nothing has changed.
    progress_callback progress{};
};

/// Counts bytes, and asks the callback between pieces.
class progress_meter {
public:
    progress_meter(transfer_options const& options, std::string_view what,
                   std::uint64_t total)
        : progress_(options.progress), what_(what), total_(total) {}

    /// Throws cancelled.
    void advance(std::uint64_t bytes) {
        done_ += bytes;
        if (!progress_({done_, total_, what_}))
            detail::raise(errc::cancelled, std::string(what_));
    }

private:
    progress_callback progress_;
    std::string_view what_;
    std::uint64_t total_;
    std::uint64_t done_ = 0;
};

/// Whole elements that fit in a buffer, at least one.
inline std::size_t elements_at_once(transfer_options const& options,
                                    std::size_t element_bytes) noexcept {
    return std::max<std::size_t>(options.buffer_bytes / element_bytes, 1);
}

} // namespace numstore::io
