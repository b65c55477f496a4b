// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/engine.hpp>
#include <numstore/database/room.hpp>

#include <cstdint>

namespace numstore::detail {

/// When the thread of options::background compacts the file. Under `work`.
template <class Policies>
struct background_compaction {
    using engine_type = engine<Policies>;

    /// As options::compact_percent says, and by a sixteenth of the file more
    /// than was left the last time, for what clones share stays. Not while
    /// readers keep much: they would also keep what is moved.
    static bool is_due(engine_type const& e) {
        if (e.worker == nullptr || e.opt.compact_percent == 0
            || e.compaction_is_due)
            return false;
        std::uint64_t const file = e.pages->file_pages();
        if (file * Policies::page_size < least_file)
            return false;
        auto const unused = unused_pages(e);
        return unused.pages >= file / 100 * e.opt.compact_percent
               && unused.pages >= e.incompressible + file / 16
               && unused.pinned <= file / 16;
    }

    static void note_done(engine_type& e) {
        e.incompressible = unused_pages(e).pages;
        e.compaction_is_due = false;
    }

private:
    static constexpr std::uint64_t least_file = std::uint64_t{8} << 20;

    static auto unused_pages(engine_type const& e) {
        return room<Policies>(const_cast<engine_type&>(e)).unused_pages();
    }
};

} // namespace numstore::detail
