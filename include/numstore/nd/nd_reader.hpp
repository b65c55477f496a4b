// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/array_view.hpp>
#include <numstore/array/element.hpp>
#include <numstore/array/position.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/nd/extents.hpp>
#include <numstore/nd/layout.hpp>
#include <numstore/nd/nd_read.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace numstore {

/// Reads single elements of one version, in any order, and remembers the
/// leaves that it has seen, 8 MiB of them at most: an element in one of these
/// costs no descent. For one thread; move-only.
template <class T, class Extents, class Policies>
class nd_reader {
    using known_run = detail::view_run<Policies>;

public:
    using index = nd_index<Extents::rank()>;

    /// For numstore's own use.
    nd_reader(std::shared_ptr<detail::nd_version<Policies> const> version,
              Extents const& shape)
        : version_(std::move(version)),
          shape_(shape),
          known_(detail::reporting_no_memory(
              [&] { return std::vector<known_run>(runs); })) {}
    nd_reader(nd_reader&&) noexcept = default;
    nd_reader& operator=(nd_reader&&) noexcept = default;

    Extents const& shape() const noexcept { return shape_; }

    /// Throws out_of_range, corrupt, io.
    template <integer... I>
        requires(sizeof...(I) == Extents::rank())
    T operator()(I... i) {
        return at(index(i...));
    }
    T at(index const& i) {
        std::uint64_t const pos = position(i);
        auto& run =
            known_[static_cast<std::size_t>(pos / leaf.capacity) % runs];
        if (!run.holds(pos))
            load(run, pos);
        std::array<std::byte, element_bytes> bytes{};
        if (run.data != nullptr)
            std::memcpy(bytes.data(),
                        run.data + (pos - run.first) * element_bytes,
                        element_bytes);
        detail::apply_fill<element_bytes>(version_->fill, bytes);
        return detail::load_element<T>(bytes.data());
    }

private:
    static constexpr std::size_t element_bytes = detail::stored_bytes<T>;
    static constexpr std::uint64_t most_bytes = std::uint64_t{8} << 20;
    static constexpr std::uint64_t most_runs = 1024;
    static constexpr detail::leaf_shape leaf =
        detail::leaf_shape_of(element_bytes, Policies::page_size);
    /// A power of two: to divide by it is no division.
    static constexpr std::size_t runs = std::bit_floor(static_cast<std::size_t>(
        std::clamp<std::uint64_t>(most_bytes / leaf.page_bytes, 1, most_runs)));

    std::uint64_t position(index const& i) const {
        std::uint64_t pos = 0;
        for (std::size_t k = 0; k != Extents::rank(); ++k) {
            std::uint64_t const n = Extents::static_extent(k) != dynamic
                                        ? Extents::static_extent(k)
                                        : shape_.extent(k);
            if (i.at[k] >= n)
                detail::raise_beyond_axis(i.at[k], k, n);
            if (version_->map.has_tiles()) {
                auto const& a = version_->map[k];
                pos += i.at[k] / a.tile * a.apart + i.at[k] % a.tile * a.within;
            } else {
                pos = pos * n + i.at[k];
            }
        }
        return pos;
    }

    void load(known_run& run, std::uint64_t pos) {
        run = {};
        run = detail::reporting_no_memory(
            [&] { return detail::load_view_run(version_->at, pos); });
    }

    std::shared_ptr<detail::nd_version<Policies> const> version_;
    Extents shape_;
    std::vector<known_run> known_; ///< by place, so many leaves apart
};

} // namespace numstore
