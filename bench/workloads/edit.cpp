// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Changing an array that is there: overwriting, inserting, erasing.
#include "../harness/compare.hpp"
#include "../harness/data.hpp"
#include "../harness/files.hpp"
#include "../harness/meter.hpp"
#include "../peers/all.hpp"
#include "workloads.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

enum class edit_kind { overwrite, insert, erase };

struct edit {
    edit_kind kind;
    std::size_t elements;  ///< in one edit
    std::size_t in_commit; ///< edits
};

/// Edits of one store, at places that are the same for every system.
class edit_run {
public:
    edit_run(store& s, edit const& e, options const& o)
        : store_(s), edit_(e), values_(some_elements(e.elements, 2)),
          places_(some_places(std::size_t{1} << 16,
                              e.kind == edit_kind::erase
                                  ? o.elements() / 2 - e.elements
                                  : o.elements() - e.elements,
                              4)) {}

    /// Commits until so many edits are made, or `enough` says so.
    template <class Enough>
    void run(std::size_t edits, Enough const& enough) {
        for (std::size_t const end = done_ + edits;
             done_ < end && !enough();) {
            std::size_t const before = done_;
            std::uint64_t const cycle = store_.cycles();
            double const start = now();
            commit(enough);
            double const end_of_commit = now();
            if (store_.cycles() == cycle) {
                quiet_edits_ += done_ - before;
                quiet_seconds_ += end_of_commit - start;
            }
        }
    }
    std::size_t done() const { return done_; }
    std::size_t in_commit() const { return edit_.in_commit; }

    /// Edits per second since the last call, without commits that a
    /// checkpoint fell into.
    double foreground() {
        return static_cast<double>(std::exchange(quiet_edits_, 0))
               / std::exchange(quiet_seconds_, 0);
    }

private:
    template <class Enough>
    void commit(Enough const& enough) {
        if (edit_.in_commit == 1)
            return one();
        store_.begin();
        for (std::size_t i = 0; i != edit_.in_commit; ++i) {
            one();
            if (enough())
                break;
        }
        store_.commit();
    }
    void one() {
        std::uint64_t const at = places_[done_++ % places_.size()];
        if (edit_.kind == edit_kind::overwrite)
            store_.write(at, values_);
        else if (edit_.kind == edit_kind::insert)
            store_.insert(at, values_);
        else
            store_.erase(at, edit_.elements);
    }

    store& store_;
    edit edit_;
    std::vector<float> values_;
    std::vector<std::uint64_t> places_;
    std::size_t done_ = 0;
    std::size_t quiet_edits_ = 0;
    double quiet_seconds_ = 0;
};

/// Erasing, in the first half, leaves the second. Whole commits.
std::size_t most_edits(options const& o, edit const& e) {
    if (e.kind != edit_kind::erase)
        return ~std::size_t{0} >> 1;
    auto const most = static_cast<std::size_t>(o.elements() / 2 / e.elements);
    return most - most % std::min(most, e.in_commit);
}

auto late(meter const& m, double seconds) {
    return [&m, seconds] { return m.seconds() > seconds; };
}

/// As the store counts, or the kernel where it does not.
double written_since(store& s, double before, meter const& m) {
    return before < 0 ? m.io_bytes() : s.bytes_written() - before;
}

void figures_after_opening(store& s, edit_run& edits, std::size_t most,
                           double bytes, options const& o, sample& r) {
    double const before = s.bytes_written();
    meter const m;
    edits.run(std::min(most, o.operations * (edits.in_commit() == 1 ? 1 : 3)),
              late(m, o.seconds));
    r.figures[5] = edits.foreground();
    r.figures[3] = written_since(s, before, m)
                   / (static_cast<double>(edits.done()) * bytes);
}

