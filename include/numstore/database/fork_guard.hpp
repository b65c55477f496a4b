// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace numstore::detail {

/// Tells a forked child from the process that made it, by a byte that the
/// kernel clears in children: one load a call, no system call.
class fork_guard {
public:
    fork_guard() : size_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
        void* const p = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            raise(errc::no_memory, "cannot map a page", errno);
        page_ = static_cast<unsigned char*>(p);
        *page_ = 1;
        if (::madvise(p, size_, MADV_WIPEONFORK) != 0)
            process_ = ::getpid(); // before Linux 4.14
    }
    fork_guard(fork_guard const&) = delete;
    fork_guard& operator=(fork_guard const&) = delete;
    ~fork_guard() { ::munmap(page_, size_); }

    bool forked() const noexcept {
        if (process_ != 0)
            return ::getpid() != process_;
        return *static_cast<unsigned char const volatile*>(page_) == 0;
    }

private:
    std::size_t size_;
    unsigned char* page_;
    ::pid_t process_ = 0;
};

} // namespace numstore::detail
