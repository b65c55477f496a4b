// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_ref.hpp>
#include <numstore/database/catalogue_writer.hpp>
#include <numstore/database/committer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/lock_table.hpp>
#include <numstore/database/read_pin.hpp>
#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/format/glob.hpp>
#include <numstore/format/name.hpp>

#include <cstdint>
#include <map>
#include <memory>
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
        return checked(std::move(state), name, element);
    }

    /// Throws already_exists, unless an array with this element will do.
    array_ref<Policies> create(std::string_view name, std::string_view element,
                               std::uint32_t element_size, bool or_open) const;

    /// The same with a rank and layout; all of its dimensions are 0. Throws
    /// type_mismatch unless one that will do has this rank too.
    array_ref<Policies> create_nd(std::string_view name,
                                  std::string_view element,
                                  std::uint32_t element_size,
                                  format::array_shape const& form,
                                  bool or_open) const;

    /// An array that was made inside, seen from here: once it is there
    /// nothing may fail any more.
    array_ref<Policies> seen(array_ref<Policies> const& inside) const noexcept {
        return {engine_, inside.shared_state(), transaction_, pin_};
    }

    /// Throws not_found, type_mismatch.
    array_ref<Policies> open_nd(std::string_view name,
                                std::string_view element,
                                unsigned rank) const {
        array_state_ptr state = find(name);
        if (state == nullptr)
            raise(errc::not_found, engine_->name + ": there is no array "
                                       + std::string(name));
        check_element(*state, name, element);
        check_rank(*state, name, rank);
        return {engine_, std::move(state), transaction_, pin_};
    }

    void drop(std::string_view name) const;
    void rename(std::string_view from, std::string_view to) const;

    void clone(std::string_view from, std::string_view to) const;

    /// f(entry, size) for arrays whose name matches, sorted.
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
                    f(with_shape(*entry, at->value.dimensions),
                      at->value.root.size);
            });
        });
    }

    /// What the catalogue says of an array, attributes included.
    format::catalogue_entry describe(std::uint64_t id) const;

    /// f(names) with these names as a transaction sees them: several changes
    /// as one. If f throws there are none.
    template <class F>
    void in_one_transaction(F&& f) const {
        committer<Policies>(*engine_).as_one(
            transaction_, [&](std::shared_ptr<transaction> const& t) {
                f(names(engine_, t));
            });
    }

    /// f(catalogue_writer) with the array `id` locked, in the transaction or
    /// in one of its own.
    template <class F>
    decltype(auto) change_array(std::uint64_t id, F&& f) const {
        return change([&](session& s) -> decltype(auto) {
            s.lock(id, lock_mode::exclusive);
            return s.run(f);
        });
    }

