// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/call_progress.hpp>
#include <numstore/database/committer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/room.hpp>
#include <numstore/format/log_record.hpp>
#include <numstore/pager/page_writer.hpp>
#include <numstore/rope/blocks.hpp>
#include <numstore/rope/kernels.hpp>
#include <numstore/rope/rope_tree.hpp>
#include <numstore/rope/spill.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Changes one array inside a transaction: first the tree, with the strong
/// guarantee, then the record that lets recovery do the same. Positions are
/// elements, `bytes` whole elements as they are stored. Throws out_of_range,
/// invalid_argument (too large an array), corrupt, io, no_memory, after which
/// the transaction is as before; and no_space, or no_memory for the record,
/// after which it is rolled back.
/// Within a call of the transaction, with the array's lock.
template <class Policies>
class array_writer {
    using engine_type = engine<Policies>;
    using transaction = transaction_state<Policies>;
    using work = typename transaction::work;
    using tree = rope_tree<dynamic_element, Policies>;
    using reserve_scope = typename pager<Policies>::reserve_scope;

public:
    array_writer(engine_type& e, transaction& t, work& w)
        : e_(&e), t_(&t), w_(&w),
          tree_(*e.pages, dynamic_element{w.state->element_size}, w.root) {}

    std::uint64_t size() const noexcept { return w_->root.size; }
    dimensions_ptr const& dimensions() const noexcept {
        return w_->dimensions;
    }

    /// For those who keep size and shape the same: without it no array that
    /// has more than a size changes that.
    array_writer& resizing() noexcept {
        resizing_ = true;
        return *this;
    }

    /// What takes long is reported to options::progress, which may cancel it
    /// or throw: then the transaction is as before the change.
    array_writer& reporting() noexcept {
        reports_ = true;
        return *this;
    }

    /// Large data goes straight to its final pages and is logged as their
    /// places; small data is logged as it is.
    void insert(std::uint64_t pos, std::span<std::byte const> bytes);

    void insert_zeros(std::uint64_t pos, std::uint64_t count);

    /// Overwrites neighbouring elements.
    void write(std::uint64_t pos, std::span<std::byte const> bytes);

    /// Overwrites elements first, first + step, ...
    void write(std::uint64_t first, std::int64_t step,
               std::span<std::byte const> bytes);

    /// Overwrites elements at ascending positions.
    void scatter(std::span<std::uint64_t const> positions,
                 std::span<std::byte const> bytes);

    void erase(std::uint64_t pos, std::uint64_t count);

    /// Removes elements first, first + step, ..., in one pass.
    void erase(std::uint64_t first, std::int64_t step, std::uint64_t count);

    /// Removes elements at ascending positions.
    void erase_at(std::span<std::uint64_t const> positions);

    // blocks: see `block_places`. Large ones go straight to their pages.

    void write_blocks(block_places const& at, std::uint64_t block,
                      std::span<std::byte const> bytes);

    /// Before the elements at these places, as they are before all of it.
    void insert_blocks(block_places const& at, std::uint64_t block,
                       std::span<std::byte const> bytes);
    void insert_zero_blocks(block_places const& at, std::uint64_t block);
    void erase_blocks(block_places const& at, std::uint64_t block);

    /// What the elements are from now on. Throws invalid_argument unless it
    /// is as many; if the record finds no memory the transaction is rolled
    /// back.
    void reshape(dimensions_ptr dimensions);

    /// Replays an insert whose whole leaves are on their pages already.
    void insert_placed(std::uint64_t pos, std::span<std::byte const> head,
                       std::span<bulk_run const> runs,
                       std::span<std::byte const> tail);

    /// For reading what the transaction has.
    tree const& rope() const noexcept { return tree_; }

    /// Writes private leaves to disk and drops them from memory, if there
    /// are more than the cache may hold.
    void spill_if_needed();

private:
    /// One record holds about this much, so that recovery needs little.
    static constexpr std::size_t piece_bytes = std::size_t{1} << 18;

