// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../bags/simulated_512.hpp"
#include "allocation_trial.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace faults_test {

using bag = bags::simulated_512;
using database = ns::basic_database<bag>;
using transaction = ns::basic_transaction<bag>;

/// All that an array is, whatever its type and layout.
struct stored_array {
    std::string element;
    std::vector<std::uint64_t> shape;
    std::vector<std::uint64_t> tile;
    std::vector<std::byte> fill;
    std::vector<std::byte> bytes; ///< in the order of the file
    std::vector<std::pair<std::string, ns::attribute_value>> attributes;

    bool operator==(stored_array const&) const = default;
};
using stored_arrays = std::map<std::string, stored_array>;

/// Those that `open_any` does not open have two axes of ints.
template <class Face>
ns::basic_any_array<bag> open_whatever(Face& face, ns::array_info const& of) {
    if (of.shape.size() != 2 || of.element != ns::element_type_of<int>())
        return face.open_any(of.name);
    return ns::basic_any_array<bag>(
        face.template open_nd<int, ns::dextents<2>>(of.name).ref());
}

template <class Face>
stored_arrays everything(Face& face) {
    stored_arrays found;
    for (auto const& info : face.list()) {
        auto const a = open_whatever(face, info);
        auto const& form = a.ref().state().form;
        found[info.name] = {info.element.to_string(), info.shape,
                            form.tile,                form.fill,
                            a.read(),                 a.attributes().list()};
    }
    return found;
}

/// A call, where nothing but what is given to `run` fails.
struct any_call {
    std::string name;
    std::function<void(database&, trial& run)> on_disk;
};

/// What there is after the call where nothing fails.
inline stored_arrays effect(simulated_storage const& start,
                            any_call const& call) {
    simulated_storage const device = start.clone();
    database db(spared_storage(device), small_cache);
    trial run({-1, false});
    call.on_disk(db, run);
    BOOST_REQUIRE_MESSAGE(!run.threw(), run.code().message());
    return everything(db);
}

/// Calls that change what a device holds, or read it: wholly or not at all.
inline void fail_in_all(simulated_storage const& start,
                        std::vector<any_call> const& calls) {
    for (any_call const& c : calls) {
        if (!is_wanted(c.name))
            continue;
        BOOST_TEST_CONTEXT(c.name) {
            stored_arrays const after = effect(start, c);
            fail_each_allocation(c.name, [&](fault f) {
                return try_with<bag>(
                    [](database& db) { return everything(db); }, start, f,
                    [](database&) {}, c.on_disk,
                    std::function([&](stored_arrays& m) { m = after; }));
            });
        }
    }
}

/// A call on what `open` gives, outside of transactions.
template <class Open, class OnDisk>
any_call alone(std::string name, Open open, OnDisk on_disk) {
    return {std::move(name), [=](database& db, trial& run) {
                auto array = open(db);
                run([&] { on_disk(array); });
            }};
}

/// The same in a transaction, which has changed the array before, and is as
/// before the call if that fails.
template <class Open, class Prepare, class OnDisk>
any_call inside(std::string const& name, Open open, Prepare prepare,
                OnDisk on_disk) {
    return {name + " in a transaction", [=](database& db, trial& run) {
                auto tx = db.begin();
                auto array = open(tx);
                prepare(array);
                stored_arrays const before = everything(tx);
                run([&] { on_disk(array); });
                if (!tx.is_active())
                    return;
                if (!run.threw())
                    return tx.commit();
                BOOST_TEST_REQUIRE((everything(tx) == before));
                tx.rollback();
            }};
}

} // namespace faults_test