private:
    /// One change of names: takes its locks, then does it.
    class session {
    public:
        session(engine_type& e, transaction& t) noexcept : e_(&e), t_(&t) {}

        void lock(std::string_view name, lock_mode mode) {
            committer<Policies>(*e_).lock_name(*t_, name, mode);
        }
        void lock(std::uint64_t id, lock_mode mode) {
            committer<Policies>(*e_).lock(*t_, lock_key::array(id), mode);
        }
        /// Throws not_found. With the name's lock.
        void lock_array_of(std::string_view name, lock_mode mode) {
            lock(run([&](writer& w) { return w.get(name); }), mode);
        }
        void lock_all() {
            committer<Policies>(*e_).lock(*t_, lock_key::all_names(),
                                          lock_mode::shared);
        }

        /// f(catalogue_writer) in a call of the transaction.
        template <class F>
        decltype(auto) run(F&& f) {
            typename committer<Policies>::call const alone(*e_, *t_);
            typename engine_type::read_scope const newest(*e_);
            writer w(*e_, *t_);
            return f(w);
        }

    private:
        engine_type* e_;
        transaction* t_;
    };

    /// f(session) in the transaction, or in one of its own, as often as that
    /// is the victim of a deadlock.
    template <class F>
    decltype(auto) change(F&& f) const {
        engine_->require_writable();
        auto const in = [&](auto const& t) -> decltype(auto) {
            session s(*engine_, *t);
            return f(s);
        };
        if (transaction_ != nullptr)
            return in(transaction_);
        if (pin_ != nullptr)
            raise(errc::read_only, engine_->name + ": this is a snapshot");
        for (;;) {
            try {
                return committer<Policies>(*engine_).in_own(in);
            } catch (error const& failure) {
                if (failure.code() != errc::deadlock)
                    throw;
            }
        }
    }

    template <class F>
    decltype(auto) read(F&& f) const {
        if (pin_ != nullptr) {
            pinned_read<Policies> const scope(*pin_);
            return f(pin_->names(), pin_->sequence());
        }
        typename engine_type::read_scope const scope(*engine_);
        return f(engine_->catalogue_versions.at(scope.sequence())->value,
                 scope.sequence());
    }

    array_state_ptr find(std::string_view name) const;

    /// Without a lock.
    bool is_known(std::string_view name) const {
        if (transaction_ == nullptr)
            return true;
        return change([&](session& s) {
            return s.run([&](writer& w) { return w.find(name).has_value(); });
        });
    }

    array_ref<Policies> checked(array_state_ptr state, std::string_view name,
                                std::string_view element) const;

    void check_rank(array_state const& s, std::string_view name,
                    unsigned rank) const;

    void check_element(array_state const& s, std::string_view name,
                       std::string_view element) const;

    /// The entry's own shape is that of the last checkpoint.
    static format::catalogue_entry with_shape(format::catalogue_entry e,
                                              dimensions_ptr const& now) {
        if (now != nullptr)
            e.shape.dimensions = *now;
        return e;
    }

    template <class F>
    [[gnu::cold]]
    void list_in_transaction(std::string_view pattern, F& f) const {
        change([&](session& s) {
            s.lock_all();
            std::map<std::string, std::uint64_t> found;
            s.run([&](writer& w) {
                w.each(pattern, [&](std::string_view name, std::uint64_t id) {
                    found.emplace(name, id);
                });
            });
            for (auto const& [name, id] : found)
                s.lock(id, lock_mode::shared);
            s.run([&](writer& w) {
                for (auto const& [name, id] : found)
                    f(with_shape(w.describe(id), w.open(id).dimensions),
                      w.open(id).root.size);
            });
        });
    }

    std::shared_ptr<engine_type> engine_;
    std::shared_ptr<transaction> transaction_;
    read_pin_ptr<Policies> pin_;
};

template <class Policies>
array_ref<Policies> names<Policies>::create(std::string_view name,
    std::string_view element, std::uint32_t element_size, bool or_open) const {
    detail::check_name(name);
    if (or_open && is_known(name))
        if (array_state_ptr const known = find(name))
            return checked(known, name, element);
    return change([&](session& s) {
        s.lock(name, lock_mode::exclusive);
        array_state_ptr const state = s.run([&](writer& w) {
            if (auto const id = or_open ? w.find(name) : std::nullopt)
                return w.state(*id);
            return w.create(name, element, element_size).state;
        });
        return checked(state, name, element);
    });
}

template <class Policies>
array_ref<Policies> names<Policies>::create_nd(std::string_view name,
    std::string_view element, std::uint32_t element_size,
    format::array_shape const& form, bool or_open) const {
    detail::check_name(name);
    return change([&](session& s) {
        s.lock(name, lock_mode::exclusive);
        array_state_ptr const state = s.run([&](writer& w) {
            if (auto const id = or_open ? w.find(name) : std::nullopt)
                return w.state(*id);
            return w.create_nd(name, element, element_size, form).state;
        });
        check_element(*state, name, element);
        check_rank(*state, name, form.rank);
        return array_ref<Policies>{engine_, state, transaction_, pin_};
    });
}

