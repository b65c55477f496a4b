// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/engine.hpp>
#include <numstore/error.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace numstore::detail {

/// A version that a snapshot or view holds: it stays as it is, and the file
/// stays mapped and locked, until the pin goes. Shared by copies.
template <class Policies>
class read_pin {
    using engine_type = engine<Policies>;

public:
    /// Pins the visible version. Throws forked, closed.
    explicit read_pin(std::shared_ptr<engine_type> e) : engine_(std::move(e)) {
        engine_->pins.fetch_add(1, std::memory_order_seq_cst);
        try {
            slot_ = &engine_->readers.enter();
            // 0 is the mark of plain reads, for which `close` waits.
            slot_->since.store(
                std::max<std::int64_t>(1, Policies::clock::now().count()),
                std::memory_order_relaxed);
            engine_->require_open();
        } catch (...) {
            leave();
            throw;
        }
    }
    read_pin(read_pin const&) = delete;
    read_pin& operator=(read_pin const&) = delete;
    ~read_pin() { leave(); }

    engine_type& owner() const noexcept { return *engine_; }
    std::shared_ptr<engine_type> const& shared_engine() const noexcept {
        return engine_;
    }
    pager<Policies>& pages() const noexcept { return *engine_->pages; }

    std::uint64_t sequence() const noexcept {
        return slot_->sequence.load(std::memory_order_relaxed);
    }

    catalogue_version const& names() const {
        return engine_->catalogue_versions.at(sequence())->value;
    }

private:
    void leave() noexcept {
        if (slot_ != nullptr)
            epochs<Policies>::leave(*slot_);
        engine_->unpin();
    }

    std::shared_ptr<engine_type> engine_;
    typename engine_type::slot* slot_ = nullptr;
};

template <class Policies>
using read_pin_ptr = std::shared_ptr<read_pin<Policies> const>;

} // namespace numstore::detail
