// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace crash_test {

using numstore::testing::power_loss;
using numstore::testing::simulated_storage;

inline unsigned first_seed() {
    char const* const given = std::getenv("NUMSTORE_SEED");
    return given == nullptr
               ? 1
               : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
}

/// Some arrays and what they should hold, changed at random, with clones,
/// savepoints, snapshots, checkpoints and reopening; and power losses between
/// and in the middle of calls, from which the database recovers what was
/// committed: all of a call or nothing.
template <class Policies>
class crash_script {
    using array = numstore::array<int, Policies>;
    using database = numstore::basic_database<Policies>;
    using transaction = numstore::basic_transaction<Policies>;
    using snapshot = numstore::basic_snapshot<Policies>;
    using values = std::vector<int>;
    using model = std::map<std::string, values>;

public:
    crash_script(unsigned seed, std::size_t block)
        : random_(seed), device_(block) {
        options_.cache_bytes = std::uint64_t{1} << (14 + below(8));
        options_.log_bytes = std::uint64_t{1} << (14 + below(6));
        device_.record(numstore::testing::recording::off);
        db_ = std::make_unique<database>(device_, options_);
    }

    void run(int steps) {
        for (int i = 0; i != steps; ++i) {
            step();
            look();
            switch (below(50)) {
            case 0: db_->checkpoint(); break;
            case 1: verify(); break;
            case 2: reopen(); break;
            case 3: lose_power(); break;
            case 4: db_->compact(); break;
            case 5: compact_without_power(); break;
            default: break;
            }
        }
        verify();
        lose_power();
        for (auto const& [name, v] : model(model_))
            db_->drop(name);
        model_.clear();
        snapshot_.reset();
        check_space();
    }

private:
    /// Where a step is done: in the database or in a transaction.
    struct place {
        database* db;
        transaction* tx;
        array open(std::string const& name) const {
            return tx != nullptr ? tx->template open<int>(name)
                                 : db->template open<int>(name);
        }
        array create(std::string const& name) const {
            return tx != nullptr ? tx->template create<int>(name)
                                 : db->template create<int>(name);
        }
        template <class F>
        void names(F&& f) const {
            if (tx != nullptr)
                f(*tx);
            else
                f(*db);
        }
    };
    using action = std::function<void(place const&)>;

    std::uint64_t below(std::uint64_t n) {
        return n == 0 ? 0 : random_() % n;
    }
    values fresh(std::uint64_t n) {
        values v(static_cast<std::size_t>(n));
        for (int& x : v)
            x = ++counter_;
        return v;
    }
    static values::iterator at(values& v, std::uint64_t i) {
        return v.begin() + static_cast<std::ptrdiff_t>(i);
    }
    std::string pick(model const& m) {
        auto i = m.begin();
        std::advance(i, static_cast<std::ptrdiff_t>(below(m.size())));
        return i->first;
    }

    // Each changes the model and says how to do the same to the database.

    action change(model& m) {
        if (m.empty() || (m.size() < 6 && below(20) == 0))
            return create(m);
        switch (below(24)) {
        case 0: return clone(m);
        case 1: return m.size() > 3 ? drop(m) : clone(m);
        case 2: return rename(m);
        case 3: return copy(m);
        default: return change_one(pick(m), m);
        }
    }

    action create(model& m) {
        std::string const name = "array " + std::to_string(++counter_);
        m[name];
        return [name](place const& p) { p.create(name); };
    }
    action clone(model& m) {
        std::string const from = pick(m);
        std::string const to = "clone " + std::to_string(++counter_);
        m[to] = m[from];
        return [from, to](place const& p) {
            p.names([&](auto& names) { names.clone(from, to); });
        };
    }
    action drop(model& m) {
        std::string const name = pick(m);
        m.erase(name);
        return [name](place const& p) {
            p.names([&](auto& names) { names.drop(name); });
        };
    }
    action rename(model& m) {
        std::string const from = pick(m);
        std::string const to = "renamed " + std::to_string(++counter_);
        m[to] = std::move(m[from]);
        m.erase(from);
        return [from, to](place const& p) {
            p.names([&](auto& names) { names.rename(from, to); });
        };
    }
    action copy(model& m) {
        std::string const from = pick(m);
        std::string const to = pick(m);
        values const source = m[from];
        std::uint64_t const pos = below(m[to].size() + 1);
        if (source.size() > 20000)
            return [](place const&) {};
        m[to].insert(at(m[to], pos), source.begin(), source.end());
        return [from, to, pos](place const& p) {
            p.open(to).insert(pos, p.open(from));
        };
    }

