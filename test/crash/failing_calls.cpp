// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace ns = numstore;
using ns::testing::power_loss;
using ns::testing::simulated_storage;

namespace {

template <std::size_t PageSize>
struct policies : ns::default_policies {
    static constexpr std::size_t page_size = PageSize;
    using storage = simulated_storage;
    struct tuning : ns::default_tuning {
        static constexpr std::uint64_t reserve_bytes = 16 * PageSize;
        static constexpr std::uint64_t growth_bytes = 16 * PageSize;
        static constexpr std::uint64_t max_growth_bytes = 256 * PageSize;
        static constexpr std::uint64_t log_segment_bytes =
            PageSize < 8192 ? 8192 : PageSize;
        static constexpr std::uint64_t max_log_segment_bytes = 65536;
    };
};

using values = std::vector<int>;
using model = std::map<std::string, values>;

values numbers(std::size_t n, int first = 0) {
    values v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

/// Changes of all kinds, in the database and in the model. Those of the
/// database alone must leave the arrays as they are.
template <class Policies>
struct change {
    using database = ns::basic_database<Policies>;
    std::function<void(database&)> on_disk;
    std::function<void(model&)> in_model{};

    static std::vector<change> script(std::size_t n) {
        return {
            {[=](database& db) {
                 auto tx = db.begin();
                 tx.template create<int>("a").append(numbers(n));
                 tx.commit();
             },
             [=](model& m) { m["a"] = numbers(n); }},
            {[](database& db) { db.clone("a", "b"); },
             [](model& m) { m["b"] = m["a"]; }},
            {[](database& db) { db.checkpoint(); }},
            {[](database& db) {
                 db.template open<int>("b").insert(100, numbers(50, -50));
             },
             [](model& m) {
                 auto const v = numbers(50, -50);
                 m["b"].insert(m["b"].begin() + 100, v.begin(), v.end());
             }},
            {[](database& db) { db.drop("a"); },
             [](model& m) { m.erase("a"); }},
            {[](database& db) {
                 auto tx = db.begin();
                 auto c = tx.template create<int>("c");
                 c.append(numbers(700));
                 auto const mark = tx.savepoint();
                 tx.drop("b");
                 c.erase(ns::slice{.step = 2});
                 tx.rollback_to(mark);
                 tx.rename("c", "d");
                 tx.commit();
             },
             [](model& m) { m["d"] = numbers(700); }},
            {[](database& db) { db.compact(); }},
            {[](database& db) {
                 db.template open<int>("b").erase(ns::slice{.step = 2});
             },
             [](model& m) {
                 values left;
                 for (std::size_t i = 1; i < m["b"].size(); i += 2)
                     left.push_back(m["b"][i]);
                 m["b"] = left;
             }},
            {[](database& db) { db.checkpoint(); }},
            {[=](database& db) {
                 db.template open<int>("d").insert(350, numbers(4 * n));
             },
             [=](model& m) {
                 auto const v = numbers(4 * n);
                 m["d"].insert(m["d"].begin() + 350, v.begin(), v.end());
             }},
            {[](database& db) {
                 auto tx = db.begin();
                 auto d = tx.template open<int>("d");
                 d.write(ns::slice{.step = 3},
                         numbers((d.size() + 2) / 3, 9));
                 tx.rollback();
             }},
            {[](database& db) { db.compact(); }},
        };
    }
};

template <class Database>
model content(Database& db) {
    model found;
    for (auto const& info : db.list())
        found[info.name] = db.template open<int>(info.name).to_vector();
    return found;
}

template <class Policies>
void fail_everywhere(std::size_t block, std::errc code, bool sticky,
                     std::size_t n) {
    using database = ns::basic_database<Policies>;
    ns::options const o{.cache_bytes = 1 << 14};
    auto const script = change<Policies>::script(n);
    for (std::uint64_t nth = 1;; ++nth) {
        BOOST_TEST_CONTEXT("call " << nth) {
            simulated_storage device(block);
            model known;
            model attempted;
            bool failed = false;
            {
                database db(device, o);
                device.inject({.nth = nth,
                               .error = std::make_error_code(code),
                               .sticky = sticky});
                for (auto const& step : script) {
                    attempted = known;
                    if (step.in_model)
                        step.in_model(attempted);
                    try {
                        step.on_disk(db);
                        known = attempted;
                    } catch (ns::error const& e) {
                        failed = true;
                        if (e.code() == ns::errc::failed)
                            break; // it may have happened
                        BOOST_TEST_REQUIRE((content(db) == known));
                    }
                    if (failed)
                        break;
                }
            }
            bool const met = device.counts().failed != 0;
            device.clear_faults();
            for (simulated_storage const& left :
                 {device.reopen(),
                  device.after_power_loss(power_loss::random(nth))}) {
                database again(left, o);
                auto const report = again.verify();
                for (auto const& p : report.problems)
                    BOOST_TEST_MESSAGE(p.page << " " << p.what);
                BOOST_TEST_REQUIRE(report.ok());
                model const found = content(again);
                BOOST_TEST_REQUIRE((found == known || found == attempted));
            }
            if (!failed && !met)
                return;
            BOOST_TEST_REQUIRE(nth < 3000U);
        }
    }
}

template <class Policies>
void fail_with_everything(std::size_t block, std::size_t n) {
    for (bool const sticky : {false, true})
        for (auto const code :
             {std::errc::io_error, std::errc::no_space_on_device})
            fail_everywhere<Policies>(block, code, sticky, n);
}

} // namespace

BOOST_AUTO_TEST_SUITE(crash_failing_calls)

BOOST_AUTO_TEST_CASE(pages_of_512_bytes) {
    fail_with_everything<policies<512>>(512, 2000);
}
BOOST_AUTO_TEST_CASE(pages_of_64_kib) {
    fail_with_everything<policies<65536>>(4096, 20'000);
}

BOOST_AUTO_TEST_SUITE_END()
