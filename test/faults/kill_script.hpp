// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fault_script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>

namespace faults_test {

/// An endless script of random steps, each of them the same wherever it is
/// run: on a database and a model, or on the model alone, which tells what
/// the database should hold. A step commits once, or not at all.
template <class Policies>
class kill_script {
    using database = ns::basic_database<Policies>;
    using transaction = ns::basic_transaction<Policies>;

public:
    /// Arrays get about `most` elements at most.
    kill_script(std::uint64_t seed, std::size_t most)
        : seed_(seed), most_(most) {}

    /// The step of this number; `db` may be null.
    void run(std::uint64_t number, model& m, database* db) {
        random_.seed(seed_ * 0x9E3779B97F4A7C15U + number);
        switch (below(14)) {
        case 0: return look_after(db);
        case 1:
        case 2:
        case 3: return transact(m, db);
        default: return change(m, db);
        }
    }

private:
    std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
    std::size_t skewed(std::size_t most) {
        switch (below(3)) {
        case 0: return below(std::min<std::size_t>(most, 20) + 1);
        case 1: return below(most / 8 + 1);
        default: return below(most + 1);
        }
    }
    values fresh(std::size_t n) {
        return numbers(n, static_cast<int>(below(std::size_t{1} << 30)));
    }

    void look_after(database* db) {
        std::size_t const what = below(4);
        if (db == nullptr)
            return;
        switch (what) {
        case 0: return db->compact();
        case 1:
            db->begin().template open_or_create<int>("never").append({1, 2});
            return;
        default: return db->checkpoint();
        }
    }

    void transact(model& m, database* db) {
        std::unique_ptr<transaction> tx;
        if (db != nullptr)
            tx = std::make_unique<transaction>(db->begin());
        model inside = m;
        for (std::size_t n = 1 + below(4); n != 0; --n)
            change(inside, tx.get());
        if (below(3) == 0) {
            typename transaction::savepoint_mark mark;
            if (tx != nullptr)
                mark = tx->savepoint();
            model undone = inside;
            change(undone, tx.get());
            if (tx != nullptr)
                tx->rollback_to(mark);
            change(inside, tx.get());
        }
        bool const wanted = below(4) != 0;
        if (tx != nullptr && wanted)
            tx->commit();
        if (wanted)
            m = std::move(inside);
    }

    std::string unused_name(model const& m) {
        std::string name;
        do
            name = "array " + std::to_string(below(20));
        while (m.contains(name));
        return name;
    }

    template <class Face>
    void change(model& m, Face* face) {
        if (m.empty() || (m.size() < 5 && below(12) == 0))
            return create(m, face);
        auto const i = std::next(m.begin(), static_cast<std::ptrdiff_t>(
                                                below(m.size())));
        std::string const name = i->first;
        std::size_t const what = below(16);
        if (what >= 13)
            return change_name(what, m, name, face);
        if (face == nullptr)
            return edit(what, i->second, static_cast<array*>(nullptr));
        auto a = face->template open<int>(name);
        edit(what, i->second, &a);
    }

    template <class Face>
    void create(model& m, Face* face) {
        std::string const name = unused_name(m);
        if (face != nullptr)
            face->template create<int>(name);
        m[name];
    }

    template <class Face>
    void change_name(std::size_t what, model& m, std::string const& name,
                     Face* face) {
        std::string const to = unused_name(m);
        if (what == 13 && m.size() > 2) {
            if (face != nullptr)
                face->drop(name);
            m.erase(name);
        } else if (what == 14 && m.size() < 5) {
            if (face != nullptr)
                face->clone(name, to);
            m[to] = m[name];
        } else {
            if (face != nullptr)
                face->rename(name, to);
            auto node = m.extract(name);
            node.key() = to;
            m.insert(std::move(node));
        }
    }

    using array = ns::array<int, Policies>;

    void edit(std::size_t what, values& v, array* a) {
        if (v.size() > most_)
            return erase(v, a, 0, v.size() / 2 + below(v.size() / 2));
        std::size_t const at = below(v.size() + 1);
        switch (what) {
        case 0:
        case 1:
        case 2:
        case 3: return insert(v, a, at, skewed(most_ / 4));
        case 4: return insert(v, a, v.size(), skewed(most_));
        case 5:
        case 6: return erase(v, a, at, skewed(v.size() - at));
        case 7:
        case 8:
        case 9: return write(v, a, at, skewed(v.size() - at));
        case 10: return write_strided(v, a, 1 + skewed(40));
        case 11: return erase_strided(v, a, 2 + skewed(40));
        default: return resize(v, a, skewed(most_));
        }
    }

    static values::iterator at_of(values& v, std::size_t i) {
        return v.begin() + static_cast<std::ptrdiff_t>(i);
    }

    void insert(values& v, array* a, std::size_t at, std::size_t n) {
        values const more = fresh(n);
        if (a != nullptr)
            a->insert(at, more);
        v.insert(at_of(v, at), more.begin(), more.end());
    }
    void erase(values& v, array* a, std::size_t at, std::size_t n) {
        if (a != nullptr)
            a->erase(at, n);
        v.erase(at_of(v, at), at_of(v, at + n));
    }
    void write(values& v, array* a, std::size_t at, std::size_t n) {
        values const other = fresh(n);
        if (a != nullptr)
            a->write(at, other);
        std::copy(other.begin(), other.end(), at_of(v, at));
    }
    void write_strided(values& v, array* a, std::size_t step) {
        values const other = fresh((v.size() + step - 1) / step);
        if (a != nullptr)
            a->write(ns::slice{.step = static_cast<std::int64_t>(step)},
                     other);
        for (std::size_t i = 0; i != other.size(); ++i)
            v[i * step] = other[i];
    }
    void erase_strided(values& v, array* a, std::size_t step) {
        if (a != nullptr)
            a->erase(ns::slice{.step = static_cast<std::int64_t>(step)});
        values left;
        for (std::size_t i = 0; i != v.size(); ++i)
            if (i % step != 0)
                left.push_back(v[i]);
        v = std::move(left);
    }
    void resize(values& v, array* a, std::size_t n) {
        if (a != nullptr)
            a->resize(n);
        v.resize(n);
    }

    std::uint64_t seed_;
    std::size_t most_;
    std::mt19937_64 random_;
};

} // namespace faults_test
