// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Readers and writers in threads of one process.
#include "../harness/threads.hpp"
#include "../harness/compare.hpp"
#include "../harness/data.hpp"
#include "../harness/files.hpp"
#include "../peers/lmdb.hpp"
#include "../peers/numstore.hpp"
#include "workloads.hpp"
#include "writers.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bench {

namespace {

using policies = ns::default_policies;
using places = std::vector<std::uint64_t>;

constexpr std::size_t group = 1000; ///< reads between looks at the clock

std::uint64_t last_block(options const& o) {
    return o.elements() - block_elements + 1;
}

/// Does some(first of a group of places) again and again until it is told to
/// stop; gives how many places were done.
template <class F>
std::uint64_t until(std::atomic<bool> const& stop, F&& some) {
    std::uint64_t count = 0;
    do {
        some();
        count += group;
    } while (!stop.load(std::memory_order_relaxed));
    return count;
}

/// How one row of snapshot readers reads `group` places.
using reading = double (*)(ns::const_array<float> const&, places const&);

double read_blocks(ns::const_array<float> const& a, places const& at) {
    std::vector<float> block(block_elements);
    double sum = 0;
    for (std::uint64_t const p : at) {
        a.read(p, block);
        sum += static_cast<double>(block[0]);
    }
    return sum;
}
double read_elements(ns::const_array<float> const& a, places const& at) {
    double sum = 0;
    for (std::uint64_t const p : at)
        sum += static_cast<double>(a[p]);
    return sum;
}

std::atomic<double> sink; ///< so that no read is left out

sample numstore_readers(options const& o, std::string const& folder,
                        std::size_t threads, reading read) {
    numstore_store<policies> s(setup_in(o, folder, false));
    s.sum(); // all leaves are mapped and checked
    meter m;
    auto const done = in_threads(
        threads, o.seconds, [&](std::size_t i, std::atomic<bool> const& stop) {
            auto const snapshot = s.database().snapshot();
            auto const a = snapshot.open<float>("array");
            auto const at = some_places(group * 16, last_block(o), i);
            std::size_t from = 0;
            return until(stop, [&] {
                places const some(at.begin() + static_cast<long>(from),
                                  at.begin() + static_cast<long>(from + group));
                from = (from + group) % at.size();
                sink.store(read(a, some), std::memory_order_relaxed);
            });
        });
    sample r;
    r.figures[0] = total(done);
    r.figures[1] = per_cpu(done);
    m.finish(r);
    return r;
}

/// What the machine gives two threads that share nothing but memory.
sample vector_readers(options const& o, std::size_t threads,
                      std::size_t elements) {
    std::vector<float> const all = some_elements(o.elements(), 1);
    meter m;
    auto const done = in_threads(
        threads, o.seconds, [&](std::size_t i, std::atomic<bool> const& stop) {
            auto const at = some_places(group * 16, last_block(o), i);
            std::vector<float> block(block_elements);
            std::size_t from = 0;
            return until(stop, [&] {
                double sum = 0;
                for (std::size_t k = from; k != from + group; ++k) {
                    std::copy_n(all.data() + at[k], elements, block.data());
                    sum += static_cast<double>(block[0]);
                }
                from = (from + group) % at.size();
                sink.store(sum, std::memory_order_relaxed);
            });
        });
    sample r;
    r.figures[0] = total(done);
    r.figures[1] = per_cpu(done);
    m.finish(r);
    return r;
}

void snapshot_readers(options const& o) {
    struct {
        char const* name;
        reading read;
        std::size_t elements;
    } const kinds[] = {{"snapshot_readers_4KiB", read_blocks, block_elements},
                       {"snapshot_readers_element", read_elements, 1}};
    for (auto const& kind : kinds) {
        if (!o.wants(kind.name))
            continue;
        std::string const folder = stored_array(o, numstore_peer());
        std::vector<contender> systems;
        for (std::size_t const threads : {2u, 1u}) {
            std::string const n = std::to_string(threads);
            systems.push_back({"numstore x" + n, [&, threads] {
                                   return numstore_readers(o, folder, threads,
                                                           kind.read);
                               }});
            systems.push_back({"vector x" + n, [&, threads] {
                                   return vector_readers(o, threads,
                                                         kind.elements);
                               }});
        }
        compare(o,
                {kind.name,
                 {{"total", "reads/s"}, {"per_cpu", "reads/CPU s"}},
                 "a snapshot for each thread, all cached; vector: what the "
                 "machine gives"},
                systems);
    }
}

void parallel_writers(options const& o) {
    compare_writers<policies>(o, "writers_of_own_arrays",
                              {block_elements,
                               "an overwrite of 4 KiB in each commit, durable "
                               "on return"});
    compare_writers<policies>(o, "writers_of_few_elements",
                              {16, "an overwrite of 64 bytes in each commit, "
                                   "durable on return"});
}

constexpr std::size_t writes_per_commit = 100;

std::array<double, sample::most> mixed(std::vector<thread_work> const& done) {
    return {done[0].rate() + done[1].rate(), done[2].rate(),
            per_cpu({done[0], done[1]}), done[2].cpu_rate(), 0};
}

#if defined(NUMSTORE_BENCH_LMDB)
/// `stay`: so many reads see one version.
sample lmdb_mix(options const& o, std::string const& folder,
                std::size_t stay) {
    lmdb_values s(setup_in(o, copied_array(o, folder), false));
    std::vector<float> const value = some_elements(block_elements, 2);
    meter m;
    auto const done = in_threads(
        3, o.seconds, [&](std::size_t i, std::atomic<bool> const& stop) {
            auto const at = some_places(group * 16, last_block(o), i);
            std::size_t next = 0;
            std::uint64_t count = 0;
            if (i == 2) {
                while (!stop.load(std::memory_order_relaxed)) {
                    MDB_txn* const tx = s.table().begin(0);
                    for (std::size_t k = 0; k != writes_per_commit; ++k)
                        s.put(tx, at[next++ % at.size()], value);
                    check_lmdb(::mdb_txn_commit(tx), "mdb_txn_commit");
                    count += writes_per_commit;
                }
                return count;
            }
            std::vector<float> block(block_elements);
            MDB_txn* const tx = s.table().begin(MDB_RDONLY);
            while (!stop.load(std::memory_order_relaxed)) {
                ::mdb_txn_reset(tx);
                check_lmdb(::mdb_txn_renew(tx), "mdb_txn_renew");
                for (std::size_t k = 0; k != stay; ++k)
                    s.get(tx, at[next++ % at.size()], block);
                count += stay;
            }
            ::mdb_txn_abort(tx);
            return count;
        });
    sample r;
    r.figures = mixed(done);
    m.finish(r);
    return r;
}
#endif

sample numstore_mix(options const& o, std::string const& folder,
                    std::size_t stay) {
    numstore_store<policies> s(setup_in(o, copied_array(o, folder), false));
    s.sum();
    std::vector<float> const value = some_elements(block_elements, 2);
    meter m;
    double const before = s.bytes_written();
    auto const done = in_threads(
        3, o.seconds, [&](std::size_t i, std::atomic<bool> const& stop) {
            auto const at = some_places(group * 16, last_block(o), i);
            std::size_t next = 0;
            std::uint64_t count = 0;
            if (i == 2) {
                while (!stop.load(std::memory_order_relaxed)) {
                    auto tx = s.database().begin();
                    auto a = s.array().in(tx);
                    for (std::size_t k = 0; k != writes_per_commit; ++k)
                        a.write(at[next++ % at.size()], value);
                    tx.commit();
                    count += writes_per_commit;
                }
                return count;
            }
            std::vector<float> block(block_elements);
            while (!stop.load(std::memory_order_relaxed)) {
                if (stay == 1) {
                    s.array().read(at[next++ % at.size()], block);
                } else {
                    auto const a = s.array().in(s.database().snapshot());
                    for (std::size_t k = 0; k != stay; ++k)
                        a.read(at[next++ % at.size()], block);
                }
                count += stay;
            }
            return count;
        });
    sample r;
    r.figures = mixed(done);
    r.user_bytes = done[2].amount * 4096;
    r.bytes_written = s.bytes_written() - before;
    m.finish(r);
    return r;
}

void readers_beside_writer(options const& o) {
    for (std::size_t const stay : {std::size_t{1}, group}) {
        std::string const name =
            stay == 1 ? "two_readers_one_writer_newest"
                      : "two_readers_one_writer_snapshots";
        if (!o.wants(name))
            continue;
        std::vector<contender> systems;
        std::string const ours = stored_array(o, numstore_peer());
        systems.push_back(
            {"numstore", [&o, ours, stay] {
                 return numstore_mix(o, ours, stay);
             }});
#if defined(NUMSTORE_BENCH_LMDB)
        std::string const theirs = stored_array(o, lmdb_values_peer());
        systems.push_back({"LMDB", [&o, theirs, stay] {
                               return lmdb_mix(o, theirs, stay);
                           }});
#endif
        compare(o,
                {name,
                 {{"reads", "reads/s"},
                  {"writes", "overwrites/s"},
                  {"reads_per_cpu", "reads/CPU s"},
                  {"writes_per_cpu", "overwrites/CPU s"}},
                 "4 KiB each, 100 overwrites in a commit, durable on return "
                 "in both; "
                     + std::string(stay == 1 ? "each read"
                                             : "every 1000 reads")
                     + " of the newest version; LMDB: values of 64 KiB"},
                systems);
    }
}

} // namespace

void run_threads(options const& o) {
    snapshot_readers(o);
    parallel_writers(o);
    readers_beside_writer(o);
}

} // namespace bench
