// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// Little of numstore, with all that it depends on.
#include <numstore/log/wal.hpp>
#include <numstore/policies.hpp>
#include <numstore/storage/memory_storage.hpp>
#include <numstore/version.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <span>
#include <system_error>

int main() {
    numstore::memory_storage device;
    std::array<std::byte, 4> const written{std::byte{1}, std::byte{2},
                                           std::byte{3}, std::byte{4}};
    std::array<std::byte, 4> read{};
    std::error_code ec;
    device.resize(4096, ec);
    device.write(100, written, ec);
    device.read(100, read, ec);
    std::printf("numstore %d.%d\n", NUMSTORE_VERSION_MAJOR,
                NUMSTORE_VERSION_MINOR);
    return !ec && read == written
                   && numstore::xxh3_64::of(read)
                          == numstore::xxh3_64::of(written)
               ? 0
               : 1;
}
