// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element_bytes.hpp>
#include <numstore/array/run_range.hpp>
#include <numstore/database/array_ref.hpp>

#include <version>
#ifdef __cpp_lib_mdspan
#include <mdspan>
#endif

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace numstore {

/// Elements that lie one behind the other in memory: a row, an image, a whole
/// array. Where they stand, if the storage shows them in one run, else a
/// copy. Owns the version that it reads; move-only. Its span is valid as long
/// as it lives, also after a move.
template <class T, class Extents, class Policies>
class nd_run {
public:
    /// For numstore's own use.
    nd_run(detail::rope_cursor<Policies> cursor,
           detail::read_pin_ptr<Policies> pin, std::span<T const> in_place,
           Extents const& shape)
        : pin_(std::move(pin)), cursor_(std::move(cursor)), span_(in_place),
          shape_(shape), in_place_(true) {}
    nd_run(detail::element_buffer<T> copy, Extents const& shape)
        : copy_(std::move(copy)),
          span_(detail::filled_elements<T>(std::span(copy_))),
          shape_(shape) {}
    nd_run(nd_run&&) noexcept = default;
    nd_run& operator=(nd_run&&) noexcept = default;

    std::span<T const> span() const noexcept { return span_; }
    T const* data() const noexcept { return span_.data(); }
    std::size_t size() const noexcept { return span_.size(); }
    T const& operator[](std::size_t i) const noexcept { return span_[i]; }
    auto begin() const noexcept { return span_.begin(); }
    auto end() const noexcept { return span_.end(); }
    Extents const& shape() const noexcept { return shape_; }

    /// False if there had to be a copy.
    bool is_zero_copy() const noexcept { return in_place_; }

#ifdef __cpp_lib_mdspan
    /// The same with its axes.
    auto mdspan() const noexcept { return as_mdspan(shape_); }

private:
    template <std::uint64_t... E>
    auto as_mdspan(extents<E...> const& shape) const noexcept {
        using shape_type = std::extents<
            std::uint64_t, (E == dynamic ? std::dynamic_extent
                                         : static_cast<std::size_t>(E))...>;
        return std::mdspan<T const, shape_type>(span_.data(),
                                                shape_type(shape.values()));
    }
#endif

private:
    detail::read_pin_ptr<Policies> pin_{};
    std::optional<detail::rope_cursor<Policies>> cursor_{};
    detail::element_buffer<T> copy_{};
    std::span<T const> span_{};
    Extents shape_;
    bool in_place_ = false;
};

} // namespace numstore
