// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/format/bytes.hpp>
#include <numstore/format/log_lists.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
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
/// It is encoded as its `members()` in order: numbers as varints, steps in
/// zigzag form, texts, bytes and lists with their length before them.
struct log_insert {
    static constexpr log_kind kind = log_kind::insert;
    static constexpr auto members() noexcept {
        return std::tuple(&log_insert::array, &log_insert::position,
                          &log_insert::elements);
    }
    std::uint64_t array = 0;
    std::uint64_t position = 0;
    std::span<std::byte const> elements;
};

/// Inserts `count` zero elements.
struct log_insert_hole {
    static constexpr log_kind kind = log_kind::insert_hole;
    static constexpr auto members() noexcept {
        return std::tuple(&log_insert_hole::array, &log_insert_hole::position,
                          &log_insert_hole::count);
    }
    std::uint64_t array = 0;
    std::uint64_t position = 0;
    std::uint64_t count = 0;
};

/// Inserts `count` copies of `element`.
struct log_insert_fill {
    static constexpr log_kind kind = log_kind::insert_fill;
    static constexpr auto members() noexcept {
        return std::tuple(&log_insert_fill::array, &log_insert_fill::position,
                          &log_insert_fill::count, &log_insert_fill::element);
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
    static constexpr auto members() noexcept {
        return std::tuple(&log_insert_bulk::array, &log_insert_bulk::position,
                          &log_insert_bulk::count, &log_insert_bulk::last,
                          &log_insert_bulk::head, &log_insert_bulk::runs,
                          &log_insert_bulk::tail);
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
    static constexpr auto members() noexcept {
        return std::tuple(&log_bulk_more::part, &log_bulk_more::last,
                          &log_bulk_more::runs, &log_bulk_more::tail);
    }
    std::uint64_t part = 1; ///< 1 for the first after `log_insert_bulk`
    bool last = true;
    bulk_runs runs;
    std::span<std::byte const> tail;
};

/// Overwrites elements `first`, `first + step`, ...
struct log_write {
    static constexpr log_kind kind = log_kind::write;
    static constexpr auto members() noexcept {
        return std::tuple(&log_write::array, &log_write::first,
                          &log_write::step, &log_write::count,
                          &log_write::elements);
    }
    std::uint64_t array = 0;
    std::uint64_t first = 0;
    std::int64_t step = 1; ///< not 0
    std::uint64_t count = 0;
    std::span<std::byte const> elements;
};

struct log_scatter {
    static constexpr log_kind kind = log_kind::scatter;
    static constexpr auto members() noexcept {
        return std::tuple(&log_scatter::array, &log_scatter::positions,
                          &log_scatter::elements);
    }
    std::uint64_t array = 0;
    u64_list positions;
    std::span<std::byte const> elements;
};

struct log_erase {
    static constexpr log_kind kind = log_kind::erase;
    static constexpr auto members() noexcept {
        return std::tuple(&log_erase::array, &log_erase::first,
                          &log_erase::step, &log_erase::count);
    }
    std::uint64_t array = 0;
    std::uint64_t first = 0;
    std::int64_t step = 1; ///< not 0
    std::uint64_t count = 0;
};

struct log_erase_at {
    static constexpr log_kind kind = log_kind::erase_at;
    static constexpr auto members() noexcept {
        return std::tuple(&log_erase_at::array, &log_erase_at::positions);
    }
    std::uint64_t array = 0;
    u64_list positions; ///< ascending, each once
};

/// Overwrites blocks of `block` elements each. Blocks, here and below, stand
/// at `positions`, or, where there are none, at first, first + stride, ...;
/// they ascend, and do not overlap where there are old elements in them.
struct log_write_blocks {
    static constexpr log_kind kind = log_kind::write_blocks;
    static constexpr auto members() noexcept {
        return std::tuple(&log_write_blocks::array, &log_write_blocks::first,
                          &log_write_blocks::stride, &log_write_blocks::count,
                          &log_write_blocks::block,
                          &log_write_blocks::positions,
                          &log_write_blocks::elements);
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
    static constexpr auto members() noexcept {
        return std::tuple(&log_insert_blocks::array, &log_insert_blocks::first,
                          &log_insert_blocks::stride,
                          &log_insert_blocks::count, &log_insert_blocks::block,
                          &log_insert_blocks::positions,
                          &log_insert_blocks::elements);
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
    static constexpr auto members() noexcept {
        return std::tuple(&log_erase_blocks::array, &log_erase_blocks::first,
                          &log_erase_blocks::stride, &log_erase_blocks::count,
                          &log_erase_blocks::block,
                          &log_erase_blocks::positions);
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
    static constexpr auto members() noexcept {
        return std::tuple(&log_reshape::array, &log_reshape::dimensions);
    }
    std::uint64_t array = 0;
    u64_list dimensions;
};

struct log_create {
    static constexpr log_kind kind = log_kind::create;
    static constexpr auto members() noexcept {
        return std::tuple(&log_create::array, &log_create::element_size,
                          &log_create::name, &log_create::element);
    }
    std::uint64_t array = 0;
    std::uint64_t element_size = 1;
    std::string_view name;
    std::string_view element;
};

/// A new, empty array of a rank and layout: all of its dimensions are 0.
struct log_create_nd {
    static constexpr log_kind kind = log_kind::create_nd;
    static constexpr auto members() noexcept {
        return std::tuple(&log_create_nd::array, &log_create_nd::element_size,
                          &log_create_nd::name, &log_create_nd::element,
                          &log_create_nd::rank, &log_create_nd::layout,
                          &log_create_nd::fill);
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
    static constexpr auto members() noexcept {
        return std::tuple(&log_create_tiled::array,
                          &log_create_tiled::element_size,
                          &log_create_tiled::name, &log_create_tiled::element,
                          &log_create_tiled::rank, &log_create_tiled::layout,
                          &log_create_tiled::fill, &log_create_tiled::tile);
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
    static constexpr auto members() noexcept {
        return std::tuple(&log_drop::array, &log_drop::name);
    }
    std::uint64_t array = 0;
    std::string_view name;
};

struct log_rename {
    static constexpr log_kind kind = log_kind::rename;
    static constexpr auto members() noexcept {
        return std::tuple(&log_rename::array, &log_rename::from,
                          &log_rename::to);
    }
    std::uint64_t array = 0;
    std::string_view from;
    std::string_view to;
};

/// A new array that has all that `source` has.
struct log_clone {
    static constexpr log_kind kind = log_kind::clone;
    static constexpr auto members() noexcept {
        return std::tuple(&log_clone::array, &log_clone::source,
                          &log_clone::name);
    }
    std::uint64_t array = 0;
    std::uint64_t source = 0;
    std::string_view name;
};

struct log_set_attribute {
    static constexpr log_kind kind = log_kind::set_attribute;
    static constexpr auto members() noexcept {
        return std::tuple(&log_set_attribute::array, &log_set_attribute::key,
                          &log_set_attribute::value);
    }
    std::uint64_t array = 0;
    std::string_view key;
    std::span<std::byte const> value;
};

struct log_erase_attribute {
    static constexpr log_kind kind = log_kind::erase_attribute;
    static constexpr auto members() noexcept {
        return std::tuple(&log_erase_attribute::array,
                          &log_erase_attribute::key);
    }
    std::uint64_t array = 0;
    std::string_view key;
};

/// Compensates every record of this transaction with an LSN above
/// `undo_next` and below that of this record.
struct log_rollback_to {
    static constexpr log_kind kind = log_kind::rollback_to;
    static constexpr auto members() noexcept {
        return std::tuple(&log_rollback_to::undo_next);
    }
    lsn undo_next{};
};

struct log_commit {
    static constexpr log_kind kind = log_kind::commit;
    static constexpr auto members() noexcept {
        return std::tuple(&log_commit::bulk_synced);
    }
    bool bulk_synced = false; ///< its bulk pages were durable before
};

struct log_abort {
    static constexpr log_kind kind = log_kind::abort;
    static constexpr auto members() noexcept { return std::tuple(); }
};

using log_body =
    std::variant<log_insert, log_insert_hole, log_insert_fill, log_insert_bulk,
                 log_bulk_more, log_write, log_scatter, log_erase, log_erase_at,
                 log_write_blocks, log_insert_blocks, log_erase_blocks,
                 log_reshape, log_create, log_create_nd, log_create_tiled,
                 log_drop, log_rename, log_set_attribute, log_erase_attribute,
                 log_clone, log_rollback_to, log_commit, log_abort>;

/// A record read back; valid while the bytes that it was read from are.
struct log_record {
    std::uint64_t transaction = 0;
    lsn previous{}; ///< of the same transaction; 0 for its first
    log_body body;

    log_kind kind() const noexcept {
        return std::visit(
            [](auto const& b) {
                return std::remove_cvref_t<decltype(b)>::kind;
            },
            body);
    }
};

} // namespace numstore::format
