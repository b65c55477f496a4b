// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace numstore {

class memory_storage;
class file_storage;
class mapped_storage;
struct write_ahead_log;
struct no_log;
struct xxh3_64;
struct std_threading;
struct steady_clock;
struct default_policies;

template <class T, class Policies = default_policies>
class array;
template <class T, class Policies = default_policies>
class const_array;
template <class Policies = default_policies>
class basic_any_array;
template <class T, class Slice, class Policies = default_policies>
class array_view;
template <class T, class Extents, class Policies = default_policies>
class nd_array;
template <class T, class Extents, class Policies = default_policies>
class const_nd_array;
template <class T, class Layout, class Policies = default_policies>
class nd_view;
class tiling;
template <class Policies = default_policies>
class basic_database;
template <class Policies = default_policies>
class basic_transaction;
template <class Policies = default_policies>
class basic_snapshot;

using any_array = basic_any_array<default_policies>;
using database = basic_database<default_policies>;
using transaction = basic_transaction<default_policies>;
using snapshot = basic_snapshot<default_policies>;

namespace testing {
class simulated_storage;
} // namespace testing
} // namespace numstore
