// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/bytes.hpp>
#include <numstore/format/log_lists.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

namespace numstore::format {

/// What a record of the log says. The values are stable.
enum class log_kind : std::uint8_t {
    insert = 1,
    insert_hole = 2,
    insert_fill = 3,
    insert_bulk = 4,
    bulk_more = 5,
    write = 6,
    scatter = 7,
    erase = 8,
    erase_at = 9,
    write_blocks = 10,
    insert_blocks = 11,
    erase_blocks = 12,
    reshape = 13,
    create = 16,
    drop = 17,
    rename = 18,
    set_attribute = 19,
    erase_attribute = 20,
    clone = 21,
    create_nd = 22,
    create_tiled = 23,
    rollback_to = 32,
    commit = 33,
    abort = 34
};

/// Ids of arrays and transactions are counted up from 1 and never get here.
inline constexpr std::uint64_t max_log_id = std::uint64_t{1} << 61;

/// Every body names its kind, appends itself to a writer, and is read back
/// with its texts and bytes pointing into the record: nothing is copied.
/// Positions and counts are in elements, and not checked against the array.
/// It is encoded as its `members`, all of which f gets, in order: numbers as
/// varints, steps in zigzag form, texts, bytes and lists with their length
/// before them.
struct log_insert {
    static constexpr log_kind kind = log_kind::insert;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.position, b.elements);
    }
    std::uint64_t array = 0;
    std::uint64_t position = 0;
    std::span<std::byte const> elements;
};

/// Inserts `count` zero elements.
struct log_insert_hole {
    static constexpr log_kind kind = log_kind::insert_hole;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.position, b.count);
    }
    std::uint64_t array = 0;
    std::uint64_t position = 0;
    std::uint64_t count = 0;
};

/// Inserts `count` copies of `element`.
struct log_insert_fill {
    static constexpr log_kind kind = log_kind::insert_fill;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.position, b.count, b.element);
    }
    std::uint64_t array = 0;
    std::uint64_t position = 0;
    std::uint64_t count = 0;
    std::span<std::byte const> element;
};

/// Inserts `head`, then the elements of full leaves that are on their pages
/// already, then the `tail` of the last part. Unless `last` is set,
/// `log_bulk_more` records of the same transaction follow, each with the LSN
/// of the part before as its previous one, until one with `last` set. Only
/// the last part may have a tail.
struct log_insert_bulk {
    static constexpr log_kind kind = log_kind::insert_bulk;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.position, b.count, b.last, b.head, b.runs, b.tail);
    }
    std::uint64_t array = 0;
    std::uint64_t position = 0;
    std::uint64_t count = 0; ///< elements of all parts together
    bool last = true;
    std::span<std::byte const> head;
    bulk_runs runs;
    std::span<std::byte const> tail;
};

struct log_bulk_more {
    static constexpr log_kind kind = log_kind::bulk_more;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.part, b.last, b.runs, b.tail);
    }
    std::uint64_t part = 1; ///< 1 for the first after `log_insert_bulk`
    bool last = true;
    bulk_runs runs;
    std::span<std::byte const> tail;
};

/// Overwrites elements `first`, `first + step`, ...
struct log_write {
    static constexpr log_kind kind = log_kind::write;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.first, b.step, b.count, b.elements);
    }
    std::uint64_t array = 0;
    std::uint64_t first = 0;
    std::int64_t step = 1; ///< not 0
    std::uint64_t count = 0;
    std::span<std::byte const> elements;
};

struct log_scatter {
    static constexpr log_kind kind = log_kind::scatter;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.positions, b.elements);
    }
    std::uint64_t array = 0;
    u64_list positions;
    std::span<std::byte const> elements;
};

struct log_erase {
    static constexpr log_kind kind = log_kind::erase;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.first, b.step, b.count);
    }
    std::uint64_t array = 0;
    std::uint64_t first = 0;
    std::int64_t step = 1; ///< not 0
    std::uint64_t count = 0;
};

struct log_erase_at {
    static constexpr log_kind kind = log_kind::erase_at;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.positions);
    }
    std::uint64_t array = 0;
    u64_list positions; ///< ascending, each once
};

/// Overwrites blocks of `block` elements each. Blocks, here and below, stand
/// at `positions`, or, where there are none, at first, first + stride, ...;
/// they ascend, and do not overlap where there are old elements in them.
struct log_write_blocks {
    static constexpr log_kind kind = log_kind::write_blocks;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.first, b.stride, b.count, b.block, b.positions,
          b.elements);
    }
    std::uint64_t array = 0;
    std::uint64_t first = 0;
    std::uint64_t stride = 0;
    std::uint64_t count = 0; ///< blocks
    std::uint64_t block = 0; ///< elements
    u64_list positions;
    std::span<std::byte const> elements;
};

