// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy_values.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <set>
#include <source_location>
#include <span>
#include <utility>
#include <vector>

namespace database_test {

/// Not expanded for each type, as the macros are.
inline void
require(bool holds,
        std::source_location const& at = std::source_location::current()) {
    BOOST_REQUIRE_MESSAGE(holds, at.file_name() << ":" << at.line());
}
inline void require_equal(
    std::uint64_t a, std::uint64_t b,
    std::source_location const& at = std::source_location::current()) {
    BOOST_REQUIRE_MESSAGE(a == b, at.file_name() << ":" << at.line() << ": "
                                                 << a << " != " << b);
}

/// Random operations on one array and on a vector.
template <class T, class Policies>
class array_operations {
public:
    using array = numstore::array<T, Policies>;
    using reader = numstore::const_array<T, Policies>;
    using vector = std::vector<T>;

    /// At most about `most` elements.
    array_operations(random_source& random, array const& a, vector& model,
                     std::uint64_t most)
        : random_(random), a_(a), m_(model), most_(most) {}

    /// One change: at most one commit.
    void change() {
        if (m_.size() > most_)
            return shrink();
        switch (random_.below(22)) {
        case 0:
        case 1: return insert(random_.skewed(most_ / 4));
        case 2: return insert(random_.skewed(most_));
        case 3:
        case 4: return append(random_.skewed(most_));
        case 5: return erase();
        case 6:
        case 7: return write();
        case 8: return set();
        case 9: return push_or_pop();
        case 10:
        case 11: return write_slice();
        case 12:
        case 13: return erase_slice();
        case 14: return scatter();
        case 15: return erase_at();
        case 16: return resize(T{}, false);
        case 17: return resize(random_.value<T>(), true);
        case 18: return insert_own_slice();
        case 19: return random_.one_in(4) ? assign() : append(1);
        case 20: return random_.one_in(8) ? clear() : insert(3);
        default: return insert_range();
        }
    }

    /// Elements [pos, m.size()) of `source`, or of a slice of it.
    void splice(reader const& source, vector const& other) {
        std::uint64_t const pos = random_.upto(m_.size());
        if (random_.one_in(3)) {
            a_.insert(pos, source);
            put(pos, other);
        } else {
            numstore::slice const s = random_.slice(other.size());
            a_.insert(pos, source, s);
            put(pos, taken(other, selected(s, other.size())));
        }
    }

    /// One way of reading, compared.
    static void look(random_source& random, reader const& a, vector const& m) {
        require_equal(a.size(), m.size());
        numstore::slice const s = random.slice(m.size());
        auto const chosen = selected(s, m.size());
        switch (random.below(7)) {
        case 0: require(a.to_vector() == m); break;
        case 1: require(a.to_vector(s) == taken(m, chosen)); break;
        case 2: require(std::ranges::equal(a.view(s), taken(m, chosen))); break;
        case 3: require(a.gather(chosen) == taken(m, chosen)); break;
        case 4: look_at_runs(random, a, m); break;
        case 5: look_at_elements(random, a, m); break;
        default: look_at_every_third(a, m); break;
        }
    }

private:
    auto at(std::uint64_t i) {
        return m_.begin() + static_cast<std::ptrdiff_t>(i);
    }
    void put(std::uint64_t pos, vector const& v) {
        // A copy: the values may be those of the model itself.
        vector const copy = v;
        m_.insert(at(pos), copy.begin(), copy.end());
    }
    static vector taken(vector const& m,
                        std::vector<std::uint64_t> const& positions) {
        vector v;
        v.reserve(positions.size());
        for (std::uint64_t const i : positions)
            v.push_back(m[static_cast<std::size_t>(i)]);
        return v;
    }
    void remove(std::vector<std::uint64_t> const& positions) {
        std::vector<char> gone(m_.size());
        for (std::uint64_t const i : positions)
            gone[static_cast<std::size_t>(i)] = 1;
        vector kept;
        for (std::size_t i = 0; i != m_.size(); ++i)
            if (gone[i] == 0)
                kept.push_back(m_[i]);
        m_ = std::move(kept);
    }
    /// Any order, none twice.
    std::vector<std::uint64_t> positions() {
        std::set<std::uint64_t> chosen;
        for (std::uint64_t n = random_.skewed(300); n != 0 && !m_.empty(); --n)
            chosen.insert(random_.below(m_.size()));
        std::vector<std::uint64_t> list(chosen.begin(), chosen.end());
        for (std::size_t i = list.size(); i > 1; --i)
            std::swap(list[i - 1],
                      list[static_cast<std::size_t>(random_.below(i))]);
        return list;
    }

