// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Opening a file, as it was closed or as a killed program left it.
#include "../harness/compare.hpp"
#include "../harness/data.hpp"
#include "../harness/files.hpp"
#include "../harness/meter.hpp"
#include "../peers/all.hpp"
#include "workloads.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

namespace {

sample open_stored(options const& o, peer const& p, std::string const& folder) {
    std::uint64_t const middle = o.elements() / 2;
    { // what stands in the page cache now, the measured opening finds there
        auto const s = p.open(setup_in(o, folder, false));
        s->elements({&middle, 1});
    }
    sample r;
    meter m;
    double const before = proc_number("/proc/self/io", "rchar:");
    double const start = now();
    auto const s = p.open(setup_in(o, folder, false));
    s->elements({&middle, 1});
    r.figures[0] = now() - start;
    double const bytes = proc_number("/proc/self/io", "rchar:") - before;
    m.finish(r, 1);
    if (p.name == "numstore") // whose leaf is read through the mapping
        r.figures[1] = std::floor(bytes / 4096) + 1;
    return r;
}

void open_warm(options const& o) {
    std::string const name = "open_first_element";
    if (!o.wants(name))
        return;
    std::vector<contender> systems;
    for (peer const& p : array_peers()) {
        if (p.name == "vector")
            continue;
        std::string const folder = stored_array(o, p);
        systems.push_back({p.name, [&o, p, folder] {
                               return open_stored(o, p, folder);
                           }});
    }
    compare(o,
            {name,
             {{"warm", "s", false}, {"pages", "4 KiB read", false}},
             "opens the file and reads one element in the middle"},
            systems);
}

/// `o.operations` insertions of 16 KiB, a commit each.
void insert_and_commit(options const& o, store& s) {
    auto const values = some_elements(block_elements, 5);
    auto const at = some_places(o.operations, o.elements() - block_elements, 6);
    for (std::uint64_t const place : at) {
        s.begin();
        for (int i = 0; i != 4; ++i)
            s.insert(place, values);
        s.commit();
    }
}

/// Leaves what a killed program leaves: durable commits, and nothing closed.
/// In a process of its own.
void edit_and_die(options const& o, peer const& p, std::string const& folder) {
    in_child(("editing " + p.name).c_str(), [&] {
        // Never destroyed: the process ends first.
        insert_and_commit(o, *p.open(setup_in(o, folder, false)).release());
        return true;
    });
}

/// The seconds that numstore needs for the same without syncs.
double time_without_syncs(options const& o, std::string const& folder) {
    return *in_child("editing without syncs", [&] {
        store_setup const setup = setup_in(o, folder, false);
        ns::options none = database_options(setup);
        none.durability = ns::durability::none;
        numstore_store<ns::default_policies> s(setup, none);
        double const start = now();
        insert_and_commit(o, s);
        return now() - start;
    });
}

sample recover(options const& o, peer const& p, std::string const& stored) {
    sample r;
    if (p.name == "numstore")
        r.figures[2] = time_without_syncs(o, copied_array(o, stored));
    std::string const folder = copied_array(o, stored);
    edit_and_die(o, p, folder);
    write_back(o.folder);
    meter m;
    auto const s = p.open(setup_in(o, folder, false));
    r.figures[0] = m.seconds();
    s->begin(); // whatever is done at the first use belongs to it
    s->insert(0, some_elements(block_elements, 7));
    s->commit();
    r.figures[1] = m.seconds();
    r.user_bytes = static_cast<double>(o.operations * 4 * block_elements * 4);
    m.finish(r, 1);
    return r;
}

void recovery(options const& o) {
    std::string const name = "recovery";
    if (!o.wants(name))
        return;
    std::vector<contender> systems;
    for (peer const& p : editing_peers()) {
        if (p.name == "tail rewrite" || p.name == "insert range")
            continue; // nothing recovers them
        std::string const folder = stored_array(o, p, " chunks");
        systems.push_back(
            {p.name, [&o, p, folder] { return recover(o, p, folder); }});
    }
    compare(o,
            {name,
             {{"open", "s", false},
              {"first_commit", "s", false},
              {"without_syncs", "s", false}},
             "killed after " + std::to_string(o.operations)
                 + " durable commits of 16 KiB inserted; without_syncs: the "
                   "same commits, not synced"},
            systems);
}

} // namespace

void run_open(options const& o) {
    open_warm(o);
    recovery(o);
}

} // namespace bench
