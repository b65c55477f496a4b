// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// What many edits leave behind, and strided erasing.
#include "../harness/compare.hpp"
#include "../harness/data.hpp"
#include "../harness/files.hpp"
#include "../harness/meter.hpp"
#include "../peers/all.hpp"
#include "workloads.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bench {

namespace {

using policies = ns::default_policies;

std::atomic<double> sink; ///< so that no read is left out

sample scan(options const& o, std::string const& folder) {
    forget(folder);
    numstore_store<policies> s(setup_in(o, folder, false));
    double const bytes = static_cast<double>(s.size() * sizeof(float));
    sample r;
    double const start = now();
    sink.store(s.sum(), std::memory_order_relaxed);
    r.figures[2] = bytes / (now() - start);
    meter m;
    double done = 0;
    do {
        sink.store(s.sum(), std::memory_order_relaxed);
        done += bytes;
    } while (m.seconds() < o.seconds);
    r.figures[0] = done / m.seconds();
    m.finish(r, done);
    ns::statistics const st = s.database().stats();
    r.figures[1] = static_cast<double>(st.file_bytes) / bytes;
    return r;
}

/// Insertions of 4 KiB, so many that they are most of the array.
void age(options const& o, std::string const& folder, bool compact) {
    in_child("aging", [&] {
        numstore_store<policies> s(setup_in(o, folder, false));
        std::size_t const edits = o.operations * 100;
        auto const values = some_elements(block_elements, 8);
        auto const at = some_places(edits, o.elements(), 9);
        for (std::size_t i = 0; i < edits; i += 1000)
            s.database().transact([&](ns::transaction& tx) {
                auto a = s.array().in(tx);
                for (std::size_t k = i; k != std::min(i + 1000, edits); ++k)
                    a.insert(at[k], values);
            });
        if (compact)
            s.database().compact();
        return true;
    });
}

void scan_after_edits(options const& o) {
    std::string const name = "scan_after_insertions";
    if (!o.wants(name))
        return;
    std::string const fresh = stored_array(o, numstore_peer());
    std::vector<contender> systems{
        {"fresh", [&o, fresh] { return scan(o, fresh); }}};
    for (bool const compact : {false, true}) {
        std::string const folder =
            o.folder + (compact ? "/compacted" : "/aged");
        std::filesystem::remove_all(folder);
        std::filesystem::copy(fresh, folder,
                              std::filesystem::copy_options::recursive);
        age(o, folder, compact);
        write_back(o.folder); // or they would not leave the page cache
        systems.push_back({compact ? "compacted" : "aged",
                           [&o, folder] { return scan(o, folder); }});
    }
    compare(o,
            {name,
             {{"warm", "bytes/s"},
              {"file", "bytes/byte", false},
              {"cold", "bytes/s"}},
             std::to_string(o.operations * 100)
                 + " insertions of 4 KiB at random, 1000 in a commit; cold: "
                   "page cache dropped"},
            systems);
}

sample erase_half(options const& o, std::string const& stored) {
    numstore_store<policies> s(setup_in(o, copied_array(o, stored), false));
    s.warm(); // as the vector is
    double const before = s.bytes_written();
    double const rested = s.checkpoint_seconds();
    sample r;
    meter m;
    s.array().erase(ns::every<2>{});
    double const n = static_cast<double>(o.elements());
    double const commit = m.seconds() - (s.checkpoint_seconds() - rested);
    r.figures[0] = n / commit;
    s.settle();
    r.figures[1] = n / m.seconds();
    r.user_bytes = n * 2;
    r.bytes_written = s.bytes_written() - before;
    m.finish(r, n);
    return r;
}

sample compact_vector(options const& o) {
    std::vector<float> v =
        some_elements(static_cast<std::size_t>(o.elements()), 1);
    sample r;
    meter m;
    for (std::size_t i = 0; i != v.size() / 2; ++i)
        v[i] = v[2 * i + 1];
    v.resize(v.size() / 2);
    double const n = static_cast<double>(o.elements());
    r.figures[0] = n / m.seconds();
    r.figures[1] = r.figures[0];
    r.bytes_written = -1;
    m.finish(r, n);
    sink.store(static_cast<double>(v[v.size() / 3]),
               std::memory_order_relaxed);
    return r;
}

void erase_every_2nd(options const& o) {
    std::string const name = "erase_every_2nd";
    if (!o.wants(name))
        return;
    std::string const stored = stored_array(o, numstore_peer());
    compare(o,
            {name,
             {{"foreground", "elements/s"}, {"sustained", "elements/s"}},
             "memory in use; numstore: one durable commit, foreground without "
             "the checkpoint that it brings; vector: in memory"},
            {{"numstore", [&] { return erase_half(o, stored); }},
             {"vector", [&] { return compact_vector(o); }}});
}

} // namespace

void run_age(options const& o) {
    erase_every_2nd(o);
    scan_after_edits(o);
}

} // namespace bench
