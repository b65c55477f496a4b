// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_ref.hpp>
#include <numstore/database/array_writer.hpp>
#include <numstore/database/catalogue.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/names.hpp>
#include <numstore/error.hpp>
#include <numstore/rope/survey.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Who asked for it: a call of the user, or the database's own thread, which
/// takes arrays from their writers for shorter times, and stops when the
/// database is closed.
enum class compaction { on_request, in_background };

/// Makes the file as small as its data, and the leaves of each array full and
/// side by side: writes ranges of elements again, each in a transaction of
/// its own, to the first free pages; what they leave comes free; and in the
/// end the file is cut. Others read and write meanwhile. Pages that clones
/// share stay where they are, and so does what a snapshot can see.
template <class Policies>
class compactor {
    using engine_type = engine<Policies>;
    using work_lock = typename engine_type::work_lock;
    static constexpr std::uint64_t page_size = Policies::page_size;

public:
    explicit compactor(engine_type& e,
                       compaction how = compaction::on_request) noexcept
        : e_(&e), in_background_(how == compaction::in_background) {}

    /// Throws cancelled, timed_out, no_space, io, failed; what is done until
    /// then stays.
    [[gnu::cold]] void run();

private:
    static constexpr int most_passes = 8;
    static constexpr std::uint64_t longest_range = std::uint64_t{4} << 20;
    static constexpr std::uint64_t short_range = std::uint64_t{1} << 20;
    static constexpr std::uint64_t shortest_range = std::uint64_t{1} << 18;
    static constexpr std::uint64_t longest_run = std::uint64_t{1} << 40;
    static constexpr std::uint64_t short_run = 16;
    static constexpr std::uint64_t checkpoint_bytes = std::uint64_t{64} << 20;

    bool is_small() const noexcept {
        return e_->pages->file_pages() <= limit_;
    }

    /// The arrays, and how many pages the file should have.
    [[gnu::cold]] void plan() {
        arrays_.clear();
        total_ = 0;
        std::uint64_t pages = pager<Policies>::first_data_page;
        names<Policies> const all(e_->shared_from_this());
        all.list("*", [&](format::catalogue_entry const& entry,
                          std::uint64_t size) {
            leaf_shape const shape =
                leaf_shape_of(entry.element_size, page_size);
            std::uint64_t const leaves =
                (size + shape.capacity - 1) / shape.capacity;
            pages += leaves * shape.pages;
            arrays_.emplace_back(entry.name, entry.id);
            total_ += shape.bytes(size);
        });
        work_lock lock(e_->work);
        e_->wait_for_checkpoint(lock);
        reclaimer<Policies> references(*e_);
        while (e_->graveyard.size() > e_->unreadable_graves)
            references.dig(reclaimer<Policies>::checkpoint_step);
        limit_ = pages + e_->pages->least_reserve(pages)
                 + Policies::tuning::log_segment_bytes / page_size
                 + pages / 64 + e_->pages->few_pages();
    }

    [[gnu::cold]]
    void compact_array(std::string const& name, std::uint64_t id) {
        for (std::uint64_t pos = 0;;) {
            array_state_ptr const state = find(id);
            if (state == nullptr)
                return; // dropped meanwhile
            std::uint64_t const next = compact_next(state, pos);
            if (next == pos)
                return;
            done_ += state->shape.bytes(next - pos);
            pos = next;
            if (!may_go_on())
                raise(errc::cancelled, e_->name + ": compact was cancelled at "
                                           + name);
            if (unripened_ >= checkpoint_bytes || checkpoint_is_due())
                checkpoint();
        }
    }

    bool may_go_on() {
        if (!in_background_)
            return e_->opt.progress({std::min(done_, total_), total_,
                                     "compact: bytes of arrays"});
        std::scoped_lock lock(e_->work);
        return !e_->worker_stops;
    }

    /// The thread that would write it is this one.
    bool checkpoint_is_due() {
        if (!in_background_)
            return false;
        std::scoped_lock lock(e_->work);
        return std::exchange(e_->checkpoint_is_due, false);
    }

    /// Where the next range starts: `pos` at the end, and where the array was
    /// dropped while this waited for other writers; in the background also
    /// where it waited too long.
    std::uint64_t compact_next(array_state_ptr const& state,
                               std::uint64_t pos) {
        try {
            return array_ref<Policies>(e_->shared_from_this(), state)
                .change([&](array_writer<Policies>& w) {
                    return compact_range(w, pos);
                });
        } catch (error const& failure) {
            if (failure.code() != errc::not_found
                && (failure.code() != errc::timed_out || !in_background_))
                throw;
            return pos;
        }
    }