    std::uint64_t id() const noexcept { return w_->state->id; }

    void require_resizable() const {
        if (!resizing_ && !w_->state->is_flat())
            raise(errc::invalid_argument,
                  w_->state->name
                      + ": an array with axes changes its size along them");
    }

    /// Precondition: no more than the caller has in memory.
    std::size_t bytes_of_blocks(std::uint64_t n,
                                std::uint64_t block) const noexcept {
        return static_cast<std::size_t>(n * block * element_size());
    }

    /// f(blocks done, the next places) for the records of a change that moves
    /// what follows each block by `moved` elements.
    template <class F>
    void each_piece(block_places const& at, std::uint64_t block,
                    std::uint64_t moved, F&& f) {
        if constexpr (engine_type::logging) {
            std::uint64_t const most = std::max<std::uint64_t>(
                1, piece_bytes / (bytes_of_blocks(1, block) + 8));
            std::vector<std::uint64_t> list;
            for (std::uint64_t done = 0; done != at.count();) {
                std::uint64_t const n = std::min(most, at.count() - done);
                f(done, at.piece(done, n, done * moved, list));
                done += n;
            }
        }
    }

    std::uint64_t element_size() const noexcept {
        return w_->state->element_size;
    }

    /// From here on data goes straight to pages: several leaves, which make
    /// what is left over at the ends small.
    std::uint64_t bulk_bytes() const noexcept {
        std::uint64_t const leaf = w_->state->shape.full_bytes();
        std::uint64_t const wanted =
            std::max<std::uint64_t>(4 * leaf, Policies::tuning::bulk_bytes);
        return std::max(leaf, std::min<std::uint64_t>(wanted, 1 << 20));
    }

    bool must_spill() const {
        return !e_->read_only && e_->is_full_of_leaves();
    }

    /// One that finds no space is tried again while more can be found.
    template <class F>
    void run(F&& operation) {
        for (;;) {
            try {
                spill_if_needed();
                attempt(operation);
                break;
            } catch (error const& failure) {
                w_->root = tree_.root(); // its nodes may have become private
                if (failure.code() != errc::no_space || progress_.has_ended())
                    throw;
                if (!find_room()) {
                    committer<Policies>(*e_).abandon(*t_);
                    throw;
                }
            } catch (...) {
                w_->root = tree_.root();
                throw;
            }
        }
        if (!w_->root.is(tree_.root()))
            w_->root = tree_.root();
        w_->changed = true;
        progress_ = {};
    }

    /// One that is reported may be cancelled even when its tree is made.
    template <class F>
    void attempt(F& operation) {
        if (!progress_.is_reported())
            return operation();
        build_beside guard(t_->changes);
        rope_root const before = tree_.root();
        try {
            progress_.begin();
            operation();
            progress_.finish();
        } catch (...) {
            tree_.set_root(before);
            throw;
        }
        guard.keep();
    }

    void report(std::string_view what, std::uint64_t bytes,
                std::uint64_t cost) {
        if (reports_)
            progress_ = call_progress(e_->opt.progress, what, bytes, cost);
    }

    /// Elements from the first to the last of a stride.
    static std::uint64_t span_of(std::int64_t step,
                                 std::uint64_t count) noexcept {
        auto const by = static_cast<std::uint64_t>(step);
        return count * (step < 0 ? std::uint64_t{0} - by : by);
    }
    std::uint64_t cost_of(std::span<std::uint64_t const> at) const noexcept {
        return at.empty() ? 0
                          : cost_of(at.back() - at.front() + 1, at.size());
    }
    /// Bytes of the leaves that `count` elements among `span` may touch.
    std::uint64_t cost_of(std::uint64_t span,
                          std::uint64_t count) const noexcept {
        leaf_shape const& shape = w_->state->shape;
        return std::min(count, span / shape.capacity + 2)
               * cost_of_leaf(shape);
    }

