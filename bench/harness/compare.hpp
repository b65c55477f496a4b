// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "child.hpp"
#include "options.hpp"
#include "sample.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace bench {

/// What a figure is called beside the row, its unit, and which way is good.
struct figure {
    char const* name;
    char const* unit;
    bool more_is_better = true;
};

/// A row: the same work by several systems.
struct row {
    std::string name;
    std::vector<figure> figures;
    std::string note; ///< durability, layout: what makes it comparable
};

struct contender {
    std::string system;
    std::function<sample()> run; ///< in a process of its own
};

namespace detail {

/// Of a system to each of the others: medians of ratios within a turn.
template <class Get>
void print_ratios(std::vector<contender> const& systems,
                  std::vector<std::vector<sample>> const& all, std::size_t s,
                  Get const& get) {
    char const* comma = "";
    for (std::size_t peer = 0; peer != systems.size(); ++peer) {
        if (peer == s || all[peer].size() != all[s].size())
            continue;
        std::vector<double> ratios;
        for (std::size_t i = 0; i != all[s].size(); ++i)
            if (get(all[s][i]) >= 0 && get(all[peer][i]) > 0)
                ratios.push_back(get(all[s][i]) / get(all[peer][i]));
        if (ratios.empty())
            continue;
        std::printf("%s\"%s\":%.4g", comma, systems[peer].system.c_str(),
                    median(ratios));
        comma = ",";
    }
}

inline void print_line(options const& o, row const& r, std::size_t f,
                       std::vector<contender> const& systems,
                       std::vector<std::vector<sample>> const& all,
                       std::size_t s) {
    auto const column = [&](auto&& get) {
        std::vector<double> v;
        for (sample const& one : all[s])
            v.push_back(get(one));
        return v;
    };
    auto const values = column([&](sample const& x) { return x.figures[f]; });
    if (std::isnan(values.front()))
        return;
    auto const [low, high] = std::minmax_element(values.begin(), values.end());
    std::printf("{\"row\":\"%s\",\"figure\":\"%s\",\"system\":\"%s\","
                "\"unit\":\"%s\",\"more_is_better\":%s,\"median\":%.6g,"
                "\"low\":%.6g,\"high\":%.6g,\"repeats\":%zu,\"ratio\":{",
                r.name.c_str(), r.figures[f].name, systems[s].system.c_str(),
                r.figures[f].unit,
                r.figures[f].more_is_better ? "true" : "false", median(values),
                *low, *high, values.size());
    print_ratios(systems, all, s,
                 [&](sample const& x) { return x.figures[f]; });
    if (f == 0 && all[s][0].cpu_rate > 0) {
        auto const rate = [](sample const& x) { return x.cpu_rate; };
        std::printf("},\"per_cpu_second\":%.6g,\"cpu_ratio\":{",
                    median(column(rate)));
        print_ratios(systems, all, s, rate);
    }
    std::printf(
        "},\"user_bytes\":%.0f,\"bytes_written\":%.0f,\"io_bytes\":%.0f,"
        "\"peak_bytes\":%.0f,\"array_bytes\":%llu,\"note\":\"%s\"}\n",
        median(column([](sample const& x) { return x.user_bytes; })),
        median(column([](sample const& x) { return x.bytes_written; })),
        median(column([](sample const& x) { return x.io_bytes; })),
        median(column([](sample const& x) { return x.peak_bytes; })),
        static_cast<unsigned long long>(o.bytes), r.note.c_str());
}

} // namespace detail

/// Runs the systems in turns, `repeats` times, and prints a line for each
/// figure of each: medians, and the medians of the ratios to each of the
/// others within one turn. What else the machine does hits both sides of such
/// a ratio alike. The order turns, too.
inline void compare(options const& o, row const& r,
                    std::vector<contender> const& systems) {
    if (!o.wants(r.name))
        return;
    std::vector<std::vector<sample>> all(systems.size());
    std::vector<bool> out(systems.size());
    for (int i = 0; i != o.repeats; ++i)
        for (std::size_t k = 0; k != systems.size(); ++k) {
            std::size_t const s =
                (k + static_cast<std::size_t>(i)) % systems.size();
            if (out[s])
                continue;
            auto const got = in_child(
                (r.name + ": " + systems[s].system).c_str(), systems[s].run);
            if (got)
                all[s].push_back(*got);
            else
                out[s] = true;
        }
    for (std::size_t f = 0; f != r.figures.size(); ++f)
        for (std::size_t s = 0; s != systems.size(); ++s)
            if (!out[s])
                detail::print_line(o, r, f, systems, all, s);
    std::fflush(stdout);
}

} // namespace bench
