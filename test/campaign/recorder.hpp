// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.hpp"
#include "operations.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace campaign {

using numstore::testing::call_kind;
using numstore::testing::call_record;
using numstore::testing::simulated_storage;

/// The device at one moment at which power may go, and what may be found
/// after it: models of the history by their numbers.
struct crash_point {
    simulated_storage device;
    std::size_t durable;      ///< at least this survives a power loss
    std::size_t acknowledged; ///< at least this survives a killed process
    std::size_t attempted;    ///< nothing beyond this
    bool at_acknowledgement = false;
    /// What is in flight is about to become durable, so that the points
    /// before show nothing that this one does not.
    bool is_full = false;
};

/// Notes the state of a device before each call that may change it. A durable
/// write that is under way counts as a write that is not durable yet.
class point_recorder {
public:
    point_recorder(simulated_storage device, std::vector<crash_point>& points)
        : device_(std::move(device)), points_(&points) {
        device_.before_each_call(
            [this](call_record const& c) { before(c); });
    }
    point_recorder(point_recorder const&) = delete;
    point_recorder& operator=(point_recorder const&) = delete;
    ~point_recorder() { device_.before_each_call({}); }

    /// Bounds of what may be found, from now on.
    std::size_t durable = 0;
    std::size_t acknowledged = 0;
    std::size_t attempted = 0;

    void add(bool at_acknowledgement, bool is_full) {
        finish_durable_write();
        points_->push_back({device_.clone(), durable, acknowledged, attempted,
                            at_acknowledgement, is_full});
    }

    void forget() {
        under_way_.reset();
        points_->clear();
    }

private:
    void before(call_record const& c) {
        if (c.kind == call_kind::read)
            return;
        bool const durable_write = c.kind == call_kind::write_durable;
        add(false, durable_write || c.kind == call_kind::sync);
        if (durable_write)
            under_way_ = {points_->size() - 1, device_.mark()};
    }

    void finish_durable_write() {
        if (!under_way_)
            return;
        auto const [index, mark] = *std::exchange(under_way_, std::nullopt);
        auto const calls = device_.calls_since(mark);
        std::error_code ec;
        if (!calls.empty() && calls.front().data != nullptr)
            (*points_)[index].device.write(calls.front().offset,
                                           *calls.front().data, ec);
    }

    simulated_storage device_;
    std::vector<crash_point>* points_;
    std::optional<std::pair<std::size_t, std::uint64_t>> under_way_;
};

/// How a workload is run.
struct setup {
    std::uint64_t seed = 0;
    numstore::options options{};
    sizes how_large{};
};

/// Runs operations on a device, and keeps what it should hold after each and
/// every moment at which it could lose power.
template <class Policies>
class recorder {
    using database = numstore::basic_database<Policies>;
    using transaction = numstore::basic_transaction<Policies>;
    using snapshot = numstore::basic_snapshot<Policies>;
    using action = std::function<void()>;

public:
    recorder(simulated_storage device, model start, setup const& s)
        : setup_(s), random_(s.seed), maker_(random_, s.how_large),
          device_(std::move(device)), history_{std::move(start)},
          calls_(device_, points_) {
        db_ = std::make_unique<database>(device_, setup_.options);
    }

    std::vector<model> const& history() const noexcept { return history_; }
    std::vector<crash_point> const& points() const noexcept {
        return points_;
    }
    setup const& how() const noexcept { return setup_; }
    simulated_storage& device() noexcept { return device_; }
    random_source& random() noexcept { return random_; }

    /// Throws violation, and what the database throws.
    void perform(operation what) {
        model next = history_.back();
        action const act = prepare(what, next);
        history_.push_back(std::move(next));
        calls_.attempted = history_.size() - 1;
        act();
        calls_.acknowledged = calls_.attempted;
        if (setup_.options.durability == numstore::durability::full
            || makes_durable(what))
            calls_.durable = calls_.attempted;
        calls_.add(true, true);
        look();
    }

    /// After a call has failed: what is there is found by opening again.
    void abandon() {
        snapshot_.reset();
        db_.reset();
    }
    /// Models that may be found from now on.
    std::size_t durable() const noexcept { return calls_.durable; }
    std::size_t acknowledged() const noexcept { return calls_.acknowledged; }
    std::size_t attempted() const noexcept { return calls_.attempted; }

    void forget_points() { calls_.forget(); }

private:
    static bool makes_durable(operation what) noexcept {
        return what == operation::checkpoint || what == operation::reopen;
    }

    action prepare(operation what, model& next) {
        switch (what) {
        case operation::commit_several:
            return in_transaction(next, {3, 0, false, false});
        case operation::commit_after_undo:
            return in_transaction(next, {2, 2, false, false});
        case operation::commit_after_checkpoint:
            return in_transaction(next, {2, 0, true, false});
        case operation::roll_back:
            return in_transaction(next, {2, 0, false, true});
        case operation::snapshot: return [this] { toggle_snapshot(); };
        case operation::checkpoint: return [this] { db_->checkpoint(); };
        case operation::compact: return [this] { db_->compact(); };
        case operation::reopen: return [this] { reopen(); };
        default: break;
        }
        return [this, act = maker_.make(what, next)] {
            act({db_.get(), nullptr});
        };
    }

    struct shape {
        int changes;
        int undone; ///< behind a savepoint, in the middle
        bool checkpoint;
        bool roll_back;
    };

    action in_transaction(model& next, shape const& s) {
        using step = std::function<void(place<Policies> const&)>;
        auto const draw = [this](model& m) {
            return maker_.make(static_cast<operation>(maker_.below(changes)),
                               m);
        };
        model inside = next;
        std::vector<step> first;
        std::vector<step> undone;
        std::vector<step> last;
        for (int i = 0; i != s.changes; ++i)
            (2 * i < s.changes ? first : last).push_back(draw(inside));
        if (s.undone != 0) {
            inside = next;
            first.assign(1, draw(inside));
            model scratch = inside;
            for (int i = 0; i != s.undone; ++i)
                undone.push_back(draw(scratch));
            last.assign(1, draw(inside));
        }
        if (!s.roll_back)
            next = inside;
        return [=, this] {
            transaction tx = db_->begin();
            place<Policies> const here{db_.get(), &tx};
            for (step const& f : first)
                f(here);
            if (s.checkpoint)
                db_->checkpoint();
            if (!undone.empty()) {
                auto const mark = tx.savepoint();
                for (step const& f : undone)
                    f(here);
                tx.rollback_to(mark);
            }
            for (step const& f : last)
                f(here);
            if (s.roll_back)
                tx.rollback();
            else
                tx.commit();
        };
    }

    void toggle_snapshot() {
        if (snapshot_) {
            snapshot_.reset();
            return;
        }
        snapshot_ = db_->snapshot();
        seen_ = history_.back();
    }

    void reopen() {
        snapshot_.reset();
        db_->close();
        db_ = std::make_unique<database>(device_, setup_.options);
    }

    void look() {
        if (!holds(*db_, history_.back()))
            throw violation("the database does not hold what was written");
        if (snapshot_ && !holds(*snapshot_, seen_))
            throw violation("a snapshot does not hold what it did");
    }

    setup setup_;
    random_source random_;
    change_maker<Policies> maker_;
    simulated_storage device_;
    std::vector<model> history_;
    std::vector<crash_point> points_;
    point_recorder calls_;
    std::unique_ptr<database> db_;
    std::optional<snapshot> snapshot_;
    model seen_;
};

} // namespace campaign
