// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy_script.hpp"
#include "reporting_child.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace database_test {

/// Kills a process in the middle of a script, again and again, and sees what
/// is left in its file: what was acknowledged, or without a log and under
/// less than full durability what the last checkpoint wrote, and nothing that
/// never was.
template <class Policies>
class kill_script {
    using database = ns::basic_database<Policies>;
    static constexpr bool logging =
        Policies::logging::template type<Policies>::enabled;

public:
    explicit kill_script(script_size const& size) : size_(size) {
        policy_script<Policies>(directory_ / "reference.ns", seed(), size_,
                                ns::durability::none)
            .run([&](world const& w, bool checkpointed) {
                std::size_t const before = history_.size() - 1;
                history_.push_back(
                    {w, checkpointed ? before : history_.back().written});
            });
    }

    void round(std::uint64_t number, ns::durability durability) {
        random_source random(seed() + number);
        std::string const path =
            directory_ / ("killed" + std::to_string(number) + ".ns");
        auto const acknowledged = static_cast<std::size_t>(
            killed(path, random.below(history_.size()), durability));
        if (random.one_in(2))
            kill_while_opening(path);
        bool const safe = logging || durability == ns::durability::full;
        BOOST_TEST_CONTEXT("round " << number << " after " << acknowledged
                                    << " acknowledgements") {
            database db(path);
            BOOST_REQUIRE(db.verify().ok());
            require_one_of(db,
                           safe ? acknowledged : history_[acknowledged].written,
                           acknowledged);
            db.template open_or_create<double>("after").append({1.0, 2.0});
            BOOST_REQUIRE(db.verify().ok());
        }
    }

private:
    struct moment {
        world then;
        std::size_t written; ///< the newest moment surely in a checkpoint
    };

    /// The database is as it was after the step `first`, or `last`, or one
    /// between; or after the one that was not acknowledged any more.
    void require_one_of(database& db, std::size_t first, std::size_t last) {
        std::string why;
        for (std::size_t i = std::min(last + 1, history_.size() - 1);; --i) {
            why = difference<Policies>(db, history_[i].then);
            if (why.empty() || i == first)
                break;
        }
        BOOST_REQUIRE_EQUAL("", why);
    }

    std::uint64_t killed(std::string const& path, std::uint64_t after,
                         ns::durability durability) {
        reporting_child child([&](auto report) {
            policy_script<Policies>(path, seed(), size_, durability)
                .run([&](world const&, bool) { report(); });
        });
        std::uint64_t const reports = child.kill_after(after);
        BOOST_REQUIRE(child.sound());
        return reports;
    }

    void kill_while_opening(std::string const& path) {
        reporting_child child([&](auto report) {
            report();
            database const db(path);
            report();
        });
        child.kill_after(1);
        BOOST_REQUIRE(child.sound());
    }

    ns::testing::temporary_directory directory_;
    script_size size_;
    /// What the database holds after so many steps.
    std::vector<moment> history_{moment{}};
};

/// A round for each, with a file of its own.
template <class Policies>
void run_kill_script(script_size const& size,
                     std::initializer_list<ns::durability> rounds) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    BOOST_TEST_CONTEXT("NUMSTORE_SEED=" << seed()) {
        kill_script<Policies> script(size);
        std::uint64_t number = 0;
        for (ns::durability const d : rounds)
            script.round(number++, d);
    }
}

} // namespace database_test
