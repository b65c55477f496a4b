// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "check.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>

namespace bench {

/// What f gives in a process of its own, so that memory and bytes written are
/// those of one system, and no system finds what another one left. Nothing
/// if f throws; why is on stderr.
template <class F>
auto in_child(char const* name, F const& f)
    -> std::optional<std::invoke_result_t<F const&>> {
    using result = std::invoke_result_t<F const&>;
    static_assert(std::is_trivially_copyable_v<result>);
    int ends[2];
    check_errno(::pipe(ends) == 0, "pipe");
    std::fflush(nullptr);
    pid_t const child = ::fork();
    check_errno(child >= 0, "fork");
    if (child == 0) {
        int status = 1;
        try {
            result const r = f();
            if (::write(ends[1], &r, sizeof r) == ssize_t{sizeof r})
                status = 0;
        } catch (unsupported const& e) {
            std::fprintf(stderr, "%s is left out: %s\n", name, e.what());
            status = 3;
        } catch (std::exception const& e) {
            std::fprintf(stderr, "%s: %s\n", name, e.what());
        }
        std::fflush(nullptr);
        ::_exit(status);
    }
    ::close(ends[1]);
    result r{};
    ssize_t const got = ::read(ends[0], &r, sizeof r);
    ::close(ends[0]);
    int status = 0;
    check_errno(::waitpid(child, &status, 0) == child, "waitpid");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0
        && got == ssize_t{sizeof r})
        return r;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
        throw std::runtime_error(std::string(name) + " failed");
    return std::nullopt;
}

} // namespace bench
