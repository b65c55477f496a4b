// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../storage/support.hpp"
#include "policy_changes.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace database_test {

struct script_size {
    int steps;
    std::uint64_t array_bytes; ///< at most about this many in one array
    std::uint64_t cache_bytes;
    std::uint64_t log_bytes = std::uint64_t{1} << 20;
};

/// Random operations on a database and on a model, compared.
template <class Policies>
class policy_script {
    using database = ns::basic_database<Policies>;
    using transaction = ns::basic_transaction<Policies>;
    using snapshot = ns::basic_snapshot<Policies>;
    static constexpr bool in_file = ns::file_device<typename Policies::storage>;

public:
    /// Called after each step that may have committed: with its result, and
    /// whether the result of the step before is in a checkpoint for sure.
    using acknowledge = std::function<void(world const&, bool checkpointed)>;

    policy_script(std::string path, std::uint64_t seed, script_size const& size,
                  ns::durability durability)
        : random_(seed),
          path_(std::move(path)),
          size_(size),
          operations_(random_, size.array_bytes) {
        options_.cache_bytes = size.cache_bytes;
        options_.log_bytes = size.log_bytes;
        options_.durability = durability;
        open();
    }

    void run(acknowledge const& done = {}) {
        for (int i = 0; i != size_.steps; ++i) {
            step();
            if (done)
                done(committed_, std::exchange(checkpointed_, false));
            operations_.look(*db_, committed_);
            look_after();
        }
        check_snapshots();
        verify();
        operations_.require_same(*db_, committed_);
        reopen();
    }

private:
    void step() {
        switch (random_.below(8)) {
        case 0: return transact();
        case 1: return transact_once();
        default: return operations_.change(*db_, committed_);
        }
    }

    struct mark {
        typename transaction::savepoint_mark where;
        world then;
    };

    void transact() {
        transaction tx = db_->begin();
        world inside = committed_;
        std::vector<mark> marks;
        for (std::uint64_t n = random_.below(10); n != 0; --n)
            step_inside(tx, inside, marks);
        if (random_.one_in(3))
            operations_.require_same(tx, inside);
        switch (random_.below(6)) {
        case 0: return;
        case 1: tx.rollback(); return;
        default: tx.commit(); break;
        }
        committed_ = std::move(inside);
    }

    void transact_once() {
        db_->transact([&](transaction& tx) {
            world inside = committed_;
            for (std::uint64_t n = random_.below(4); n != 0; --n)
                operations_.change(tx, inside);
            tx.commit();
            committed_ = std::move(inside);
        });
    }

    void step_inside(transaction& tx, world& inside, std::vector<mark>& marks) {
        switch (random_.below(9)) {
        case 0: marks.push_back({tx.savepoint(), inside}); break;
        case 1:
            if (marks.empty())
                break;
            marks.resize(
                static_cast<std::size_t>(random_.below(marks.size()) + 1),
                marks.front());
            tx.rollback_to(marks.back().where);
            inside = marks.back().then;
            break;
        case 2:
            operations_.look(*db_, committed_);
            if (random_.one_in(4))
                checkpoint();
            if (random_.one_in(8))
                verify();
            break;
        default:
            operations_.change(tx, inside);
            operations_.look(tx, inside);
            break;
        }
    }

    void look_after() {
        switch (random_.below(60)) {
        case 0: checkpoint(); break;
        case 1: verify(); break;
        case 2: reopen(); break;
        case 3: check_snapshots(); break;
        case 4:
        case 5:
        case 6:
            if (snapshots_.size() < 4)
                snapshots_.emplace_back(db_->snapshot(), committed_);
            break;
        case 7: return random_.one_in(2) ? compact() : verify();
        default: break;
        }
    }

    void verify() {
        auto const report = db_->verify();
        for (auto const& p : report.problems)
            BOOST_TEST_MESSAGE("page " << p.page << " " << p.array << ": "
                                       << p.what);
        BOOST_REQUIRE(report.ok());
    }

    void checkpoint() {
        db_->checkpoint();
        checkpointed_ = true;
    }

    /// Changes nothing that can be seen, whatever snapshots there are.
    void compact() {
        db_->compact();
        checkpointed_ = true;
        verify();
        operations_.require_same(*db_, committed_);
    }

    void check_snapshots() {
        for (auto& [snap, then] : snapshots_)
            operations_.require_same(snap, then);
        snapshots_.clear();
    }

    void open() {
        if constexpr (in_file)
            db_ = std::make_unique<database>(path_, options_);
        else
            db_ = std::make_unique<database>(options_);
    }

    /// Closes in the middle of a transaction, which does not count, and with
    /// snapshots, which can be read for as long as they live.
    void reopen() {
        if constexpr (in_file) {
            transaction tx = db_->begin();
            world inside = committed_;
            operations_.change(tx, inside);
            db_->close();
            checkpointed_ = true;
            for (auto& [snap, then] : snapshots_)
                operations_.look(snap, then);
            snapshots_.clear();
            open();
            operations_.require_same(*db_, committed_);
            verify();
        }
    }

    random_source random_;
    std::string path_;
    script_size size_;
    database_operations<Policies> operations_;
    ns::options options_;
    std::unique_ptr<database> db_;
    world committed_;
    bool checkpointed_ = false; ///< since the last acknowledgement
    std::vector<std::pair<snapshot, world>> snapshots_;
};

/// One random script for a policy set.
template <class Policies>
void run_policy_script(script_size const& size, ns::durability durability) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    BOOST_TEST_CONTEXT("NUMSTORE_SEED=" << seed()) {
        ns::testing::temporary_directory const directory;
        policy_script<Policies>(directory / "script.ns", seed(), size,
                                durability)
            .run();
    }
}

} // namespace database_test
