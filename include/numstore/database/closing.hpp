// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/checkpointer.hpp>
#include <numstore/database/committer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/storage/storage_device.hpp>

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
    void run() {
        if (e_->fork.forked()) {
            e_->closed.store(true, std::memory_order_seq_cst);
            return;
        }
        std::exception_ptr failure;
        {
            std::scoped_lock lock(e_->work);
            if (e_->closed.load(std::memory_order_seq_cst))
                return;
            failure = end_writing();
            e_->closed.store(true, std::memory_order_seq_cst);
        }
        e_->readers.wait_for_plain();
        give_up_file();
        if (failure != nullptr)
            std::rethrow_exception(failure);
    }

private:
    std::exception_ptr end_writing() noexcept {
        while (!e_->active.empty()) {
            auto const t = e_->active.back();
            committer<Policies>(*e_).abandon(*t);
        }
        if (e_->read_only || e_->pages->failed())
            return nullptr;
        try {
            checkpointer<Policies> c(*e_);
            if (c.needed())
                c.run({.clean = true});
        } catch (...) {
            return std::current_exception();
        }
        return nullptr;
    }

    void give_up_file() noexcept {
        e_->log_pool.release_all();
        if (e_->pins.load(std::memory_order_seq_cst) == 0)
            return e_->release_storage();
        if constexpr (file_device<typename Policies::storage>) {
            std::error_code ec;
            e_->pages->device().keep_for_views(ec);
        }
    }

    engine_type* e_;
};

} // namespace numstore::detail
