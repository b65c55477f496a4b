// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_writer.hpp>
#include <numstore/database/committer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/lock_table.hpp>
#include <numstore/database/read_pin.hpp>
#include <numstore/error.hpp>
#include <numstore/function_ref.hpp>
#include <numstore/rope/node_source.hpp>

#include <concepts>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace numstore::detail {

/// A root that stays readable, for views: with the version that it is from,
/// or, inside a transaction, as a copy that the transaction no longer
/// changes.
template <class Policies>
struct pinned_root {
    read_pin_ptr<Policies> pin;
    rope_root root;
    leaf_shape shape;
    dimensions_ptr dimensions{};

    rope_cursor<Policies> cursor() const {
        return rope_cursor<Policies>(pin->pages(), shape, root);
    }
};

/// An array without its element type, and from where it is seen: from
/// outside (each call a transaction of its own), from a transaction, or from
/// a snapshot. The base of all array handles.
template <class Policies>
class array_ref {
public:
    using engine_type = engine<Policies>;
    using transaction = transaction_state<Policies>;
    using work = typename transaction::work;
    using writer = array_writer<Policies>;

    array_ref(std::shared_ptr<engine_type> e, array_state_ptr s,
              std::shared_ptr<transaction> t = {},
              read_pin_ptr<Policies> p = {})
        : engine_(std::move(e)), state_(std::move(s)),
          transaction_(std::move(t)), pin_(std::move(p)) {}

    /// Throws closed, forked, invalid_argument.
    array_ref in(std::shared_ptr<transaction> t) const {
        engine_->require_open();
        if (t->changes.pages != engine_->pages.get())
            raise_foreign("transaction");
        return {engine_, state_, std::move(t)};
    }
    /// Throws invalid_argument.
    array_ref in(read_pin_ptr<Policies> p) const {
        if (&p->owner() != engine_.get())
            raise_foreign("snapshot");
        return {engine_, state_, {}, std::move(p)};
    }

    engine_type& owner() const noexcept { return *engine_; }
    std::shared_ptr<engine_type> const& shared_engine() const noexcept {
        return engine_;
    }
    array_state const& state() const noexcept { return *state_; }
    array_state_ptr const& shared_state() const noexcept { return state_; }
    std::shared_ptr<transaction> const& in_transaction() const noexcept {
        return transaction_;
    }
    read_pin_ptr<Policies> const& in_snapshot() const noexcept { return pin_; }

    /// f(root, pager), or f(root, pager, dimensions), with the version that
    /// this handle sees. Takes no lock
    /// that a writer holds, but inside a transaction. Throws forked, closed,
    /// not_found, transaction_ended.
    template <class F>
    decltype(auto) read(F&& f) const {
        return reporting_no_memory(
            [&]() -> decltype(auto) { return read_version(f); });
    }

    std::uint64_t size() const {
        return read([](rope_root const& r, auto&) { return r.size; });
    }

    /// For views and chunks.
    pinned_root<Policies> pin() const {
        return reporting_no_memory([&] { return pin_version(); });
    }

    /// f(array_writer) in the transaction, or in one of its own that it then
    /// commits. A call that throws has changed nothing.
    template <class F>
    auto change(F&& f) const {
        using result = decltype(f(std::declval<writer&>()));
        if constexpr (std::is_void_v<result>) {
            change_newest(f);
        } else {
            result r{};
            change_newest([&](writer& w) { r = f(w); });
            return r;
        }
    }

    /// What the transaction has of this array. Within a call of it, with the
    /// array's lock.
    work& touch(transaction& t) const {
        t.require_active();
        auto const i = t.works.find(state_->id);
        work& w = i != t.works.end() ? i->second : first_touch(t);
        if (w.dropped)
            raise_dropped();
        return w;
    }

    [[noreturn]] void raise_dropped() const {
        raise(errc::not_found,
              engine_->name + ": array " + state_->name + " was dropped");
    }

private:
    template <class F>
    decltype(auto) read_version(F& f) const {
        if (transaction_ != nullptr)
            return read_in_transaction(f);
        if (pin_ != nullptr) {
            pinned_read<Policies> const scope(*pin_);
            return call(f, version_at(pin_->sequence()));
        }
        typename engine_type::read_scope const scope(*engine_);
        return call(f, version_at(scope.sequence()));
    }

