// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nd_model.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace nd_test {

namespace ns = numstore;

/// Random changes of an array with axes and of a model of it. Shapes stay
/// small enough to look at each element, a T that is as good as an int.
template <std::size_t Rank, class Policies, class T = int>
class script {
public:
    using array = ns::nd_array<T, ns::dextents<Rank>, Policies>;

    explicit script(std::uint64_t from) : random_(from) {}

    std::uint64_t below(std::uint64_t n) {
        return n == 0 ? 0 : random_() % n;
    }

    shape some_shape(std::size_t most) {
        shape s(Rank);
        do {
            for (auto& e : s)
                e = below(Rank < 3 ? 30 : Rank < 5 ? 9 : 5);
        } while (product(s) > most);
        return s;
    }
    static ns::dextents<Rank> extents_of(shape const& s) {
        std::array<std::uint64_t, Rank> a{};
        std::copy(s.begin(), s.end(), a.begin());
        return ns::dextents<Rank>(a);
    }

    /// One random change of both.
    void change(array& a, model& m) {
        switch (below(12)) {
        case 0: return insert(a, m);
        case 1: return insert_fill(a, m);
        case 2: return erase(a, m);
        case 3: return erase_slice(a, m);
        case 4: return resize(a, m);
        case 5: return write_slices(a, m, std::make_index_sequence<Rank>());
        case 6: return set(a, m);
        case 7: return replace_rows(a, m);
        case 8: return insert_rows(a, m);
        case 9: return erase_rows(a, m);
        case 10: return append(a, m);
        default: return resize_all(a, m);
        }
    }

    void check(ns::const_nd_array<T, ns::dextents<Rank>, Policies> const& a,
               model const& m) {
        auto const s = a.shape();
        BOOST_TEST_REQUIRE(shape(s.values().begin(), s.values().end())
                               == m.extents,
                           boost::test_tools::per_element());
        BOOST_TEST_REQUIRE(numbers_of(a.to_vector()) == m.elements,
                           boost::test_tools::per_element());
    }
    void check_reads(array const& a, model const& m) {
        check(a, m);
        read_slices(a, m, std::make_index_sequence<Rank>());
        gather(a, m);
        if (m.elements.empty())
            return;
        auto const i = some_index(m);
        auto reader = a.reader();
        int const expected = m.elements[m.offset(list(i))];
        BOOST_TEST_REQUIRE(static_cast<int>(a.at(i)) == expected);
        BOOST_TEST_REQUIRE(static_cast<int>(reader.at(i)) == expected);
    }

private:
    template <class R>
    static values numbers_of(R const& elements) {
        return values(elements.begin(), elements.end());
    }
    values numbers(std::size_t n) {
        values v(n);
        for (int& e : v)
            e = below(4) == 0 ? 0 : static_cast<int>(below(1000000));
        return v;
    }
    std::size_t axis() { return static_cast<std::size_t>(below(Rank)); }
    std::array<std::uint64_t, Rank> some_index(model const& m) {
        std::array<std::uint64_t, Rank> i{};
        for (std::size_t k = 0; k != Rank; ++k)
            i[k] = below(m.extents[k]);
        return i;
    }
    static positions list(std::array<std::uint64_t, Rank> const& i) {
        return {i.begin(), i.end()};
    }
    /// So many planes that the array does not get too large.
    std::uint64_t some_planes(model const& m, std::size_t k) {
        std::size_t const plane = m.plane(k);
        if (plane == 0)
            return 0;
        return below(std::min<std::uint64_t>(4, 1 + 6000 / plane));
    }
    /// The model's for a slice; slices are tested elsewhere.
    ns::slice some_slice(std::uint64_t extent) {
        auto const n = static_cast<std::int64_t>(extent);
        ns::slice s;
        if (below(3) != 0)
            s.start = static_cast<std::int64_t>(below(extent + 1));
        if (below(3) != 0)
            s.stop = static_cast<std::int64_t>(below(extent + 1)) - n / 2;
        if (below(2) != 0)
            s.step = below(2) == 0 ? static_cast<std::int64_t>(below(3) + 1)
                                   : -static_cast<std::int64_t>(below(3) + 1);
        return s;
    }
    static positions selected(ns::slice const& s, std::uint64_t extent) {
        auto const what = s.resolve(extent);
        positions p;
        for (std::uint64_t i = 0; i != what.count; ++i)
            p.push_back(what[i]);
        return p;
    }

