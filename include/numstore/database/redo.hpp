// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_writer.hpp>
#include <numstore/database/bulk_copies.hpp>
#include <numstore/database/catalogue_writer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/error.hpp>
#include <numstore/format/element_parser.hpp>
#include <numstore/format/log_record.hpp>
#include <numstore/format/name.hpp>
#include <numstore/rope/blocks.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace numstore::detail {

/// Does again what a record of the log says, in a transaction that is not
/// logged. A record that does not fit the arrays is damage: corrupt.
template <class Policies>
class redo {
    using engine_type = engine<Policies>;
    using transaction = transaction_state<Policies>;
    using writer = array_writer<Policies>;

public:
    /// `copies` says where bulk pages are.
    redo(engine_type& e, transaction& t,
         bulk_copies<Policies> const& copies) noexcept
        : e_(&e), t_(&t), copies_(&copies) {}

    void operator()(lsn at, format::log_record const& r) {
        transaction_ = r.transaction;
        try {
            std::visit([&](auto const& body) { apply(body); }, r.body);
            spill();
        } catch (error const& failure) {
            if (failure.code() == errc::no_space
                || failure.code() == errc::io
                || failure.code() == errc::no_memory)
                throw;
            raise(errc::corrupt,
                  e_->name + ": the log cannot be redone at LSN "
                      + std::to_string(to_integer(at)) + ": "
                      + failure.what());
        }
    }

private:
    writer array(std::uint64_t id) {
        return writer(*e_, *t_, names().open(id)).resizing();
    }
    catalogue_writer<Policies> names() { return {*e_, *t_}; }
    array_state const& state(std::uint64_t id) {
        return *names().open(id).state;
    }

    /// What records of new arrays with axes have in common.
    template <class Record>
    void create_nd(Record const& b, std::vector<std::uint64_t> tile) {
        require_new(b.array, b.name);
        require(b.element_size <= max_element_pages * Policies::page_size
                    && describes_elements(b.element, b.element_size),
                "an element's description");
        require(b.rank != 0 && b.rank <= format::max_rank
                    && b.layout <= format::tiled_filled
                    && b.fill.size()
                           == (format::is_filled(b.layout) ? b.element_size : 0)
                    && is_tile(b.layout, b.rank, tile),
                "an array's shape");
        format::array_shape form;
        form.rank = static_cast<std::uint8_t>(b.rank);
        form.layout = static_cast<std::uint8_t>(b.layout);
        form.fill.assign(b.fill.begin(), b.fill.end());
        form.tile = std::move(tile);
        names().create_nd(b.name, b.element,
                          static_cast<std::uint32_t>(b.element_size), form,
                          b.array);
    }

    static void require(bool holds, char const* what) {
        if (!holds)
            raise(errc::corrupt, std::string("a record is wrong in ") + what);
    }

    /// Ids are never used again.
    void require_new(std::uint64_t id, std::string_view name) {
        check_name(name);
        require(!t_->works.contains(id)
                    && e_->state_of(id, e_->catalogue_versions.newest()->value)
                           == nullptr,
                "the id of a new array");
    }

    /// Bounded memory however long the log is.
    void spill() {
        if (e_->read_only)
            return;
        for (auto& [id, w] : t_->works) {
            if (!e_->is_full_of_leaves())
                return;
            if (!w.dropped)
                writer(*e_, *t_, w).spill_if_needed();
        }
    }

