// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image_device.hpp"

#include <numstore/numstore.hpp>

#include <boost/describe.hpp>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

namespace fuzz {

struct sample {
    double t;
    float v;
    std::uint8_t flags;
};
BOOST_DESCRIBE_STRUCT(sample, (), (t, v, flags))

inline std::vector<int> numbers(std::size_t n, int first) {
    std::vector<int> v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

/// Small sound files, made by the program itself.
template <class Policies>
class seed_images {
public:
    using database = ns::basic_database<Policies>;
    using image = std::vector<std::byte>;
    static constexpr std::size_t leaf = Policies::page_size / sizeof(int);

    seed_images() {
        using self = seed_images;
        for (auto const fill : {&self::nothing, &self::plain, &self::shared,
                                &self::names})
            images_.push_back(closed(fill));
        for (auto const work :
             {&self::small_changes, &self::bulk, &self::catalogue_changes})
            images_.push_back(crashed(work));
        images_.push_back(open_transaction(false));
        images_.push_back(open_transaction(true));
    }

    std::vector<image> const& all() const noexcept { return images_; }

private:
    using step = void (*)(database&);

    image closed(step fill) {
        memory_.load(empty_);
        database db(typename Policies::storage(memory_), {});
        fill(db);
        db.close();
        return taken();
    }

    /// What a power loss leaves.
    image crashed(step work) {
        memory_.load(empty_);
        database db(typename Policies::storage(memory_), {});
        plain(db);
        db.checkpoint();
        work(db);
        return taken();
    }

    /// The same while a transaction is open that began before a checkpoint;
    /// or after it has been committed.
    image open_transaction(bool committed) {
        memory_.load(empty_);
        database db(typename Policies::storage(memory_), {});
        plain(db);
        auto tx = db.begin();
        auto deep = tx.template open<int>("deep");
        deep.append(numbers(5, 7));
        tx.template create<int>("never").append(numbers(40, 7));
        db.checkpoint();
        deep.erase(4, 9);
        tx.drop("small");
        if (committed)
            tx.commit();
        return taken();
    }

    image taken() const {
        auto const b = memory_.bytes();
        return {b.begin(), b.end()};
    }

    static void nothing(database&) {}

    static void plain(database& db) {
        auto deep = db.template create<int>("deep");
        deep.append(numbers(24 * leaf, 1));
        deep.erase(3 * leaf + 5, leaf / 2);
        db.template create<int>("small").append(numbers(9, 4));
        db.template create<bool>("flags").append({true, false, true});
        auto s = db.template create<sample>("structs");
        s.append(std::vector<sample>(leaf, sample{1, 2, 3}));
        s.attributes().set("unit", "degC");
        s.attributes().set("scale", std::vector<double>{1, 2.5});
        db.template create<double>("none").attributes().set("n", 7);
        db.template create<float>("holes").resize(100 * leaf);
    }

    static void shared(database& db) {
        db.template create<int>("a").append(numbers(30 * leaf, 1));
        db.clone("a", "b");
        db.template open<int>("b").insert(11 * leaf, numbers(5, 0));
        db.clone("b", "c");
        auto c = db.template open<int>("c");
        c.erase(0, 3 * leaf);
        c.resize(c.size() + 50 * leaf);
        db.template create<int>("gone").append(numbers(22 * leaf, 1));
        db.checkpoint();
        db.drop("gone");
    }

    static void names(database& db) {
        db.transact([](auto& tx) {
            for (int i = 0; i != 40; ++i) {
                auto a = tx.template create<std::int64_t>(
                    "plant/unit " + std::to_string(i) + "/temperature");
                a.append(std::vector<std::int64_t>(5, i));
                a.attributes().set("unit", "degC");
            }
        });
    }

    static void small_changes(database& db) {
        auto deep = db.template open<int>("deep");
        deep.insert(7, numbers(12, 1));
        deep.write(ns::slice{.start = 3, .stop = 90, .step = 7},
                   numbers(13, 5));
        deep.scatter(std::vector{5, 3, 400}, numbers(3, 9));
        deep.erase(10, 30);
        deep.erase(ns::slice{.start = 1, .stop = 60, .step = 3});
        deep.erase_at(std::vector{2, 9, 301});
        deep.resize(deep.size() + 40, 7);
        deep.resize(deep.size() + 9 * leaf);
        auto tx = db.begin();
        auto in = deep.in(tx);
        in.append({1, 2});
        auto const mark = tx.savepoint();
        in.erase(0, 50);
        tx.rollback_to(mark);
        in.set(0, 77);
        tx.commit();
        db.begin().template open<int>("deep").append({1});
    }

    static void bulk(database& db) {
        auto small = db.template open<int>("small");
        small.insert(5, numbers(17'000, 1));
        small.insert(9, numbers(3, 1));
    }

    static void catalogue_changes(database& db) {
        db.clone("deep", "twin");
        db.template open<int>("twin").insert(9, numbers(4, 2));
        db.rename("structs", "samples");
        db.open_any("samples").attributes().erase("unit");
        db.open_any("flags").attributes().set("k", std::string("v"));
        db.drop("holes");
        db.drop("deep");
        db.template create<std::uint8_t>("new").append({1, 2, 3});
    }

    image const empty_;
    image_memory memory_;
    std::vector<image> images_;
};

} // namespace fuzz
