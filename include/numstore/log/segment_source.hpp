// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>

namespace numstore::detail {

/// Space for a log segment. `written` says that every block of it has been
/// written before, by a log whose records were durable (a recycled segment),
/// so that it needs no preparation; what it holds does not matter.
struct log_space {
    std::uint64_t offset{};
    std::uint64_t bytes{};
    bool written{};
};

/// Where a log gets its segments from. Called under the lock of the log, so
/// that it must not call the log back.
///
/// | call                     | effect                                  |
/// |--------------------------|-----------------------------------------|
/// | `acquire(least, wanted)` | space of `least` bytes, better `wanted` |
/// | `give_back(space)`       | takes back what the log never used      |
///
/// `wanted` is not below `least`. What `acquire` gives lies inside the device,
/// is a multiple of the log's block, and aligned to it; it throws `error`
/// (errc::no_space).
template <class S>
concept segment_source = requires(S s, std::uint64_t n, log_space space) {
    { s.acquire(n, n) } -> std::same_as<log_space>;
    { s.give_back(space) } noexcept;
};

/// Refers to any segment source.
class segment_source_ref {
public:
    template <segment_source S>
        requires(!std::same_as<S, segment_source_ref>)
    explicit segment_source_ref(S& source) noexcept
        : object_(std::addressof(source)),
          acquire_([](void* s, std::uint64_t least, std::uint64_t wanted) {
              return static_cast<S*>(s)->acquire(least, wanted);
          }),
          give_back_([](void* s, log_space space) noexcept {
              static_cast<S*>(s)->give_back(space);
          }) {}

    log_space acquire(std::uint64_t least, std::uint64_t wanted) const {
        return acquire_(object_, least, wanted);
    }
    void give_back(log_space space) const noexcept {
        give_back_(object_, space);
    }

private:
    void* object_;
    log_space (*acquire_)(void*, std::uint64_t, std::uint64_t);
    void (*give_back_)(void*, log_space) noexcept;
};

} // namespace numstore::detail
