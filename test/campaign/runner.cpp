// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "runner.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace campaign {
namespace {

std::unique_ptr<workload_source> make(std::string_view policies,
                                      plan const& p) {
    constexpr std::array makers{make_log_512, make_no_log_512, make_log_4096,
                                make_log_65536};
    auto const i = std::find(policy_names.begin(), policy_names.end(),
                             policies);
    if (i == policy_names.end())
        return nullptr;
    return makers[static_cast<std::size_t>(i - policy_names.begin())](p);
}

struct task {
    std::size_t policies;
    kind what;
    std::uint64_t number;
};

constexpr std::uint64_t tasks_of_a_round = 20;
/// Of a round, those that are not brief workloads with a log: of all kinds.
constexpr std::uint64_t mixed_tasks = 8;

task mixed_task(std::uint64_t which, std::uint64_t round) {
    switch (which) {
    case 0: return {1, kind::brief, round};
    case 1: return {1, kind::random, round};
    case 2: return {2, kind::random, round};
    case 3: return {3, kind::random, round};
    case 4: return {0, kind::random, round};
    case 5: return {0, kind::failing, 2 * round};
    case 6: return {0, kind::failing, 2 * round + 1};
    default: return {round % 4, kind::failing, round};
    }
}

/// What task `n` of a campaign runs: mostly brief workloads with the log and
/// the smallest pages, in an order that mixes them.
task task_of(std::uint64_t n, plan const& p) {
    constexpr std::uint64_t prime = 15485863;
    std::uint64_t const mixed = p.how.all_brief ? 2 : mixed_tasks;
    std::uint64_t const round = n / tasks_of_a_round;
    std::uint64_t const i = n % tasks_of_a_round;
    if (i < mixed) {
        std::uint64_t const m = round * mixed + i;
        return mixed_task(m % mixed_tasks, m / mixed_tasks);
    }
    std::uint64_t const brief = round * (tasks_of_a_round - mixed) + i - mixed;
    return {0, kind::brief, brief * prime % brief_workloads};
}

void print(figures const& f) {
    std::printf("%llu workloads, %llu moments at which power may go\n",
                static_cast<unsigned long long>(f.workloads),
                static_cast<unsigned long long>(f.points));
    struct line {
        char const* name;
        std::uint64_t value;
    };
    for (line const& l :
         {line{"crash_workloads", f.workloads},
          line{"crash_brief_workloads", f.brief_workloads},
          line{"crash_points", f.points},
          line{"crash_states", f.states},
          line{"crash_states_inside_recovery", f.nested},
          line{"crash_states_after_kills", f.kills},
          line{"crash_states_without_newest_superblock",
               f.damaged_superblocks},
          line{"crash_states_after_failed_calls", f.failed_calls}})
        std::printf("figure %s %llu\n", l.name,
                    static_cast<unsigned long long>(l.value));
}

} // namespace

mixture::mixture(plan const& p) : plan_(p) {
    for (std::size_t i = 0; i != sources_.size(); ++i)
        sources_[i] = make(policy_names[i], p);
}

void mixture::run(std::uint64_t n, figures& f) {
    task const t = task_of(n, plan_);
    sources_[t.policies]->run(t.what, t.number, f);
}

bool mixture::is(std::uint64_t n, std::size_t policies, kind what) const {
    task const t = task_of(n, plan_);
    return t.policies == policies && t.what == what;
}

int run_one(plan const& p, std::string_view policies, std::string_view what,
            std::uint64_t number) {
    auto const source = make(policies, p);
    auto const k = std::find(kind_names.begin(), kind_names.end(), what);
    if (source == nullptr || k == kind_names.end()) {
        std::puts("there are no such policies, or no such kind of workload");
        return 2;
    }
    figures f;
    try {
        source->run(static_cast<kind>(k - kind_names.begin()), number, f);
    } catch (violation const& v) {
        std::puts(v.what());
        return 1;
    }
    print(f);
    return 0;
}

int run_all(plan const& p, std::uint64_t states, unsigned jobs) {
    std::mutex guard; // of the two below
    figures sum;
    std::vector<std::string> wrong;
    std::atomic<std::uint64_t> seen{0};
    std::atomic<std::uint64_t> next{0};
    auto const work = [&] {
        mixture w(p);
        figures mine;
        std::vector<std::string> found;
        while (seen.load(std::memory_order_relaxed) < states
               && found.size() < 5) {
            std::uint64_t const before = mine.states;
            try {
                w.run(next.fetch_add(1, std::memory_order_relaxed), mine);
            } catch (violation const& v) {
                found.emplace_back(v.what());
            }
            seen.fetch_add(mine.states - before, std::memory_order_relaxed);
        }
        std::lock_guard const lock(guard);
        sum += mine;
        wrong.insert(wrong.end(), found.begin(), found.end());
    };
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < jobs; ++i)
        threads.emplace_back(work);
    work();
    for (std::thread& t : threads)
        t.join();
    for (std::string const& w : wrong)
        std::printf("wrong: --run %s\n", w.c_str());
    print(sum);
    return wrong.empty() ? 0 : 1;
}

} // namespace campaign
