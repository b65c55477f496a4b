// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_ref.hpp>
#include <numstore/database/catalogue_writer.hpp>
#include <numstore/database/committer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/read_pin.hpp>
#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/format/glob.hpp>
#include <numstore/format/name.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Arrays by name, as a database (each change a transaction of its own), a
/// transaction or a snapshot sees them. What their faces share.
template <class Policies>
class names {
    using engine_type = engine<Policies>;
    using transaction = transaction_state<Policies>;
    using writer = catalogue_writer<Policies>;

public:
    names(std::shared_ptr<engine_type> e,
          std::shared_ptr<transaction> t = {}, read_pin_ptr<Policies> p = {})
        : engine_(std::move(e)), transaction_(std::move(t)),
          pin_(std::move(p)) {}

    engine_type& owner() const noexcept { return *engine_; }
    std::shared_ptr<engine_type> const& shared_engine() const noexcept {
        return engine_;
    }

    bool contains(std::string_view name) const {
        return find(name) != nullptr;
    }

    /// Throws not_found, and type_mismatch unless `element` is empty or the
    /// array's.
    array_ref<Policies> open(std::string_view name,
                             std::string_view element) const {
        array_state_ptr state = find(name);
        if (state == nullptr)
            raise(errc::not_found, engine_->name + ": there is no array "
                                       + std::string(name));
        check_element(*state, name, element);
        return {engine_, std::move(state), transaction_, pin_};
    }

    /// Throws already_exists, unless an array with this element will do.
    array_ref<Policies> create(std::string_view name, std::string_view element,
                               std::uint32_t element_size, bool or_open) const {
        detail::check_name(name);
        return change([&](writer& w) {
            if (or_open)
                if (auto const id = w.find(name)) {
                    auto const& found = w.open(*id);
                    check_element(*found.state, name, element);
                    return array_ref<Policies>(engine_, found.state,
                                               transaction_);
                }
            return array_ref<Policies>(
                engine_, w.create(name, element, element_size).state,
                transaction_);
        });
    }

    void drop(std::string_view name) const {
        detail::check_name(name);
        typename pager<Policies>::reserve_scope const reserve(
            open_pages());
        change([&](writer& w) { w.drop(name); });
    }
    void rename(std::string_view from, std::string_view to) const {
        detail::check_name(from);
        detail::check_name(to);
        change([&](writer& w) { w.rename(from, to); });
    }

    void clone(std::string_view from, std::string_view to) const {
        detail::check_name(to);
        change([&](writer& w) { w.clone(from, to); });
    }

    /// f(entry, size, stored bytes) for arrays whose name matches, sorted.
    template <class F>
    void list(std::string_view pattern, F&& f) const {
        if (transaction_ != nullptr)
            return list_in_transaction(pattern, f);
        read([&](catalogue_version const& v, std::uint64_t sequence) {
            catalogue<Policies> const c(*engine_->pages);
            c.each(v, pattern, [&](std::string_view name, std::uint64_t id) {
                auto const state = engine_->state_of(id, v);
                auto const entry = c.find_entry(v, id);
                if (state == nullptr || !entry || entry->name != name)
                    raise(errc::corrupt, engine_->name + ": the name "
                                             + quoted(name)
                                             + " has no entry");
                if (auto const* const at = state->versions.at(sequence))
                    f(*entry, at->value.root.size);
            });
        });
    }

    /// What the catalogue says of an array, attributes included.
    format::catalogue_entry describe(std::uint64_t id) const {
        if (transaction_ != nullptr)
            return change([&](writer& w) { return w.describe(id); });
        return read([&](catalogue_version const& v, std::uint64_t) {
            auto entry = catalogue<Policies>(*engine_->pages).find_entry(v,
                                                                         id);
            if (!entry)
                raise(errc::not_found,
                      engine_->name + ": the array was dropped");
            return std::move(*entry);
        });
    }

    /// f(names) with these names as a transaction sees them: several changes
    /// as one. If f throws there are none.
    template <class F>
    void in_one_transaction(F&& f) const {
        committer<Policies>(*engine_).as_one(
            transaction_, [&](std::shared_ptr<transaction> const& t) {
                f(names(engine_, t));
            });
    }

    /// f(catalogue_writer) in the transaction, or in one of its own.
    template <class F>
    decltype(auto) change(F&& f) const {
        if (transaction_ != nullptr)
            return change_in(*transaction_, f);
        if (pin_ != nullptr)
            raise(errc::read_only, engine_->name + ": this is a snapshot");
        committer<Policies> c(*engine_);
        std::shared_ptr<transaction> const t = c.begin();
        struct cleanup {
            committer<Policies>& c;
            transaction& t;
            ~cleanup() { c.rollback(t); }
        } const guard{c, *t};
        using result = decltype(change_in(*t, f));
        if constexpr (std::is_void_v<result>) {
            change_in(*t, f);
            c.commit(t);
        } else {
            result r = change_in(*t, f);
            c.commit(t);
            return r;
        }
    }

private:
    pager<Policies>& open_pages() const {
        engine_->require_writable();
        return *engine_->pages;
    }

    template <class F>
    decltype(auto) change_in(transaction& t, F& f) const {
        engine_->require_writable();
        committer<Policies>(*engine_).lock_for(t);
        std::scoped_lock lock(engine_->work);
        t.require_active();
        writer w(*engine_, t);
        return f(w);
    }

    template <class F>
    decltype(auto) read(F&& f) const {
        if (pin_ != nullptr) {
            if (engine_->fork.forked())
                engine_->require_open();
            return f(pin_->names(), pin_->sequence());
        }
        typename engine_type::read_scope const scope(*engine_);
        return f(engine_->catalogue_versions.at(scope.sequence())->value,
                 scope.sequence());
    }

    array_state_ptr find(std::string_view name) const {
        detail::check_name(name);
        if (transaction_ != nullptr)
            return change([&](writer& w) -> array_state_ptr {
                auto const id = w.find(name);
                return id ? w.open(*id).state : nullptr;
            });
        return read([&](catalogue_version const& v,
                        std::uint64_t) -> array_state_ptr {
            auto const id =
                catalogue<Policies>(*engine_->pages).find_id(v, name);
            return id ? engine_->state_of(*id, v) : nullptr;
        });
    }

    void check_element(array_state const& s, std::string_view name,
                       std::string_view element) const {
        if (!element.empty() && s.element != element)
            raise(errc::type_mismatch,
                  engine_->name + ": array " + std::string(name)
                      + " has elements of type " + s.element
                      + ", and was to be opened with " + std::string(element));
    }

    template <class F>
    void list_in_transaction(std::string_view pattern, F& f) const {
        change([&](writer& w) {
            std::vector<std::string> found;
            auto const& newest =
                engine_->catalogue_versions.newest()->value;
            catalogue<Policies>(*engine_->pages)
                .each(newest, pattern,
                      [&](std::string_view name, std::uint64_t) {
                          if (!transaction_->delta.names.contains(name))
                              found.emplace_back(name);
                      });
            for (auto const& [name, id] : transaction_->delta.names)
                if (id && detail::glob_matches(pattern, name))
                    found.push_back(name);
            std::sort(found.begin(), found.end());
            for (std::string const& name : found) {
                std::uint64_t const id = w.get(name);
                f(w.describe(id), w.open(id).root.size);
            }
        });
    }

    std::shared_ptr<engine_type> engine_;
    std::shared_ptr<transaction> transaction_;
    read_pin_ptr<Policies> pin_;
};

} // namespace numstore::detail