    void insert(array& a, model& m) {
        std::size_t const k = axis();
        std::uint64_t const n = some_planes(m, k);
        std::uint64_t const at = below(m.extents[k] + 1);
        auto const fresh =
            numbers(m.plane(k) * static_cast<std::size_t>(n));
        a.insert(k, at, fresh);
        m.insert(k, at, n, fresh);
    }
    void append(array& a, model& m) {
        std::uint64_t const n = some_planes(m, 0);
        auto const fresh =
            numbers(m.plane(0) * static_cast<std::size_t>(n));
        a.append(fresh);
        m.insert(0, m.extents[0], n, fresh);
    }
    void insert_fill(array& a, model& m) {
        std::size_t const k = axis();
        std::uint64_t const n =
            m.plane(k) == 0 ? below(4) : some_planes(m, k);
        std::uint64_t const at = below(m.extents[k] + 1);
        a.insert_fill(k, at, n);
        m.insert(k, at, n,
                 values(m.plane(k) * static_cast<std::size_t>(n), m.fill));
    }
    void erase(array& a, model& m) {
        std::size_t const k = axis();
        std::uint64_t const at = below(m.extents[k] + 1);
        std::uint64_t const n = below(
            std::min<std::uint64_t>(4, m.extents[k] - at + 1));
        a.erase(k, at, n);
        positions gone(static_cast<std::size_t>(n));
        std::iota(gone.begin(), gone.end(), at);
        m.erase(k, gone);
    }
    void erase_slice(array& a, model& m) {
        std::size_t const k = axis();
        if (below(3) != 0)
            return;
        auto const s = some_slice(m.extents[k]);
        auto const gone = selected(s, m.extents[k]);
        BOOST_TEST_REQUIRE(a.erase(k, s) == gone.size());
        m.erase(k, gone);
    }
    void resize(array& a, model& m) {
        std::size_t const k = axis();
        std::uint64_t to = below(m.extents[k] + 3);
        if (m.plane(k) * static_cast<std::size_t>(to) > 8000)
            to = m.extents[k] / 2;
        a.resize(k, to);
        m.resize(k, to);
    }
    void resize_all(array& a, model& m) {
        auto const to = some_shape(4000);
        a.resize(extents_of(to));
        for (bool const grow : {false, true})
            for (std::size_t k = 0; k != Rank; ++k)
                if ((to[k] > m.extents[k]) == grow)
                    m.resize(k, to[k]);
    }
    void set(array& a, model& m) {
        if (m.elements.empty())
            return;
        auto const i = some_index(m);
        int const v = static_cast<int>(below(100));
        a.set(i, v);
        m.elements[m.offset(list(i))] = v;
    }

    template <class F>
    static void each_selected(model const& m, std::vector<positions> const& s,
                              F&& f) {
        shape counts;
        for (auto const& p : s)
            counts.push_back(p.size());
        model::each(counts, [&](positions const& i) {
            positions at(Rank);
            for (std::size_t k = 0; k != Rank; ++k)
                at[k] = s[k][static_cast<std::size_t>(i[k])];
            f(m.offset(at));
        });
    }

    template <std::size_t... K>
    void write_slices(array& a, model& m, std::index_sequence<K...>) {
        std::array<ns::slice, Rank> const s{some_slice(m.extents[K])...};
        std::vector<positions> const at{selected(s[K], m.extents[K])...};
        std::size_t n = 1;
        for (auto const& p : at)
            n *= p.size();
        auto const fresh = numbers(n);
        a.write(fresh, s[K]...);
        auto next = fresh.begin();
        each_selected(m, at, [&](std::size_t i) { m.elements[i] = *next++; });
    }
    template <std::size_t... K>
    void read_slices(array const& a, model const& m,
                     std::index_sequence<K...>) {
        std::array<ns::slice, Rank> const s{some_slice(m.extents[K])...};
        std::vector<positions> const at{selected(s[K], m.extents[K])...};
        values expected;
        each_selected(
            m, at, [&](std::size_t i) { expected.push_back(m.elements[i]); });
        auto const view = a.view(s[K]...);
        BOOST_TEST_REQUIRE(numbers_of(view.to_vector()) == expected,
                           boost::test_tools::per_element());
        auto const run = view.run();
        BOOST_TEST_REQUIRE(numbers_of(run) == expected,
                           boost::test_tools::per_element());
    }