    void apply(format::log_insert const& b) {
        array(b.array).insert(b.position, b.elements);
    }
    void apply(format::log_insert_hole const& b) {
        array(b.array).insert_zeros(b.position, b.count);
    }
    void apply(format::log_insert_fill const& b) {
        std::size_t const size = b.element.size();
        require(size == state(b.array).element_size, "an element's size");
        std::uint64_t bytes = 0;
        require(multiply(b.count, size, bytes)
                    && bytes / Policies::page_size <= e_->pages->file_pages(),
                "more elements than the file has room for");
        std::size_t const most = std::max<std::size_t>(1, 32768 / size);
        for (std::uint64_t done = 0; done != b.count;) {
            std::uint64_t const n = std::min<std::uint64_t>(most,
                                                            b.count - done);
            std::vector<std::byte> piece(static_cast<std::size_t>(n) * size);
            for (std::size_t i = 0; i != n; ++i)
                std::memcpy(piece.data() + i * size, b.element.data(), size);
            array(b.array).insert(b.position + done, piece);
            done += n;
        }
    }
    void apply(format::log_insert_bulk const& b) {
        bulks_[transaction_] = {
            b.array, b.position, {b.head.begin(), b.head.end()}, {}};
        more(b.runs, b.last, b.tail);
    }
    void apply(format::log_bulk_more const& b) {
        more(b.runs, b.last, b.tail);
    }
    void apply(format::log_write const& b) {
        array(b.array).write(b.first, b.step, b.elements);
    }
    void apply(format::log_scatter const& b) {
        std::vector<std::uint64_t> const at(b.positions.begin(),
                                            b.positions.end());
        array(b.array).scatter(at, b.elements);
    }
    void apply(format::log_erase const& b) {
        array(b.array).erase(b.first, b.step, b.count);
    }
    void apply(format::log_erase_at const& b) {
        std::vector<std::uint64_t> const at(b.positions.begin(),
                                            b.positions.end());
        array(b.array).erase_at(at);
    }
    /// `list` owns what the places refer to.
    template <class Body>
    block_places places(Body const& b, std::vector<std::uint64_t>& list) {
        list.assign(b.positions.begin(), b.positions.end());
        return list.empty() ? block_places(b.first, b.stride, b.count)
                            : block_places(list);
    }
    template <class Body>
    void require_blocks(Body const& b) {
        std::uint64_t bytes = 0;
        require(multiply(b.count, b.block, bytes)
                    && multiply(bytes, state(b.array).element_size, bytes)
                    && bytes == b.elements.size(),
                "the size of its blocks");
    }
    void apply(format::log_write_blocks const& b) {
        std::vector<std::uint64_t> list;
        require_blocks(b);
        array(b.array).write_blocks(places(b, list), b.block, b.elements);
    }
    void apply(format::log_insert_blocks const& b) {
        std::vector<std::uint64_t> list;
        auto const at = places(b, list);
        if (b.elements.empty())
            return array(b.array).insert_zero_blocks(at, b.block);
        require_blocks(b);
        array(b.array).insert_blocks(at, b.block, b.elements);
    }
    void apply(format::log_erase_blocks const& b) {
        std::vector<std::uint64_t> list;
        array(b.array).erase_blocks(places(b, list), b.block);
    }
    void apply(format::log_reshape const& b) {
        array(b.array).reshape(
            std::make_shared<std::vector<std::uint64_t> const>(
                b.dimensions.begin(), b.dimensions.end()));
    }
    void apply(format::log_create_nd const& b) {
        require(!format::is_tiled(b.layout), "an array's shape");
        create_nd(b, {});
    }
    void apply(format::log_create_tiled const& b) {
        create_nd(b, {b.tile.begin(), b.tile.end()});
    }
    void apply(format::log_create const& b) {
        require_new(b.array, b.name);
        require(b.element_size <= max_element_pages * Policies::page_size
                    && describes_elements(b.element, b.element_size),
                "an element's description");
        names().create(b.name, b.element,
                       static_cast<std::uint32_t>(b.element_size), b.array);
    }
    void apply(format::log_drop const& b) { names().drop(b.name); }
    void apply(format::log_rename const& b) {
        check_name(b.to);
        names().rename(b.from, b.to);
    }
    void apply(format::log_clone const& b) {
        require_new(b.array, b.name);
        names().clone(b.source, b.name, b.array);
    }
    void apply(format::log_set_attribute const& b) {
        check_attribute_key(b.key);
        names().set_attribute(b.array, b.key, b.value);
    }
    void apply(format::log_erase_attribute const& b) {
        names().erase_attribute(b.array, b.key);
    }
    void apply(format::log_rollback_to const&) {}
    void apply(format::log_commit const&) {}
    void apply(format::log_abort const&) {}

    /// Between the parts of one bulk insert there may be records of other
    /// transactions, but none of this one.
    [[gnu::cold]]
    void more(format::bulk_runs const& runs, bool last,
              std::span<std::byte const> tail) {
        bulk& whole = bulks_[transaction_];
        for (format::bulk_run const run : runs) {
            if (!e_->pages->contains(run.first, run.checksums.size()
                                                    * runs.leaf_pages()))
                raise(errc::corrupt, "a bulk page is outside of the file");
            require(runs.leaf_pages() == state(whole.array).shape.pages,
                    "a leaf's pages");
            std::vector<std::uint64_t> const sums(run.checksums.begin(),
                                                  run.checksums.end());
            copies_->each_piece(run, [&](page_no first, std::size_t leaf,
                                         std::size_t leaves) {
                auto const from =
                    sums.begin() + static_cast<std::ptrdiff_t>(leaf);
                auto const end = from + static_cast<std::ptrdiff_t>(leaves);
                whole.runs.push_back({first, leaves, {from, end}});
            });
        }
        if (!last)
            return;
        array(whole.array)
            .insert_placed(whole.position, whole.head, whole.runs, tail);
        bulks_.erase(transaction_);
    }

    struct bulk {
        std::uint64_t array = 0;
        std::uint64_t position = 0;
        std::vector<std::byte> head{};
        std::vector<bulk_run> runs{};
    };

    engine_type* e_;
    transaction* t_;
    bulk_copies<Policies> const* copies_;
    std::uint64_t transaction_ = 0; ///< of the record
    std::map<std::uint64_t, bulk> bulks_; ///< begun, by transaction
};

} // namespace numstore::detail
