// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "runner.hpp"

#include <numstore/testing/planted_faults.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace campaign {
namespace {

using numstore::planted_fault;
using numstore::testing::planted_fault_names;
using numstore::testing::planted_faults;

/// What came of one fault.
struct finding {
    bool found = false;
    std::string how;
};

/// Some faults show in rare workloads of a kind: these come first. All are of
/// the campaign, and among those that it runs.
struct likely_workloads {
    planted_fault fault;
    std::size_t policies;
    kind what;
};
constexpr std::array likely{
    likely_workloads{planted_fault::failed_sync_is_ignored, 0, kind::failing},
    likely_workloads{planted_fault::graveyard_not_stored, 0, kind::failing},
    likely_workloads{planted_fault::log_recycled_too_early, 2, kind::random},
    likely_workloads{planted_fault::trusts_the_superblock_it_found, 0,
                     kind::failing}};
constexpr std::uint64_t likely_among = 800;

/// The first workloads of the campaign, in the order to try them.
std::vector<std::uint64_t> order_for(mixture const& m, planted_fault f) {
    std::vector<std::uint64_t> order(likely_among);
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    for (likely_workloads const& l : likely)
        if (l.fault == f)
            std::stable_partition(
                order.begin(), order.end(), [&](std::uint64_t n) {
                    return m.is(n, l.policies, l.what);
                });
    return order;
}

/// Looks for the fault in this process; prints what it finds.
[[noreturn]] void search(plan const& p, planted_fault f,
                         std::uint64_t states) {
    constexpr unsigned most_seconds = 120;
    alarm(most_seconds);
    planted_faults::current = planted_fault::none;
    mixture here(p); // what workloads start from is made without it
    planted_faults::current = f;
    figures seen;
    std::vector<std::uint64_t> const first = order_for(here, f);
    for (std::uint64_t n = 0; seen.states < states; ++n)
        try {
            here.run(n < first.size() ? first[n] : n, seen);
        } catch (violation const& v) {
            std::printf("after %llu states: %s\n",
                        static_cast<unsigned long long>(seen.states),
                        v.what());
            std::fflush(stdout);
            std::_Exit(1);
        }
    std::_Exit(0);
}

std::string read_all(int from) {
    std::string text;
    std::array<char, 512> piece;
    for (;;) {
        ssize_t const n = read(from, piece.data(), piece.size());
        if (n <= 0)
            return text;
        text.append(piece.data(), static_cast<std::size_t>(n));
    }
}

finding look_for(plan const& p, planted_fault f, std::uint64_t states) {
    std::array<int, 2> ends;
    if (pipe(ends.data()) != 0)
        return {false, "no pipe"};
    pid_t const child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(STDERR_FILENO); // where assertions of the engine speak
        close(ends[0]);
        close(ends[1]);
        search(p, f, states);
    }
    close(ends[1]);
    finding result{false, read_all(ends[0])};
    close(ends[0]);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return {false, "no child process"};
    if (WIFSIGNALED(status)) {
        int const signal = WTERMSIG(status);
        result.found = signal != SIGALRM;
        result.how += result.found ? "an assertion of the engine failed\n"
                                   : "no sign of it in time\n";
    } else {
        result.found = WEXITSTATUS(status) == 1;
    }
    return result;
}

} // namespace

int find_planted_faults(plan const& p, std::uint64_t states, unsigned jobs) {
    constexpr auto count = static_cast<std::size_t>(planted_fault::count);
    std::vector<finding> findings(count);
    std::atomic<std::size_t> next{1};
    auto const work = [&] {
        for (std::size_t i; (i = next.fetch_add(1)) < count;)
            findings[i] = look_for(p, static_cast<planted_fault>(i), states);
    };
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < jobs; ++i)
        threads.emplace_back(work);
    work();
    for (std::thread& t : threads)
        t.join();
    std::size_t found = 0;
    for (std::size_t i = 1; i != count; ++i) {
        found += findings[i].found ? 1 : 0;
        std::printf("%s %-32s %s", findings[i].found ? "found" : "MISSED",
                    std::string(planted_fault_names[i]).c_str(),
                    findings[i].how.empty() ? "\n" : findings[i].how.c_str());
    }
    std::printf("figure planted_faults %zu\n", count - 1);
    std::printf("figure planted_faults_found %zu\n", found);
    return found == count - 1 ? 0 : 1;
}

} // namespace campaign
