// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy_operations.hpp"

#include <numstore/function_ref.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <source_location>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace database_test {

namespace ns = numstore;

/// The first thing in which a database, transaction or snapshot differs from
/// what it should hold, or nothing.
template <class Policies, class Face>
std::string difference(Face& face, world const& expected) {
    auto const list = face.list();
    if (list.size() != expected.size())
        return "the number of arrays";
    auto info = list.begin();
    for (auto const& [name, model] : expected.arrays()) {
        if (info->name != name || info->size != model->size())
            return "list() for " + name;
        ++info;
        bool const same = std::visit(
            [&]<class T>(std::vector<T> const& values) {
                auto const a = face.template open<T>(name);
                auto const kept = a.attributes().list();
                return a.to_vector() == values
                       && std::map(kept.begin(), kept.end())
                              == model->attributes;
            },
            model->values);
        if (!same)
            return "array " + name;
    }
    return {};
}

/// Random operations on the arrays of a database, transaction or snapshot, a
/// `Face`, and on a world.
template <class Policies>
class database_operations {
public:
    /// At most about `array_bytes` in one array.
    database_operations(random_source& random, std::uint64_t array_bytes)
        : random_(random), array_bytes_(array_bytes) {}

    /// One change through a database or a transaction: at most one commit.
    template <class Face>
    void change(Face& face, world& w) {
        std::uint64_t const what = random_.below(20);
        if (what == 0 || w.size() == 0)
            return create(face, w);
        std::string const name = w.any(random_);
        switch (what) {
        case 1: return rename(face, w, name);
        case 2: return drop(face, w, name);
        case 3:
        case 4: return set_attribute(face, w, name);
        case 5: return refuse(face, w, name);
        case 6: return splice(face, w, name);
        case 7: return clone(face, w, name);
        default: break;
        }
        with(face, w, name,
             [](auto operations, auto const&) { operations.change(); });
    }

    /// One way of reading, compared.
    template <class Face>
    void look(Face& face, world const& w) {
        if (random_.one_in(12))
            require_same(face, w);
        if (w.size() == 0)
            return;
        std::string const name = w.any(random_);
        std::visit(
            [&]<class T>(std::vector<T> const& values) {
                array_operations<T, Policies>::look(
                    random_, face.template open<T>(name), values);
            },
            w.at(name).values);
    }

    template <class Face>
    static void require_same(Face& face, world const& w) {
        BOOST_REQUIRE_EQUAL("", difference<Policies>(face, w));
    }

private:
    /// f(operations on the array, its model)
    template <class Face, class F>
    void with(Face& face, world& w, std::string const& name, F&& f) {
        std::visit(
            [&]<class T>(std::vector<T>& values) {
                f(array_operations<T, Policies>(
                      random_, face.template open<T>(name), values,
                      array_bytes_ / sizeof(T)),
                  values);
            },
            w.edit(name).values);
    }

    std::string fresh_name(world const& w) {
        for (;;) {
            std::string name = random_.one_in(4) ? "../x/" : "plant/é/";
            name += std::to_string(random_.below(100));
            if (!w.contains(name))
                return name;
        }
    }

    template <class Face>
    void create(Face& face, world& w) {
        if (w.size() > 7)
            return drop(face, w, w.any(random_));
        std::string const name = fresh_name(w);
        array_model m;
        switch (random_.below(4)) {
        case 0: m.values = std::vector<std::int32_t>(); break;
        case 1: m.values = std::vector<bool>(); break;
        case 2: m.values = std::vector<sample>(); break;
        default: m.values = std::vector<block>(); break;
        }
        std::visit(
            [&]<class T>(std::vector<T> const&) {
                if (random_.one_in(2))
                    face.template create<T>(name);
                else
                    face.template open_or_create<T>(name);
            },
            m.values);
        w.add(name, std::move(m));
    }

    template <class Face>
    void rename(Face& face, world& w, std::string const& name) {
        std::string const to = fresh_name(w);
        face.rename(name, to);
        w.rename(name, to);
        require(face.contains(to));
        require(!face.contains(name));
    }

    template <class Face>
    void clone(Face& face, world& w, std::string const& name) {
        if (w.size() > 7)
            return drop(face, w, name);
        std::string const to = fresh_name(w);
        face.clone(name, to);
        w.add(to, w.at(name));
        require(face.contains(to));
        require(face.contains(name));
    }

    template <class Face>
    void drop(Face& face, world& w, std::string const& name) {
        face.drop(name);
        w.erase(name);
        require(!face.contains(name));
    }

    template <class Face>
    void set_attribute(Face& face, world& w, std::string const& name) {
        auto attributes = face.open_any(name).attributes();
        auto& kept = w.edit(name).attributes;
        std::string const key = "key " + std::to_string(random_.below(6));
        if (random_.one_in(3)) {
            require_equal(attributes.erase(key), kept.erase(key) != 0);
            return;
        }
        std::uint64_t const n = random_.skewed(1000);
        ns::attribute_value value = static_cast<std::int64_t>(n);
        if (random_.one_in(3))
            value = std::string(static_cast<std::size_t>(n), 'x');
        else if (random_.one_in(3))
            value = std::vector<double>(static_cast<std::size_t>(n / 4), 0.5);
        attributes.set(key, value);
        kept[key] = value;
    }

    template <class Face>
    void splice(Face& face, world& w, std::string const& name) {
        world const before = w;
        for (auto const& [other, model] : before.arrays()) {
            if (other == name
                || model->values.index() != w.at(name).values.index())
                continue;
            with(face, w, name, [&]<class T>(auto to, std::vector<T> const&) {
                to.splice(face.template open<T>(other),
                          std::get<std::vector<T>>(model->values));
            });
            break;
        }
    }

    static void
    expect(ns::errc code, ns::detail::function_ref<void()> f,
           std::source_location const& at = std::source_location::current()) {
        bool thrown = false;
        try {
            f();
        } catch (ns::error const& e) {
            thrown = e.code() == code;
        }
        require(thrown, at);
    }

    /// What must throw and change nothing.
    template <class Face>
    void refuse(Face& face, world const& w, std::string const& name) {
        std::uint64_t const n = w.at(name).size();
        std::string const other = w.any(random_);
        expect(ns::errc::not_found, [&] { face.drop("missing"); });
        expect(ns::errc::not_found, [&] { face.clone("missing", "x"); });
        expect(ns::errc::already_exists, [&] { face.clone(name, other); });
        if (other != name)
            expect(ns::errc::already_exists, [&] { face.rename(name, other); });
        expect(ns::errc::type_mismatch,
               [&] { face.template open<float>(name); });
        std::visit(
            [&]<class T>(std::vector<T> const&) {
                auto a = face.template open<T>(name);
                T const v = random_.value<T>();
                expect(ns::errc::out_of_range, [&] { a.insert(n + 1, {v}); });
                expect(ns::errc::out_of_range, [&] { a.write(n, {v}); });
                expect(ns::errc::out_of_range, [&] { a.erase(n, 1); });
                expect(ns::errc::size_mismatch, [&] {
                    a.write(ns::all,
                            std::vector<T>(static_cast<std::size_t>(n + 1), v));
                });
            },
            w.at(name).values);
    }

    random_source& random_;
    std::uint64_t array_bytes_;
};

} // namespace database_test