    bool find_room() {
        typename engine_type::work_lock lock(e_->work);
        return room<Policies>(*e_).ripen(lock);
    }

    template <class Body>
    void log(Body const& body) {
        committer<Policies>(*e_).append(*t_, body);
    }

    /// Puts `bytes` in place of `removed` elements.
    void insert_bulk(std::uint64_t pos, std::uint64_t removed,
                     std::span<std::byte const> bytes) {
        bulk_log placed;
        {
            typename engine_type::work_lock lock(e_->work);
            room<Policies>(*e_).prepare(bytes.size() / Policies::page_size,
                                        lock);
        }
        run([&] {
            placed = tree_.replace_bulk(t_->changes, pos, removed, bytes,
                                        progress_);
        });
        t_->bulk_writes = e_->pages->writes();
        if constexpr (engine_type::logging) {
            // What was absorbed is removed first, to come back with the rest.
            std::uint64_t const from = pos - placed.absorbed;
            try {
                if (removed + placed.absorbed != 0)
                    log(format::log_erase{id(), from, 1,
                                          removed + placed.absorbed});
                log_bulk(from, placed, bytes);
            } catch (...) {
                if (t_->is_active())
                    committer<Policies>(*e_).abandon(*t_);
                throw;
            }
        }
    }

    void log_bulk(std::uint64_t pos, bulk_log const& placed,
                  std::span<std::byte const> bytes) {
        std::size_t const tail = placed.tail_count * element_size();
        std::vector<format::bulk_run> runs;
        for (bulk_run const& r : placed.runs)
            runs.push_back({r.first, format::u64_list(
                                         std::span<std::uint64_t const>(
                                             r.checksums))});
        std::uint64_t part = 0;
        format::pack_bulk_runs(
            runs, w_->state->shape.pages,
            [&](format::bulk_runs const& packed, bool last) {
                auto const end = last ? bytes.last(tail) : bytes.first(0);
                if (part == 0)
                    log(format::log_insert_bulk{
                        id(), pos,
                        placed.absorbed + bytes.size() / element_size(), last,
                        bytes.first(0), packed, end});
                else
                    log(format::log_bulk_more{part, last, packed, end});
                ++part;
            });
    }

    template <class F>
    void in_pieces(std::span<std::byte const> bytes, F&& f) {
        if constexpr (engine_type::logging) {
            std::size_t const most =
                std::max<std::size_t>(1, piece_bytes / element_size())
                * element_size();
            while (!bytes.empty()) {
                auto const piece = bytes.first(std::min(most, bytes.size()));
                f(piece);
                bytes = bytes.subspan(piece.size());
            }
        }
    }

    /// Given to operations that make many leaves.
    auto spiller() {
        return [this](rope_root& made) {
            progress_(spill_check_bytes);
            if (!must_spill())
                return;
            page_writer<Policies> out(*e_->pages, 0, t_->changes.allocated);
            rope_spill<Policies> (tree_.editing(t_->changes))(made, out);
        };
    }

    engine_type* e_;
    transaction* t_;
    work* w_;
    tree tree_;
    bool reports_ = false;
    bool resizing_ = false;
    call_progress progress_;
};

template <class Policies>
void array_writer<Policies>::insert(std::uint64_t pos,
                                    std::span<std::byte const> bytes) {
    require_resizable();
    if (bytes.size() >= bulk_bytes()) {
        report("insert: bytes of elements", bytes.size(), bytes.size());
        insert_bulk(pos, 0, bytes);
        return;
    }
    run([&] { tree_.insert(t_->changes, pos, bytes); });
    log(format::log_insert{id(), pos, bytes});
}

template <class Policies>
void array_writer<Policies>::insert_zeros(std::uint64_t pos,
    std::uint64_t count) {
    require_resizable();
    run([&] { tree_.insert_zeros(t_->changes, pos, count); });
    log(format::log_insert_hole{id(), pos, count});
}

