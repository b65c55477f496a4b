// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/committer.hpp>
#include <numstore/database/name_face.hpp>
#include <numstore/fwd.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace numstore {

/// A group of changes that happen wholly or not at all. Move-only; rolled
/// back by the destructor unless committed. Arrays take part through
/// `array::in`: what it reads others cannot change until it ends, what it
/// writes others can read as it was before. Histories are serializable.
/// Waits for other transactions at most options::lock_timeout (timed_out);
/// where that would be for ever it is rolled back (deadlock). Outside of it
/// its own thread cannot write what it has locked (would_deadlock). One thread
/// at a time.
template <class Policies>
class basic_transaction
    : public detail::name_face<basic_transaction<Policies>, Policies> {
    using engine_type = detail::engine<Policies>;
    using state = detail::transaction_state<Policies>;

public:
    /// Names a moment of the transaction that `rollback_to` goes back to.
    class savepoint_mark {
        friend basic_transaction;
        std::weak_ptr<state const> transaction_;
        std::uint64_t number_ = 0;
    };

    basic_transaction(basic_transaction&&) noexcept = default;
    basic_transaction& operator=(basic_transaction&& other) noexcept {
        if (this != &other) {
            end();
            engine_ = std::move(other.engine_);
            state_ = std::move(other.state_);
        }
        return *this;
    }
    ~basic_transaction() { end(); }

    /// O(1) in memory and pages.
    savepoint_mark savepoint() {
        savepoint_mark m;
        m.transaction_ = state_;
        m.number_ = detail::reporting_no_memory([&] {
            return detail::committer<Policies>(*engine_).savepoint(*state_);
        });
        return m;
    }

    /// Undoes everything since the savepoint, which stays; later ones are
    /// gone. Throws invalid_argument for a savepoint that is not one of this
    /// transaction, transaction_ended.
    void rollback_to(savepoint_mark const& mark) {
        bool const own = mark.transaction_.lock() == state_;
        detail::reporting_no_memory([&] {
            detail::committer<Policies>(*engine_).rollback_to(
                *state_, own ? mark.number_ : 0);
        });
    }

    /// Makes all changes at once. Durable on return as options::durability
    /// says: one write and one sync of the log, or less where transactions
    /// commit together. Throws transaction_ended, no_space, io, corrupt (then
    /// it can only be rolled back), failed (then the next open decides).
    void commit() {
        detail::reporting_no_memory(
            [&] { detail::committer<Policies>(*engine_).commit(state_); });
    }

    /// Undoes everything; costs no I/O. Throws transaction_ended.
    void rollback() {
        engine_->require_open();
        if (state_->too_old.load(std::memory_order_seq_cst))
            detail::committer<Policies>(*engine_).rollback(*state_);
        state_->require_active();
        detail::committer<Policies>(*engine_).rollback(*state_);
    }

    /// False once committed or rolled back.
    bool is_active() const noexcept {
        return state_ != nullptr && state_->is_active();
    }

    /// For numstore's own use: f(), which changes all or, if it throws,
    /// nothing.
    template <class F>
    void as_one(F&& f) {
        detail::reporting_no_memory([&] {
            detail::committer<Policies>(*engine_).as_one(
                state_, [&](auto const&) { f(); });
        });
    }
    std::shared_ptr<state> const& shared_state() const noexcept {
        return state_;
    }

private:
    friend basic_database<Policies>;
    friend detail::name_face<basic_transaction, Policies>;

    explicit basic_transaction(std::shared_ptr<engine_type> e)
        : engine_(std::move(e)),
          state_(detail::reporting_no_memory([&] {
              return detail::committer<Policies>(*engine_).begin();
          })) {}

    detail::names<Policies> names() const {
        engine_->require_open();
        state_->require_active();
        return {engine_, state_};
    }

    void end() noexcept {
        if (state_ != nullptr && !engine_->fork.forked())
            detail::committer<Policies>(*engine_).rollback(*state_);
    }

    std::shared_ptr<engine_type> engine_;
    std::shared_ptr<state> state_;
};

} // namespace numstore
