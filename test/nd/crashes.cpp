// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "../bags/simulated_512.hpp"
#include "nd_script.hpp"

#include <numstore/testing/simulated_storage.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

using namespace nd_test;

namespace {

using bag = bags::simulated_512;
using database = ns::basic_database<bag>;
using ns::testing::power_loss;
using ns::testing::simulated_storage;
using cube = ns::nd_array<int, ns::dextents<3>, bag>;

/// What a device holds, whole or not at all.
model found_on(simulated_storage const& device, int fill) {
    database db(device.clone());
    BOOST_TEST_REQUIRE(db.verify().ok());
    auto const a = db.open_nd<int, ns::dextents<3>>("a");
    model m;
    auto const s = a.shape();
    m.extents.assign(s.values().begin(), s.values().end());
    BOOST_TEST_REQUIRE((db.list()[0].shape == m.extents));
    m.elements = a.to_vector();
    m.fill = fill;
    BOOST_TEST_REQUIRE(a.fill_value() == fill);
    return m;
}
bool same(model const& a, model const& b) {
    return a.extents == b.extents && a.elements == b.elements;
}

/// Shape and elements come back together, or both as they were.
void crash_again_and_again(std::uint64_t from, std::size_t block, int fill) {
    script<3, bag> s(from);
    simulated_storage device(block);
    model m(s.some_shape(2000), fill);
    {
        database db(device);
        db.create_nd<int>("a", s.extents_of(m.extents), fill);
    }
    for (int round = 0; round != 25; ++round) {
        model after = m;
        bool committing = false;
        {
            database db(device);
            auto a = db.open_nd<int, ns::dextents<3>>("a");
            s.check(a, m);
            s.change(a, m);
            if (s.below(3) == 0)
                db.checkpoint();
            device.cut_power_at(1 + s.below(30));
            after = m;
            try {
                auto tx = db.begin();
                auto inside = a.in(tx);
                for (std::uint64_t i = 1 + s.below(3); i != 0; --i)
                    s.change(inside, after);
                committing = true;
                tx.commit();
                m = after;
                db.checkpoint();
            } catch (ns::error const& e) {
                BOOST_TEST_REQUIRE((e.code() == ns::errc::failed
                                    || e.code() == ns::errc::io));
            }
        }
        device.clear_faults();
        device = device.after_power_loss(power_loss::random(s.below(1000)));
        model const found = found_on(device, fill);
        bool const known = same(found, m) || (committing && same(found, after));
        BOOST_TEST_REQUIRE(known);
        m = found;
    }
}

struct named_change {
    char const* what;
    std::function<void(cube&)> run;
};

std::vector<named_change> changes() {
    values v(400);
    std::iota(v.begin(), v.end(), 1);
    auto const first = [v](std::ptrdiff_t n) {
        return values(v.begin(), v.begin() + n);
    };
    return {
        {"append", [=](cube& a) { a.append(first(180)); }},
        {"insert", [=](cube& a) { a.insert(1, 2, first(200)); }},
        {"insert_fill", [](cube& a) { a.insert_fill(2, 3, 5); }},
        {"erase", [](cube& a) { a.erase(2, 1, 3); }},
        {"erase slice",
         [](cube& a) { a.erase(1, ns::slice{.start = 1, .step = 2}); }},
        {"resize", [](cube& a) { a.resize(ns::dextents<3>{30, 4, 20}); }},
        {"write",
         [=](cube& a) {
             a.write(first(200), ns::every<2>{}, ns::every<3>{}, ns::all);
         }},
        {"replace_rows",
         [=](cube& a) {
             a.replace_rows(std::vector<int>{9, 3, 19}, first(180));
         }},
        {"insert_rows",
         [=](cube& a) { a.insert_rows(std::vector<int>{20, 0}, first(120)); }},
        {"erase_rows",
         [](cube& a) { a.erase_rows(std::vector<int>{11, 2, 5}); }},
    };
}

/// Does the change with its n-th call failing, or power gone there; false if
/// it has fewer calls.
bool is_met(simulated_storage const& start, named_change const& c,
            model const& before, model const& after, std::uint64_t nth,
            bool cut) {
    BOOST_TEST_INFO_SCOPE(c.what << ", call " << nth << ", cut " << cut);
    auto device = start.clone();
    std::optional<ns::error> failure;
    bool hit = false;
    {
        database db(device);
        auto a = db.open_nd<int, ns::dextents<3>>("a");
        device.inject({.nth = nth, .cut_power = cut});
        try {
            c.run(a);
        } catch (ns::error const& e) {
            failure = e;
            if (!cut)
                BOOST_TEST((a.to_vector() == before.elements));
        }
        hit = device.counts().failed != 0;
        device.clear_faults();
    }
    if (!hit) {
        BOOST_TEST_REQUIRE(nth != 1u);
        return false;
    }
    model const found =
        found_on(device.after_power_loss(power_loss::random(nth)), 0);
    bool const uncertain =
        failure && failure->code() == ns::errc::failed;
    BOOST_TEST_REQUIRE(((same(found, after) && (!failure || uncertain))
                        || (same(found, before) && failure)));
    return true;
}

} // namespace

BOOST_AUTO_TEST_SUITE(nd_crashes)

BOOST_AUTO_TEST_CASE(shapes_and_elements_survive_together) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    BOOST_TEST_CONTEXT("NUMSTORE_SEED=" << seed()) {
        crash_again_and_again(seed(), 512, 0);
        crash_again_and_again(seed() + 1, 4096, 0);
        crash_again_and_again(seed() + 2, 4096, -5);
    }
}

/// Power goes, or one call fails, at every call of each change.
BOOST_AUTO_TEST_CASE(a_change_that_meets_an_error_is_whole_or_nothing) {
    simulated_storage start(512);
    {
        database db(start);
        auto a = db.create_nd<int>("a", ns::dextents<3>{20, 6, 10});
        values v(1200);
        std::iota(v.begin(), v.end(), 0);
        a.write(v);
    }
    model const before = found_on(start, 0);
    for (named_change const& c : changes()) {
        auto const done = start.clone();
        {
            database db(done);
            auto a = db.open_nd<int, ns::dextents<3>>("a");
            c.run(a);
        }
        model const after = found_on(done, 0);
        BOOST_TEST_REQUIRE(!same(before, after));
        for (bool const cut : {false, true})
            for (std::uint64_t nth = 1; is_met(start, c, before, after, nth,
                                               cut);
                 ++nth)
                BOOST_TEST_REQUIRE(nth < 1000u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
