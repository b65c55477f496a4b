// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "image_512.hpp"

NUMSTORE_INSTANTIATE(bags::image_512)
template class fuzz::image_editor<bags::image_512>;
template class fuzz::image_run<bags::image_512>;
