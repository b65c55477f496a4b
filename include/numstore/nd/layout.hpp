// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/position.hpp>
#include <numstore/array/slice.hpp>
#include <numstore/error.hpp>
#include <numstore/nd/extents.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace numstore {

/// A stride that is known at run time only.
inline constexpr std::int64_t dynamic_stride =
    std::numeric_limits<std::int64_t>::min();

/// What a view takes of an axis: one position, which drops the axis, or a
/// slice, `every` or `all`.
template <class S>
concept axis_slice = integer<S> || slicing<S>;

namespace detail {

template <std::int64_t... S>
struct strides {
    static constexpr std::array<std::int64_t, sizeof...(S)> values{S...};
};

[[noreturn]] inline void raise_beyond_axis(std::uint64_t i, std::size_t axis,
                                           std::uint64_t extent) {
    raise(errc::out_of_range, "position " + std::to_string(i) + " on axis "
                                  + std::to_string(axis) + " of extent "
                                  + std::to_string(extent));
}

/// Where the elements of a view stand in the array: at first + sum of index *
/// stride. Extents and strides that the types tell are constants.
template <class Extents, class Strides>
class nd_layout {
public:
    using extents_type = Extents;
    static constexpr std::size_t rank() noexcept { return Extents::rank(); }
    using array = std::array<std::uint64_t, rank()>;

    nd_layout(std::uint64_t first, array const& counts,
              std::array<std::int64_t, rank()> const& steps)
        : first_(first), extents_(counts), strides_(steps) {}

    std::uint64_t first() const noexcept { return first_; }
    Extents const& shape() const noexcept { return extents_; }

    static constexpr std::int64_t static_stride(std::size_t axis) noexcept {
        return Strides::values[axis];
    }
    std::int64_t stride(std::size_t axis) const noexcept {
        return static_stride(axis) != dynamic_stride ? static_stride(axis)
                                                     : strides_[axis];
    }
    std::uint64_t extent(std::size_t axis) const noexcept {
        return Extents::static_extent(axis) != dynamic
                   ? Extents::static_extent(axis)
                   : extents_.extent(axis);
    }
    std::uint64_t size() const noexcept {
        std::uint64_t n = 1;
        for (std::size_t k = 0; k != rank(); ++k)
            n *= extent(k);
        return n;
    }

    /// Precondition: within the extents.
    std::uint64_t position(array const& index) const noexcept {
        std::uint64_t at = first_;
        for (std::size_t k = 0; k != rank(); ++k)
            at += index[k] * static_cast<std::uint64_t>(stride(k));
        return at;
    }

    /// Throws out_of_range.
    void check(array const& index) const {
        for (std::size_t k = 0; k != rank(); ++k)
            if (index[k] >= extent(k))
                raise_beyond_axis(index[k], k, extent(k));
    }

private:
    std::uint64_t first_;
    Extents extents_;
    std::array<std::int64_t, rank()> strides_;
};

template <std::size_t... K>
nd_layout<dextents<sizeof...(K)>,
          strides<(static_cast<void>(K), dynamic_stride)...>>
    all_dynamic_layout(std::index_sequence<K...>);

/// Of which types tell the rank alone.
template <std::size_t Rank>
using dynamic_layout =
    decltype(all_dynamic_layout(std::make_index_sequence<Rank>()));

template <class Extents>
constexpr std::array<std::int64_t, Extents::rank()>
static_row_major() noexcept {
    std::array<std::int64_t, Extents::rank()> s{};
    std::int64_t inner = 1;
    for (std::size_t k = Extents::rank(); k-- != 0;) {
        s[k] = inner;
        std::uint64_t const e = Extents::static_extent(k);
        inner = inner == dynamic_stride || e == dynamic
                    ? dynamic_stride
                    : inner * static_cast<std::int64_t>(e);
    }
    return s;
}

template <class Extents, class Sequence>
struct row_major_of;
template <class Extents, std::size_t... K>
struct row_major_of<Extents, std::index_sequence<K...>> {
    static constexpr auto values = static_row_major<Extents>();
    using type = nd_layout<Extents, strides<values[K]...>>;
};

/// That of a whole array.
template <class Extents>
using row_major_layout =
    typename row_major_of<Extents,
                          std::make_index_sequence<Extents::rank()>>::type;

template <class Extents>
row_major_layout<Extents>
make_row_major(std::array<std::uint64_t, Extents::rank()> const& shape) {
    std::array<std::int64_t, Extents::rank()> steps{};
    std::uint64_t inner = 1;
    for (std::size_t k = Extents::rank(); k-- != 0;) {
        steps[k] = static_cast<std::int64_t>(inner);
        inner *= shape[k];
    }
    return {0, shape, steps};
}

/// What a slice makes of an axis, as far as types tell.
struct static_axis {
    bool kept = false;
    std::uint64_t extent = dynamic;
    std::int64_t stride = dynamic_stride;
};

template <class S>
constexpr static_axis slice_axis(std::uint64_t extent,
                                 std::int64_t stride) noexcept {
    static_axis a;
    if constexpr (!integer<S>) {
        a.kept = true;
        if constexpr (requires { S::step.value; }) {
            if (extent != dynamic)
                a.extent = S{}.resolve(extent).count;
            if (stride != dynamic_stride)
                a.stride = stride * S::step.value;
        }
    }
    return a;
}

/// The layout that is left when each axis is sliced.
template <class Layout, class... S>
struct sliced_layout {
    static constexpr std::size_t rank =
        (std::size_t{0} + ... + std::size_t{!integer<S>});

    static constexpr std::array<static_axis, rank> axes() noexcept {
        std::array<static_axis, rank> kept{};
        std::size_t n = 0;
        std::size_t k = 0;
        auto const put = [&](static_axis a) {
            if (a.kept)
                kept[n++] = a;
            ++k;
        };
        (put(slice_axis<S>(Layout::extents_type::static_extent(k),
                           Layout::static_stride(k))),
         ...);
        return kept;
    }

    template <std::size_t... K>
    static nd_layout<extents<axes()[K].extent...>,
                     strides<axes()[K].stride...>>
    make(std::index_sequence<K...>);

    using type = decltype(make(std::make_index_sequence<rank>()));
};

/// Throws out_of_range for a position beyond its axis, and what slices throw.
template <class Layout, axis_slice... S>
auto slice_layout(Layout const& all, S const&... s) {
    static_assert(sizeof...(S) == Layout::rank(),
                  "one position or slice for each axis");
    using result = sliced_layout<Layout, S...>;
    static_assert(result::rank != 0,
                  "all axes are dropped: read the element instead");
    std::uint64_t first = all.first();
    std::array<std::uint64_t, result::rank> counts{};
    std::array<std::int64_t, result::rank> steps{};
    std::size_t k = 0;
    std::size_t n = 0;
    auto const apply = [&](auto const& one) {
        auto const stride = static_cast<std::uint64_t>(all.stride(k));
        if constexpr (integer<std::remove_cvref_t<decltype(one)>>) {
            std::uint64_t const i = to_count(one, "position");
            if (i >= all.extent(k))
                raise_beyond_axis(i, k, all.extent(k));
            first += i * stride;
        } else {
            auto const what = resolve(one, all.extent(k));
            first += what.first * stride;
            counts[n] = what.count;
            // Of one element there is no next: its stride may be anything.
            steps[n] = what.count > 1 ? static_cast<std::int64_t>(
                           stride * static_cast<std::uint64_t>(what.step))
                                      : all.stride(k);
            ++n;
        }
        ++k;
    };
    (apply(s), ...);
    return typename result::type(first, counts, steps);
}

} // namespace detail
} // namespace numstore