    /// `v` is what a version or a transaction has of the array.
    template <class F, class V>
    decltype(auto) call(F& f, V const& v) const {
        using dimensions = dimensions_ptr const&;
        if constexpr (std::invocable<F&, rope_root const&, pager<Policies>&,
                                     dimensions>)
            return f(v.root, *engine_->pages, v.dimensions);
        else
            return f(v.root, *engine_->pages);
    }

    pinned_root<Policies> pinned(read_pin_ptr<Policies> p) const {
        array_version const& v = version_at(p->sequence());
        share_top(v.root);
        return {std::move(p), v.root, state_->shape, v.dimensions};
    }

    /// All who pin a version share its top node, and the directory of it.
    void share_top(rope_root const& root) const {
        if (root.height == 0 || root.node.is_hole()
            || root.node.node() != nullptr)
            return;
        try {
            node_source<Policies>(*engine_->pages, state_->shape)
                .load(root.node, root.height, root.size);
        } catch (error const&) { // who reads it is told
        }
    }

    pinned_root<Policies> pin_version() const;

    /// Compiled once for all callers: beside what a change does, the call
    /// costs nothing.
    void change_newest(function_ref<void(writer&)> f) const;

    [[noreturn]] void raise_foreign(char const* what) const {
        raise(errc::invalid_argument, engine_->name + ": array " + state_->name
                                          + " in a " + what
                                          + " of another database");
    }

    array_version const& version_at(std::uint64_t sequence) const {
        auto const* const v = state_->versions.at(sequence);
        if (v == nullptr)
            raise(errc::not_found, engine_->name + ": array " + state_->name
                                       + " is not in this version");
        if (v->value.dropped)
            raise_dropped();
        return v->value;
    }

    work& first_touch(transaction& t) const;

    transaction& locked(transaction& t, lock_mode mode) const {
        committer<Policies>(*engine_).lock(t, lock_key::array(state_->id),
                                           mode);
        return t;
    }

    template <class F>
    decltype(auto) read_in_transaction(F& f) const {
        engine_->require_open();
        typename committer<Policies>::call const alone(
            *engine_, locked(*transaction_, lock_mode::shared));
        return call(f, touch(*transaction_));
    }

    void change_in(transaction& t, function_ref<void(writer&)> f) const {
        engine_->require_writable();
        typename committer<Policies>::call const alone(
            *engine_, locked(t, lock_mode::exclusive));
        writer w(*engine_, t, touch(t));
        f(w);
    }

    std::shared_ptr<engine_type> engine_;
    array_state_ptr state_;
    std::shared_ptr<transaction> transaction_;
    read_pin_ptr<Policies> pin_;
};

template <class Policies>
pinned_root<Policies> array_ref<Policies>::pin_version() const {
    if (pin_ != nullptr) {
        pinned_read<Policies> const scope(*pin_);
        return pinned(
            pin_->is_revocable()
                ? std::make_shared<read_pin<Policies> const>(pin_)
                : pin_);
    }
    auto p = std::make_shared<read_pin<Policies> const>(engine_);
    if (transaction_ == nullptr)
        return pinned(p);
    typename committer<Policies>::call const alone(
        *engine_, locked(*transaction_, lock_mode::shared));
    work& w = touch(*transaction_);
    transaction_->changes.new_token();
    transaction_->viewed_until =
        std::max(transaction_->viewed_until, p->sequence() + 1);
    return {p, w.root, state_->shape, w.dimensions};
}

template <class Policies>
void array_ref<Policies>::change_newest(function_ref<void(writer&)> f) const {
    reporting_no_memory([&] {
        if (transaction_ != nullptr)
            return change_in(*transaction_, f);
        if (pin_ != nullptr)
            raise(errc::read_only, state_->name + ": seen from a snapshot");
        committer<Policies>(*engine_).in_own(
            [&](auto const& t) { change_in(*t, f); });
    });
}

template <class Policies>
auto array_ref<Policies>::first_touch(transaction& t) const -> work& {
    typename engine_type::read_scope const scope(*engine_);
    auto const* const v = state_->versions.newest();
    if (v == nullptr || v->value.dropped)
        raise_dropped();
    return t.works.emplace(state_->id, work{state_, v->value.root,
                                    v->value.dimensions})
        .first->second;
}

} // namespace numstore::detail
