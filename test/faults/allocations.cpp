// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/in_file.hpp"
#include "../bags/simulated_512.hpp"
#include "../storage/support.hpp"
#include "allocation_trial.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(faults_allocations)

// The n-th allocation of each call fails, for all n until the call succeeds;
// once, or from then on. NUMSTORE_FAULT=name runs the calls of one name.

namespace {

using namespace faults_test;
using bag = bags::simulated_512;
using bags::in_file;
using database = ns::basic_database<bag>;
using transaction = ns::basic_transaction<bag>;
using array = ns::array<int, bag>;

long seen = 0; ///< of what is read to be read

/// A call and what it does to the arrays; what comes before `run` works.
struct call {
    std::string name;
    std::function<void(database&, trial& run)> on_disk;
    std::function<void(model&)> in_model{};
};

/// An edit of array "a": tried outside of transactions, and in one.
struct edit {
    std::string name;
    std::function<void(array&)> on_disk;
    std::function<void(values&)> in_model{};
};

// Made before anything fails.
values const all_numbers = numbers(20'000);
std::vector<std::uint64_t> const all_positions = [] {
    std::vector<std::uint64_t> positions;
    for (std::size_t i = 0; i != 1000; ++i)
        positions.push_back((i * 389) % 2000);
    return positions;
}();
std::string const long_text(90, 'k');

/// The first `n` numbers.
std::span<int const> some(std::size_t n) {
    return std::span(all_numbers).first(n);
}
std::span<int const> many() { return all_numbers; }

/// `n` positions in no order, none twice.
std::span<std::uint64_t const> scattered(std::size_t n) {
    return std::span(all_positions).first(n);
}

std::ptrdiff_t at(std::size_t i) { return static_cast<std::ptrdiff_t>(i); }

void erase_scattered(values& v, std::size_t n) {
    std::vector<std::uint64_t> positions(scattered(n).begin(),
                                         scattered(n).end());
    std::sort(positions.rbegin(), positions.rend());
    for (std::uint64_t const i : positions)
        v.erase(v.begin() + at(i));
}

std::vector<edit> growing_edits() {
    return {
        {"append", [](array& a) { a.append(some(200)); },
         [](values& v) { insert_into(v, at(v.size()), numbers(200)); }},
        {"append much", [](array& a) { a.append(many()); },
         [](values& v) { insert_into(v, at(v.size()), numbers(20'000)); }},
        {"insert", [](array& a) { a.insert(700, {1, 2, 3}); },
         [](values& v) { insert_into(v, 700, {1, 2, 3}); }},
        {"insert much", [](array& a) { a.insert(700, many()); },
         [](values& v) { insert_into(v, 700, numbers(20'000)); }},
        {"insert a range",
         [](array& a) {
             a.insert(9, std::views::iota(0, 20'000)
                             | std::views::transform(
                                 [](int i) { return 2 * i; }));
         },
         [](values& v) {
             values more(20'000);
             for (std::size_t i = 0; i != more.size(); ++i)
                 more[i] = static_cast<int>(2 * i);
             insert_into(v, 9, more);
         }},
        {"insert a slice of itself",
         [](array& a) { a.insert(10, a, ns::slice{.step = 5}); },
         [](values& v) {
             values some;
             for (std::size_t i = 0; i < v.size(); i += 5)
                 some.push_back(v[i]);
             insert_into(v, 10, some);
         }},
        {"push_back", [](array& a) { a.push_back(7); },
         [](values& v) { v.push_back(7); }},
        {"resize to more", [](array& a) { a.resize(9000); },
         [](values& v) { v.resize(9000); }},
        {"resize and fill", [](array& a) { a.resize(4000, 8); },
         [](values& v) { v.resize(4000, 8); }},
        {"assign", [](array& a) { a.assign(some(900)); },
         [](values& v) { v = numbers(900); }},
    };
}

std::vector<edit> writing_edits() {
    return {
        {"write", [](array& a) { a.write(100, some(300)); },
         [](values& v) {
             values const n = numbers(300);
             std::copy(n.begin(), n.end(), v.begin() + 100);
         }},
        {"write a slice",
         [](array& a) {
             a.write(ns::slice{.stop = 1500, .step = 3}, some(500));
         },
         [](values& v) {
             for (std::size_t i = 0; i != 500; ++i)
                 v[3 * i] = static_cast<int>(i);
         }},
        {"set", [](array& a) { a.set(44, -1); },
         [](values& v) { v[44] = -1; }},
        {"scatter",
         [](array& a) { a.scatter(scattered(60), some(60)); },
         [](values& v) {
             auto const positions = scattered(60);
             for (std::size_t i = 0; i != 60; ++i)
                 v[positions[i]] = static_cast<int>(i);
         }},
    };
}

std::vector<edit> erasing_edits() {
    return {
        {"erase", [](array& a) { a.erase(50, 900); },
         [](values& v) { v.erase(v.begin() + 50, v.begin() + 950); }},
        {"erase a slice", [](array& a) { a.erase(ns::slice{.step = 2}); },
         [](values& v) { v = every_second(v); }},
        {"extract", [](array& a) { a.extract(ns::slice{.step = 2}); },
         [](values& v) { v = every_second(v); }},
        {"erase_at", [](array& a) { a.erase_at(scattered(60)); },
         [](values& v) { erase_scattered(v, 60); }},
        {"pop_back", [](array& a) { a.pop_back(); },
         [](values& v) { v.pop_back(); }},
        {"resize to less", [](array& a) { a.resize(40); },
         [](values& v) { v.resize(40); }},
        {"clear", [](array& a) { a.clear(); }, [](values& v) { v.clear(); }},
    };
}

std::vector<edit> reading_edits() {
    return {
        {"to_vector", [](array& a) { a.to_vector(); }},
        {"to_vector of a slice",
         [](array& a) { a.to_vector(ns::slice{.step = -7}); }},
        {"read",
         [](array& a) {
             std::array<int, 300> out{};
             a.read(500, std::span<int>(out));
             a.read(ns::slice{.stop = 900, .step = 3}, std::span<int>(out));
         }},
        {"elements", [](array& a) { a.at(900), a.front(), a.back(); }},
        {"size", [](array& a) { a.size(), a.empty(); }},
        {"gather", [](array& a) { a.gather(scattered(50)); }},
        {"view",
         [](array& a) {
             for (int const i : a.view())
                 seen += i;
             for (int const i : a.view(ns::every<3, 1>{}))
                 seen += i;
             a.view(ns::slice{.step = 5}).to_vector();
         }},
        {"chunks",
         [](array& a) {
             for (std::span<int const> const run : a.chunks())
                 seen += run.front();
         }},
        {"attributes",
         [](array& a) {
             a.attributes().get<std::string>("unit");
             a.attributes().get_if<double>("none");
             a.attributes().contains("unit");
             a.attributes().list();
         }},
        {"change attributes",
         [](array& a) {
             a.attributes().set("unit", long_text);
         }},
        {"erase an attribute",
         [](array& a) { a.attributes().erase("unit"); }},
    };
}

std::vector<call> calls_of_names() {
    return {
        {"create", [](auto& db, auto& run) {
             run([&] { db.template create<int>("new"); });
         },
         [](model& m) { m["new"]; }},
        {"open_or_create", [](auto& db, auto& run) {
             run([&] { db.template open_or_create<int>("new"); });
         },
         [](model& m) { m["new"]; }},
        {"create_any", [](auto& db, auto& run) {
             auto const type = ns::element_type::parse("i32");
             run([&] { db.create_any("new", type); });
         },
         [](model& m) { m["new"]; }},
        {"open", [](auto& db, auto& run) {
             run([&] { db.template open<int>("b"); });
         }},
        {"open_any", [](auto& db, auto& run) {
             run([&] {
                 auto x = db.open_any("a");
                 x.info();
                 x.read(ns::slice{.stop = 10});
                 x.to_string(5);
                 x.visit([](auto const& typed) { typed.size(); });
             });
         }},
        {"change any", [](auto& db, auto& run) {
             auto x = db.open_any("s");
             std::array<std::byte, 8> const bytes{};
             run([&] { x.insert(1, bytes); });
         },
         [](model& m) { insert_into(m["s"], 1, {0, 0}); }},
        {"the free functions", [](auto& db, auto& run) {
             run([&] {
                 ns::create<int>(db, "new");
                 ns::open<int>(db, "b");
             });
         },
         [](model& m) { m["new"]; }},
        {"contains", [](auto& db, auto& run) {
             run([&] { db.contains("a"), db.contains("none"); });
         }},
        {"list", [](auto& db, auto& run) { run([&] { db.list("*"); }); }},
        {"rename", [](auto& db, auto& run) {
             run([&] { db.rename("a", "renamed"); });
         },
         [](model& m) {
             m["renamed"] = m["a"];
             m.erase("a");
         }},
        {"drop", [](auto& db, auto& run) { run([&] { db.drop("a"); }); },
         [](model& m) { m.erase("a"); }},
        {"clone", [](auto& db, auto& run) {
             run([&] { db.clone("a", "cloned"); });
         },
         [](model& m) { m["cloned"] = m["a"]; }},
        {"copy", [](auto& db, auto& run) {
             run([&] { db.copy(db.template open<int>("a"), "copied"); });
         },
         [](model& m) { m["copied"] = m["a"]; }},
    };
}

/// The file is there once it is whole, and leaves nothing beside it.
void back_up_to_file(database& db, trial& run) {
    ns::testing::temporary_directory const directory;
    std::string const path = directory.path() + "/copy.ns";
    run([&] { db.backup<in_file>(path); });
    auto const files =
        std::distance(std::filesystem::directory_iterator(directory.path()),
                      std::filesystem::directory_iterator());
    bool const made = std::filesystem::exists(path);
    BOOST_TEST_REQUIRE(files == (made ? 1 : 0));
    BOOST_TEST_REQUIRE((made || run.threw()));
    if (!made)
        return;
    ns::basic_database<in_file> copy(path,
                                     {.mode = ns::open_mode::read_only});
    BOOST_TEST_REQUIRE((content(copy) == content(db)));
    require_sound(copy);
}

std::vector<call> calls_of_databases() {
    return {
        {"snapshot", [](database& db, trial& run) {
             run([&] {
                 auto const snap = db.snapshot();
                 snap.open<int>("a").to_vector();
                 snap.contains("a");
                 snap.list();
             });
         }},
        {"checkpoint",
         [](database& db, trial& run) { run([&] { db.checkpoint(); }); }},
        {"verify",
         [](database& db, trial& run) {
             run([&] { BOOST_TEST_REQUIRE(db.verify().ok()); });
         }},
        {"stats", [](database& db, trial& run) { run([&] { db.stats(); }); }},
        {"compact",
         [](database& db, trial& run) { run([&] { db.compact(); }); }},
        {"close", [](database& db, trial& run) {
             auto tx = db.begin();
             tx.open<int>("a").append(some(3000));
             run([&] { db.close(); });
         }},
        {"close by the destructor", [](database& db, trial& run) {
             run([&] { database gone(std::move(db)); });
         }},
        {"backup", [](database& db, trial& run) {
             spared_storage device{simulated_storage(512)};
             database target(device);
             run([&] { db.backup(target); });
             model const copied = content(target);
             BOOST_TEST_REQUIRE((copied.empty() || copied == content(db)));
             BOOST_TEST_REQUIRE((run.threw() || !copied.empty()));
             require_sound(target);
         }},
        {"backup to a file", back_up_to_file},
    };
}

std::vector<call> calls_of_transactions() {
    auto const work = [](transaction& tx) {
        auto a = tx.open<int>("a");
        a.insert(300, some(1000));
        a.erase(ns::slice{.step = 2});
        tx.create<int>("new").append(many());
        tx.clone("b", "b2");
        tx.drop("s");
    };
    auto const effect = [](model& m) {
        insert_into(m["a"], 300, numbers(1000));
        m["a"] = every_second(m["a"]);
        m["new"] = values(many().begin(), many().end());
        m["b2"] = m["b"];
        m.erase("s");
    };
    return {
        {"begin", [](database& db, trial& run) { run([&] { db.begin(); }); }},
        {"commit",
         [=](database& db, trial& run) {
             auto tx = db.begin();
             work(tx);
             run([&] { tx.commit(); });
         },
         effect},
        {"transact",
         [=](database& db, trial& run) { run([&] { db.transact(work); }); },
         effect},
        {"rollback", [=](database& db, trial& run) {
             auto tx = db.begin();
             work(tx);
             run([&] { tx.rollback(); });
         }},
        {"rollback by the destructor", [=](database& db, trial& run) {
             auto tx = std::make_unique<transaction>(db.begin());
             work(*tx);
             run([&] { tx.reset(); });
         }},
        {"savepoint",
         [=](database& db, trial& run) {
             auto tx = db.begin();
             work(tx);
             model const before = content(tx);
             run([&] { tx.savepoint(); });
             BOOST_TEST_REQUIRE(tx.is_active());
             BOOST_TEST_REQUIRE((content(tx) == before));
         }},
        {"rollback_to", [=](database& db, trial& run) {
             auto tx = db.begin();
             auto const mark = tx.savepoint();
             work(tx);
             run([&] { tx.rollback_to(mark); });
         }},
    };
}

/// Outside of a transaction.
call alone(edit const& e) {
    call c{e.name, [e](database& db, trial& run) {
               auto a = db.open<int>("a");
               run([&] { e.on_disk(a); });
           }};
    if (e.in_model)
        c.in_model = [e](model& m) { e.in_model(m["a"]); };
    return c;
}

/// In a transaction, which is as before the call if that fails, or has been
/// rolled back.
call inside(edit const& e) {
    auto const effect = [e](values& v, bool all) {
        insert_into(v, 3, numbers(30));
        if (all && e.in_model)
            e.in_model(v);
    };
    call c{e.name + " in a transaction", [=](database& db, trial& run) {
               auto tx = db.begin();
               auto a = tx.open<int>("a");
               values expected = a.to_vector();
               a.insert(3, numbers(30));
               run([&] { e.on_disk(a); });
               effect(expected, !run.threw());
               if (!tx.is_active())
                   return;
               BOOST_TEST_REQUIRE((a.to_vector() == expected));
               if (run.threw())
                   tx.rollback();
               else
                   tx.commit();
           }};
    c.in_model = [=](model& m) { effect(m["a"], true); };
    return c;
}

/// What all trials begin with: trees, a clone, a hole, a small array and
/// attributes, on disk and then changed in memory.
class setting {
public:
    setting() : image_(512) {
        image_.record(ns::testing::recording::off);
        database db{spared_storage(image_)};
        db.create<int>("a").append(numbers(2000));
        db.open<int>("a").resize(2600);
        db.open<int>("a").attributes().set("unit", "degC");
        db.clone("a", "b");
        db.create<int>("s").append(numbers(5));
    }

    simulated_storage device() const { return image_.clone(); }

    static void change(database& db) {
        db.open<int>("a").insert(500, numbers(40));
        db.open<int>("b").write(9, numbers(300));
    }

private:
    simulated_storage image_;
};

void fail_everywhere(std::vector<call> const& calls) {
    setting const from;
    for (call const& c : calls)
        if (is_wanted(c.name))
            fail_each_allocation(c.name, [&](fault f) {
                return try_once<bag>(from.device(), f, setting::change,
                                     c.on_disk, c.in_model);
            });
}

void fail_in_edits(std::vector<edit> const& edits) {
    std::vector<call> calls;
    for (edit const& e : edits) {
        calls.push_back(alone(e));
        calls.push_back(inside(e));
    }
    fail_everywhere(calls);
}

/// Opening what is left of a crash; false if no allocation failed.
bool open_once(simulated_storage const& crashed, model const& known,
               fault f) {
    simulated_storage const device = crashed.clone();
    trial run(f);
    std::optional<database> db;
    run([&] { db.emplace(spared_storage(device), small_cache); });
    BOOST_TEST_REQUIRE((!run.threw() || run.code() == ns::errc::no_memory));
    if (run.threw())
        db.emplace(spared_storage(device.reopen()), small_cache);
    BOOST_TEST_REQUIRE((content(*db) == known));
    require_sound(*db);
    return !run.allocations();
}

} // namespace

BOOST_AUTO_TEST_CASE(growing) { fail_in_edits(growing_edits()); }
BOOST_AUTO_TEST_CASE(writing) { fail_in_edits(writing_edits()); }
BOOST_AUTO_TEST_CASE(erasing) { fail_in_edits(erasing_edits()); }
BOOST_AUTO_TEST_CASE(reading) { fail_in_edits(reading_edits()); }
BOOST_AUTO_TEST_CASE(names) { fail_everywhere(calls_of_names()); }
BOOST_AUTO_TEST_CASE(databases) { fail_everywhere(calls_of_databases()); }
BOOST_AUTO_TEST_CASE(transactions) {
    fail_everywhere(calls_of_transactions());
}

BOOST_AUTO_TEST_CASE(opening) {
    setting const from;
    simulated_storage const device = from.device();
    database db(spared_storage(device), small_cache);
    setting::change(db);
    db.drop("b");
    db.clone("a", "c");
    db.open<int>("c").append(many());
    model const known = content(db);
    simulated_storage const crashed = device.clone();
    for (bool const sticky : {false, true})
        for (long nth = 0; open_once(crashed, known, {nth, sticky});
             nth += is_long() ? 1 : 1 + nth / 12)
            count_allocation_failure();
}

BOOST_AUTO_TEST_SUITE_END()
