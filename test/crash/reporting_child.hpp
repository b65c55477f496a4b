// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/test/unit_test.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <utility>

namespace database_test {

/// A child process that says by bytes through a pipe how far it has come.
class reporting_child {
public:
    /// body(report) runs in a fork of this process; report(byte) may say what.
    template <class Body>
    explicit reporting_child(Body&& body) {
        std::array<int, 2> ends{};
        BOOST_REQUIRE_EQUAL(::pipe(ends.data()), 0);
        pid_ = ::fork();
        BOOST_REQUIRE_GE(pid_, 0);
        if (pid_ == 0) {
            ::close(ends[0]);
            try {
                body([&](char said = 0) {
                    if (::write(ends[1], &said, 1) != 1)
                        ::_exit(2);
                });
            } catch (std::exception const& e) {
                std::fprintf(stderr, "%s\n", e.what());
                ::_exit(1);
            } catch (...) {
                ::_exit(1);
            }
            ::_exit(0);
        }
        ::close(ends[1]);
        from_ = ends[0];
    }
    reporting_child(reporting_child const&) = delete;
    reporting_child& operator=(reporting_child const&) = delete;
    ~reporting_child() {
        if (pid_ > 0)
            kill_after(0);
        ::close(from_);
    }

    /// Kills it after that many reports and some time, unless it ends before;
    /// gives how many reports it made.
    std::uint64_t kill_after(std::uint64_t reports,
                             std::chrono::nanoseconds time = {}) {
        while (said_.size() < reports && hear()) {
        }
        if (time.count() != 0)
            std::this_thread::sleep_for(time);
        ::kill(pid_, SIGKILL);
        while (hear()) {
        }
        ::waitpid(std::exchange(pid_, 0), &status_, 0);
        return said_.size();
    }

    /// Waits until it says `what`, or has said as much as `most`, or ends.
    void hear_until(char what, std::uint64_t most) {
        while (said_.size() < most && hear() && said_.back() != what) {
        }
    }

    /// What it has said so far.
    std::string const& said() const noexcept { return said_; }

    bool was_killed() const { return WIFSIGNALED(status_); }

    /// It was killed, or had come to its end.
    bool sound() const {
        return WIFSIGNALED(status_)
                   ? WTERMSIG(status_) == SIGKILL
                   : WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
    }

private:
    bool hear() {
        char report = 0;
        if (::read(from_, &report, 1) != 1)
            return false;
        said_ += report;
        return true;
    }

    pid_t pid_ = 0;
    int from_ = -1;
    int status_ = 0;
    std::string said_;
};

} // namespace database_test
