// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

/// Everything: typed arrays on disk that can be edited in the middle.

#include <numstore/array/any_array.hpp>
#include <numstore/array/array.hpp>
#include <numstore/array/array_view.hpp>
#include <numstore/array/const_array.hpp>
#include <numstore/array/fixed_string.hpp>
#include <numstore/array/float16.hpp>
#include <numstore/array/nullable.hpp>
#include <numstore/array/slice.hpp>
#include <numstore/array/tiny_text.hpp>
#include <numstore/array/variant.hpp>
#include <numstore/database/database.hpp>
#include <numstore/error.hpp>
#include <numstore/log/log_policy.hpp>
#include <numstore/nd/extents.hpp>
#include <numstore/nd/nd_array.hpp>
#include <numstore/nd/tiling.hpp>
#include <numstore/policies.hpp>
#include <numstore/storage/file_storage.hpp>
#include <numstore/storage/mapped_storage.hpp>
#include <numstore/storage/memory_storage.hpp>
#include <numstore/version.hpp>