    action change_one(std::string const& name, model& m) {
        values& v = m[name];
        auto then = [&](auto f) -> action {
            return [name, f = std::move(f)](place const& p) mutable {
                array t = p.open(name);
                f(t);
            };
        };
        if (v.size() > 60000) {
            v.erase(v.begin(), at(v, 40000));
            return then([](array& t) { t.erase(0, 40000); });
        }
        switch (below(10)) {
        case 0: return then(insert(v, below(20)));
        case 1: return then(insert(v, below(3000)));
        case 2: return then(insert_at(v, v.size(), below(20000)));
        case 3: return then(erase(v, 50));
        case 4: return then(erase(v, v.size()));
        case 5: return then(overwrite(v));
        case 6: return then(strided_write(v));
        case 7: return then(strided_erase(v));
        case 8: return then(resize(v));
        default:
            return below(2) == 0 ? then(scatter(v)) : then(erase_at(v));
        }
    }

    auto insert_at(values& v, std::uint64_t pos, std::uint64_t n) {
        values const what = fresh(n);
        v.insert(at(v, pos), what.begin(), what.end());
        return [pos, what](array& t) { t.insert(pos, what); };
    }
    auto insert(values& v, std::uint64_t n) {
        return insert_at(v, below(v.size() + 1), n);
    }
    auto erase(values& v, std::uint64_t most) {
        std::uint64_t const pos = below(v.size());
        std::uint64_t const n =
            below(std::min<std::uint64_t>(v.size() - pos, most) + 1);
        v.erase(at(v, pos), at(v, pos + n));
        return [pos, n](array& t) { t.erase(pos, n); };
    }
    auto overwrite(values& v) {
        std::uint64_t const pos = below(v.size());
        values const what = fresh(below(v.size() - pos + 1));
        std::copy(what.begin(), what.end(), at(v, pos));
        return [pos, what](array& t) { t.write(pos, what); };
    }
    numstore::slice some_slice(values const& v) {
        return {.start = static_cast<std::int64_t>(below(v.size())),
                .step = static_cast<std::int64_t>(1 + below(9))};
    }
    auto strided_write(values& v) {
        numstore::slice const s = some_slice(v);
        auto const where = s.resolve(v.size());
        values const what = fresh(where.count);
        for (std::uint64_t i = 0; i != where.count; ++i)
            *at(v, where[i]) = what[static_cast<std::size_t>(i)];
        return [s, what](array& t) { t.write(s, what); };
    }
    auto strided_erase(values& v) {
        numstore::slice const s = some_slice(v);
        auto const where = s.resolve(v.size());
        values removed;
        values kept;
        std::uint64_t next = 0;
        for (std::uint64_t i = 0; i != v.size(); ++i)
            if (next != where.count && where[next] == i) {
                removed.push_back(*at(v, i));
                ++next;
            } else {
                kept.push_back(*at(v, i));
            }
        v = kept;
        return [s, removed](array& t) {
            BOOST_REQUIRE(t.extract(s) == removed);
        };
    }
    auto resize(values& v) {
        std::uint64_t const n =
            std::min<std::uint64_t>(below(60000), v.size() + 20000);
        v.resize(static_cast<std::size_t>(n));
        return [n](array& t) { t.resize(n); };
    }
    std::vector<std::uint64_t> some_positions(values const& v) {
        std::vector<std::uint64_t> where;
        for (std::size_t i = 0; i != 100 && !v.empty(); ++i)
            where.push_back(below(v.size()));
        std::sort(where.begin(), where.end());
        where.erase(std::unique(where.begin(), where.end()), where.end());
        std::reverse(where.begin(), where.end());
        return where;
    }
    auto scatter(values& v) {
        auto const where = some_positions(v);
        values const what = fresh(where.size());
        for (std::size_t i = 0; i != what.size(); ++i)
            *at(v, where[i]) = what[i];
        return [where, what](array& t) {
            t.scatter(where, what);
            BOOST_REQUIRE(t.gather(where) == what);
        };
    }
    auto erase_at(values& v) {
        auto const where = some_positions(v);
        for (std::uint64_t const pos : where)
            v.erase(at(v, pos));
        return [where](array& t) { t.erase_at(where); };
    }

    // steps

    void step() {
        if (below(30) == 0)
            return step_without_power();
        if (below(4) == 0)
            return transaction_step();
        change(model_)({db_.get(), nullptr});
    }

