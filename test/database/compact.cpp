// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "scattered.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(compact)

namespace ns = numstore;
using scattered::file;
using scattered::scatter;

namespace {

/// Under a sanitizer fewer elements show the same.
#ifndef NUMSTORE_TEST_THINNED
constexpr std::size_t many = 4'000'000;
#else
constexpr std::size_t many = 1'500'000;
#endif

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

BOOST_AUTO_TEST_CASE(it_can_be_cancelled_and_what_was_done_stays) {
    file const f("numstore_compact_cancel.ns");
    bool enough = false;
    std::uint64_t moved = 0;
    std::uint64_t all = 0;
    ns::options o;
    o.durability = ns::durability::none;
    o.progress = [&](ns::progress_info const& p) {
        BOOST_TEST(p.done <= p.total);
        moved = p.done;
        all = p.total;
        return !enough;
    };
    ns::database db(f.path, o);
    auto const first = scatter(db, "a", many / 4, 3);
    auto const second = scatter(db, "b", many / 4, 4);
    enough = true;
    BOOST_CHECK_EXCEPTION(db.compact(), ns::error, [](ns::error const& e) {
        return e.code() == ns::errc::cancelled;
    });
    enough = false;
    BOOST_TEST(moved > 0u);
    BOOST_TEST(moved < all);
    BOOST_TEST((db.open<std::int32_t>("a").to_vector() == first));
    BOOST_TEST((db.open<std::int32_t>("b").to_vector() == second));
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_SUITE_END()
