// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace numstore::detail {

template <class Signature>
class function_ref;

/// Calls something that outlives it. What takes one is compiled once, and not
/// for each thing that is called.
template <class R, class... A>
class function_ref<R(A...)> {
public:
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, function_ref>)
    function_ref(F&& f) noexcept
        : object_(const_cast<void*>(
              static_cast<void const*>(std::addressof(f)))),
          call_(&call<std::remove_reference_t<F>>) {}

    R operator()(A... a) const { return call_(object_, std::forward<A>(a)...); }

private:
    template <class F>
    static R call(void* object, A... a) {
        return (*static_cast<F*>(object))(std::forward<A>(a)...);
    }

    void* object_;
    R (*call_)(void*, A...);
};

} // namespace numstore::detail
