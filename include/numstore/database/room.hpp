// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/checkpointer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/error.hpp>
#include <numstore/pager/edit.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace numstore::detail {

/// Finds room for new pages among those that were freed and wait: for a
/// superblock, or to be taken out of a dropped tree. Under the engine's work
/// mutex.
template <class Policies>
class room {
    using engine_type = engine<Policies>;

public:
    explicit room(engine_type& e) noexcept : e_(&e) {}

    /// Before `pages` are taken: rather than let the file grow, makes much
    /// that waits free. At most some checkpoints; does not throw for want of
    /// space.
    void prepare(std::uint64_t pages) {
        std::uint64_t const wanted = pages + e_->pages->reserve_pages();
        std::uint64_t const free = free_pages();
        if (free >= wanted
            || waiting_pages()
                   < std::max({wanted - free, e_->pages->file_pages() / 8,
                               few_bytes / Policies::page_size}))
            return;
        while (free_pages() < wanted && ripen()) {
        }
    }

    /// After an allocation has failed. False if nothing more was found.
    bool ripen() {
        if (!may_checkpoint() || waiting_pages() == 0)
            return false;
        std::uint64_t const before = free_pages();
        std::size_t const buried = e_->graveyard.size();
        try {
            checkpointer<Policies>(*e_).run({.ripen = true});
        } catch (error const& failure) {
            if (failure.code() == errc::no_space)
                return false;
            throw;
        }
        return free_pages() > before || e_->graveyard.size() < buried;
    }

private:
    static constexpr std::uint64_t few_bytes = std::uint64_t{2} << 20;

    /// Not while recovery has redone only a part.
    bool may_checkpoint() const noexcept {
        if (e_->read_only || e_->pages->failed())
            return false;
        return !engine_type::logging || e_->log != nullptr;
    }

    std::uint64_t free_pages() const {
        return e_->pages->with_space(
            [](space_map& m) { return m.free().pages(); });
    }

    /// At most so many: trees may share pages with others.
    std::uint64_t waiting_pages() const {
        std::uint64_t pages = e_->retired_nodes.size();
        for (std::size_t i = e_->unreadable_graves; i < e_->graveyard.size();
             ++i) {
            retired const& t = e_->graveyard[i];
            pages += t.count / t.leaf_capacity * t.leaf_pages + 1;
        }
        return pages + e_->pages->with_space([](space_map& m) {
            return m.ripening_pages();
        });
    }

    engine_type* e_;
};

} // namespace numstore::detail
