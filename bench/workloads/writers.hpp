// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../harness/compare.hpp"
#include "../harness/data.hpp"
#include "../harness/files.hpp"
#include "../harness/meter.hpp"
#include "../harness/threads.hpp"
#include "../peers/numstore.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

inline double total(std::vector<thread_work> const& all) {
    double sum = 0;
    for (thread_work const& w : all)
        sum += w.rate();
    return sum;
}
/// Of all threads together.
inline double per_cpu(std::vector<thread_work> const& all) {
    thread_work sum;
    for (thread_work const& w : all) {
        sum.amount += w.amount;
        sum.cpu_seconds += w.cpu_seconds;
    }
    return sum.cpu_rate();
}

inline std::string numbered(std::size_t i) {
    return "array " + std::to_string(i);
}

/// What each commit of `compare_writers` is.
struct commits_of_writers {
    std::size_t elements; ///< overwritten, neighbours
    char const* note;
};

/// Each thread overwrites `n` elements of an array of its own in each commit.
template <class Policies>
sample numstore_writers(options const& o, std::size_t threads, std::size_t n) {
    std::string const folder = o.folder + "/writers";
    empty_folder(folder);
    ns::basic_database<Policies> db(
        database_file(folder), database_options(setup_in(o, folder, true)));
    std::uint64_t const elements = o.elements() / 16;
    std::vector<float> const block = some_elements(n, 1);
    for (std::size_t i = 0; i != threads; ++i)
        db.template create<float>(numbered(i)).resize(elements, 1.0F);
    db.checkpoint();
    meter m;
    auto const before = db.stats();
    auto const done = in_threads(
        threads, o.seconds, [&](std::size_t i, std::atomic<bool> const& stop) {
            auto a = db.template open<float>(numbered(i));
            auto const at =
                some_places(4096, elements - n + 1, i);
            std::uint64_t count = 0;
            while (!stop.load(std::memory_order_relaxed))
                a.write(at[count++ % at.size()], block);
            return count;
        });
    auto const after = db.stats();
    sample r;
    r.figures[0] = total(done);
    r.figures[2] = per_cpu(done);
    r.figures[1] = static_cast<double>(after.syncs - before.syncs)
                   / static_cast<double>(after.commits - before.commits);
    r.user_bytes = static_cast<double>((after.commits - before.commits) * n
                                       * sizeof(float));
    r.bytes_written =
        static_cast<double>(after.bytes_written - before.bytes_written);
    m.finish(r);
    return r;
}

/// 8, 4, 2 and 1 of them.
template <class Policies>
void compare_writers(options const& o, char const* name,
                     commits_of_writers const& each) {
    std::vector<contender> systems;
    for (std::size_t const threads : {8u, 4u, 2u, 1u})
        systems.push_back({"numstore x" + std::to_string(threads),
                           [&o, &each, threads] {
                               return numstore_writers<Policies>(
                                   o, threads, each.elements);
                           }});
    compare(o,
            {name,
             {{"total", "commits/s"}, {"syncs", "per commit", false},
              {"per_cpu", "commits/CPU s"}},
             each.note},
            systems);
}

} // namespace bench
