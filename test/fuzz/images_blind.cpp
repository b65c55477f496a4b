// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/image_512.hpp"
#include "image_mutator.hpp"
#include "image_run.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data,
                                      std::size_t size) {
    static fuzz::blindness const blind;
    return fuzz::run_image<bags::image_512>(data, size);
}
