// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/memory_512.hpp"
#include "listener.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_call_progress)

namespace {

namespace ns = numstore;
using listening::answer;
using listening::check_end;
using listening::listener;
using listening::require_sound;

using policies = bags::memory_512;
using database = ns::basic_database<policies>;
using transaction = ns::basic_transaction<policies>;
using array = ns::array<std::int32_t, policies>;
using values = std::vector<std::int32_t>;

values numbers(std::size_t n, std::int32_t first = 0) {
    values v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

constexpr std::size_t mib = (1 << 20) / sizeof(std::int32_t);
constexpr std::size_t much = 9 * mib;
constexpr std::size_t some = mib / 2; // much, where each leaf is touched

/// A database that reports to a listener.
struct listened {
    listener ear{};
    database db{ns::options{.progress = [this](ns::progress_info const& p) {
        return ear(p);
    }}};
    array t = db.create<std::int32_t>("t");
    static constexpr std::uint64_t page_bytes = 512;
};

/// A long call, and what the array holds before.
struct long_call {
    std::string name;
    values before;
    std::function<void(array, values const&)> make;
    bool knows_total = true;
};

std::vector<long_call> long_calls() {
    auto const few = numbers(some);
    auto const even = ns::slice{.step = 2};
    auto const third = [](std::size_t n) {
        std::vector<std::uint64_t> at;
        for (std::size_t i = 0; i < n; i += 3)
            at.push_back(i);
        return at;
    };
    return {
        {"append", numbers(1000),
         [](array t, values const& data) { t.append(data); }},
        {"append a sized range", numbers(1000),
         [](array t, values const& data) {
             t.append(data | std::views::transform([](int i) { return i; }));
         }},
        {"append a range without a size", numbers(1000),
         [](array t, values const& data) {
             t.append(data | std::views::filter([](int) { return true; }));
         },
         false},
        {"insert", few,
         [](array t, values const& data) { t.insert(777u, data); }},
        {"insert an array", numbers(much),
         [](array t, values const&) { t.insert(5u, t); }},
        {"write", numbers(much + 100),
         [](array t, values const& data) { t.write(50u, data); }},
        {"write a slice", few,
         [even](array t, values const& data) {
             t.write(even, std::span(data).first(some / 2));
         }},
        {"write backwards", few,
         [](array t, values const& data) {
             t.write(ns::slice{.step = -1}, std::span(data).first(some));
         }},
        {"scatter", few,
         [third](array t, values const& data) {
             auto const at = third(some);
             t.scatter(at, std::span(data).first(at.size()));
         }},
        {"erase a slice", few,
         [even](array t, values const&) { t.erase(even); }},
        {"extract", few,
         [even](array t, values const&) { t.extract(even); }},
        {"erase_at", few,
         [third](array t, values const&) { t.erase_at(third(some)); }},
        {"assign", few,
         [](array t, values const& data) { t.assign(data); }},
        {"resize with a value", few,
         [](array t, values const&) { t.resize(some + much, 7); }},
    };
}

values const& data() {
    static values const v = numbers(much, -5);
    return v;
}

void check_reports(std::vector<listener::report> const& heard,
                   bool knows_total) {
    BOOST_TEST_REQUIRE(heard.size() > 1u);
    for (std::size_t i = 0; i != heard.size(); ++i) {
        auto const& r = heard[i];
        bool const last = i + 1 == heard.size();
        BOOST_TEST(r.what == heard[0].what);
        BOOST_TEST(r.done > (i == 0 ? 0u : heard[i - 1].done));
        if (knows_total || last)
            BOOST_TEST(r.done <= r.total);
        else
            BOOST_TEST(r.total == 0u);
        if (knows_total)
            BOOST_TEST(r.total == heard[0].total);
    }
    BOOST_TEST(heard.back().done == heard.back().total);
}

/// Pages that are neither free nor of the log.
std::uint64_t used_bytes(database& db) {
    db.checkpoint();
    return db.stats().live_bytes + db.stats().ripening_bytes;
}

} // namespace

BOOST_AUTO_TEST_CASE(small_calls_report_nothing) {
    listened l;
    l.ear.expect(1, answer::cancel);
    values const v = numbers(mib);
    l.t.append(v);
    l.t.append(v | std::views::filter([](int) { return true; }));
    l.t.write(5u, v);
    l.t.insert(100u, l.t);
    l.t.assign(v);
    l.t.erase(7u, 1000u);
    l.t.erase(ns::slice{.stop = 1000, .step = 2});
    l.t.set(1u, 5);
    l.t.resize(std::uint64_t{1} << 40); // holes
    l.t.clear();
    BOOST_TEST(l.ear.heard.size() == 0u);
}

/// As often as a callback likes, and where: nothing has changed.
BOOST_AUTO_TEST_CASE(every_long_call_can_be_ended) {
    for (long_call const& c : long_calls()) {
        BOOST_TEST_CONTEXT(c.name) {
            listened l;
            l.t.append(c.before);
            l.ear.expect(1, answer::go_on);
            l.db.transact([&](transaction& tx) {
                c.make(l.t.in(tx), data());
                tx.rollback();
            });
            auto const heard = std::exchange(l.ear.heard, {});
            check_reports(heard, c.knows_total);
            l.ear.expect(0, answer::go_on);
            std::uint64_t const used = used_bytes(l.db);
            for (auto const& [nth, how] :
                 {std::pair{std::size_t{1}, answer::raise_no_space},
                  {heard.size(), answer::cancel}}) {
                l.ear.expect(nth, how);
                check_end(how, [&] { c.make(l.t, data()); });
                BOOST_TEST(l.ear.heard.size() == nth);
                l.ear.expect(0, answer::go_on);
                BOOST_TEST_REQUIRE((l.t.to_vector() == c.before));
                // The list of free pages may need one more.
                auto const now = used_bytes(l.db);
                BOOST_TEST(now >= used);
                BOOST_TEST(now <= used + l.page_bytes);
            }
            require_sound(l.db);
        }
    }
}

/// Inside a transaction the call has no effect, and what was done before and
/// is done after counts.
BOOST_AUTO_TEST_CASE(a_transaction_goes_on) {
    for (long_call const& c : long_calls()) {
        BOOST_TEST_CONTEXT(c.name) {
            listened l;
            l.t.append(c.before);
            transaction tx = l.db.begin();
            array in = l.t.in(tx);
            in.set(3u, -1);
            in.push_back(8);
            in.pop_back();
            auto expected = in.to_vector();
            auto const mark = tx.savepoint();
            for (auto const& [nth, how] :
                 {std::pair{std::size_t{1}, answer::raise},
                  {std::size_t{2}, answer::cancel}}) {
                l.ear.expect(nth, how);
                check_end(how, [&] { c.make(in, data()); });
                BOOST_TEST(tx.is_active());
                l.ear.expect(0, answer::go_on);
                BOOST_TEST_REQUIRE((in.to_vector() == expected));
                in.set(nth, 99);
                expected[nth] = 99;
            }
            auto const until = in.to_vector();
            tx.rollback_to(mark);
            in.set(4u, -2);
            tx.commit();
            BOOST_TEST((until == expected));
            auto left = c.before;
            left[3] = -1;
            left[4] = -2;
            BOOST_TEST_REQUIRE((l.t.to_vector() == left));
            require_sound(l.db);
        }
    }
}

/// The callback may look at the database, and even write to another array.
BOOST_AUTO_TEST_CASE(the_callback_may_use_the_database) {
    listened l;
    auto other = l.db.create<std::int32_t>("other");
    l.t.append({1, 2, 3});
    bool called = false;
    l.ear.meanwhile = [&] {
        if (std::exchange(called, true)) // verify reports, too
            return;
        BOOST_TEST(l.db.stats().commits > 0u);
        BOOST_TEST(l.t.to_vector().size() == 3u);
        BOOST_TEST(l.db.list().size() == 2u);
        BOOST_TEST(l.db.verify().ok());
        l.db.checkpoint();
        other.push_back(1);
        BOOST_CHECK_THROW(l.t.push_back(4), ns::error); // would_deadlock
    };
    l.t.append(data());
    BOOST_TEST(called);
    BOOST_TEST(other.size() == 1u);
    BOOST_TEST(l.t.size() == 3 + much);
    require_sound(l.db);
}

BOOST_AUTO_TEST_CASE(copies_and_arrays_of_any_type) {
    listened l;
    l.t.append(data());
    check_reports(l.ear.heard, true);
    auto any = l.db.open_any("t");
    auto const bytes = any.read();
    for (auto const how : {answer::cancel, answer::raise}) {
        l.ear.expect(2, how);
        check_end(how, [&] { l.db.copy(l.t, "copy"); });
        BOOST_TEST(!l.db.contains("copy"));
        l.ear.expect(1, how);
        check_end(how, [&] { any.append(bytes); });
        l.ear.expect(2, how);
        check_end(how, [&] { any.write(ns::all, bytes); });
        BOOST_TEST(any.size() == much);
    }
    l.ear.expect(0, answer::go_on);
    l.db.copy(l.t, "copy");
    check_reports(l.ear.heard, true);
    require_sound(l.db);
}

BOOST_AUTO_TEST_SUITE_END()
