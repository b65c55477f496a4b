// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using numstore::testing::power_loss;
using numstore::testing::simulated_storage;

struct small_sizes {
    static constexpr std::uint64_t reserve_bytes = 16384;
    static constexpr std::uint64_t growth_bytes = 16384;
    static constexpr std::uint64_t max_growth_bytes = std::uint64_t{1} << 20;
    static constexpr std::uint64_t log_segment_bytes = 8192;
    static constexpr std::uint64_t max_log_segment_bytes = 65536;
};

struct logged : numstore::default_policies {
    static constexpr std::size_t page_size = 512;
    using storage = simulated_storage;
    using tuning = small_sizes;
};
struct unlogged : logged {
    static constexpr std::size_t page_size = 4096;
    using logging = numstore::no_log;
};

unsigned first_seed() {
    char const* const given = std::getenv("NUMSTORE_SEED");
    return given == nullptr
               ? 1
               : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
}

/// One array and what it should hold, changed at random, with savepoints,
/// checkpoints, reopening, and power losses from which the database recovers
/// what was committed.
template <class Policies>
class script {
    using array = numstore::array<int, Policies>;
    using values = std::vector<int>;

public:
    script(unsigned seed, std::size_t block)
        : random_(seed), device_(block) {
        options_.cache_bytes = std::uint64_t{1} << (14 + below(8));
        options_.log_bytes = std::uint64_t{1} << (14 + below(6));
        device_.record(numstore::testing::recording::off);
        open();
        array_ = std::make_unique<array>(db_->template create<int>("a"));
    }

    void run(int steps) {
        for (int i = 0; i != steps; ++i) {
            if (below(4) == 0)
                transaction();
            else
                change(*array_, model_);
            BOOST_REQUIRE_EQUAL(array_->size(), model_.size());
            look();
            switch (below(40)) {
            case 0: db_->checkpoint(); break;
            case 1: verify(); break;
            case 2: reopen(); break;
            case 3: lose_power(); break;
            default: break;
            }
        }
        verify();
        lose_power();
    }

private:
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

    void change(array t, values& m) {
        switch (below(9)) {
        case 0: insert(t, m, below(20)); break;
        case 1: insert(t, m, below(3000)); break;
        case 2: append(t, m); break;
        case 3: erase(t, m, 50); break;
        case 4: erase(t, m, m.size()); break;
        case 5: overwrite(t, m); break;
        case 6: strided(t, m); break;
        case 7: resize(t, m); break;
        default: scattered(t, m); break;
        }
        if (m.size() > 120000) {
            t.erase(0, 60000);
            m.erase(m.begin(), at(m, 60000));
        }
    }

    void insert(array& t, values& m, std::uint64_t n) {
        values const v = fresh(n);
        std::uint64_t const pos = below(m.size() + 1);
        t.insert(pos, v);
        m.insert(at(m, pos), v.begin(), v.end());
    }
    void append(array& t, values& m) {
        values const v = fresh(below(40000));
        t.append(v);
        m.insert(m.end(), v.begin(), v.end());
    }
    void erase(array& t, values& m, std::uint64_t most) {
        std::uint64_t const pos = below(m.size());
        std::uint64_t const n =
            below(std::min<std::uint64_t>(m.size() - pos, most) + 1);
        t.erase(pos, n);
        m.erase(at(m, pos), at(m, pos + n));
    }
    void overwrite(array& t, values& m) {
        std::uint64_t const pos = below(m.size());
        values const v = fresh(below(m.size() - pos + 1));
        t.write(pos, v);
        std::copy(v.begin(), v.end(), at(m, pos));
    }
    void strided(array& t, values& m) {
        numstore::slice const s{
            .start = static_cast<std::int64_t>(below(m.size())),
            .step = static_cast<std::int64_t>(1 + below(9))};
        auto const what = s.resolve(m.size());
        if (below(2) == 0) {
            values const v = fresh(what.count);
            t.write(s, v);
            for (std::uint64_t i = 0; i != what.count; ++i)
                *at(m, what[i]) = v[static_cast<std::size_t>(i)];
            return;
        }
        values removed;
        values kept;
        std::uint64_t next = 0;
        for (std::uint64_t i = 0; i != m.size(); ++i)
            if (next != what.count && what[next] == i) {
                removed.push_back(*at(m, i));
                ++next;
            } else {
                kept.push_back(*at(m, i));
            }
        BOOST_REQUIRE(t.extract(s) == removed);
        m = kept;
    }
    void resize(array& t, values& m) {
        std::uint64_t const n =
            std::min<std::uint64_t>(below(100000), m.size() + 20000);
        t.resize(n);
        m.resize(static_cast<std::size_t>(n));
    }
    void scattered(array& t, values& m) {
        if (m.empty())
            return;
        std::map<std::uint64_t, int> chosen;
        for (int i = 0; i != 100; ++i)
            chosen[below(m.size())] = ++counter_;
        std::vector<std::uint64_t> where;
        values v;
        for (auto const& [pos, value] : chosen) {
            where.push_back(pos);
            v.push_back(value);
        }
        std::reverse(where.begin(), where.end());
        std::reverse(v.begin(), v.end());
        if (below(2) == 0) {
            t.scatter(where, v);
            for (std::size_t i = 0; i != v.size(); ++i)
                *at(m, where[i]) = v[i];
            BOOST_REQUIRE(t.gather(where) == v);
        } else {
            t.erase_at(where);
            for (std::uint64_t const pos : where)
                m.erase(at(m, pos));
        }
    }

