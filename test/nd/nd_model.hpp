// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace nd_test {

using shape = std::vector<std::uint64_t>;
using values = std::vector<int>;
using positions = std::vector<std::uint64_t>;

inline std::uint64_t seed() {
    static std::uint64_t const value = [] {
        char const* const set = std::getenv("NUMSTORE_SEED");
        return set != nullptr ? std::strtoull(set, nullptr, 10)
                              : std::random_device{}();
    }();
    return value;
}

inline std::size_t product(shape const& s) {
    std::size_t n = 1;
    for (std::uint64_t const e : s)
        n *= static_cast<std::size_t>(e);
    return n;
}

/// What an array with axes should be, element by element.
struct model {
    shape extents;
    values elements;
    int fill = 0;

    model() = default;
    model(shape s, int f)
        : extents(std::move(s)), elements(product(extents), f), fill(f) {}

    std::size_t offset(positions const& i) const {
        std::size_t at = 0;
        for (std::size_t k = 0; k != i.size(); ++k)
            at = at * static_cast<std::size_t>(extents[k])
                 + static_cast<std::size_t>(i[k]);
        return at;
    }

    /// f(index) for all positions of this shape, the last axis fastest.
    template <class F>
    static void each(shape const& of, F&& f) {
        if (product(of) == 0)
            return;
        positions i(of.size(), 0);
        for (;;) {
            f(i);
            std::size_t k = of.size();
            while (k != 0 && ++i[k - 1] == of[k - 1])
                i[--k] = 0;
            if (k == 0)
                return;
        }
    }

    /// At each position of the axis what `from` says: one of the old ones,
    /// or, past them, the next of `fresh`.
    void rebuild(std::size_t axis, positions const& from,
                 values const& fresh) {
        model next;
        next.extents = extents;
        next.extents[axis] = from.size();
        next.fill = fill;
        shape planes = extents;
        planes[axis] = static_cast<std::uint64_t>(std::count_if(
            from.begin(), from.end(),
            [&](std::uint64_t p) { return p >= extents[axis]; }));
        model added;
        added.extents = planes;
        added.elements = fresh;
        each(next.extents, [&](positions i) {
            std::uint64_t const p = from[static_cast<std::size_t>(i[axis])];
            bool const old = p < extents[axis];
            i[axis] = old ? p : p - extents[axis];
            next.elements.push_back(old ? elements[offset(i)]
                                        : added.elements[added.offset(i)]);
        });
        *this = next;
    }

    void insert(std::size_t axis, std::uint64_t pos, std::uint64_t n,
                values const& fresh) {
        positions from;
        for (std::uint64_t p = 0; p <= extents[axis]; ++p) {
            for (std::uint64_t k = 0; p == pos && k != n; ++k)
                from.push_back(extents[axis] + k);
            if (p != extents[axis])
                from.push_back(p);
        }
        rebuild(axis, from, fresh);
    }
    void erase(std::size_t axis, positions const& gone) {
        positions from;
        for (std::uint64_t p = 0; p != extents[axis]; ++p)
            if (std::find(gone.begin(), gone.end(), p) == gone.end())
                from.push_back(p);
        rebuild(axis, from, {});
    }
    std::size_t plane(std::size_t axis) const {
        shape s = extents;
        s[axis] = 1;
        return product(s);
    }
    void resize(std::size_t axis, std::uint64_t to) {
        if (to > extents[axis])
            return insert(axis, extents[axis], to - extents[axis],
                          values(plane(axis)
                                     * static_cast<std::size_t>(
                                         to - extents[axis]),
                                 fill));
        positions gone;
        for (std::uint64_t p = to; p != extents[axis]; ++p)
            gone.push_back(p);
        erase(axis, gone);
    }
};

} // namespace nd_test
