// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../bags/simulated_512.hpp"

#include <numstore/format/log_batch.hpp>
#include <numstore/format/superblock_check.hpp>
#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

/// What tests of recovery look with.
namespace recovery_test {

namespace ns = numstore;
using ns::testing::call_kind;
using ns::testing::power_loss;
using ns::testing::simulated_storage;

using policies = bags::simulated_512;
using database = ns::basic_database<policies>;
using array = ns::array<int, policies>;
using values = std::vector<int>;
using contents = std::map<std::string, values>;

/// Every scenario holds whatever a power loss may damage around a write.
template <class F>
void with_both_blocks(F&& f) {
    for (std::size_t const block : {std::size_t{512}, std::size_t{4096}})
        BOOST_TEST_CONTEXT("blocks of " << block) { f(block); }
}

inline values numbers(std::size_t n, int first = 1) {
    values v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

/// More than goes into the log: straight to its pages.
inline values many(int first = 1) { return numbers(20000, first); }

template <class Source>
contents all_of(Source const& from) {
    contents found;
    for (auto const& a : from.list())
        found[a.name] = from.template open<int>(a.name).to_vector();
    return found;
}
inline contents all_of(database& db) {
    contents found;
    for (auto const& a : db.list())
        found[a.name] = db.open<int>(a.name).to_vector();
    return found;
}

inline void require_sound(database& db) {
    auto const report = db.verify();
    for (auto const& p : report.problems)
        BOOST_TEST_MESSAGE("page " << p.page << " " << p.array << ": "
                                   << p.what);
    BOOST_TEST_REQUIRE(report.ok());
}

/// What opening finds.
inline contents recovered(simulated_storage const& device,
                          ns::options const& o = {}) {
    database db(device, o);
    require_sound(db);
    return all_of(db);
}

#ifndef NUMSTORE_TEST_THINNED
constexpr bool thinned = false;
#else
constexpr bool thinned = true;
#endif
constexpr std::uint64_t random_losses = thinned ? 2 : 6;

/// The device after power losses of every kind.
template <class F>
void after_losses(simulated_storage const& device, F&& f,
                  std::uint64_t random = random_losses) {
    f(device.after_power_loss(power_loss::lose_all()));
    f(device.after_power_loss(power_loss::keep_all()));
    for (std::uint64_t seed = 1; seed <= random; ++seed)
        BOOST_TEST_CONTEXT("loss " << seed)
            f(device.after_power_loss(power_loss::random(seed)));
}

/// Whatever a power loss now takes, exactly `expected` is left, and a second
/// loss after recovery takes nothing.
inline void require_after_losses(simulated_storage const& device,
                          contents const& expected,
                          ns::options const& o = {}) {
    after_losses(device, [&](simulated_storage const& left) {
        BOOST_TEST_REQUIRE((recovered(left.clone(), o) == expected));
        database db(left, o);
        BOOST_TEST_REQUIRE(
            (recovered(left.after_power_loss(power_loss::lose_all()), o)
             == expected));
    });
}

inline bool is(ns::error const& e, ns::errc code) { return e.code() == code; }

template <class F>
void require_error(ns::errc code, F&& f) {
    BOOST_CHECK_EXCEPTION(f(), ns::error,
                          [&](ns::error const& e) { return is(e, code); });
}

inline std::vector<std::byte> bytes_at(simulated_storage const& device,
                                std::uint64_t offset, std::size_t n) {
    std::vector<std::byte> bytes(n);
    std::error_code ec;
    device.read(offset, bytes, ec);
    BOOST_TEST_REQUIRE(!ec);
    return bytes;
}

/// A batch of the log as it was written.
struct batch {
    std::uint64_t offset;
    std::vector<std::byte> bytes;
    ns::format::log_batch_header head() const {
        ns::format::log_batch_header h;
        std::memcpy(&h, bytes.data(), sizeof h);
        return h;
    }
    std::size_t length() const {
        return static_cast<std::size_t>(head().length.value());
    }
};

inline std::vector<batch> batches_since(simulated_storage const& device,
                                 std::uint64_t mark) {
    std::vector<batch> found;
    for (auto const& c : device.calls_since(mark)) {
        if (c.data == nullptr
            || c.length < sizeof(ns::format::log_batch_header))
            continue;
        batch const b{c.offset, *c.data};
        if (b.head().magic.value() == ns::format::log_batch_magic)
            found.push_back(b);
    }
    return found;
}

/// The same without what links the segments.
inline std::vector<batch> records_since(simulated_storage const& device,
                                 std::uint64_t mark) {
    auto found = batches_since(device, mark);
    std::erase_if(found, [](batch const& b) {
        return b.head().kind.value()
               != static_cast<std::uint32_t>(
                   ns::format::log_batch_kind::records);
    });
    return found;
}

/// The superblocks that are there, the newest first.
inline std::vector<ns::format::superblock>
superblocks_of(simulated_storage const& device) {
    ns::format::fingerprint const print{
        static_cast<std::uint32_t>(policies::page_size),
        policies::checksum::id, policies::logging::id,
        static_cast<std::uint32_t>(device.block_size()), 0};
    std::vector<ns::format::superblock> found;
    for (std::uint64_t const at : ns::format::superblock_offsets) {
        auto const r = ns::format::decode_superblock(
            bytes_at(device, at, ns::format::superblock_bytes), print);
        if (r.state == ns::format::superblock_state::ok)
            found.push_back(r.block);
    }
    std::ranges::sort(found, [](auto const& a, auto const& b) {
        return a.generation > b.generation;
    });
    return found;
}

inline void destroy_newest_superblock(simulated_storage& device) {
    auto const found = superblocks_of(device);
    BOOST_TEST_REQUIRE(!found.empty());
    device.corrupt(
        ns::format::superblock_offsets[found.front().generation % 2],
        std::vector<std::byte>(ns::format::superblock_bytes,
                               std::byte{0xee}));
}

/// A device, a database on it, and what has been committed.
struct world {
    explicit world(std::size_t block, ns::options const& o = {})
        : device(block), db(device, o), a(db.create<int>("a")) {
        committed["a"] = {};
    }

    void append(values const& v) {
        a.append(v);
        values& m = committed["a"];
        m.insert(m.end(), v.begin(), v.end());
    }

    simulated_storage device;
    database db;
    array a;
    contents committed;
};

} // namespace recovery_test