    void transaction_step() {
        auto tx = db_->begin();
        place const here{db_.get(), &tx};
        model inside = model_;
        for (std::uint64_t i = below(6); i != 0; --i) {
            if (below(3) != 0) {
                change(inside)(here);
                continue;
            }
            auto const mark = tx.savepoint();
            model const before = inside;
            for (int k = 0; k != 2; ++k)
                change(inside)(here);
            if (below(2) == 0) {
                tx.rollback_to(mark);
                inside = before;
            }
        }
        compare(tx, inside);
        if (below(3) == 0) {
            tx.rollback();
        } else {
            tx.commit();
            model_ = inside;
        }
    }

    /// Power goes at a random call: then all of the step is there or nothing.
    void step_without_power() {
        model after = model_;
        std::vector<action> actions;
        for (std::uint64_t i = 1 + below(3); i != 0; --i)
            actions.push_back(change(after));
        device_.cut_power_at(1 + below(20));
        try {
            auto tx = db_->begin();
            for (action& a : actions)
                a({db_.get(), &tx});
            tx.commit();
            db_->checkpoint();
            db_->checkpoint();
        } catch (numstore::error const&) {
        }
        snapshot_.reset();
        simulated_storage const left =
            device_.after_power_loss(power_loss::random(random_()));
        restart_on(left);
        if (content(*db_) == after)
            model_ = after;
        check_all();
    }

    /// Power goes while the file is compacted: the arrays stay as they are.
    void compact_without_power() {
        device_.cut_power_at(1 + below(60));
        try {
            db_->compact();
        } catch (numstore::error const&) {
        }
        snapshot_.reset();
        restart_on(device_.after_power_loss(power_loss::random(random_())));
        check_all();
    }

    // looking

    template <class Names>
    static model content(Names const& in) {
        model found;
        for (auto const& info : in.list())
            found[info.name] =
                const_cast<Names&>(in).template open<int>(info.name)
                    .to_vector();
        return found;
    }
    template <class Names>
    static void compare(Names const& in, model const& expected) {
        BOOST_REQUIRE(content(in) == expected);
    }

    void look() {
        if (below(10) == 0)
            compare(*db_, model_);
        if (below(10) == 0) {
            if (snapshot_)
                compare(*snapshot_, seen_);
            snapshot_.reset();
            if (below(2) == 0) {
                snapshot_ = db_->snapshot();
                seen_ = model_;
            }
        }
        if (below(20) != 0 || model_.empty())
            return;
        std::string const name = pick(model_);
        array const t = db_->template open<int>(name);
        BOOST_REQUIRE(std::ranges::equal(t.view(), model_[name]));
        values runs;
        for (std::span<int const> const run : t.chunks())
            runs.insert(runs.end(), run.begin(), run.end());
        BOOST_REQUIRE(runs == model_[name]);
    }

    void verify() {
        auto const report = db_->verify();
        for (auto const& p : report.problems)
            BOOST_TEST_MESSAGE("page " << p.page << " " << p.array << ": "
                                       << p.what);
        BOOST_REQUIRE(report.ok());
    }
    void check_all() {
        compare(*db_, model_);
        verify();
    }

    /// All comes back once nothing is left, a few nodes at a time.
    void check_space() {
        auto const live = [&] { return db_->stats().live_bytes; };
        for (std::uint64_t before = live() + 1, i = 0;
             i < 4 || live() < before; ++i) {
            before = live();
            db_->template create<int>("x");
            db_->drop("x");
            db_->checkpoint();
        }
        verify();
        BOOST_TEST(live() <= 16 * Policies::page_size);
    }

    void reopen() {
        snapshot_.reset();
        db_->close();
        db_ = std::make_unique<database>(device_, options_);
        check_all();
    }
    void lose_power() {
        snapshot_.reset();
        restart_on(device_.after_power_loss(power_loss::random(random_())));
        check_all();
    }
    void restart_on(simulated_storage const& left) {
        device_.cut_power();
        db_.reset();
        device_ = left;
        device_.record(numstore::testing::recording::off);
        db_ = std::make_unique<database>(device_, options_);
    }

    std::mt19937 random_;
    simulated_storage device_;
    numstore::options options_;
    std::unique_ptr<database> db_;
    model model_;
    std::optional<snapshot> snapshot_;
    model seen_;
    int counter_ = 0;
};

} // namespace crash_test