template <class Policies>
void names<Policies>::drop(std::string_view name) const {
    detail::check_name(name);
    typename engine_type::file_pin const pin(*engine_);
    engine_->require_writable();
    typename pager<Policies>::reserve_scope const reserve(
        *engine_->pages);
    change([&](session& s) {
        s.lock(name, lock_mode::exclusive);
        s.lock_array_of(name, lock_mode::exclusive);
        s.run([&](writer& w) { w.drop(name); });
    });
}

template <class Policies>
void names<Policies>::rename(std::string_view from, std::string_view to) const {
    detail::check_name(from);
    detail::check_name(to);
    change([&](session& s) {
        s.lock(from, lock_mode::exclusive);
        s.lock(to, lock_mode::exclusive);
        s.lock_array_of(from, lock_mode::exclusive);
        s.run([&](writer& w) { w.rename(from, to); });
    });
}

template <class Policies>
void names<Policies>::clone(std::string_view from, std::string_view to) const {
    detail::check_name(to);
    change([&](session& s) {
        s.lock(from, lock_mode::shared);
        s.lock(to, lock_mode::exclusive);
        s.lock_array_of(from, lock_mode::shared);
        s.run([&](writer& w) { w.clone(from, to); });
    });
}

template <class Policies>
format::catalogue_entry names<Policies>::describe(std::uint64_t id) const {
    if (transaction_ != nullptr)
        return change([&](session& s) {
            s.lock(id, lock_mode::shared);
            return s.run([&](writer& w) { return w.describe(id); });
        });
    return read([&](catalogue_version const& v, std::uint64_t) {
        auto entry = catalogue<Policies>(*engine_->pages).find_entry(v,
                                                                     id);
        if (!entry)
            raise(errc::not_found,
                  engine_->name + ": the array was dropped");
        return std::move(*entry);
    });
}

template <class Policies>
auto names<Policies>::find(std::string_view name) const -> array_state_ptr {
    detail::check_name(name);
    if (transaction_ != nullptr)
        return change([&](session& s) {
            s.lock(name, lock_mode::shared);
            return s.run([&](writer& w) -> array_state_ptr {
                auto const id = w.find(name);
                return id ? w.state(*id) : nullptr;
            });
        });
    return read([&](catalogue_version const& v,
                    std::uint64_t) -> array_state_ptr {
        auto const id =
            catalogue<Policies>(*engine_->pages).find_id(v, name);
        return id ? engine_->state_of(*id, v) : nullptr;
    });
}

template <class Policies>
array_ref<Policies> names<Policies>::checked(array_state_ptr state,
    std::string_view name, std::string_view element) const {
    check_element(*state, name, element);
    if (state->form.rank != 1 && !element.empty())
        raise(errc::type_mismatch,
              engine_->name + ": array " + std::string(name) + " has "
                  + std::to_string(state->form.rank)
                  + " axes: open it with open_nd");
    if (state->form.layout != format::in_order)
        raise(errc::type_mismatch,
              engine_->name + ": array " + std::string(name)
                  + (format::is_tiled(state->form.layout)
                         ? " has a tiled layout: open it with open_nd"
                         : " has a fill value: open it with open_nd"));
    return {engine_, std::move(state), transaction_, pin_};
}

template <class Policies>
void names<Policies>::check_element(array_state const& s,
                                    std::string_view name,
                                    std::string_view element) const {
    if (!element.empty() && s.element != element)
        raise(errc::type_mismatch,
              engine_->name + ": array " + std::string(name)
                  + " has elements of type " + s.element
                  + ", and was to be opened with " + std::string(element));
}

template <class Policies>
void names<Policies>::check_rank(array_state const& s, std::string_view name,
                                 unsigned rank) const {
    if (s.form.rank != rank)
        raise(errc::type_mismatch,
              engine_->name + ": array " + std::string(name) + " has "
                  + std::to_string(s.form.rank)
                  + " axes, and was to be opened with "
                  + std::to_string(rank));
}

} // namespace numstore::detail
