// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/catalogue.hpp>
#include <numstore/database/committer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/format/glob.hpp>
#include <numstore/format/log_record.hpp>
#include <numstore/pager/page_writer.hpp>
#include <numstore/rope/kernels.hpp>
#include <numstore/rope/root.hpp>
#include <numstore/rope/rope_tree.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Changes names and descriptions of arrays inside a transaction, which keeps
/// them as a delta until it commits. Names are valid already. Within a call of
/// the transaction, with locks of what is named, and in a read scope.
template <class Policies>
class catalogue_writer {
    using engine_type = engine<Policies>;
    using transaction = transaction_state<Policies>;
    using work = typename transaction::work;

public:
    catalogue_writer(engine_type& e, transaction& t) noexcept
        : e_(&e), t_(&t) {}

    /// The id behind a name, as the transaction sees it.
    std::optional<std::uint64_t> find(std::string_view name) const {
        if (auto const i = t_->delta.names.find(name);
            i != t_->delta.names.end())
            return i->second;
        return catalogue<Policies>(*e_->pages).find_id(newest(), name);
    }

    /// Throws not_found.
    std::uint64_t get(std::string_view name) const {
        if (auto const id = find(name))
            return *id;
        raise(errc::not_found,
              e_->name + ": there is no array " + std::string(name));
    }

    /// The array `id` in this transaction.
    work& open(std::uint64_t id) {
        if (auto const i = t_->works.find(id); i != t_->works.end())
            return i->second;
        array_state_ptr s = state(id);
        array_version now = s->versions.newest()->value;
        return t_->works
            .emplace(id, work{std::move(s), std::move(now.root),
                              std::move(now.dimensions)})
            .first->second;
    }

    /// Needs no lock of the array. Throws not_found.
    array_state_ptr state(std::uint64_t id) const {
        if (auto const i = t_->works.find(id); i != t_->works.end())
            return i->second.state;
        if (array_state_ptr s = e_->state_of(id, newest()))
            return s;
        raise(errc::not_found, e_->name + ": there is no array with id "
                                   + std::to_string(id));
    }

    /// f(name, id) for the arrays of the transaction, unsorted.
    template <class F>
    void each(std::string_view pattern, F&& f) const {
        catalogue<Policies>(*e_->pages)
            .each(newest(), pattern,
                  [&](std::string_view name, std::uint64_t id) {
                      if (!t_->delta.names.contains(name))
                          f(name, id);
                  });
        for (auto const& [name, id] : t_->delta.names)
            if (id && glob_matches(pattern, name))
                f(std::string_view(name), *id);
    }

    format::catalogue_entry describe(std::uint64_t id) const {
        if (auto const i = t_->delta.entries.find(id);
            i != t_->delta.entries.end()) {
            if (!i->second)
                raise(errc::not_found, e_->name + ": the array was dropped");
            return *i->second;
        }
        auto entry = catalogue<Policies>(*e_->pages).find_entry(newest(), id);
        if (!entry)
            raise(errc::not_found, e_->name + ": there is no array with id "
                                       + std::to_string(id));
        return std::move(*entry);
    }

    /// A new, empty array. `id` 0 takes the next one. Throws already_exists.
    work& create(std::string_view name, std::string_view element,
                 std::uint32_t element_size, std::uint64_t id = 0) {
        require_unused(name);
        format::catalogue_entry entry;
        entry.element = element;
        entry.element_size = element_size;
        work& w = add(std::move(entry), name, id, {}, {});
        log(format::log_create{w.state->id, element_size, name, element});
        return w;
    }

    /// The same of a rank and layout; its dimensions are all 0.
    [[gnu::cold]]
    work& create_nd(std::string_view name, std::string_view element,
                    std::uint32_t element_size,
                    format::array_shape const& form, std::uint64_t id = 0) {
        require_unused(name);
        format::catalogue_entry entry;
        entry.element = element;
        entry.element_size = element_size;
        entry.shape = form;
        entry.shape.dimensions.assign(form.rank == 1 ? 0 : form.rank, 0);
        auto none = engine_type::dimensions_of(entry.shape);
        work& w = add(std::move(entry), name, id, {}, std::move(none));
        std::uint64_t const id_made = w.state->id;
        if (form.tile.empty())
            log(format::log_create_nd{id_made, element_size, name, element,
                                      form.rank, form.layout, form.fill});
        else
            log(format::log_create_tiled{id_made, element_size, name, element,
                                         form.rank, form.layout, form.fill,
                                         format::u64_list(form.tile)});
        if (!w.state->is_flat())
            e_->needs_features(form.tile.empty() ? format::arrays_with_axes
                                                 : format::arrays_with_axes
                                                       | format::tiled_arrays);
        return w;
    }

    /// A new array with the elements and attributes of another, from which
    /// it differs as soon as one of them is changed. O(log n): they share all
    /// pages. `id` as for `create`. Throws not_found, already_exists.
    [[gnu::cold]]
    void clone(std::string_view from, std::string_view to,
               std::uint64_t id = 0) {
        clone(get(from), to, id);
    }
    void clone(std::uint64_t source, std::string_view to, std::uint64_t id) {
        require_unused(to);
        format::catalogue_entry entry = describe(source);
        entry.size = 0;
        entry.root = {};
        std::fill(entry.shape.dimensions.begin(),
                  entry.shape.dimensions.end(), 0);
        work& original = open(source);
        rope_root root = share(original);
        work const& w = add(std::move(entry), to, id, std::move(root),
                            original.dimensions);
        log(format::log_clone{w.state->id, source, to});
    }

