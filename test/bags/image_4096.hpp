// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../fuzz/image_device.hpp"

#include <numstore/instances.hpp>

namespace bags {

struct image_4096 : fuzz::image_policies<4096, true> {};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::image_4096)
