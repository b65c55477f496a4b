// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// A list of 256 x 256 images with an image as the element.
#include <numstore/numstore.hpp>

#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>

using image = std::array<std::uint8_t, 256 * 256>;

namespace {

std::uint8_t value(std::size_t i, std::size_t j, std::size_t k) {
    return static_cast<std::uint8_t>(i * 7 + j + k);
}

} // namespace

int main() {
    ::unlink("images.ns");
    numstore::database db("images.ns");
    auto images = db.create<image>("images");
    auto one = std::make_unique<image>();
    for (std::size_t i = 0; i != 40; ++i) {
        for (std::size_t j = 0; j != 256; ++j)
            for (std::size_t k = 0; k != 256; ++k)
                (*one)[j * 256 + k] = value(i, j, k);
        images.push_back(*one);
    }
    images.erase(10, 1);

    // Pixel (i, j, k): the image is looked at where it lies.
    bool good = images.size() == 39;
    for (std::size_t const i : {0U, 9U, 10U, 38U})
        for (std::span<image const> const run : images.chunks(i, 1U)) {
            std::size_t const was = i < 10 ? i : i + 1;
            good = good && run[0][3 * 256 + 5] == value(was, 3, 5);
        }
    std::printf("%llu images, pixel (10, 3, 5) is %d\n",
                static_cast<unsigned long long>(images.size()),
                images.at(10)[3 * 256 + 5]);
    return good && db.verify().ok() ? 0 : 1;
}
