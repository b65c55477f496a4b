// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace ns = numstore;

BOOST_AUTO_TEST_SUITE(compact)

namespace {

/// Without an optimiser fewer elements show the same.
#ifdef __OPTIMIZE__
constexpr std::size_t many = 4'000'000;
#else
constexpr std::size_t many = 1'500'000;
#endif

struct file {
    std::filesystem::path path;
    explicit file(char const* name)
        : path(std::filesystem::temp_directory_path() / name) {
        std::filesystem::remove(path);
    }
    ~file() { std::filesystem::remove(path); }
    std::uint64_t size() const { return std::filesystem::file_size(path); }
};

/// Makes an array of `n` elements whose leaves lie anywhere and are half full.
std::vector<std::int32_t> scatter(ns::database& db, std::string const& name,
                                  std::size_t n, unsigned seed) {
    std::mt19937_64 random(seed);
    auto a = db.create<std::int32_t>(name);
    std::vector<std::int32_t> model(n / 2);
    std::iota(model.begin(), model.end(), 0);
    a.append(model);
    std::size_t const piece = 500;
    while (model.size() < n) {
        auto tx = db.begin();
        auto t = a.in(tx);
        for (int i = 0; i != 20; ++i) {
            std::vector<std::int32_t> some(piece);
            std::iota(some.begin(), some.end(),
                      static_cast<std::int32_t>(random() % 100000));
            std::size_t const at = random() % (model.size() + 1);
            t.insert(at, some);
            model.insert(model.begin() + static_cast<std::ptrdiff_t>(at),
                         some.begin(), some.end());
        }
        tx.commit();
    }
    return model;
}

/// Runs that a scan meets: places where the next leaf is elsewhere.
template <class Array>
std::size_t runs(Array const& a) {
    std::size_t n = 0;
    for (auto const& run : a.chunks()) {
        (void)run;
        ++n;
    }
    return n;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_scattered_file_becomes_as_small_as_its_data) {
    file const f("numstore_compact.ns");
    std::map<std::string, std::vector<std::int32_t>> model;
    {
        ns::database db(f.path, {.durability = ns::durability::none});
        for (unsigned i = 0; i != 4; ++i) {
            std::string const name = "a" + std::to_string(i);
            model[name] = scatter(db, name, many, i);
        }
        db.drop("a1");
        model.erase("a1");
        std::uint64_t data = 0;
        for (auto const& [name, values] : model)
            data += values.size() * 4;
        std::uint64_t const before = db.stats().file_bytes;
        db.compact();
        std::uint64_t const after = db.stats().file_bytes;
        BOOST_TEST(before > data * 3 / 2);
        // Log, free map and superblocks weigh more beside little data.
        BOOST_TEST(after
                   <= data * 105 / 100 + (many < 4'000'000 ? 1u << 20 : 0u));
        BOOST_TEST(f.size() == after);
        BOOST_TEST(db.verify().ok());
        for (auto const& [name, values] : model) {
            auto a = db.open<std::int32_t>(name);
            BOOST_TEST((a.to_vector() == values));
            BOOST_TEST(runs(a) <= 12u);
        }
        db.compact();
        BOOST_TEST(db.stats().file_bytes <= after);
    }
    ns::database db(f.path);
    BOOST_TEST(db.verify().ok());
    for (auto const& [name, values] : model)
        BOOST_TEST((db.open<std::int32_t>(name).to_vector() == values));
}

BOOST_AUTO_TEST_CASE(others_read_and_write_meanwhile) {
    file const f("numstore_compact_beside.ns");
    ns::database db(f.path, {.durability = ns::durability::none});
    auto const before = scatter(db, "a", many / 8, 1);
    scatter(db, "gone", many / 16, 2);
    auto a = db.open<std::int32_t>("a");
    auto const old = db.snapshot();
    db.clone("a", "twin");
    db.drop("gone");
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> rounds{0};
    std::thread reader([&] {
        while (!stop) {
            auto const s = db.snapshot();
            auto const now = a.in(s).to_vector();
            // A transaction of the writer leaves what it took elsewhere.
            if (now.size() != before.size())
                std::abort();
            ++rounds;
        }
    });
    std::thread writer([&] {
        std::mt19937_64 random(7);
        while (!stop) {
            // Moves a run of elements, in one transaction.
            auto tx = db.begin();
            auto t = a.in(tx);
            std::size_t const n = 1000;
            auto const from = random() % (t.size() - n);
            auto const some =
                t.extract(ns::slice{.start = from, .stop = from + n});
            t.insert(random() % (t.size() + 1), some);
            tx.commit();
        }
    });
    while (rounds == 0)
        std::this_thread::yield();
    db.compact();
    db.compact();
    stop = true;
    reader.join();
    writer.join();
    BOOST_TEST((a.in(old).to_vector() == before));
    BOOST_TEST((db.open<std::int32_t>("twin").to_vector() == before));
    auto sorted = a.to_vector();
    auto expected = before;
    std::sort(sorted.begin(), sorted.end());
    std::sort(expected.begin(), expected.end());
    BOOST_TEST((sorted == expected));
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_CASE(it_can_be_cancelled_and_what_was_done_stays) {
    file const f("numstore_compact_cancel.ns");
    int calls = 0;
    ns::options o;
    o.durability = ns::durability::none;
    o.progress = [&](ns::progress_info const& p) {
        BOOST_TEST(p.done <= p.total);
        return ++calls != 3;
    };
    ns::database db(f.path, o);
    auto const model = scatter(db, "a", many / 2, 3);
    calls = 0;
    BOOST_CHECK_EXCEPTION(db.compact(), ns::error, [](ns::error const& e) {
        return e.code() == ns::errc::cancelled;
    });
    BOOST_TEST((db.open<std::int32_t>("a").to_vector() == model));
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_SUITE_END()