    /// O(1) whatever the size. Throws not_found.
    [[gnu::cold]] void drop(std::string_view name) {
        std::uint64_t const id = get(name);
        work& w = open(id);
        tree old(*e_->pages, dynamic_element{w.state->element_size}, w.root);
        delta_change renamed(t_->delta);
        renamed.entry(id, std::nullopt);
        renamed.name(std::string(name), std::nullopt);
        old.clear(t_->changes);
        w.root = {};
        w.dropped = true;
        w.changed = true;
        renamed.keep();
        log(format::log_drop{id, name});
    }

    /// Throws not_found, already_exists.
    [[gnu::cold]] void rename(std::string_view from, std::string_view to) {
        std::uint64_t const id = get(from);
        if (from == to)
            return;
        require_unused(to);
        format::catalogue_entry entry = describe(id);
        entry.name = to;
        delta_change renamed(t_->delta);
        renamed.name(std::string(from), std::nullopt);
        renamed.name(std::string(to), id);
        renamed.entry(id, std::move(entry));
        renamed.keep();
        log(format::log_rename{id, from, to});
    }

    void set_attribute(std::uint64_t id, std::string_view key,
                       std::span<std::byte const> value) {
        format::catalogue_entry entry = describe(id);
        auto& all = entry.attributes;
        auto const at = position(all, key);
        std::vector<std::byte> bytes(value.begin(), value.end());
        if (at != all.end() && at->first == key)
            at->second = std::move(bytes);
        else
            all.emplace(at, std::string(key), std::move(bytes));
        t_->delta.entries.insert_or_assign(id, std::move(entry));
        log(format::log_set_attribute{id, key, value});
    }

    /// False if there was none.
    [[gnu::cold]] bool erase_attribute(std::uint64_t id, std::string_view key) {
        format::catalogue_entry entry = describe(id);
        auto const at = position(entry.attributes, key);
        if (at == entry.attributes.end() || at->first != key)
            return false;
        entry.attributes.erase(at);
        t_->delta.entries.insert_or_assign(id, std::move(entry));
        log(format::log_erase_attribute{id, key});
        return true;
    }

private:
    using tree = rope_tree<dynamic_element, Policies>;

    void require_unused(std::string_view name) const {
        if (find(name))
            raise(errc::already_exists, e_->name + ": there is an array "
                                            + std::string(name) + " already");
    }

    /// A new array with these elements.
    work& add(format::catalogue_entry entry, std::string_view name,
              std::uint64_t id, rope_root root, dimensions_ptr dimensions) {
        if (id == 0)
            id = e_->next_array.fetch_add(1, std::memory_order_seq_cst);
        else if (e_->next_array.load(std::memory_order_seq_cst) <= id)
            e_->next_array.store(id + 1); // recovery, which is alone
        entry.id = id;
        entry.name = name;
        work fresh{engine_type::make_state(entry), std::move(root),
                   std::move(dimensions)};
        fresh.changed = true;
        fresh.created = true;
        delta_change added(t_->delta);
        added.entry(id, std::move(entry));
        added.name(std::string(name), id);
        work& w = t_->works.emplace(id, std::move(fresh)).first->second;
        added.keep();
        return w;
    }

    /// A root for a second tree with the same elements. A leaf that has no
    /// page yet is copied, because it may belong into a catalogue entry.
    rope_root share(work& w) {
        tree source(*e_->pages, dynamic_element{w.state->element_size},
                    w.root);
        auto const& shape = w.state->shape;
        if (w.root.empty() || w.root.is_hole())
            return w.root;
        if (w.root.height == 0 && w.root.node.place() == no_page) {
            std::vector<std::byte> bytes(
                static_cast<std::size_t>(shape.bytes(w.root.size)));
            source.read(0, bytes);
            tree copy(*e_->pages, dynamic_element{w.state->element_size});
            copy.insert(t_->changes, 0, bytes);
            return copy.root();
        }
        if (!e_->read_only) {
            page_writer<Policies> out(*e_->pages, 0, t_->changes.allocated);
            source.spill(t_->changes, out); // private leaves cannot be later
            w.root = source.root();
        }
        t_->changes.freed.push_back(
            {w.root.node, w.root.height == 0 ? shape.pages : 1, w.root.height,
             w.root.size, shape.pages, shape.capacity,
             reference_change::shared});
        t_->changes.share_all();
        return w.root;
    }

    catalogue_version const& newest() const noexcept {
        return e_->catalogue_versions.newest()->value;
    }

    static std::vector<format::catalogue_entry::attribute>::iterator
    position(std::vector<format::catalogue_entry::attribute>& all,
             std::string_view key) {
        return std::lower_bound(
            all.begin(), all.end(), key,
            [](auto const& a, std::string_view k) { return a.first < k; });
    }

    template <class Body>
    void log(Body const& body) {
        committer<Policies>(*e_).append(*t_, body);
    }

    engine_type* e_;
    transaction* t_;
};

} // namespace numstore::detail