    void transaction() {
        auto tx = db_->begin();
        values inside = model_;
        array t = array_->in(tx);
        for (std::uint64_t i = below(5); i != 0; --i) {
            if (below(3) != 0) {
                change(t, inside);
                continue;
            }
            auto const mark = tx.savepoint();
            values const before = inside;
            change(t, inside);
            change(t, inside);
            BOOST_REQUIRE(t.to_vector() == inside);
            if (below(2) == 0) {
                tx.rollback_to(mark);
                inside = before;
            }
        }
        BOOST_REQUIRE(t.to_vector() == inside);
        if (below(3) == 0) {
            tx.rollback();
        } else {
            tx.commit();
            model_ = inside;
        }
    }

    void look() {
        if (below(6) == 0)
            BOOST_REQUIRE(array_->to_vector() == model_);
        if (below(20) != 0)
            return;
        BOOST_REQUIRE(std::ranges::equal(array_->view(), model_));
        values runs;
        for (std::span<int const> const run : array_->chunks())
            runs.insert(runs.end(), run.begin(), run.end());
        BOOST_REQUIRE(runs == model_);
    }

    void verify() {
        auto const report = db_->verify();
        for (auto const& p : report.problems)
            BOOST_TEST_MESSAGE("page " << p.page << " " << p.array << ": "
                                       << p.what);
        BOOST_REQUIRE(report.ok());
    }

    void open() {
        db_ = std::make_unique<numstore::basic_database<Policies>>(device_,
                                                                   options_);
    }
    void find_again() {
        open();
        array_ = std::make_unique<array>(db_->template open<int>("a"));
        BOOST_REQUIRE(array_->to_vector() == model_);
        verify();
    }
    void reopen() {
        array_.reset();
        db_->close();
        find_again();
    }
    void lose_power() {
        simulated_storage const left =
            device_.after_power_loss(power_loss::random(random_()));
        device_.cut_power();
        array_.reset();
        db_.reset();
        device_ = left;
        device_.record(numstore::testing::recording::off);
        find_again();
    }

    std::mt19937 random_;
    simulated_storage device_;
    numstore::options options_;
    std::unique_ptr<numstore::basic_database<Policies>> db_;
    std::unique_ptr<array> array_;
    values model_;
    int counter_ = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(crash_random_script)

BOOST_AUTO_TEST_CASE(committed_work_survives_power_losses) {
    unsigned const first = first_seed();
    for (unsigned seed = first; seed != first + 4; ++seed) {
        BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
        script<logged>(seed, 512).run(150);
        script<logged>(seed, 4096).run(100);
    }
}

BOOST_AUTO_TEST_CASE(without_a_log_each_commit_is_a_checkpoint) {
    unsigned const first = first_seed();
    for (unsigned seed = first; seed != first + 2; ++seed) {
        BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
        script<unlogged>(seed, 4096).run(100);
    }
}

BOOST_AUTO_TEST_SUITE_END()