    array_state_ptr find(std::uint64_t id) const {
        std::scoped_lock lock(e_->work);
        auto const& newest = e_->catalogue_versions.newest()->value;
        array_state_ptr state = e_->state_of(id, newest);
        if (state != nullptr && state->versions.newest()->value.dropped)
            state = nullptr;
        return state;
    }

    /// Where the next range starts: `pos` at the end.
    std::uint64_t compact_range(array_writer<Policies>& w, std::uint64_t pos) {
        auto const& rope = w.rope();
        auto const& shape = rope.shape();
        if (pos >= rope.size())
            return pos;
        std::uint64_t const most =
            std::max<std::uint64_t>(1, range_bytes_ / shape.page_bytes)
            * shape.capacity;
        range_layout const at = survey(rope, pos, most);
        if (!at.movable || !is_worthwhile(at, shape))
            return pos + at.elements;
        std::uint64_t const n = std::min(at.elements, most);
        buffer_.resize(static_cast<std::size_t>(shape.bytes(n)));
        rope.read(pos, buffer_);
        w.write(pos, buffer_);
        unripened_ += buffer_.size();
        moved_ = true;
        return pos + n;
    }

    template <class Rope>
    range_layout survey(Rope const& rope, std::uint64_t pos,
                        std::uint64_t most) const {
        std::scoped_lock lock(e_->work); // which guards the counts of shares
        return range_survey<Policies>(rope.nodes(), e_->shares,
                                      page_no{limit_})(rope.root(), pos, most);
    }

    static bool is_worthwhile(range_layout const& at,
                              leaf_shape const& shape) noexcept {
        std::uint64_t const full =
            (at.elements + shape.capacity - 1) / shape.capacity;
        return at.beyond || at.leaves > full + 1 + full / 32
               || at.breaks > 2 + at.leaves / 256;
    }

    /// Catalogue, lists and log, and then the end of the file.
    [[gnu::cold]] void move_the_rest() {
        {
            std::scoped_lock lock(e_->work);
            e_->require_writable();
            e_->move_catalogue = true;
            e_->shares_dirty = true;
            e_->graveyard_dirty = true;
            e_->log_pool.release_all();
            if constexpr (engine_type::logging)
                e_->log->rotate();
        }
        checkpoint();
        checkpoint();
        work_lock lock(e_->work);
        e_->require_writable(); // it may have been closed meanwhile
        e_->log_pool.release_all();
        checkpointer<Policies>(*e_).run(lock, {.ripen = true, .cut = true});
    }

    void checkpoint() {
        unripened_ = 0;
        work_lock lock(e_->work);
        e_->require_writable();
        checkpointer<Policies>(*e_).run(lock, {.ripen = true});
    }

    engine_type* e_;
    bool in_background_;
    std::vector<std::pair<std::string, std::uint64_t>> arrays_;
    std::uint64_t limit_ = 0; ///< pages that the file should have
    std::uint64_t total_ = 0; ///< bytes of all arrays
    std::uint64_t done_ = 0;
    bool moved_ = false; ///< in this pass
    std::uint64_t range_bytes_ = longest_range;
    std::uint64_t unripened_ = 0; ///< bytes moved since the last checkpoint
    std::vector<std::byte> buffer_;
};

template <class Policies>
void compactor<Policies>::run() {
    e_->require_writable();
    typename engine_type::file_pin const pin(*e_);
    std::scoped_lock const alone(e_->compacting);
    std::uint64_t least = ~std::uint64_t{0};
    int in_vain = 0;
    for (int pass = 0; pass != most_passes; ++pass) {
        // Long runs first; later what still stands at the end, piece by
        // piece, goes into any gap.
        range_bytes_ = pass >= 2       ? shortest_range
                       : in_background_ ? short_range
                                        : longest_range;
        typename pager<Policies>::low_scope const low(
            *e_->pages, pass < 2 ? longest_run : pass < 4 ? short_run : 1);
        plan();
        moved_ = false;
        for (auto const& [name, id] : arrays_)
            compact_array(name, id);
        if (!moved_ && is_small())
            return;
        move_the_rest();
        std::uint64_t const file = e_->pages->file_pages();
        in_vain = file < least ? 0 : in_vain + 1;
        if (is_small() || in_vain == 2)
            return;
        least = std::min(least, file);
    }
}

} // namespace numstore::detail
