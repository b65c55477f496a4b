// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image_edit.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>

// Mutates inputs by whole edits, where libFuzzer runs them.

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                        std::size_t max_size)
    __attribute__((weak));

namespace fuzz {

inline edit random_edit(std::minstd_rand& random) {
    auto const some = [&](unsigned n) {
        return static_cast<unsigned>(random() >> 4) % n;
    };
    edit e{};
    e.kind = static_cast<std::uint8_t>(
        some(static_cast<unsigned>(edit_kind::count_)));
    e.how = static_cast<std::uint8_t>(some(64) == 0 ? some(256)
                                                    : some(128) * 2);
    e.which = static_cast<std::uint16_t>(some(1024));
    e.where = static_cast<std::uint16_t>(some(2) == 0 ? some(65536)
                                                      : some(64) * 8);
    e.width = static_cast<std::uint8_t>(some(256));
    e.source = static_cast<std::uint8_t>(some(256));
    e.value = some(2) == 0 ? some(256)
                           : std::uint64_t{some(1U << 27)} << some(40);
    return e;
}

inline std::size_t mutate(std::uint8_t* data, std::size_t size,
                          std::size_t max_size, unsigned seed) {
    constexpr std::size_t head = 2;
    std::minstd_rand random(seed);
    std::size_t const edits =
        size < head ? 0 : (size - head) / sizeof(edit);
    auto const put = [&](std::size_t i, edit const& e) {
        std::memcpy(data + head + i * sizeof e, &e, sizeof e);
    };
    size = head + edits * sizeof(edit);
    if (edits == 0 || (edits < 4 && random() / 16 % 4 == 0)) {
        if (size + sizeof(edit) > max_size)
            return size;
        put(edits, random_edit(random));
        return size + sizeof(edit);
    }
    std::size_t const i = random() / 16 % edits;
    switch (random() / 16 % 5) {
    case 0: put(i, random_edit(random)); break;
    case 1:
        std::memmove(data + head + i * sizeof(edit),
                     data + size - sizeof(edit), sizeof(edit));
        return size - sizeof(edit);
    case 2: data[random() / 16 % head] ^=
                static_cast<std::uint8_t>(1U << random() / 16 % 8);
        break;
    default:
        LLVMFuzzerMutate(data + head + i * sizeof(edit), sizeof(edit),
                         sizeof(edit));
    }
    return size;
}

} // namespace fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                               std::size_t size,
                                               std::size_t max_size,
                                               unsigned seed) {
    return fuzz::mutate(data, size, max_size, seed);
}
