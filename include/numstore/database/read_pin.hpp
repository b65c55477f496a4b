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
/// stays mapped and locked, until the pin goes. Shared by copies. That of a
/// snapshot may be revoked, if the options bound snapshots: then the version
/// stays only as long as what was made from it, and each use of the pin is to
/// be within a `pinned_read`.
template <class Policies>
class read_pin {
    using engine_type = engine<Policies>;
    using slots = epochs<Policies>;

public:
    enum class kind { view, snapshot };

    /// Pins the visible version. Throws forked, closed.
    explicit read_pin(std::shared_ptr<engine_type> e, kind k = kind::view)
        : engine_(std::move(e)),
          revocable_(k == kind::snapshot && engine_->opt.bounds_snapshots()) {
        engine_->pins.fetch_add(1, std::memory_order_seq_cst);
        try {
            slot_ = &engine_->readers.enter();
            set_time();
            engine_->require_open();
        } catch (...) {
            leave();
            throw;
        }
        if (revocable_)
            slots::make_revocable(*slot_);
    }
    /// Pins the version of another pin, for good. Throws snapshot_expired.
    explicit read_pin(std::shared_ptr<read_pin const> from)
        : engine_(from->engine_), from_(std::move(from)) {
        engine_->pins.fetch_add(1, std::memory_order_seq_cst);
        try {
            slot_ = &from_->enter_beside();
            set_time();
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

    /// Within a `pinned_read`.
    catalogue_version const& names() const {
        return engine_->catalogue_versions.at(sequence())->value;
    }

    bool is_revocable() const noexcept { return revocable_; }

    /// A slot of its own for a use of this version. Throws snapshot_expired.
    typename engine_type::slot& enter_beside() const;

private:
    /// 0 is the mark of plain reads, for which `close` waits.
    void set_time() noexcept {
        slot_->since.store(
            std::max<std::int64_t>(1, Policies::clock::now().count()),
            std::memory_order_release); // pairs with `epochs::held`
    }

    void leave() noexcept {
        if (slot_ != nullptr)
            slots::leave(*slot_);
        engine_->unpin();
    }

    std::shared_ptr<engine_type> engine_;
    std::shared_ptr<read_pin const> from_; ///< whose slot stays taken
    bool revocable_ = false;
    typename engine_type::slot* slot_ = nullptr;
};

template <class Policies>
using read_pin_ptr = std::shared_ptr<read_pin<Policies> const>;

/// One read of what a pin holds: the version stays until the read ends, even
/// if the pin is revoked meanwhile.
template <class Policies>
class pinned_read {
public:
    /// Throws forked, snapshot_expired.
    explicit pinned_read(read_pin<Policies> const& pin) {
        if (pin.owner().fork.forked())
            pin.owner().require_open();
        if (pin.is_revocable())
            slot_ = &pin.enter_beside();
    }
    pinned_read(pinned_read const&) = delete;
    pinned_read& operator=(pinned_read const&) = delete;
    ~pinned_read() {
        if (slot_ != nullptr)
            epochs<Policies>::leave(*slot_);
    }

private:
    typename engine<Policies>::slot* slot_ = nullptr;
};

template <class Policies>
auto read_pin<Policies>::enter_beside() const -> typename engine_type::slot& {
    if (auto* const s = engine_->readers.enter_beside(*slot_))
        return *s;
    raise(errc::snapshot_expired,
          engine_->name + ": the snapshot was revoked, for it was older "
                          "than options::snapshot_max_age or kept more "
                          "than options::snapshot_max_bytes");
}

} // namespace numstore::detail
