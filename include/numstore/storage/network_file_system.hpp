// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/storage/posix_io.hpp>

#include <sys/statfs.h>

#include <cstdint>
#include <system_error>

namespace numstore::detail {

/// True for the `statfs` type of a file system that other machines write too:
/// there neither locks nor a mapping can be relied on.
constexpr bool is_network_file_system(std::uint32_t type) noexcept {
    switch (type) {
    case 0x00006969: // NFS
    case 0x0000517B: // SMB
    case 0xFF534D42: // CIFS
    case 0xFE534D42: // SMB2
    case 0x0000564C: // NCP
    case 0x5346414F: // AFS
    case 0x6B414653: // kAFS
    case 0x73757245: // Coda
    case 0x00C36400: // Ceph
    case 0x01021997: // 9P
    case 0x0BD00BD0: // Lustre
    case 0x47504653: // GPFS
    case 0xAAD7AAEA: // PanFS
    case 0x19830326: // BeeGFS
    case 0x20030528: // OrangeFS
    case 0x786F4256: // VirtualBox shared folder
        return true;
    default: return false;
    }
}

/// Sets errc::invalid_argument when `fd` is on a network file system.
inline void refuse_network_file_system(int fd, std::error_code& ec) noexcept {
    struct statfs about{};
    ec.clear();
    if (retry_interrupted([&] { return ::fstatfs(fd, &about); }) != 0)
        ec = last_os_error();
    else if (is_network_file_system(static_cast<std::uint32_t>(about.f_type)))
        ec = errc::invalid_argument;
}

} // namespace numstore::detail
