// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.hpp"
#include "recorder.hpp"

#include <numstore/format/superblock.hpp>
#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace campaign {

using numstore::testing::power_loss;

/// What was looked at.
struct figures {
    std::uint64_t workloads = 0;
    std::uint64_t brief_workloads = 0; ///< of these
    std::uint64_t points = 0; ///< moments at which power may go
    std::uint64_t states = 0; ///< devices recovered and compared
    std::uint64_t nested = 0; ///< of these, after a crash inside recovery
    std::uint64_t kills = 0;  ///< of these, without a power loss
    std::uint64_t damaged_superblocks = 0; ///< of these
    std::uint64_t failed_calls = 0;        ///< injected

    figures& operator+=(figures const& o) noexcept {
        workloads += o.workloads;
        brief_workloads += o.brief_workloads;
        points += o.points;
        states += o.states;
        nested += o.nested;
        kills += o.kills;
        damaged_superblocks += o.damaged_superblocks;
        failed_calls += o.failed_calls;
        return *this;
    }
};

/// How many states are made of a crash point.
struct effort {
    std::size_t exhaustive_units = 4; ///< all subsets of so many units
    std::size_t subsets = 4;          ///< else so many
    std::size_t damages = 3;          ///< torn, reordered, garbage
    unsigned nested_percent = 12;     ///< of states: recovery crashes too
    std::size_t nested_points = 3;    ///< calls of a recovery to crash at
    unsigned continue_percent = 20;   ///< of states: work goes on after it
    /// All brief workloads are run, so that of each only the last operation is
    /// looked at: a shorter workload shows what comes before.
    bool all_brief = false;
};

/// Makes the states that a crash may leave, recovers each, and compares it
/// with what the history allows.
template <class Policies>
class checker {
    using database = numstore::basic_database<Policies>;
    static constexpr bool logging =
        Policies::logging::template type<Policies>::enabled;

public:
    checker(std::vector<model> const& history, setup const& s,
            effort const& e, figures& f)
        : history_(&history), options_(s.options), effort_(e), figures_(&f),
          random_(s.seed ^ 0x5DEECE66D) {}

    /// Throws violation.
    void explore(crash_point const& p) {
        ++figures_->points;
        bounds const power{p.durable, p.attempted, p.durable};
        if (!p.is_full) {
            damaged(p, power, 1);
            return;
        }
        check(p.device.after_power_loss(power_loss::lose_all()), power, 0);
        subsets(p, power);
        damaged(p, power, effort_.damages);
        if (logging || is_full())
            kill(p);
        if (p.at_acknowledgement && logging)
            lose_newest_superblock(p);
    }

    /// What is left after a write or sync of the workload has failed: the
    /// same machine goes on, and only then loses power. Which model is found
    /// without a power loss.
    std::size_t after_failure(simulated_storage const& device,
                              std::size_t durable, std::size_t attempted) {
        bounds const power{durable, attempted, durable};
        check(device.after_power_loss(power_loss::lose_all()), power, 0);
        check(device.after_power_loss(power_loss::random(random_())), power,
              0);
        check(device.clone(), {durable, attempted, durable, "a failed call"}, 0,
              logging || is_full());
        database db(device.clone(), options_);
        return find(db, {durable, attempted, durable});
    }

private:
    struct bounds {
        std::size_t least;
        std::size_t most;
        std::size_t after_recovery_crash; ///< at least
        char const* event = "a power loss";
    };

    bool is_full() const noexcept {
        return options_.durability == numstore::durability::full;
    }

    void subsets(crash_point const& p, bounds const& b) {
        std::size_t const units = p.device.unsynced_units();
        if (units == 0)
            return;
        auto const one = [&](std::uint64_t set) {
            check(p.device.after_power_loss(power_loss::only(set)), b, 0);
        };
        if (units <= effort_.exhaustive_units) {
            for (std::uint64_t set = 1; set < std::uint64_t{1} << units; ++set)
                one(set);
            return;
        }
        check(p.device.after_power_loss(power_loss::keep_all()), b, 0);
        for (std::size_t i = 0; i != effort_.subsets; ++i)
            one(some_set(units));
    }

    /// Few, many, or all but one of the units.
    std::uint64_t some_set(std::size_t units) {
        std::size_t const n = std::min<std::size_t>(units, 64);
        std::uint64_t const all = ~std::uint64_t{0} >> (64 - n);
        std::uint64_t const one = std::uint64_t{1} << random_.below(n);
        switch (random_.below(4)) {
        case 0: return all & ~one;
        case 1: return one;
        case 2: return all & (one - 1); // in order, up to some point
        default: return random_() & all;
        }
    }

    void damaged(crash_point const& p, bounds const& b, std::size_t n) {
        for (std::size_t i = 0; i != n; ++i)
            check(p.device.after_power_loss(power_loss::random(random_())), b,
                  0);
    }

