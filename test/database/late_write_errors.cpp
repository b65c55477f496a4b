// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../storage/late_error_storage.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_late_write_errors)

// Writes that fail after they were made, of which whoever syncs first is told.

namespace {

namespace ns = numstore;
using ns::testing::late_error_storage;
using channel = late_error_storage::channel;

struct policies : ns::default_policies {
    using storage = late_error_storage;
};
using database = ns::basic_database<policies>;
using array = ns::array<std::uint32_t, policies>;
using values = std::vector<std::uint32_t>;

constexpr std::size_t leaf = policies::page_size / sizeof(std::uint32_t);
constexpr std::size_t leaves = 512;

/// A database in which a checkpoint has something to write, all of it
/// committed and durable.
struct fixture {
    late_error_storage device;
    std::optional<database> db{std::in_place, device};
    array large = db->create<std::uint32_t>("large");
    array small = db->create<std::uint32_t>("small");

    fixture() {
        large.append(values(leaves * leaf, 1));
        small.append(values{1});
        db->create<std::uint32_t>("room").append(values(4096 * leaf, 9));
        db->drop("room");
        for (int i = 0; i != 4; ++i) { // so that nothing waits for room
            small.set(0, 1);
            db->checkpoint();
        }
        large.write(ns::slice{.step = leaf}, values(leaves, 2));
    }

    /// The code with which f is refused, if it is.
    template <class F>
    static std::optional<ns::errc> refusal(F&& f) {
        try {
            f();
        } catch (ns::error const& e) {
            return static_cast<ns::errc>(e.code().value());
        }
        return std::nullopt;
    }

    /// After a power loss all that was durable is there.
    void check_rest(std::uint64_t small_size) {
        late_error_storage const rest = device.after_power_loss();
        db.reset();
        database again(rest);
        BOOST_TEST(again.open<std::uint32_t>("small").size() == small_size);
        auto const changed = again.open<std::uint32_t>("large").to_vector(
            ns::slice{.step = leaf});
        BOOST_TEST(std::ranges::count(changed, 2u) == std::ptrdiff_t{leaves});
        BOOST_TEST(again.verify().ok());
    }
};

} // namespace

/// A commit that is told of a page of a checkpoint does not hide it from the
/// checkpoint, whose superblock would refer to it.
BOOST_FIXTURE_TEST_CASE(a_page_of_a_checkpoint_beside_a_commit, fixture) {
    device.lose(1);
    std::optional<ns::errc> commit;
    device.before_sync(channel::pages, [&] {
        commit = refusal([&] { small.set(0, 5); });
    });
    auto const checkpoint = refusal([&] { db->checkpoint(); });
    BOOST_TEST((commit == ns::errc::failed));
    BOOST_TEST((checkpoint == ns::errc::io));
    check_rest(1);
}

/// A checkpoint that is told of a batch of the log does not hide it from the
/// commit, which would count as durable.
BOOST_FIXTURE_TEST_CASE(a_batch_of_a_commit_beside_a_checkpoint, fixture) {
    std::optional<ns::errc> commit;
    device.before_sync(channel::pages, [&] {
        device.lose(1);
        device.before_sync(channel::log, [&] { device.sync_pages_now(); });
        commit = refusal([&] {
            auto tx = db->begin();
            for (int i = 0; i != 60; ++i) // each too small for a bulk insert
                small.in(tx).append(values(10'000, 3));
            tx.commit();
        });
    });
    auto const checkpoint = refusal([&] { db->checkpoint(); });
    BOOST_TEST((commit == ns::errc::failed));
    BOOST_TEST((checkpoint == ns::errc::io));
    check_rest(1);
}

BOOST_AUTO_TEST_SUITE_END()
