// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/in_file.hpp"
#include "../storage/support.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(crash_disk_full_file)

namespace ns = numstore;

namespace {

using bags::in_file;

/// Under a sanitizer fewer scripts must do.
#ifndef NUMSTORE_TEST_THINNED
constexpr unsigned seeds = 3;
#else
constexpr unsigned seeds = 1;
#endif

using values = std::vector<int>;
using model = std::map<std::string, values>;

/// f() in a child process; true if it gave true.
template <class F>
bool in_child(F f) {
    std::string const wrong = ns::testing::in_child([&]() -> std::string {
        try {
            return f() ? "" : "it gave false";
        } catch (std::exception const& e) {
            return e.what();
        }
    });
    if (!wrong.empty())
        BOOST_TEST_MESSAGE(wrong);
    return wrong.empty();
}

template <class Policies>
model content(ns::basic_database<Policies>& db) {
    model found;
    for (auto const& info : db.list())
        found[info.name] = db.template open<int>(info.name).to_vector();
    return found;
}

/// Fills the disk again and again, making room in between by erasing and
/// dropping; reopens now and then. False, and says why, if anything but
/// errc::no_space is in the way.
template <class Policies>
bool fill(std::string const& file, unsigned seed) {
    using database = ns::basic_database<Policies>;
    std::mt19937_64 random(seed);
    ns::options const o{.durability = ns::durability::grouped,
                        .cache_bytes = 1 << 20};
    auto db = std::make_unique<database>(file, o);
    model known;
    int full = 0;
    for (int i = 0; full < 12 && i != 3000; ++i) {
        std::string const name(1, static_cast<char>('a' + random() % 4));
        model after = known;
        values& m = after[name];
        values some(random() % 5 == 0 ? 60'000 : 2000);
        std::iota(some.begin(), some.end(), i);
        std::size_t const at = random() % (m.size() + 1);
        m.insert(m.begin() + static_cast<std::ptrdiff_t>(at), some.begin(),
                 some.end());
        try {
            auto tx = db->begin();
            tx.template open_or_create<int>(name).insert(at, some);
            tx.commit();
            known = std::move(after);
            continue;
        } catch (ns::error const& e) {
            if (e.code() != ns::errc::no_space)
                throw;
        }
        ++full;
        if (content(*db) != known || !db->verify().ok())
            throw std::runtime_error("a full disk has changed something");
        auto const first = known.begin();
        if (full % 3 == 0) {
            db->drop(first->first);
            known.erase(first);
        } else {
            std::size_t const n = first->second.size() / 2;
            db->template open<int>(first->first).erase(0, n);
            first->second.erase(first->second.begin(),
                                first->second.begin()
                                    + static_cast<std::ptrdiff_t>(n));
        }
        if (full % 4 == 0) {
            db.reset();
            db = std::make_unique<database>(file, o);
        }
    }
    return full >= 12 && content(*db) == known && db->verify().ok();
}

} // namespace

/// The system refuses to let a file grow past a limit.
BOOST_AUTO_TEST_CASE(a_limit_of_the_file_size) {
    ns::testing::temporary_directory const dir;
    auto const limited = [](auto&& f) {
        return in_child([&] {
            std::signal(SIGXFSZ, SIG_IGN);
            rlimit const most{6 << 20, 6 << 20};
            return ::setrlimit(RLIMIT_FSIZE, &most) == 0 && f();
        });
    };
    for (unsigned seed = 1; seed <= seeds; ++seed) {
        std::string const name = dir / std::to_string(seed);
        BOOST_TEST(limited([&] {
            return fill<ns::default_policies>(name + ".mapped", seed);
        }));
        BOOST_TEST(
            limited([&] { return fill<in_file>(name + ".file", seed); }));
        BOOST_TEST(ns::database(name + ".mapped").verify().ok());
    }
}

/// A file system that is full. Where none may be mounted the case above
/// must do.
BOOST_AUTO_TEST_CASE(a_small_tmpfs) {
    ns::testing::temporary_directory const dir;
    if (::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=6m") != 0) {
        BOOST_TEST_MESSAGE("no tmpfs can be mounted here");
        return;
    }
    for (unsigned seed = 1; seed <= seeds; ++seed) {
        std::string const name = dir / "full.ns";
        BOOST_TEST(
            in_child([&] { return fill<ns::default_policies>(name, seed); }));
        std::filesystem::remove(name);
        BOOST_TEST(in_child([&] { return fill<in_file>(name, seed); }));
        std::filesystem::remove(name);
    }
    BOOST_TEST(::umount(dir.path().c_str()) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
