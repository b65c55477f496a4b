// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace numstore {

/// Specialise it for a type of your own, and arrays can hold it, as can
/// structs, `std::array`, `nullable` and `std::variant`:
///
///     template <>
///     struct numstore::element_traits<price> {
///         using stored_type = std::int64_t;
///         static std::int64_t store(price const& p) { return p.cents(); }
///         static price load(std::int64_t cents) { return price(cents); }
///         static bool valid(std::int64_t cents) { return cents >= 0; }
///     };
///
/// | member        | meaning                                               |
/// |---------------|-------------------------------------------------------|
/// | `stored_type` | the element that is stored, and in the catalogue      |
/// | `store(v)`    | what is stored for a value                            |
/// | `load(s)`     | the value again                                       |
/// | `valid(s)`    | optional: false makes reading it errc::corrupt        |
///
/// The type has a default constructor and can be copied. What is stored is
/// converted each time it is read or written, so such an array has no
/// `chunks()`. An exception of `store` or `load` reaches the caller of the
/// array; a write has then changed nothing.
template <class T>
struct element_traits;

namespace detail {

template <class T>
concept has_element_traits =
    requires { typename element_traits<T>::stored_type; };

} // namespace detail
} // namespace numstore
