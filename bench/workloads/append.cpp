// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Writing an array from its first element to its last.
#include "../harness/compare.hpp"
#include "../harness/data.hpp"
#include "../harness/files.hpp"
#include "../harness/meter.hpp"
#include "../peers/all.hpp"
#include "workloads.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

namespace {

#if !defined(NUMSTORE_BENCH_SMOKE) // a bag of its own takes long to compile
struct no_log_policies : ns::default_policies {
    using logging = ns::no_log;
};

peer no_log_peer() {
    return {"numstore, no log", [](store_setup const& s) {
                ns::options o = database_options(s);
                o.durability = ns::durability::none;
                return std::make_unique<numstore_store<no_log_policies>>(s, o);
            }};
}
#endif

/// The first figure ends when the data is durable, the second when nothing
/// is left to do later.
sample append_all(options const& o, peer const& p, bool each) {
    std::string const folder = o.folder + "/append";
    empty_folder(folder);
    write_back(o.folder);
    auto const s = p.open(setup_in(o, folder, true));
    auto const piece = some_elements(piece_elements, 1);
    double const bytes = static_cast<double>(o.bytes);
    double const before = s->bytes_written();
    sample r;
    meter m;
    if (!each)
        s->begin();
    for (std::uint64_t i = 0; i < o.elements(); i += piece.size())
        s->append(piece);
    if (!each)
        s->commit();
    double const written = s->bytes_written() - before;
    r.figures[0] = bytes / m.seconds();
    s->settle();
    r.figures[1] = bytes / m.seconds();
    r.user_bytes = bytes;
    r.bytes_written = s->bytes_written() < 0 ? -1
                                             : s->bytes_written() - before;
    m.finish(r, bytes);
    r.figures[2] = (before < 0 ? r.io_bytes : written) / bytes;
    r.figures[3] = (before < 0 ? r.io_bytes : r.bytes_written) / bytes;
    return r;
}

#if !defined(NUMSTORE_BENCH_SMOKE)
sample append_unsynced(options const& o) {
    std::string const folder = o.folder + "/append";
    empty_folder(folder);
    raw_file s(setup_in(o, folder, true));
    auto const piece = some_elements(piece_elements, 1);
    s.begin();
    sample r;
    meter m;
    for (std::uint64_t i = 0; i < o.elements(); i += piece.size())
        s.append(piece);
    r.figures[0] = static_cast<double>(o.bytes) / m.seconds();
    r.user_bytes = static_cast<double>(o.bytes);
    m.finish(r, r.user_bytes);
    return r;
}
#endif

std::vector<figure> const figures = {
    {"foreground", "bytes/s"},
    {"sustained", "bytes/s"},
    {"written_at_commit", "bytes/byte", false},
    {"written_settled", "bytes/byte", false}};

} // namespace

void run_append(options const& o) {
    for (bool const each : {false, true}) {
        std::vector<contender> systems;
        for (peer const& p : array_peers())
            systems.push_back(
                {p.name, [&o, p, each] { return append_all(o, p, each); }});
        compare(o,
                {each ? "append_1MiB_durable" : "append_1MiB_one_commit",
                 figures,
                 each ? "each MiB durable (mmap: msync; vector: never)"
                      : "durable at the end (mmap: msync; vector: never)"},
                systems);
    }
#if !defined(NUMSTORE_BENCH_SMOKE)
    std::vector<contender> systems;
    for (peer const& p : {no_log_peer(), vector_peer()})
        systems.push_back(
            {p.name, [&o, p] { return append_all(o, p, false); }});
    systems.push_back(
        {"raw file, no sync", [&o] { return append_unsynced(o); }});
    compare(o,
            {"append_1MiB_no_log", {figures[0]}, "nothing durable at the end"},
            systems);
#endif
}

} // namespace bench