    void insert(std::uint64_t n) {
        std::uint64_t const pos = random_.upto(m_.size());
        vector const v = random_.values<T>(n);
        a_.insert(pos, v);
        put(pos, v);
    }
    /// A range that does not lie in memory.
    void insert_range() {
        std::uint64_t const pos = random_.upto(m_.size());
        vector const v = random_.values<T>(random_.skewed(most_ / 2));
        auto const get = [&](std::size_t i) { return T{v[i]}; };
        a_.insert(pos, std::views::iota(std::size_t{0}, v.size())
                           | std::views::transform(get));
        put(pos, v);
    }
    void insert_own_slice() {
        vector const before = m_;
        splice(a_, before);
    }
    void append(std::uint64_t n) {
        vector const v = random_.values<T>(n);
        a_.append(v);
        put(m_.size(), v);
    }
    void push_or_pop() {
        if (m_.empty() || random_.one_in(2)) {
            T const value = random_.value<T>();
            a_.push_back(value);
            m_.push_back(value);
        } else {
            a_.pop_back();
            m_.pop_back();
        }
    }
    void erase() {
        std::uint64_t const pos = random_.upto(m_.size());
        std::uint64_t const n = random_.skewed(m_.size() - pos);
        a_.erase(pos, n);
        m_.erase(at(pos), at(pos + n));
    }
    void shrink() {
        std::uint64_t const n = m_.size() / 2 + 1;
        if (random_.one_in(2)) {
            a_.erase(m_.size() - n, n);
            m_.erase(at(m_.size() - n), m_.end());
        } else {
            a_.erase(0, n);
            m_.erase(m_.begin(), at(n));
        }
    }
    void write() {
        std::uint64_t const pos = random_.upto(m_.size());
        vector const v = random_.values<T>(random_.skewed(m_.size() - pos));
        a_.write(pos, v);
        std::copy(v.begin(), v.end(), at(pos));
    }
    void set() {
        if (m_.empty())
            return;
        std::uint64_t const pos = random_.below(m_.size());
        T const value = random_.value<T>();
        a_.set(pos, value);
        *at(pos) = value;
    }
    void write_slice() {
        numstore::slice const s = random_.slice(m_.size());
        auto const chosen = selected(s, m_.size());
        vector const v = random_.values<T>(chosen.size());
        a_.write(s, v);
        for (std::size_t i = 0; i != v.size(); ++i)
            *at(chosen[i]) = v[i];
    }
    void erase_slice() {
        numstore::slice const s = random_.slice(m_.size());
        auto const chosen = selected(s, m_.size());
        if (random_.one_in(2))
            require_equal(a_.erase(s), chosen.size());
        else
            require(a_.extract(s) == taken(m_, chosen));
        remove(chosen);
    }
    void scatter() {
        auto const list = positions();
        vector const v = random_.values<T>(list.size());
        a_.scatter(list, v);
        for (std::size_t i = 0; i != v.size(); ++i)
            *at(list[i]) = v[i];
    }
    void erase_at() {
        auto const list = positions();
        a_.erase_at(list);
        remove(list);
    }
    void resize(T const& fill, bool filled) {
        std::uint64_t const n = random_.skewed(most_);
        if (filled)
            a_.resize(n, fill);
        else
            a_.resize(n);
        m_.resize(static_cast<std::size_t>(n), fill);
    }
    void assign() {
        m_ = random_.values<T>(random_.skewed(most_));
        a_.assign(m_);
    }
    void clear() {
        a_.clear();
        m_.clear();
    }

    static void look_at_runs(random_source& random, reader const& a,
                             vector const& m) {
        auto const pos = static_cast<std::size_t>(random.upto(m.size()));
        auto const n = static_cast<std::size_t>(random.upto(m.size() - pos));
        std::size_t next = pos;
        for (std::span<T const> const run : a.chunks(pos, n)) {
            require(run.size() <= pos + n - next);
            auto const expected = m.begin() + static_cast<std::ptrdiff_t>(next);
            require(std::equal(run.begin(), run.end(), expected));
            next += run.size();
        }
        require_equal(next, pos + n);
    }
    static void look_at_elements(random_source& random, reader const& a,
                                 vector const& m) {
        if (m.empty())
            return;
        require(a.front() == m.front());
        require(a.back() == m.back());
        for (int i = 0; i != 10; ++i) {
            auto const pos = static_cast<std::size_t>(random.below(m.size()));
            require(a[pos] == m[pos]);
        }
    }
    static void look_at_every_third(reader const& a, vector const& m) {
        vector expected;
        for (std::size_t i = 1; i < m.size(); i += 3)
            expected.push_back(m[i]);
        require(std::ranges::equal(a.view(numstore::every<3, 1>{}), expected));
    }

    random_source& random_;
    array a_;
    vector& m_;
    std::uint64_t most_;
};

} // namespace database_test
