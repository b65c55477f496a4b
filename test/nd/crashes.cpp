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

BOOST_AUTO_TEST_SUITE(nd_crashes)

using namespace nd_test;

namespace {

using bag = bags::simulated_512;
using database = ns::basic_database<bag>;
using ns::testing::power_loss;
using ns::testing::simulated_storage;
using cube = ns::nd_array<int, ns::dextents<3>, bag>;

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
        found_on<bag>(device.after_power_loss(power_loss::random(nth)));
    bool const uncertain =
        failure && failure->code() == ns::errc::failed;
    BOOST_TEST_REQUIRE(((same(found, after) && (!failure || uncertain))
                        || (same(found, before) && failure)));
    return true;
}

} // namespace

BOOST_AUTO_TEST_CASE(shapes_and_elements_survive_together) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    BOOST_TEST_CONTEXT("NUMSTORE_SEED=" << seed()) {
        lose_power_again_and_again<bag>(seed(), 512, 0, {}, 25);
        lose_power_again_and_again<bag>(seed() + 1, 4096, 0, {}, 25);
        lose_power_again_and_again<bag>(seed() + 2, 4096, -5, {}, 25);
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
    model const before = found_on<bag>(start);
    for (named_change const& c : changes()) {
        auto const done = start.clone();
        {
            database db(done);
            auto a = db.open_nd<int, ns::dextents<3>>("a");
            c.run(a);
        }
        model const after = found_on<bag>(done);
        BOOST_TEST_REQUIRE(!same(before, after));
        for (bool const cut : {false, true})
            for (std::uint64_t nth = 1; is_met(start, c, before, after, nth,
                                               cut);
                 ++nth)
                BOOST_TEST_REQUIRE(nth < 1000u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