    void replace_rows(array& a, model& m) {
        positions rows(static_cast<std::size_t>(m.extents[0]));
        std::iota(rows.begin(), rows.end(), 0u);
        std::shuffle(rows.begin(), rows.end(), random_);
        rows.resize(static_cast<std::size_t>(below(rows.size() + 1)));
        std::size_t const row = m.plane(0);
        auto const fresh = numbers(row * rows.size());
        a.replace_rows(rows, fresh);
        for (std::size_t i = 0; i != rows.size(); ++i)
            std::copy_n(
                fresh.begin() + static_cast<std::ptrdiff_t>(i * row), row,
                m.elements.begin()
                    + static_cast<std::ptrdiff_t>(
                        static_cast<std::size_t>(rows[i]) * row));
    }
    void insert_rows(array& a, model& m) {
        std::size_t const row = m.plane(0);
        positions at(static_cast<std::size_t>(some_planes(m, 0)));
        for (auto& p : at)
            p = below(m.extents[0] + 1);
        auto const fresh = numbers(row * at.size());
        a.insert_rows(at, fresh);
        std::vector<std::size_t> order(at.size());
        std::iota(order.begin(), order.end(), 0u);
        std::sort(order.begin(), order.end(), [&](auto x, auto y) {
            return std::pair(at[x], x) < std::pair(at[y], y);
        });
        for (std::size_t i = order.size(); i-- != 0;) {
            auto const from =
                fresh.begin() + static_cast<std::ptrdiff_t>(order[i] * row);
            m.insert(0, at[order[i]], 1,
                     {from, from + static_cast<std::ptrdiff_t>(row)});
        }
    }
    void erase_rows(array& a, model& m) {
        positions rows(static_cast<std::size_t>(m.extents[0]));
        std::iota(rows.begin(), rows.end(), 0u);
        std::shuffle(rows.begin(), rows.end(), random_);
        rows.resize(static_cast<std::size_t>(below(rows.size() / 3 + 1)));
        a.erase_rows(rows);
        m.erase(0, rows);
    }
    void gather(array const& a, model const& m) {
        positions rows(static_cast<std::size_t>(
            m.extents[0] == 0 ? 0 : below(6)));
        for (auto& r : rows)
            r = below(m.extents[0]);
        std::size_t const row = m.plane(0);
        values expected;
        for (auto const r : rows)
            for (std::size_t i = 0; i != row; ++i)
                expected.push_back(
                    m.elements[static_cast<std::size_t>(r) * row + i]);
        BOOST_TEST_REQUIRE(numbers_of(a.gather_rows(rows)) == expected,
                           boost::test_tools::per_element());
    }

    std::mt19937_64 random_;
};

/// What a device holds as array "a", which has these tiles, or none.
template <class Policies>
model found_on(ns::testing::simulated_storage const& device,
               shape const& tile = {}) {
    ns::basic_database<Policies> db(device.clone());
    BOOST_TEST_REQUIRE(db.verify().ok());
    auto const a = db.template open_nd<int, ns::dextents<3>>("a");
    BOOST_TEST_REQUIRE((a.tile() == tile));
    model m;
    auto const s = a.shape();
    m.extents.assign(s.values().begin(), s.values().end());
    BOOST_TEST_REQUIRE((db.list()[0].shape == m.extents));
    BOOST_TEST_REQUIRE((db.list()[0].size == product(m.extents)));
    m.elements = a.to_vector();
    m.fill = a.fill_value();
    return m;
}
inline bool same(model const& a, model const& b) {
    return a.extents == b.extents && a.elements == b.elements
           && a.fill == b.fill;
}

/// Shape and elements come back together, or both as they were.
template <class Policies>
void lose_power_again_and_again(std::uint64_t from, std::size_t block,
                                int fill, shape const& tile, int rounds) {
    using database = ns::basic_database<Policies>;
    script<3, Policies> s(from);
    ns::testing::simulated_storage device(block);
    model m(s.some_shape(2000), fill);
    {
        database db(device);
        if (tile.empty())
            db.create_nd("a", s.extents_of(m.extents), fill);
        else
            db.create_nd("a", s.extents_of(m.extents), fill,
                         ns::tiling(tile));
    }
    for (int round = 0; round != rounds; ++round) {
        model after = m;
        bool committing = false;
        {
            database db(device);
            auto a = db.template open_nd<int, ns::dextents<3>>("a");
            s.check(a, m);
            s.change(a, m);
            if (s.below(3) == 0)
                db.checkpoint();
            device.cut_power_at(1 + s.below(30));
            after = m;
            try {
                auto tx = db.begin();
                auto inside = a.in(tx);
                for (std::uint64_t i = 1 + s.below(3); i != 0; --i)
                    s.change(inside, after);
                committing = true;
                tx.commit();
                m = after;
                db.checkpoint();
            } catch (ns::error const& e) {
                BOOST_TEST_REQUIRE((e.code() == ns::errc::failed
                                    || e.code() == ns::errc::io));
            }
        }
        device.clear_faults();
        device = device.after_power_loss(
            ns::testing::power_loss::random(s.below(1000)));
        model const found = found_on<Policies>(device, tile);
        bool const known = same(found, m) || (committing && same(found, after));
        BOOST_TEST_REQUIRE(known);
        m = found;
    }
}

} // namespace nd_test