    /// The process dies, the machine goes on.
    void kill(crash_point const& p) {
        ++figures_->kills;
        check(p.device.clone(),
              {p.acknowledged, p.attempted, p.durable, "a kill"}, 0, true);
    }

    /// With all that was acknowledged on the device, the older superblock and
    /// the log reach the same.
    void lose_newest_superblock(crash_point const& p) {
        if (p.durable != p.attempted)
            return;
        simulated_storage const left =
            p.device.after_power_loss(power_loss::lose_all());
        constexpr std::array<std::uint64_t, 2> places{0, 65536};
        std::array<std::uint64_t, 2> generation{};
        for (std::size_t i = 0; i != 2; ++i)
            generation[i] = generation_at(left, places[i]);
        std::array<std::byte, 64> const nonsense{};
        simulated_storage damaged = left;
        damaged.corrupt(places[generation[1] > generation[0] ? 1 : 0],
                        nonsense);
        ++figures_->damaged_superblocks;
        check(damaged,
              {p.durable, p.attempted, p.durable, "a damaged superblock"}, 0);
    }

    static std::uint64_t generation_at(simulated_storage const& device,
                                       std::uint64_t offset) {
        std::array<std::byte, numstore::format::superblock_bytes> bytes{};
        std::error_code ec;
        device.read(offset, bytes, ec);
        numstore::format::superblock_image image;
        std::memcpy(&image, bytes.data(), sizeof image);
        return image.generation.value();
    }

    /// Recovers, and finds which model of the history it is. With `twice` the
    /// machine then loses power, and the same must be found again.
    void check(simulated_storage left, bounds const& b, int depth,
                      bool twice = false) {
        ++figures_->states;
        figures_->nested += depth != 0 ? 1 : 0;
        if (depth < 2 && random_.below(100) < effort_.nested_percent)
            crash_inside(left, b, depth);
        try {
            database db(left, options_);
            std::size_t const found = find(db, b);
            require_sound(db);
            if (twice)
                require_again(left, found);
            if (random_.below(100) < effort_.continue_percent)
                go_on(db, left, found);
        } catch (std::exception const& e) {
            throw violation(std::string(e.what()) + ", after " + b.event
                            + (depth == 0 ? "" : " inside recovery"));
        }
    }

    template <class Database>
    std::size_t find(Database& db, bounds const& b) const {
        for (std::size_t i = b.most + 1; i-- != b.least;)
            if (holds(db, (*history_)[i]))
                return i;
        std::string what = "what was never committed";
        for (std::size_t i = 0; i != history_->size(); ++i)
            if (holds(db, (*history_)[i]))
                what = "the state after " + std::to_string(i);
        throw violation("found " + what + " instead of "
                        + std::to_string(b.least) + " to "
                        + std::to_string(b.most) + " operations");
    }

    template <class Database>
    static void require_sound(Database const& db) {
        auto const report = db.verify();
        if (!report.ok())
            throw violation("verify: " + report.problems.front().array + ": "
                            + report.problems.front().what);
    }

    void require_again(simulated_storage const& device, std::size_t expected) {
        ++figures_->states;
        database db(device.after_power_loss(power_loss::lose_all()), options_);
        if (!holds(db, (*history_)[expected]))
            throw violation("what recovery showed was lost by a power loss");
        require_sound(db);
    }

    /// Work after a recovery is as durable as any.
    void go_on(database& db, simulated_storage const& device,
               std::size_t found) {
        model next = (*history_)[found];
        values const more{1, 2, 3};
        std::size_t const n = 1 + random_.below(3);
        for (std::size_t i = 0; i != n; ++i) {
            std::string const name = "after " + std::to_string(i);
            auto a = db.template create<std::int32_t>(name);
            a.append(more);
            next[name].elements = more;
            if (random_.below(2) == 0)
                db.checkpoint();
        }
        if (!is_full())
            db.checkpoint();
        ++figures_->states;
        database again(device.after_power_loss(power_loss::lose_all()),
                       options_);
        if (!holds(again, next))
            throw violation("what was committed after a recovery was lost");
        require_sound(again);
    }

    /// Power goes at calls of the recovery.
    void crash_inside(simulated_storage const& left, bounds const& b,
                      int depth) {
        bounds const looser{b.after_recovery_crash, b.most,
                            b.after_recovery_crash, b.event};
        std::vector<crash_point> points;
        {
            simulated_storage const device = left.clone();
            point_recorder calls(device, points);
            database db(device, options_);
        }
        for (std::size_t i = 0; i != effort_.nested_points; ++i) {
            if (points.empty())
                return;
            crash_point const& p = points[random_.below(points.size())];
            auto const loss = random_.below(3) == 0
                                  ? power_loss::lose_all()
                                  : power_loss::random(random_());
            check(p.device.after_power_loss(loss), looser, depth + 1);
        }
    }

    std::vector<model> const* history_;
    numstore::options options_;
    effort effort_;
    figures* figures_;
    random_source random_;
};

} // namespace campaign
