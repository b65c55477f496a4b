// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/log/wal.hpp>
#include <numstore/types.hpp>

#include <concepts>
#include <cstdint>

namespace numstore {

namespace detail {

/// Stands where there is no log: the database never calls it.
struct absent_log {
    static constexpr bool enabled = false;
    lsn end() const noexcept { return {}; }
    lsn durable() const noexcept { return {}; }
};

} // namespace detail

/// A log policy: how commits become durable. `type<Policies>` is the log;
/// `enabled` says whether there is one; the fingerprint knows it by `id`.
template <class L, class Policies>
concept log_policy = requires {
    { L::id } -> std::convertible_to<std::uint32_t>;
    typename L::template type<Policies>;
    { L::template type<Policies>::enabled } -> std::convertible_to<bool>;
};

/// Each commit is one write to a log; see `detail::wal`.
struct write_ahead_log {
    static constexpr std::uint32_t id = 1;
    template <class Policies>
    using type = detail::wal<Policies>;
};

/// No log: under `durability::full` every commit is a checkpoint, else
/// commits become durable with the next one. For data that can be made again.
struct no_log {
    static constexpr std::uint32_t id = 2;
    template <class Policies>
    using type = detail::absent_log;
};

} // namespace numstore
