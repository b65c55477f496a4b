// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Reading by one thread: all, parts and single elements.
#include "../harness/compare.hpp"
#include "../harness/data.hpp"
#include "../harness/files.hpp"
#include "../harness/meter.hpp"
#include "../peers/all.hpp"
#include "workloads.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace bench {

namespace {

std::atomic<double> sink; ///< so that no read is left out

/// How a row reads: once, or `places` of them; gives a sum.
using read_work = std::function<double(store&)>;

/// Pages mapped, checksums verified: once, however it is read later.
void touch_all(store& s) {
    std::vector<float> piece(piece_elements);
    for (std::uint64_t at = 0; at < s.size(); at += piece.size())
        s.read(at, piece);
}

/// `amount` of the row's unit is what one call of `work` does.
sample read_stored(options const& o, peer const& p, std::string const& folder,
                   bool warm, double amount, read_work const& work) {
    if (!warm)
        forget(folder);
    auto const s = p.open(setup_in(o, folder, false));
    if (warm) {
        touch_all(*s);
        sink.store(work(*s), std::memory_order_relaxed);
    }
    sample r;
    meter m;
    double done = 0;
    do {
        sink.store(work(*s), std::memory_order_relaxed);
        done += amount;
    } while (warm && m.seconds() < o.seconds);
    r.figures[0] = done / m.seconds();
    m.finish(r, done);
    return r;
}

struct read_row {
    row what;
    bool warm;
    double amount;
    read_work work;
    std::string systems; ///< the names of those that take part
};

void run_row(options const& o, read_row const& r) {
    if (!o.wants(r.what.name))
        return;
    std::vector<contender> systems;
    for (peer const& p : array_peers()) {
        if (r.systems.find("[" + p.name + "]") == std::string::npos)
            continue;
        std::string const folder =
            p.name == "vector" ? o.folder : stored_array(o, p);
        systems.push_back({p.name, [&o, p, folder, &r] {
                               return read_stored(o, p, folder, r.warm,
                                                  r.amount, r.work);
                           }});
    }
    compare(o, r.what, systems);
}

std::vector<float>& elements_of(store& s) {
    return dynamic_cast<vector_store&>(s).elements_in_memory();
}
numstore_store<ns::default_policies>* as_numstore(store& s) {
    return dynamic_cast<numstore_store<ns::default_policies>*>(&s);
}

/// Every 8th element: in place, whatever holds it.
template <class Range>
double sum_of(Range const& range) {
    double sum = 0;
    for (float const v : range)
        sum += static_cast<double>(v);
    return sum;
}
double sum_of_stride(std::vector<float> const& v, std::size_t step) {
    double sum = 0;
    for (std::size_t i = 0; i < v.size(); i += step)
        sum += static_cast<double>(v[i]);
    return sum;
}
double every_8th_fixed(store& s) {
    if (auto* const n = as_numstore(s))
        return sum_of(n->array().view(ns::every<8>{}));
    return sum_of_stride(elements_of(s), 8);
}
double every_8th_at_run_time(store& s) {
    static std::atomic<std::int64_t> const step{8};
    if (auto* const n = as_numstore(s))
        return sum_of(n->array().view(ns::slice{.step = step.load()}));
    return sum_of_stride(elements_of(s), static_cast<std::size_t>(step.load()));
}

void whole_arrays(options const& o) {
    double const bytes = static_cast<double>(o.bytes);
    auto const read_all = [](store& s) {
        static std::vector<float> all;
        all.resize(static_cast<std::size_t>(s.size()));
        s.read(0, all);
        return static_cast<double>(all.back());
    };
    run_row(o, {{"scan_in_place", {{"warm", "bytes/s"}}, "sums all elements"},
                true, bytes, [](store& s) { return s.sum(); },
                "[numstore][mmap][vector]"});
    run_row(o, {{"read_all", {{"warm", "bytes/s"}}, "into memory, one call"},
                true, bytes, read_all, "[numstore][raw file][HDF5]"});
    run_row(o, {{"read_all_cold", {{"cold", "bytes/s"}},
                 "into memory, one call, page cache dropped"},
                false, bytes, read_all, "[numstore][raw file][HDF5]"});
    double const eighth = static_cast<double>(o.elements() / 8);
    run_row(o, {{"every_8th_fixed", {{"warm", "elements/s"}},
                 "stride known at compile time"},
                true, eighth, every_8th_fixed, "[numstore][vector]"});
    run_row(o, {{"every_8th_run_time", {{"warm", "elements/s"}},
                 "stride known at run time"},
                true, eighth, every_8th_at_run_time, "[numstore][vector]"});
}

using some_of = std::span<std::uint64_t const>;

/// Places so many that no cache holds what is there, handed out in parts.
class place_supply {
public:
    explicit place_supply(options const& o)
        : part_(o.smoke ? 100 : 20000),
          all_(some_places(o.smoke ? 1000 : std::size_t{1} << 20,
                           o.elements() - block_elements + 1, 3)) {}
    double part() const { return static_cast<double>(part_); }
    some_of next() {
        if (next_ + part_ > all_.size())
            next_ = 0;
        next_ += part_;
        return some_of(all_).subspan(next_ - part_, part_);
    }

private:
    std::size_t part_;
    std::vector<std::uint64_t> all_;
    std::size_t next_ = 0;
};

/// Through a view that is made for each part, where there are views.
double through_view(store& s, some_of at) {
    auto* const n = as_numstore(s);
    if (n == nullptr)
        return s.elements(at);
    auto const view = n->array().view();
    double sum = 0;
    for (std::uint64_t const p : at)
        sum += static_cast<double>(view[p]);
    return sum;
}

void random_places(options const& o) {
    place_supply places(o);
    auto const elements = [&](store& s) { return s.elements(places.next()); };
    std::string const lmdb_note = "LMDB: values of 64 KiB, each read of the "
                                  "newest version, as numstore's";
    run_row(o, {{"random_element", {{"warm", "1/s"}}, lmdb_note}, true,
                places.part(), elements,
                "[numstore][raw file][mmap][vector][LMDB][HDF5]"});
    run_row(o, {{"random_element_view", {{"warm", "1/s"}},
                 "numstore: a view for 20000 of them; " + lmdb_note},
                true, places.part(),
                [&](store& s) { return through_view(s, places.next()); },
                "[numstore][mmap][vector][LMDB]"});
    run_row(o, {{"random_read_4KiB", {{"warm", "1/s"}}, lmdb_note}, true,
                places.part(),
                [&](store& s) {
                    std::vector<float> block(block_elements);
                    return s.read_each(places.next(), block);
                },
                "[numstore][raw file][mmap][vector][LMDB][HDF5]"});
}

} // namespace

void run_read(options const& o) {
    whole_arrays(o);
    random_places(o);
}

} // namespace bench
