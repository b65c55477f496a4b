// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Crashes databases on simulated devices:
//
//   numstore_campaign [--states N] [--seed S] [--jobs N] [--deep]
//   numstore_campaign --run POLICIES KIND NUMBER [--seed S] [--deep]
//   numstore_campaign --faults [--states N] [--jobs N]
//
// The first looks at about N states, the second runs one workload again, as
// a report names it, and the third plants each fault in turn and looks at
// up to N states for a sign of it.
#include "runner.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

struct arguments {
    campaign::plan plan{};
    std::uint64_t states = 200'000;
    unsigned jobs = 2;
    bool faults = false;
    std::string policies;
    std::string kind;
    std::uint64_t number = 0;
};

[[noreturn]] void usage() {
    std::fputs("usage: numstore_campaign [--states N] [--seed S] [--jobs N] "
               "[--deep]\n"
               "       [--faults | --run POLICIES KIND NUMBER]\n",
               stderr);
    std::exit(2);
}

arguments parse(int argc, char** argv) {
    arguments a;
    int i = 1;
    auto const text = [&]() -> char const* {
        if (++i >= argc)
            usage();
        return argv[i];
    };
    auto const number = [&] { return std::strtoull(text(), nullptr, 10); };
    for (; i < argc; ++i) {
        std::string_view const what = argv[i];
        if (what == "--states") {
            a.states = number();
        } else if (what == "--seed") {
            a.plan.seed = number();
        } else if (what == "--jobs") {
            a.jobs = static_cast<unsigned>(number());
        } else if (what == "--deep") {
            a.plan.how = campaign::deep_effort;
        } else if (what == "--faults") {
            a.faults = true;
        } else if (what == "--run") {
            a.policies = text();
            a.kind = text();
            a.number = number();
        } else {
            usage();
        }
    }
    return a;
}

} // namespace

int main(int argc, char** argv) {
    arguments const a = parse(argc, argv);
    if (!a.policies.empty())
        return campaign::run_one(a.plan, a.policies, a.kind, a.number);
    if (a.faults)
        return campaign::find_planted_faults(a.plan, a.states, a.jobs);
    return campaign::run_all(a.plan, a.states, a.jobs);
}
