// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/list_pieces.hpp>
#include <numstore/format/superblock.hpp>
#include <numstore/pager/pager.hpp>
#include <numstore/types.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Fresh pages for one of the lists that a superblock names: neighbours, or
/// where the file has no such run any more pieces, and a list of them one
/// level above, until that is one run.
template <class Policies>
class list_pages {
    using pager_type = pager<Policies>;
    static constexpr std::uint64_t page_size = Policies::page_size;

public:
    /// Pages are noted in `own`, which outlives the object.
    list_pages(pager_type& pages, std::vector<extent>& own) noexcept
        : pages_(&pages), own_(&own) {}

    /// For at least so many bytes. Throws no_space, no_memory; pages taken so
    /// far are in `own`.
    [[gnu::cold]] void take(std::uint64_t bytes) {
        levels_.clear();
        do {
            take_level(std::max<std::uint64_t>(
                1, round_up(bytes, page_size) / page_size));
            bytes = format::list_pieces_bytes(levels_.back().size());
        } while (levels_.back().size() != 1);
    }

    /// Bytes that fit.
    std::uint64_t room() const noexcept {
        std::uint64_t pages = 0;
        for (extent const& e : levels_.front())
            pages += e.pages;
        return pages * page_size;
    }

    /// Where it is.
    std::vector<extent> all() const {
        std::vector<extent> every;
        for (auto const& level : levels_)
            every.insert(every.end(), level.begin(), level.end());
        return every;
    }

    /// A list that is to be written.
    struct image {
        format::list_root root;
        std::vector<std::pair<extent, std::vector<std::byte>>> parts;

        void write(pager_type& pages) const {
            for (auto const& [place, bytes] : parts)
                pages.write(place.first, bytes);
        }
    };

    /// Of these bytes, at least 1. Throws no_memory.
    [[gnu::cold]] image make(std::vector<std::byte> bytes) const {
        image made;
        std::uint8_t height = 0;
        for (auto const& level : levels_) {
            format::list_pieces list{bytes.size(), {}};
            std::uint64_t done = 0;
            for (extent const& e : level) {
                std::uint64_t const size = e.pages * page_size;
                std::uint64_t const n =
                    std::min<std::uint64_t>(bytes.size() - done, size);
                std::vector<std::byte> part(static_cast<std::size_t>(size));
                std::copy_n(bytes.data() + done, n, part.data());
                done += n;
                list.pieces.push_back({e, pager_type::checksum(part)});
                made.parts.emplace_back(e, std::move(part));
            }
            format::list_piece const& top = list.pieces.front();
            made.root = {top.pages.first, top.pages.pages, height++,
                         top.checksum, list.bytes};
            bytes.clear();
            format::encode_list_pieces(list, bytes);
        }
        return made;
    }

private:
    [[gnu::cold]] void take_level(std::uint64_t pages) {
        std::vector<extent>& level = levels_.emplace_back();
        try {
            level.push_back(pages_->allocate(pages, *own_));
            return;
        } catch (error const& e) {
            if (e.code() != errc::no_space || pages <= pages_->block_pages())
                throw;
        }
        for (std::uint64_t left = pages; left != 0;) {
            std::uint64_t const block = pages_->block_pages();
            extent const e = pages_->allocate_run(round_up(left, block), block,
                                                  no_page, *own_);
            level.push_back(e);
            left -= std::min(left, e.pages);
        }
    }

    pager_type* pages_;
    std::vector<extent>* own_;
    std::vector<std::vector<extent>> levels_; ///< the list, then its pieces...
};

/// The pages of each list that a superblock names.
struct places_of_lists {
    std::vector<extent> free_map;
    std::vector<extent> sharing;
    std::vector<extent> graveyard;
};

/// The bytes of a list, and the pages that hold it are added to `places`.
/// Throws corrupt, io, no_memory.
template <class Policies>
std::vector<std::byte> read_list(pager<Policies> const& pages,
                                 format::superblock const& s,
                                 format::list_root const& root,
                                 std::vector<extent>& places) {
    constexpr std::uint64_t page_size = Policies::page_size;
    std::vector<std::byte> bytes;
    if (root.place == no_page)
        return bytes;
    format::list_pieces at{root.bytes,
                           {{{root.place, root.pages}, root.checksum}}};
    for (unsigned level = root.levels;; --level) {
        std::uint64_t size = 0;
        for (format::list_piece const& p : at.pieces)
            size += p.pages.pages * page_size;
        bytes.resize(static_cast<std::size_t>(size));
        std::span<std::byte> left(bytes);
        for (format::list_piece const& p : at.pieces) {
            auto const n = static_cast<std::size_t>(p.pages.pages * page_size);
            pages.read_node(p.pages.first, p.checksum, left.first(n));
            left = left.subspan(n);
            places.push_back(p.pages);
        }
        bytes.resize(static_cast<std::size_t>(at.bytes));
        if (level == 0)
            return bytes;
        at = format::decode_list_pieces(
            bytes, page_size, page_no{pager<Policies>::first_data_page},
            page_no{s.file_pages});
    }
}

} // namespace numstore::detail
