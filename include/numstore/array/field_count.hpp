// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/describe/bases.hpp>
#include <boost/describe/members.hpp>
#include <boost/describe/modifiers.hpp>
#include <boost/mp11/algorithm.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace numstore::detail {

/// What a descriptor's member pointer points to.
template <class Pointer>
struct member_type;
template <class Class, class Member>
struct member_type<Member Class::*> {
    using type = Member;
};

template <class Descriptor>
using described_type = typename member_type<
    std::remove_const_t<decltype(Descriptor::pointer)>>::type;

/// Initializers that a member takes where braces are left out: an array as
/// many as it has elements.
template <class Member>
consteval std::size_t initializer_count() noexcept {
    if constexpr (std::is_array_v<Member>)
        return std::extent_v<Member>
               * initializer_count<std::remove_extent_t<Member>>();
    else
        return 1;
}

/// Initializes any member.
struct any_initializer {
    template <class T>
    constexpr operator T() const noexcept;
};

template <class T, std::size_t... I>
consteval bool takes_initializers(std::index_sequence<I...>) noexcept {
    return requires { T{(static_cast<void>(I), any_initializer{})...}; };
}

template <class T, template <class...> class Bases, class... B,
          template <class...> class Members, class... D>
consteval bool all_fields_described(Bases<B...>, Members<D...>) noexcept {
    constexpr std::size_t most = 256;
    constexpr std::size_t count =
        (sizeof...(B) + ... + initializer_count<described_type<D>>());
    if constexpr (std::is_aggregate_v<T> && count < most)
        return !takes_initializers<T>(std::make_index_sequence<count + 1>{});
    else
        return true;
}

/// False where a struct certainly has a member that its description leaves
/// out: an aggregate that can be initialized by more values than it has bases
/// and described members.
template <class T>
inline constexpr bool describes_all_fields = all_fields_described<T>(
    boost::describe::describe_bases<T, boost::describe::mod_any_access>{},
    boost::describe::describe_members<T, boost::describe::mod_any_access>{});

} // namespace numstore::detail