template <class Policies>
void array_writer<Policies>::write(std::uint64_t pos,
                                   std::span<std::byte const> bytes) {
    if (bytes.size() >= bulk_bytes()) {
        std::uint64_t const count = bytes.size() / element_size();
        report("write: bytes of elements", bytes.size(), bytes.size());
        insert_bulk(pos, count, bytes);
        return;
    }
    run([&] { tree_.write(t_->changes, pos, bytes); });
    log(format::log_write{id(), pos, 1, bytes.size() / element_size(),
                          bytes});
}

template <class Policies>
void array_writer<Policies>::write(std::uint64_t first, std::int64_t step,
                                   std::span<std::byte const> bytes) {
    if (step == 1)
        return write(first, bytes);
    std::uint64_t const count = bytes.size() / element_size();
    report("write: bytes of elements", bytes.size(),
           cost_of(span_of(step, count), count));
    run([&] {
        tree_.write_strided(t_->changes, first, step, bytes,
                            spiller());
    });
    std::uint64_t done = 0;
    in_pieces(bytes, [&](std::span<std::byte const> piece) {
        auto const from = static_cast<std::uint64_t>(
            static_cast<std::int64_t>(first)
            + static_cast<std::int64_t>(done) * step);
        std::uint64_t const n = piece.size() / element_size();
        log(format::log_write{id(), from, step, n, piece});
        done += n;
    });
}

template <class Policies>
void array_writer<Policies>::scatter(std::span<std::uint64_t const> positions,
                                     std::span<std::byte const> bytes) {
    report("write: bytes of elements", bytes.size(), cost_of(positions));
    run([&] {
        tree_.write_at(t_->changes, positions, {}, bytes,
                       spiller());
    });
    std::size_t done = 0;
    in_pieces(bytes, [&](std::span<std::byte const> piece) {
        std::size_t const n = piece.size() / element_size();
        log(format::log_scatter{
            id(), format::u64_list(positions.subspan(done, n)), piece});
        done += n;
    });
}

template <class Policies>
void array_writer<Policies>::erase(std::uint64_t pos, std::uint64_t count) {
    require_resizable();
    reserve_scope const reserve(*e_->pages);
    run([&] { tree_.erase(t_->changes, pos, count); });
    log(format::log_erase{id(), pos, 1, count});
}

template <class Policies>
void array_writer<Policies>::erase(std::uint64_t first, std::int64_t step,
                                   std::uint64_t count) {
    if (step == 1)
        return erase(first, count);
    require_resizable();
    report("erase: bytes of elements", count * element_size(),
           cost_of(span_of(step, count), count));
    reserve_scope const reserve(*e_->pages);
    run([&] {
        tree_.erase_strided(t_->changes, first, step, count,
                            spiller());
    });
    log(format::log_erase{id(), first, step, count});
}

template <class Policies>
void array_writer<Policies>::erase_at(
    std::span<std::uint64_t const> positions) {
    require_resizable();
    reserve_scope const reserve(*e_->pages);
    report("erase: bytes of elements", positions.size() * element_size(),
           cost_of(positions));
    run([&] {
        tree_.erase_at(t_->changes, positions, spiller());
    });
    // The highest first, so that the positions of the others stay.
    while (!positions.empty()) {
        std::size_t const n = std::min(positions.size(), piece_bytes / 8);
        log(format::log_erase_at{
            id(), format::u64_list(positions.last(n))});
        positions = positions.first(positions.size() - n);
    }
}