/// Inserts blocks, of zeros where there are no `elements`. The places are
/// those before all of it.
struct log_insert_blocks {
    static constexpr log_kind kind = log_kind::insert_blocks;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.first, b.stride, b.count, b.block, b.positions,
          b.elements);
    }
    std::uint64_t array = 0;
    std::uint64_t first = 0;
    std::uint64_t stride = 0;
    std::uint64_t count = 0;
    std::uint64_t block = 0;
    u64_list positions;
    std::span<std::byte const> elements;
};

/// Removes blocks. The places are those before all of it.
struct log_erase_blocks {
    static constexpr log_kind kind = log_kind::erase_blocks;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.first, b.stride, b.count, b.block, b.positions);
    }
    std::uint64_t array = 0;
    std::uint64_t first = 0;
    std::uint64_t stride = 0;
    std::uint64_t count = 0;
    std::uint64_t block = 0;
    u64_list positions;
};

/// The array of rank 2 or more has this shape now. Comes behind what made it
/// as many elements.
struct log_reshape {
    static constexpr log_kind kind = log_kind::reshape;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.dimensions);
    }
    std::uint64_t array = 0;
    u64_list dimensions;
};

struct log_create {
    static constexpr log_kind kind = log_kind::create;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.element_size, b.name, b.element);
    }
    std::uint64_t array = 0;
    std::uint64_t element_size = 1;
    std::string_view name;
    std::string_view element;
};

/// A new, empty array of a rank and layout: all of its dimensions are 0.
struct log_create_nd {
    static constexpr log_kind kind = log_kind::create_nd;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.element_size, b.name, b.element, b.rank, b.layout,
          b.fill);
    }
    std::uint64_t array = 0;
    std::uint64_t element_size = 1;
    std::string_view name;
    std::string_view element;
    std::uint64_t rank = 1;
    std::uint64_t layout = 0;
    std::span<std::byte const> fill{};
};

/// The same with a tiled layout.
struct log_create_tiled {
    static constexpr log_kind kind = log_kind::create_tiled;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.element_size, b.name, b.element, b.rank, b.layout,
          b.fill, b.tile);
    }
    std::uint64_t array = 0;
    std::uint64_t element_size = 1;
    std::string_view name;
    std::string_view element;
    std::uint64_t rank = 2;
    std::uint64_t layout = 2;
    std::span<std::byte const> fill{};
    u64_list tile;
};

struct log_drop {
    static constexpr log_kind kind = log_kind::drop;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.name);
    }
    std::uint64_t array = 0;
    std::string_view name;
};

struct log_rename {
    static constexpr log_kind kind = log_kind::rename;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.from, b.to);
    }
    std::uint64_t array = 0;
    std::string_view from;
    std::string_view to;
};

/// A new array that has all that `source` has.
struct log_clone {
    static constexpr log_kind kind = log_kind::clone;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.source, b.name);
    }
    std::uint64_t array = 0;
    std::uint64_t source = 0;
    std::string_view name;
};

struct log_set_attribute {
    static constexpr log_kind kind = log_kind::set_attribute;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.key, b.value);
    }
    std::uint64_t array = 0;
    std::string_view key;
    std::span<std::byte const> value;
};

struct log_erase_attribute {
    static constexpr log_kind kind = log_kind::erase_attribute;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.array, b.key);
    }
    std::uint64_t array = 0;
    std::string_view key;
};

/// Compensates every record of this transaction with an LSN above
/// `undo_next` and below that of this record.
struct log_rollback_to {
    static constexpr log_kind kind = log_kind::rollback_to;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.undo_next);
    }
    lsn undo_next{};
};

struct log_commit {
    static constexpr log_kind kind = log_kind::commit;
    template <class Self, class F>
    static void members(Self& b, F&& f) {
        f(b.bulk_synced);
    }
    bool bulk_synced = false; ///< its bulk pages were durable before
};

struct log_abort {
    static constexpr log_kind kind = log_kind::abort;
    template <class Self, class F>
    static void members(Self&, F&& f) {
        f();
    }
};

using log_body =
    std::variant<log_insert, log_insert_hole, log_insert_fill, log_insert_bulk,
                 log_bulk_more, log_write, log_scatter, log_erase, log_erase_at,
                 log_write_blocks, log_insert_blocks, log_erase_blocks,
                 log_reshape, log_create, log_create_nd, log_create_tiled,
                 log_drop, log_rename, log_set_attribute, log_erase_attribute,
                 log_clone, log_rollback_to, log_commit, log_abort>;

template <class... Bodies>
log_kind kind_of(std::variant<Bodies...> const& body) noexcept {
    static constexpr log_kind kinds[] = {Bodies::kind...};
    return kinds[body.index()];
}

/// A record read back; valid while the bytes that it was read from are.
struct log_record {
    std::uint64_t transaction = 0;
    lsn previous{}; ///< of the same transaction; 0 for its first
    log_body body;

    log_kind kind() const noexcept { return kind_of(body); }
};

} // namespace numstore::format
