// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image_editor.hpp"

#include <numstore/numstore.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <string>
#include <typeinfo>
#include <vector>

namespace fuzz {

/// Uses a database as programs do, whatever its file says. Only errors of the
/// expected codes may be thrown; `no_memory` and `io` are none of them, for
/// the device never fails and nothing here is large.
template <class Policies>
class image_run {
public:
    using database = ns::basic_database<Policies>;
    using storage = typename Policies::storage;

    /// `what`: which steps to take, those that change the file only with
    /// the highest bit, so that half of all inputs cost little.
    image_run(image_memory& memory, std::uint8_t what) noexcept
        : memory_(&memory), what_(what < 128 ? what % 8 : what) {}

    void run() {
        if ((what_ & 1) != 0)
            open({.mode = ns::open_mode::read_only, .cache_bytes = 65536},
                 [&](database& db) { look(db); });
        bool sound = false;
        open({.cache_bytes = 65536, .log_bytes = 8192}, [&](database& db) {
            if ((what_ & 2) != 0)
                look(db);
            if ((what_ & 4) != 0)
                sound = db.verify().ok();
            if ((what_ & 8) != 0)
                change(db);
            if ((what_ & 16) != 0)
                attempt([&] { db.checkpoint(); });
            if ((what_ & 32) != 0)
                attempt([&] { db.compact(); });
            attempt([&] { db.close(); });
        });
        if ((what_ & 64) != 0)
            open({.cache_bytes = 65536}, [&](database& db) {
                look(db);
                bool const still = db.verify().ok();
                require(still || !sound, "a sound file stays sound");
            });
    }

private:
    template <class F>
    static bool attempt(F&& f) {
        return attempt({ns::errc::corrupt, ns::errc::no_space,
                        ns::errc::failed, ns::errc::not_found,
                        ns::errc::already_exists, ns::errc::out_of_range,
                        ns::errc::invalid_argument,
                        ns::errc::type_mismatch},
                       f);
    }

    template <class F>
    static bool attempt(std::initializer_list<ns::errc> expected, F&& f) {
        try {
            f();
            return true;
        } catch (ns::error const& e) {
            if (std::find(expected.begin(), expected.end(), e.code())
                != expected.end())
                return false;
            std::fprintf(stderr, "not expected: %s\n", e.what());
        } catch (std::exception const& e) {
            std::fprintf(stderr, "escaped: %s: %s\n", typeid(e).name(),
                         e.what());
        }
        std::abort();
    }

    template <class F>
    void open(ns::options const& o, F&& f) {
        attempt({ns::errc::corrupt, ns::errc::not_a_database,
                 ns::errc::unsupported_version,
                 ns::errc::incompatible_policies, ns::errc::no_space,
                 ns::errc::not_found},
                [&] {
                    database db(storage(*memory_), o);
                    attempt([&] { f(db); });
                });
    }

    static void look(database& db) {
        std::vector<std::string> names;
        attempt({ns::errc::corrupt}, [&] {
            for (auto const& a : db.list())
                names.push_back(a.name);
        });
        names.insert(names.end(), {"deep", "a", "b"});
        if (names.size() > 12)
            names.resize(12);
        auto const snap = db.snapshot();
        for (std::string const& name : names)
            attempt({ns::errc::corrupt, ns::errc::not_found},
                    [&] { look(db, name); });
        attempt({ns::errc::corrupt, ns::errc::not_found,
                 ns::errc::type_mismatch},
                [&] { chunks(db, "deep"); });
        (void)db.stats();
    }

    /// Bytes that one read asks for at most.
    static constexpr std::uint64_t piece = 4096;

    static void look(database& db, std::string const& name) {
        auto const x = db.open_any(name);
        std::uint64_t const n = x.size();
        (void)x.info();
        attempt({ns::errc::corrupt}, [&] { attributes(x); });
        if (n == 0 || x.type().size() > piece)
            return;
        auto const most = static_cast<std::int64_t>(
            std::min<std::uint64_t>(n, piece / x.type().size()));
        auto const half = static_cast<std::int64_t>(n / 2);
        for (ns::slice const s :
             {ns::slice{.stop = most}, ns::slice{.start = -most},
              ns::slice{.start = half, .stop = half + most},
              ns::slice{.step = std::max<std::int64_t>(
                            1, static_cast<std::int64_t>(n / 8))}})
            attempt({ns::errc::corrupt}, [&] {
                auto const read = x.read(s);
                require(read.size() % x.type().size() == 0, "whole elements");
            });
        attempt({ns::errc::corrupt}, [&] { (void)x.to_string(n - 1); });
    }

    template <class Any>
    static void attributes(Any const& x) {
        for (auto const& key : x.attributes().list())
            (void)x.attributes().contains(key.first);
    }

    static void chunks(database& db, std::string const& name) {
        auto const a = db.template open<int>(name);
        std::uint64_t seen = 0;
        std::uint64_t runs = 0;
        for (auto const run : a.chunks()) {
            seen += run.size();
            require(run.front() == *run.data(), "elements to be read");
            if (++runs == 200)
                return;
        }
        require(seen == a.size(), "all elements");
    }

    void change(database& db) {
        attempt([&] { db.template create<int>("fresh").append({1, 2, 3}); });
        for (char const* const name : {"deep", "a", "b", "small"}) {
            attempt([&] { edit_array(db, name); });
            attempt([&] { db.open_any(name).erase(0, 1); });
        }
        attempt([&] { db.clone("a", "another"); });
        attempt([&] { db.drop("b"); });
        attempt([&] { db.rename("structs", "renamed"); });
        attempt([&] { db.clone("deep", "one more"); });
        attempt([&] { db.drop("deep"); });
        attempt([&] { db.drop("holes"); });
        attempt([&] {
            db.open_any("flags").attributes().set("key", 1.5);
        });
    }

    static void edit_array(database& db, std::string const& name) {
        auto a = db.template open<int>(name);
        auto tx = db.begin();
        auto in = a.in(tx);
        in.insert(in.size() / 2, numbers(40, 1));
        auto const mark = tx.savepoint();
        if (in.size() >= 50)
            in.write(ns::slice{.start = 1, .stop = 50, .step = 3},
                     numbers(17, 1));
        in.erase(in.size() / 3, 5);
        tx.rollback_to(mark);
        in.push_back(3);
        tx.commit();
    }

    image_memory* memory_;
    std::uint8_t what_;
};

/// One input: which image, what to do with it, and edits of 16 bytes each.
template <class Policies>
int run_image(std::uint8_t const* data, std::size_t size) {
    static image_editor<Policies> editor;
    constexpr std::size_t most_edits = 8;
    if (size < 2)
        return 0;
    editor.load(data[0]);
    std::size_t at = 2;
    for (std::size_t i = 0; i != most_edits && at + sizeof(edit) <= size;
         ++i, at += sizeof(edit)) {
        edit e;
        std::memcpy(&e, data + at, sizeof e);
        editor.apply(e);
    }
    editor.image().repair();
    image_run<Policies>(editor.image().memory(), data[1]).run();
    return 0;
}

} // namespace fuzz
