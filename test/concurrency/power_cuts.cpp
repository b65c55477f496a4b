// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// Power goes at some call of the device in the middle of an interleaving.
#include "scripts.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(concurrency_power_cuts)

namespace {

using namespace concurrency;
using ns::planted_fault;

using lines = std::vector<std::string>;

number seen(world& w, std::size_t i) { return w.db.open<number>("commits")[i]; }

/// What is wrong with what a power loss has left: nothing that was
/// acknowledged or shown may be gone, nor half of a commit be there.
lines look_at(world const& before, simulated_storage const& left,
              ns::durability how) try {
    world w(left, {.durability = how});
    w.check_all("recovered");
    bool const durable = how == ns::durability::full;
    for (std::size_t i = 0; i != most_writers; ++i) {
        auto const k = seen(w, i);
        auto const& p = before.writers[i];
        number const least =
            durable ? std::max(p.acknowledged, before.shown[i]) : 0;
        w.require(least <= k && k <= p.attempted,
                  "recovered commit " + std::to_string(k) + " of writer "
                      + std::to_string(i) + ", not " + std::to_string(least)
                      + " to " + std::to_string(p.attempted));
        w.writers[i] = {k, k};
    }
    writer(w, 0, 1).run(2); // and it can be worked with
    w.check_all("written to");
    return w.wrong;
} catch (ns::error const& e) {
    return {std::string("recovery: ") + e.what()};
}

struct cut_result {
    lines wrong;
    bool cut = false;
};

cut_result cut(std::uint64_t seed, ns::options const& o) {
    random_source choose(seed * 7 + 1);
    world w(o);
    w.device.cut_power_at(1 + choose.below(choose.percent(50) ? 40 : 160));
    play(w, seed,
         {.writers = 3,
          .commits = 6,
          .snapshots = 1,
          .plain_reads = 3,
          .chores = 4});
    cut_result r{w.wrong, !w.device.powered()};
    for (auto const loss :
         {power_loss::lose_all(), power_loss::keep_all(),
          power_loss::random(seed), power_loss::random(seed + 1)}) {
        auto const more =
            look_at(w, w.device.after_power_loss(loss), o.durability);
        r.wrong.insert(r.wrong.end(), more.begin(), more.end());
    }
    return r;
}

void cut_all(std::uint64_t usual, ns::options const& o) {
    std::uint64_t seeds = 0;
    std::uint64_t cuts = 0;
    for_each_seed(usual, [&](auto seed) {
        auto const r = cut(seed, o);
        require_none(r.wrong);
        ++seeds;
        cuts += r.cut;
    });
    BOOST_TEST_MESSAGE(cuts << " cuts in the middle of " << seeds
                            << " interleavings");
    if (seeds > 10)
        BOOST_TEST(cuts > seeds / 2);
}

} // namespace

BOOST_AUTO_TEST_CASE(what_was_acknowledged_or_shown_stays) { cut_all(300, {}); }

BOOST_AUTO_TEST_CASE(with_checkpoints_in_between) {
    cut_all(200, {.log_bytes = 4096});
}

BOOST_AUTO_TEST_CASE(without_waiting_nothing_is_torn) {
    cut_all(100, {.durability = ns::durability::grouped});
    cut_all(100, {.durability = ns::durability::none, .log_bytes = 4096});
}

/// The same tests where the engine breaks a rule.
BOOST_AUTO_TEST_CASE(broken_rules_are_found) {
    auto const problems = [](auto seed) {
        return cut(seed, {.log_bytes = 8192}).wrong;
    };
    using enum planted_fault;
    for (auto const f : {acknowledge_before_sync, log_write_is_not_durable,
                         bulk_pages_not_synced, no_sync_before_superblock,
                         redo_forgets_open_transactions, losers_are_redone})
        BOOST_TEST(finds(f, 2000, problems),
                   "planted fault " << static_cast<int>(f));
}

BOOST_AUTO_TEST_SUITE_END()