/// Edits right after opening, and, when all has been read once, two figures of
/// the same edits over four rounds of the system's housekeeping: without the
/// commits that it fell into, and with all of it, the last one included that is
/// still due at the end.
sample edit_copy(options const& o, peer const& p, std::string const& folder,
                 edit const& e) {
    auto const s = p.open(setup_in(o, copied_array(o, folder), false));
    edit_run edits(*s, e, o);
    std::size_t const most = most_edits(o, e);
    double const bytes = static_cast<double>(e.elements * sizeof(float));
    sample r;
    figures_after_opening(*s, edits, most, bytes, o, r);
    s->warm();

    std::size_t const first = edits.done();
    double const before = s->bytes_written();
    std::uint64_t const cycles = s->cycles();
    meter m;
    double const longest = (cycles == store::no_cycles ? 2 : 15) * o.seconds;
    while (m.seconds() < longest && edits.done() < most
           && (cycles == store::no_cycles || s->cycles() < cycles + 4))
        edits.run(std::min(most - edits.done(),
                           std::max<std::size_t>(256, e.in_commit)),
                  late(m, longest));
    if (cycles != store::no_cycles)
        r.figures[2] = static_cast<double>(s->cycles() - cycles);
    r.figures[0] = edits.foreground();
    s->settle();
    double const done = static_cast<double>(edits.done() - first);
    r.figures[1] = done / m.seconds();
    r.user_bytes = done * bytes;
    m.finish(r, done);
    r.bytes_written = before < 0 ? -1 : s->bytes_written() - before;
    r.figures[4] = written_since(*s, before, m) / r.user_bytes;
    return r;
}

void edit_row(options const& o, std::string const& name, edit const& e,
              std::vector<peer> const& peers, std::string const& note) {
    if (!o.wants(name))
        return;
    std::vector<contender> systems;
    for (peer const& p : peers) {
        std::string const folder =
            stored_array(o, p, e.kind == edit_kind::overwrite ? "" : " chunks");
        if (!folder.empty())
            systems.push_back({p.name, [&o, p, folder, e] {
                                   return edit_copy(o, p, folder, e);
                               }});
    }
    compare(o,
            {name,
             {{"foreground", "edits/s"},
              {"sustained", "edits/s"},
              {"rounds", "checkpoints"},
              {"written_at_commit", "bytes/byte", false},
              {"written_settled", "bytes/byte", false},
              {"just_opened", "edits/s"}},
             note},
            systems);
}

std::vector<peer> overwriting_peers() {
    std::vector<peer> some;
    for (peer const& p : array_peers())
        if (p.name != "vector")
            some.push_back(p);
    return some;
}

} // namespace

void run_edit(options const& o) {
    std::size_t const many = o.smoke ? 20 : 1000;
    std::string const when =
        "; just_opened: the first edits; the others: after all was read once, "
        "sustained over four checkpoints or flushes";
    std::string const chunks =
        "; LMDB, SQLite, RocksDB: 4 KiB chunks under sorted 64-bit keys, a new "
        "one in the middle between its neighbours'"
        + when;
    for (std::size_t const n : {std::size_t{1}, many}) {
        std::string const suffix = n == 1 ? "_durable" : "_1000_per_commit";
        std::string const note =
            n == 1 ? "each durable" : "1000 in a durable commit";
        edit_row(o, "overwrite_4KiB" + suffix,
                 {edit_kind::overwrite, block_elements, n},
                 overwriting_peers(),
                 note + "; LMDB: values of 64 KiB; mmap: msync" + when);
        edit_row(o, "insert_4KiB" + suffix,
                 {edit_kind::insert, block_elements, n}, editing_peers(),
                 note + chunks);
        edit_row(o, "erase_4KiB" + suffix,
                 {edit_kind::erase, block_elements, n}, editing_peers(),
                 note + chunks);
    }
    edit_row(o, "insert_element_1000_per_commit",
             {edit_kind::insert, 1, many}, editing_peers(),
             "1000 in a durable commit" + chunks);
    for (std::size_t const elements : {16u, 256u, 4096u, 65536u})
        edit_row(o, "insert_size_" + std::to_string(elements * 4),
                 {edit_kind::insert, elements, 1}, editing_peers(),
                 "each durable" + chunks);
}

} // namespace bench