template <class Policies>
void array_writer<Policies>::write_blocks(block_places const& at,
    std::uint64_t block, std::span<std::byte const> bytes) {
    std::size_t const size = bytes_of_blocks(1, block);
    if (size >= bulk_bytes()) {
        at.check_disjoint(block, this->size());
        for (std::uint64_t i = 0; i != at.count(); ++i)
            write(at[i], bytes.subspan(bytes_of_blocks(i, block), size));
        return;
    }
    run([&] {
        tree_.write_blocks(t_->changes, at, block, bytes, spiller());
    });
    each_piece(at, block, 0, [&](std::uint64_t done, auto const& place) {
        log(format::log_write_blocks{
            id(), place.first(), place.stride(), place.count(), block,
            format::u64_list(place.list()),
            bytes.subspan(bytes_of_blocks(done, block),
                          bytes_of_blocks(place.count(), block))});
    });
}

template <class Policies>
void array_writer<Policies>::insert_blocks(block_places const& at,
    std::uint64_t block, std::span<std::byte const> bytes) {
    require_resizable();
    std::size_t const size = bytes_of_blocks(1, block);
    if (size >= bulk_bytes()) {
        at.check_ascending(this->size());
        for (std::uint64_t i = 0; i != at.count(); ++i)
            insert(at[i] + i * block,
                   bytes.subspan(bytes_of_blocks(i, block), size));
        return;
    }
    run([&] {
        tree_.insert_blocks(t_->changes, at, block, bytes, spiller());
    });
    each_piece(at, block, block, [&](std::uint64_t done,
                                     auto const& place) {
        log(format::log_insert_blocks{
            id(), place.first(), place.stride(), place.count(), block,
            format::u64_list(place.list()),
            bytes.subspan(bytes_of_blocks(done, block),
                          bytes_of_blocks(place.count(), block))});
    });
}

template <class Policies>
void array_writer<Policies>::insert_zero_blocks(block_places const& at,
    std::uint64_t block) {
    require_resizable();
    run([&] {
        tree_.insert_zero_blocks(t_->changes, at, block, spiller());
    });
    log(format::log_insert_blocks{id(), at.first(), at.stride(),
                                  at.count(), block,
                                  format::u64_list(at.list()), {}});
}

template <class Policies>
void array_writer<Policies>::erase_blocks(block_places const& at,
    std::uint64_t block) {
    require_resizable();
    reserve_scope const reserve(*e_->pages);
    run([&] {
        tree_.erase_blocks(t_->changes, at, block, spiller());
    });
    if (at.list().empty())
        return log(format::log_erase_blocks{id(), at.first(), at.stride(),
                                            at.count(), block, {}});
    // The highest first, so that the places of the others stay.
    for (auto list = at.list(); !list.empty();) {
        std::size_t const n = std::min(list.size(), piece_bytes / 8);
        log(format::log_erase_blocks{id(), 0, 0, n, block,
                                     format::u64_list(list.last(n))});
        list = list.first(list.size() - n);
    }
}

template <class Policies>
void array_writer<Policies>::reshape(dimensions_ptr dimensions) {
    auto const& form = w_->state->form;
    if (dimensions->size() != form.rank
        || stored_elements(form.tile, *dimensions) != size())
        raise(errc::invalid_argument,
              w_->state->name + ": the shape does not fit "
                  + std::to_string(size()) + " elements");
    if (w_->state->form.rank == 1)
        return; // its size says it
    w_->dimensions = std::move(dimensions);
    w_->changed = true;
    log(format::log_reshape{id(), format::u64_list(*w_->dimensions)});
}

template <class Policies>
void array_writer<Policies>::insert_placed(std::uint64_t pos,
    std::span<std::byte const> head, std::span<bulk_run const> runs,
    std::span<std::byte const> tail) {
    run([&] { tree_.insert_placed(t_->changes, pos, head, runs, tail); });
}

template <class Policies>
void array_writer<Policies>::spill_if_needed() {
    if (!must_spill())
        return;
    page_writer<Policies> out(*e_->pages, 0, t_->changes.allocated);
    tree_.spill(t_->changes, out);
    w_->root = tree_.root();
}

} // namespace numstore::detail
