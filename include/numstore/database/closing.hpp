// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/background.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/committer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/error.hpp>
#include <numstore/storage/storage_device.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

namespace numstore::detail {

/// Ends the use of a database. In a forked child it only gives up the
/// child's own copies.
template <class Policies>
class closing {
    using engine_type = engine<Policies>;

public:
    explicit closing(engine_type& e) noexcept : e_(&e) {}

    /// Throws what the last checkpoint threw, after all is closed.
    [[gnu::cold]] void run();

private:
    /// Waits for calls that are being made in them.
    void end_transactions() noexcept {
        while (auto const t = any_active()) {
            e_->locks.interrupt(t->locks); // its call may wait for others
            committer<Policies>(*e_).rollback(*t);
        }
    }

    std::shared_ptr<transaction_state<Policies>> any_active() noexcept {
        std::scoped_lock lock(e_->work);
        return e_->active.empty() ? nullptr : e_->active.back();
    }

    std::exception_ptr end_writing() noexcept {
        typename engine_type::work_lock lock(e_->work);
        e_->wait_for_checkpoint(lock);
        std::exception_ptr failure;
        bool needed = true;
        try {
            checkpointer<Policies> c(*e_);
            needed = c.needed();
            if (!e_->read_only && !e_->pages->failed()
                && (needed || is_to_be_clean()))
                c.run(lock, {.clean = true});
        } catch (error const& e) {
            if (needed || e.code() != errc::no_space || e_->pages->failed())
                failure = std::current_exception();
        } catch (...) {
            failure = std::current_exception();
        }
        e_->closed.store(true, std::memory_order_seq_cst);
        return failure;
    }

    /// Who opens the file after a checkpoint of this program would look for
    /// commits behind it.
    bool is_to_be_clean() const noexcept {
        return engine_type::logging && !e_->newest.clean
               && !e_->newest_is_unsure;
    }

    void give_up_file() noexcept {
        e_->log_pool.release_all();
        if constexpr (file_device<typename Policies::storage>) {
            std::error_code ec;
            if (e_->pins.load(std::memory_order_seq_cst) > 1)
                e_->pages->device().keep_for_views(ec);
        }
        e_->unpin();
    }

    engine_type* e_;
};

template <class Policies>
void closing<Policies>::run() {
    if (e_->fork.forked()) {
        e_->closed.store(true, std::memory_order_seq_cst);
        background<Policies>::forget(*e_);
        return;
    }
    if (e_->closing.exchange(true))
        return;
    e_->pins.fetch_add(1, std::memory_order_seq_cst);
    end_transactions();
    background<Policies>::stop(*e_);
    std::exception_ptr const failure = end_writing();
    e_->readers.wait_for_plain();
    give_up_file();
    if (failure != nullptr)
        std::rethrow_exception(failure);
}

} // namespace numstore::detail
