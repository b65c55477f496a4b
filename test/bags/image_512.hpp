// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../fuzz/image_device.hpp"
#include "../fuzz/image_editor.hpp"
#include "../fuzz/image_run.hpp"

#include <numstore/instances.hpp>

namespace bags {

struct image_512 : fuzz::image_policies<512, false> {};

} // namespace bags

NUMSTORE_EXTERN_TEMPLATES(bags::image_512)
extern template class fuzz::image_editor<bags::image_512>;
extern template class fuzz::image_run<bags::image_512>;
