// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/array/element_layout.hpp>

#include <cstddef>
#include <type_traits>

namespace numstore {

/// Names a member of a struct element for a view: `ns::field<&sample::v>{}`.
template <auto Member>
    requires std::is_member_object_pointer_v<decltype(Member)>
struct field {};

namespace detail {

template <class Pointer>
struct member_pointer;
template <class T, class M>
struct member_pointer<M T::*> {
    using type = M;
};

template <auto Member>
using field_type =
    std::remove_cv_t<typename member_pointer<decltype(Member)>::type>;

/// Bytes from the start of a T to the member.
template <class T, auto Member>
std::size_t field_offset() noexcept {
    return member_offset<T>(Member);
}

} // namespace detail
} // namespace numstore
