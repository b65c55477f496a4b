// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../fuzz/image_device.hpp"

#include <numstore/instances.hpp>

namespace bags {

struct image_512 : fuzz::image_policies<512, numstore::xxh3_64, false> {};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::image_512)
