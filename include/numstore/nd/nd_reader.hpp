// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element.hpp>
#include <numstore/array/position.hpp>
#include <numstore/database/array_ref.hpp>
#include <numstore/nd/extents.hpp>
#include <numstore/nd/layout.hpp>
#include <numstore/nd/nd_read.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace numstore {

/// Reads single elements of one version, one after the other, and keeps its
/// place: an element near the last one costs no descent. For one thread;
/// copies are independent.
template <class T, class Extents, class Policies>
class nd_reader {
public:
    using index = nd_index<Extents::rank()>;

    /// For numstore's own use.
    nd_reader(std::shared_ptr<detail::nd_version<Policies> const> version,
              Extents const& shape)
        : version_(std::move(version)), shape_(shape),
          cursor_(version_->at.cursor()) {}

    Extents const& shape() const noexcept { return shape_; }

    /// Throws out_of_range, corrupt, io.
    template <integer... I>
        requires(sizeof...(I) == Extents::rank())
    T operator()(I... i) {
        return at(index(i...));
    }
    T at(index const& i) {
        std::uint64_t const pos = position(i);
        if (pos - run_.first >= run_.count)
            load(pos);
        std::array<std::byte, sizeof(T)> bytes;
        std::memcpy(bytes.data(),
                    run_.data + (pos - run_.first) * sizeof(T), sizeof(T));
        detail::apply_fill<sizeof(T)>(version_->fill, bytes);
        return detail::load_element<T>(bytes.data());
    }

private:
    std::uint64_t position(index const& i) const {
        std::uint64_t pos = 0;
        for (std::size_t k = 0; k != Extents::rank(); ++k) {
            std::uint64_t const n = Extents::static_extent(k) != dynamic
                                        ? Extents::static_extent(k)
                                        : shape_.extent(k);
            if (i.at[k] >= n)
                detail::raise_beyond_axis(i.at[k], k, n);
            pos = pos * n + i.at[k];
        }
        return pos;
    }

    void load(std::uint64_t pos) {
        run_ = {};
        detail::reporting_no_memory([&] {
            cursor_.seek(pos);
            run_ = cursor_.leaf();
        });
    }

    std::shared_ptr<detail::nd_version<Policies> const> version_;
    Extents shape_;
    detail::rope_cursor<Policies> cursor_;
    detail::rope_run run_{};
};

} // namespace numstore
