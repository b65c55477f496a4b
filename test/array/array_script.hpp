// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "array_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <numeric>
#include <random>
#include <ranges>
#include <source_location>
#include <span>
#include <utility>
#include <vector>

namespace array_test {

/// Not expanded for each type, as the macro is.
inline void
require(bool holds,
        std::source_location const& at = std::source_location::current()) {
    BOOST_REQUIRE_MESSAGE(holds, at.file_name() << ":" << at.line());
}

/// Every call of an array in random order, each beside the same on a vector.
template <class T>
class array_script {
public:
    array_script(database& db, std::uint64_t seed)
        : db_(db),
          t_(db.create<T>("script")),
          other_(db.create<T>("other")),
          random_(seed) {
        other_values_ = values<T>(300, 1000);
        other_.append(other_values_);
    }

    void run(int steps) {
        for (int i = 0; i != steps; ++i) {
            if (random_() % 8 == 0)
                in_a_transaction();
            else
                change(t_, model_);
            check(t_);
        }
        other_.erase(0, other_.size());
        require(t_.in(db_.snapshot()).to_vector() == model_);
        require(db_.verify().ok());
    }

private:
    using vector = std::vector<T>;
    static constexpr std::size_t most = 3000;

    std::size_t below(std::size_t n) {
        return static_cast<std::size_t>(random_() % n);
    }
    std::size_t pos() { return below(model_.size() + 1); }
    vector fresh(std::size_t n) { return values<T>(n, below(1 << 20)); }
    vector some() { return fresh(below(3) == 0 ? below(600) : below(20)); }

    std::vector<std::size_t> distinct() {
        std::vector<std::size_t> p(model_.size());
        std::iota(p.begin(), p.end(), std::size_t{0});
        std::shuffle(p.begin(), p.end(), random_);
        p.resize(below(std::min<std::size_t>(p.size(), 200) + 1));
        return p;
    }

    void in_a_transaction() {
        auto const before = model_;
        auto tx = db_.begin();
        auto inside = t_.in(tx);
        change(inside, model_);
        auto const held = inside.view();
        auto const then = model_;
        auto const mark = tx.savepoint();
        change(inside, model_);
        check(inside);
        if (random_() % 2 == 0) {
            tx.rollback_to(mark);
            model_ = then;
            check(inside);
        }
        change(inside, model_);
        check(inside);
        require(t_.to_vector() == before);
        require(std::ranges::equal(held, then));
        if (random_() % 3 == 0) {
            tx.rollback();
            model_ = before;
        } else {
            tx.commit();
        }
        require(std::ranges::equal(held, then));
    }

    void change(array<T>& t, vector& m) {
        auto const old = t.view();
        auto const was = m;
        if (m.size() > most)
            remove(t, m, 3);
        else
            switch (below(3)) {
            case 0: add(t, m, below(10)); break;
            case 1: overwrite(t, m, below(5)); break;
            default: remove(t, m, below(9));
            }
        require(std::ranges::equal(old, was));
    }

    void add(array<T>& t, vector& m, std::size_t how) {
        auto const v = some();
        auto const at = pos();
        auto const to = m.begin() + static_cast<std::ptrdiff_t>(at);
        switch (how) {
        case 0:
            t.append(v);
            m.insert(m.end(), v.begin(), v.end());
            break;
        case 1:
            t.append(std::list<T>(v.begin(), v.end()));
            m.insert(m.end(), v.begin(), v.end());
            break;
        case 2:
            t.push_back(value<T>(at));
            m.push_back(value<T>(at));
            break;
        case 3:
            t.insert(at, {value<T>(1), value<T>(2)});
            m.insert(to, {value<T>(1), value<T>(2)});
            break;
        case 4: {
            t.insert(at, other_);
            m.insert(to, other_values_.begin(), other_values_.end());
            break;
        }
        case 5: {
            auto const s = random_slice(random_, 300);
            auto const from = selected(other_values_, python_slice(s, 300));
            t.insert(at, other_.in(db_.snapshot()), s);
            m.insert(to, from.begin(), from.end());
            break;
        }
        case 6: {
            auto const s = random_slice(random_, m.size());
            auto const from = selected(m, python_slice(s, m.size()));
            t.insert(at, t, s);
            m.insert(to, from.begin(), from.end());
            break;
        }
        case 7:
            t.resize(m.size() + v.size());
            m.resize(m.size() + v.size());
            break;
        case 8:
            t.resize(m.size() + v.size(), value<T>(at));
            m.resize(m.size() + v.size(), value<T>(at));
            break;
        default:
            t.insert(at, v | std::views::reverse);
            m.insert(to, v.rbegin(), v.rend());
        }
    }

