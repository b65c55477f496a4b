// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/types.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace numstore::detail {

/// One bit for each page of a file. Not thread-safe.
class page_bitmap {
public:
    explicit page_bitmap(std::uint64_t pages)
        : pages_(pages), words_(static_cast<std::size_t>((pages + 63) / 64)) {}

    /// Sets the bits of `e`, which is inside; gives the first page whose bit
    /// was set before, or `no_page`.
    page_no set(extent e) noexcept {
        page_no found = no_page;
        for (std::uint64_t i = to_integer(e.first); i != to_integer(e.end());
             ++i) {
            std::uint64_t& word = words_[static_cast<std::size_t>(i / 64)];
            std::uint64_t const bit = std::uint64_t{1} << (i % 64);
            if ((word & bit) != 0 && found == no_page)
                found = page_no{i};
            word |= bit;
        }
        return found;
    }

    /// f(extent) for runs of pages from `first` on whose bits are clear.
    template <class F>
    void each_clear(page_no first, F&& f) const {
        for (std::uint64_t i = next(to_integer(first), false); i < pages_;) {
            std::uint64_t const end = next(i, true);
            f(extent{page_no{i}, end - i});
            i = next(end, false);
        }
    }

private:
    /// The first page from `at` on whose bit is as said, or `pages_`.
    std::uint64_t next(std::uint64_t at, bool value) const noexcept {
        while (at < pages_) {
            std::uint64_t word = words_[static_cast<std::size_t>(at / 64)];
            if (!value)
                word = ~word;
            word >>= at % 64;
            if (word != 0)
                return std::min(pages_,
                                at + static_cast<unsigned>(
                                         std::countr_zero(word)));
            at = round_up(at + 1, 64);
        }
        return pages_;
    }

    std::uint64_t pages_;
    std::vector<std::uint64_t> words_;
};

} // namespace numstore::detail
