// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// verify, backup, compact and recovery under a callback that ends them.
#include "../bags/default_policies.hpp"
#include "../bags/simulated_512.hpp"
#include "../storage/support.hpp"
#include "listener.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_long_calls)

namespace {

namespace ns = numstore;
using listening::answer;
using listening::check_end;
using listening::listener;
using listening::require_sound;
using ns::testing::simulated_storage;

using policies = bags::simulated_512;
using database = ns::basic_database<policies>;
using values = std::vector<std::int32_t>;

values numbers(std::size_t n, std::int32_t first = 0) {
    values v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

ns::options reporting_to(listener& ear) {
    ns::options o;
    o.progress = [&ear](ns::progress_info const& p) { return ear(p); };
    return o;
}

/// Full leaves that are not neighbours, and what belongs in them.
constexpr std::size_t size = 3'500'000;
template <class Database>
values scatter(Database& db, std::string const& name) {
    auto t = db.template create<std::int32_t>(name);
    auto junk = db.template create<std::int32_t>("junk");
    auto const v = numbers(size);
    for (std::size_t at = 0; at != size; at += size / 20) {
        t.append(std::span(v).subspan(at, size / 20));
        junk.append(std::span(v).first(size / 10));
    }
    db.drop("junk");
    return v;
}

void check_reports(std::vector<listener::report> const& heard,
                   std::string const& what) {
    BOOST_TEST_REQUIRE(heard.size() > 1u);
    for (std::size_t i = 0; i != heard.size(); ++i) {
        BOOST_TEST(heard[i].what == what);
        BOOST_TEST(heard[i].done >= heard[i ? i - 1 : 0].done);
        BOOST_TEST(heard[i].done <= heard[i].total);
        BOOST_TEST(heard[i].total == heard[0].total);
    }
    BOOST_TEST(heard.back().done == heard.back().total);
}

/// f(n-th report, answer) for some of them, the first and the last as well.
template <class F>
void at_some_reports(std::size_t reports, F&& f) {
    std::size_t const step = std::max<std::size_t>(1, reports / 4);
    answer const answers[] = {answer::cancel, answer::raise,
                              answer::raise_no_space};
    std::size_t i = 0;
    for (std::size_t n = 1; n < reports; n += step)
        f(n, answers[i++ % 3]);
    f(reports, answer::cancel);
}

} // namespace

BOOST_AUTO_TEST_CASE(verify_can_be_ended) {
    listener ear;
    database db(simulated_storage(512), reporting_to(ear));
    auto t = db.create<std::int32_t>("t");
    auto const v = numbers(size);
    t.append(v);
    db.clone("t", "u");
    ear.expect(0, answer::go_on);
    ear.meanwhile = [&] { BOOST_TEST(db.stats().pages != 0u); };
    BOOST_TEST(db.verify().ok());
    auto const heard = ear.heard;
    check_reports(heard, "verify: pages");
    at_some_reports(heard.size(), [&](std::size_t n, answer how) {
        ear.expect(n, how);
        check_end(how, [&] { static_cast<void>(db.verify()); });
        BOOST_TEST(ear.heard.size() == n);
    });
    ear.expect(0, answer::go_on);
    require_sound(db);
    BOOST_TEST(db.stats().snapshots == 0u);
}

/// Reads and stats() from the callback do not wait for the verifier, though
/// nothing can be written.
BOOST_AUTO_TEST_CASE(verify_of_what_cannot_be_written) {
    listener ear;
    simulated_storage device(512);
    auto const left = [&] {
        database db(device);
        db.create<std::int32_t>("t").append({1, 2, 3});
        return device.clone(); // with a log to redo
    }();
    ns::options o = reporting_to(ear);
    o.mode = ns::open_mode::read_only;
    database db(left, o);
    ear.expect(0, answer::go_on);
    ear.meanwhile = [&] { BOOST_TEST(db.stats().pages != 0u); };
    BOOST_TEST(db.verify().ok());
    check_reports(ear.heard, "verify: pages");
}

BOOST_AUTO_TEST_CASE(backup_can_be_ended) {
    listener ear;
    ns::testing::temporary_directory const in;
    ns::database db(in / "a.ns", reporting_to(ear));
    auto const v = numbers(size);
    db.create<std::int32_t>("t").append(v);
    database target(simulated_storage(512));
    ear.expect(0, answer::go_on);
    ear.meanwhile = [&] { BOOST_TEST(db.stats().pages != 0u); };
    db.backup(target);
    auto const heard = ear.heard;
    check_reports(heard, "backup: bytes of arrays");
    target.drop("t");
    at_some_reports(heard.size(), [&](std::size_t n, answer how) {
        ear.expect(n, how);
        check_end(how, [&] { db.backup(target); });
        BOOST_TEST(target.list().size() == 0u);
        ear.expect(n, how);
        check_end(how, [&] { db.backup(in / "b.ns"); });
        std::filesystem::directory_iterator const files(in.path());
        BOOST_TEST(std::distance(begin(files), end(files)) == 1);
    });
    ear.expect(0, answer::go_on);
    require_sound(target);
    db.backup(in / "b.ns");
    ns::database copy(in / "b.ns");
    BOOST_TEST((copy.open<std::int32_t>("t").to_vector() == v));
    BOOST_TEST(db.stats().snapshots == 0u);
}

/// What was done until then stays; so each attempt has less to do.
BOOST_AUTO_TEST_CASE(compact_can_be_ended) {
    listener ear;
    ns::options o = reporting_to(ear);
    o.durability = ns::durability::none;
    simulated_storage device(512);
    device.record(ns::testing::recording::off);
    database db(device, o);
    auto const v = scatter(db, "t");
    std::uint64_t const before = db.stats().pages;
    auto const t = db.open<std::int32_t>("t");
    ear.meanwhile = [&] { BOOST_TEST(t[7] == 7); };
    std::size_t n = 0;
    for (auto const how :
         {answer::cancel, answer::raise, answer::raise_no_space,
          answer::cancel}) {
        ear.expect(n += 1, how);
        check_end(how, [&] { db.compact(); });
        BOOST_TEST(ear.heard.size() == n);
        BOOST_TEST((t.to_vector() == v));
        ear.expect(0, answer::go_on);
        require_sound(db);
    }
    ear.expect(0, answer::go_on);
    db.compact();
    check_reports(ear.heard, "compact: bytes of arrays");
    BOOST_TEST(db.stats().pages < before * 3 / 4);
    BOOST_TEST((t.to_vector() == v));
    require_sound(db);
}

/// The next opening recovers, whatever this one did until it was ended.
BOOST_AUTO_TEST_CASE(recovery_can_be_ended_and_run_again) {
    auto const v = numbers(size / 4);
    simulated_storage device(512);
    auto const left = [&] {
        database db(device, {.log_bytes = std::uint64_t{1} << 30});
        auto t = db.create<std::int32_t>("t");
        t.append(v);
        auto u = db.create<std::int32_t>("u");
        for (std::size_t i = 0; i != 200; ++i)
            u.insert(i * 100, numbers(4000, static_cast<std::int32_t>(i)));
        return device.clone();
    }();
    listener ear;
    values u;
    {
        database db(left.clone(), reporting_to(ear));
        u = db.open<std::int32_t>("u").to_vector();
        BOOST_TEST(u.size() == 800'000u);
    }
    auto const heard = ear.heard;
    check_reports(heard, "recovery: bytes of log");
    auto once_more = left.clone();
    at_some_reports(heard.size(), [&](std::size_t n, answer how) {
        ear.expect(n, how);
        check_end(how, [&] { database(once_more, reporting_to(ear)); });
        auto lost = once_more.after_power_loss(
            ns::testing::power_loss::random(n));
        database db(lost);
        BOOST_TEST((db.open<std::int32_t>("t").to_vector() == v));
        BOOST_TEST((db.open<std::int32_t>("u").to_vector() == u));
        require_sound(db);
    });
    database db(once_more);
    BOOST_TEST((db.open<std::int32_t>("u").to_vector() == u));
    require_sound(db);
}

BOOST_AUTO_TEST_SUITE_END()
