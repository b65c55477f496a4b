// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spared_storage.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

namespace faults_test {

namespace ns = numstore;

using values = std::vector<int>;
using model = std::map<std::string, values>;

/// Their memory does not run out.
inline values numbers(std::size_t n, int first = 0) {
    sparing const spared;
    values v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

template <class Face>
model content(Face& face) {
    model found;
    for (auto const& info : face.list())
        found[info.name] = face.template open<int>(info.name).to_vector();
    return found;
}

template <class Database>
void require_sound(Database& db) {
    auto const report = db.verify();
    for (auto const& p : report.problems)
        BOOST_TEST_MESSAGE("page " << p.page << " " << p.array << ": "
                                   << p.what);
    BOOST_TEST_REQUIRE(report.ok());
}

/// True if the database takes no more writes; else they work.
template <class Database>
bool has_failed(Database& db) {
    try {
        db.template create<int>("probe").append({1, 2, 3});
        db.drop("probe");
        return false;
    } catch (ns::error const& e) {
        BOOST_TEST_REQUIRE(e.code() == ns::errc::failed);
        return true;
    }
}

/// True where an environment variable asks for all that can be tested.
inline bool is_long() { return std::getenv("NUMSTORE_LONG") != nullptr; }

/// Under a sanitizer less must do.
#ifndef NUMSTORE_TEST_THINNED
inline constexpr bool is_optimised = true;
#else
inline constexpr bool is_optimised = false;
#endif

/// What was done, by name: printed when all is over.
inline std::map<std::string, std::uint64_t>& figures() {
    static std::map<std::string, std::uint64_t> all;
    return all;
}

/// One step in the database and in the model. Those of the database alone
/// leave the arrays as they are.
template <class Policies>
struct step {
    using database = ns::basic_database<Policies>;
    std::string name;
    std::function<void(database&)> on_disk;
    std::function<void(model&)> in_model{};
};

inline void insert_into(values& v, std::ptrdiff_t at, values const& more) {
    v.insert(v.begin() + at, more.begin(), more.end());
}

inline values every_second(values const& v) {
    values left;
    for (std::size_t i = 1; i < v.size(); i += 2)
        left.push_back(v[i]);
    return left;
}

/// Work of all kinds with arrays of about `n` elements.
template <class Policies>
class fault_script {
    using database = ns::basic_database<Policies>;

public:
    using steps = std::vector<step<Policies>>;

    static steps all(std::size_t n) {
        steps script = beginning(n);
        for (steps const& more : {transactions(n), ending(n)})
            script.insert(script.end(), more.begin(), more.end());
        return script;
    }

private:
    static steps beginning(std::size_t n) {
        return {
            {"create and append",
             [=](database& db) {
                 auto tx = db.begin();
                 tx.template create<int>("a").append(numbers(n));
                 tx.commit();
             },
             [=](model& m) { m["a"] = numbers(n); }},
            {"clone", [](database& db) { db.clone("a", "b"); },
             [](model& m) { m["b"] = m["a"]; }},
            {"checkpoint", [](database& db) { db.checkpoint(); }},
            {"insert into a clone",
             [](database& db) {
                 db.template open<int>("b").insert(100, numbers(50, -50));
             },
             [](model& m) { insert_into(m["b"], 100, numbers(50, -50)); }},
            {"drop", [](database& db) { db.drop("a"); },
             [](model& m) { m.erase("a"); }},
        };
    }

    static steps transactions(std::size_t n) {
        return {
            {"roll back to a savepoint, and commit",
             [](database& db) {
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
            {"a checkpoint beside a transaction",
             [=](database& db) {
                 auto tx = db.begin();
                 tx.template open<int>("b").append(numbers(4 * n, 7));
                 try {
                     db.checkpoint();
                 } catch (ns::error const&) {
                     // What is on its pages already must be safe all the same.
                 }
                 tx.commit();
             },
             [=](model& m) {
                 auto& b = m["b"];
                 insert_into(b, static_cast<std::ptrdiff_t>(b.size()),
                             numbers(4 * n, 7));
             }},
            {"roll back",
             [](database& db) {
                 auto tx = db.begin();
                 auto d = tx.template open<int>("d");
                 d.write(ns::slice{.step = 3},
                         numbers((d.size() + 2) / 3, 9));
                 tx.rollback();
             }},
            {"roll back much",
             [=](database& db) {
                 auto tx = db.begin();
                 tx.template open<int>("d").insert(3, numbers(5 * n));
                 tx.template create<int>("e").append(numbers(n));
                 tx.drop("b");
             }},
        };
    }

    static steps ending(std::size_t n) {
        return {
            {"compact", [](database& db) { db.compact(); }},
            {"erase every second",
             [](database& db) {
                 db.template open<int>("b").erase(ns::slice{.step = 2});
             },
             [](model& m) { m["b"] = every_second(m["b"]); }},
            {"checkpoint", [](database& db) { db.checkpoint(); }},
            {"insert much",
             [=](database& db) {
                 db.template open<int>("d").insert(350, numbers(4 * n));
             },
             [=](model& m) { insert_into(m["d"], 350, numbers(4 * n)); }},
            {"compact", [](database& db) { db.compact(); }},
        };
    }
};

} // namespace faults_test