    void overwrite(array<T>& t, vector& m, std::size_t how) {
        switch (how) {
        case 0: {
            auto const at = pos();
            auto const v = fresh(below(m.size() - at + 1));
            t.write(at, v);
            std::copy(v.begin(), v.end(),
                      m.begin() + static_cast<std::ptrdiff_t>(at));
            break;
        }
        case 1: {
            auto const s = random_slice(random_, m.size());
            auto const p = python_slice(s, m.size());
            auto const v = fresh(p.size());
            t.write(s, v);
            put(m, p, v);
            break;
        }
        case 2:
            if (!m.empty()) {
                auto const at = below(m.size());
                t.set(at, value<T>(at + 7));
                m[at] = value<T>(at + 7);
            }
            break;
        case 3: {
            auto const p = python_slice({.start = 2, .step = 3}, m.size());
            auto const v = fresh(p.size());
            t.write(ns::every<3, 2>{}, std::list<T>(v.begin(), v.end()));
            put(m, p, v);
            break;
        }
        default: {
            auto const p = distinct();
            auto const v = fresh(p.size());
            t.scatter(p, v);
            put(m, p, v);
        }
        }
    }

    static void put(vector& m, std::vector<std::size_t> const& p,
                    vector const& v) {
        for (std::size_t i = 0; i != p.size(); ++i)
            m[p[i]] = v[i];
    }

    void remove(array<T>& t, vector& m, std::size_t how) {
        switch (how) {
        case 0:
        case 1: {
            auto const at = pos();
            auto const n = below(std::min<std::size_t>(m.size() - at, 150) + 1);
            auto const from = m.begin() + static_cast<std::ptrdiff_t>(at);
            t.erase(at, n);
            m.erase(from, from + static_cast<std::ptrdiff_t>(n));
            break;
        }
        case 2:
        case 3: {
            auto const s = random_slice(random_, m.size());
            auto const p = python_slice(s, m.size());
            require(t.erase(s) == p.size());
            m = without(m, p);
            break;
        }
        case 4: {
            auto const s = random_slice(random_, m.size());
            auto const p = python_slice(s, m.size());
            require(t.extract(s) == selected(m, p));
            m = without(m, p);
            break;
        }
        case 5: {
            auto const p = distinct();
            t.erase_at(p);
            m = without(m, p);
            break;
        }
        case 6:
            if (!m.empty()) {
                t.pop_back();
                m.pop_back();
            }
            break;
        case 7: {
            auto const n = pos();
            t.resize(n);
            m.resize(n);
            break;
        }
        default: {
            auto const v = fresh(below(900));
            if (below(3) == 0) {
                t.clear();
                t.clear();
                m.clear();
            }
            t.assign(v);
            m = v;
        }
        }
    }

    /// Every way of reading.
    void check(array<T> const& t) {
        auto const& m = model_;
        require(t.size() == m.size());
        require(t.to_vector() == m);
        auto const s = random_slice(random_, m.size());
        auto const expected = selected(m, python_slice(s, m.size()));
        require(t.to_vector(s) == expected);
        require(std::ranges::equal(t.view(s), expected));
        require(t.view(s).to_vector() == expected);
        require(std::ranges::equal(
            t.view(ns::every<3, 1>{}),
            selected(m, python_slice({.start = 1, .step = 3}, m.size()))));
        vector out(expected.size());
        require(t.read(s, out) == expected.size());
        require(out == expected);
        check_places(t);
        if constexpr (ns::detail::in_place<T>)
            check_chunks(t);
    }

    void check_places(array<T> const& t) {
        auto const& m = model_;
        if (m.empty())
            return;
        std::vector<std::uint32_t> at(below(40));
        std::vector<std::size_t> wide;
        for (auto& p : at) {
            p = static_cast<std::uint32_t>(below(m.size()));
            wide.push_back(p);
        }
        require(t.gather(at) == selected(m, wide));
        vector out(at.size());
        t.gather(at, out);
        require(out == selected(m, wide));
        auto const i = below(m.size());
        require(t[i] == m[i] && t.at(i) == m[i]);
        require(t.view()[i] == m[i]);
        require(t.front() == m.front() && t.back() == m.back());
        vector rest(m.size() - i);
        t.read(i, rest);
        require(std::equal(rest.begin(), rest.end(),
                           m.begin() + static_cast<std::ptrdiff_t>(i),
                           m.end()));
    }

    void check_chunks(array<T> const& t) {
        auto const& m = model_;
        auto const at = pos();
        auto const n = below(m.size() - at + 1);
        std::size_t seen = at;
        for (std::span<T const> const run : t.chunks(at, n)) {
            require(!run.empty());
            require(run.size() <= m.size() - seen);
            require(std::equal(run.begin(), run.end(),
                               m.begin() + static_cast<std::ptrdiff_t>(seen)));
            seen += run.size();
        }
        require(seen == at + n);
    }

    database& db_;
    array<T> t_;
    array<T> other_;
    vector other_values_;
    vector model_;
    std::mt19937_64 random_;
};

} // namespace array_test
