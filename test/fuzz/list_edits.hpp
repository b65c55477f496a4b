// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image_value.hpp"

#include <numstore/error.hpp>
#include <numstore/format/free_map.hpp>
#include <numstore/format/graveyard.hpp>
#include <numstore/format/sharing_table.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fuzz {

/// Changes the lists that the newest superblock names.
template <class Policies>
class list_edits {
    static constexpr std::size_t page_size = Policies::page_size;
    static constexpr std::uint64_t first_page =
        format::first_data_page(page_size);
    using checksum = typename Policies::checksum;

public:
    explicit list_edits(checked_image<Policies>& image) noexcept
        : image_(image) {}

    void free_list(edit const& e) {
        using d = format::superblock_image;
        change_list(offsetof(d, map_place), offsetof(d, map_bytes),
                    format::decode_free_map, format::encode_free_map,
                    [&](format::free_map& map) {
                        auto& list = e.width % 2 == 0 ? map.free : map.next;
                        if (e.width % 4 < 2 || list.empty())
                            list.push_back(extent_of(e));
                        else
                            list[e.which % list.size()].pages +=
                                value_of(image_, e);
                        sort(list);
                    });
    }

    void shared_list(edit const& e) {
        using d = format::superblock_image;
        change_list(
            offsetof(d, sharing), offsetof(d, sharing) + 24,
            format::decode_sharing_table,
            [](auto const& list, auto& out) {
                format::encode_sharing_table(list, out);
            },
            [&](std::vector<format::shared_pages>& list) {
                if (e.width % 3 == 0 || list.empty())
                    list.push_back({extent_of(e), 1 + std::uint64_t{e.which}});
                else if (e.width % 3 == 1)
                    list[e.which % list.size()].extra = value_of(image_, e);
                else
                    list.erase(list.begin() + e.which % list.size());
                sort(list);
            });
    }

    /// The free map's pages take the list, where there is none yet.
    void graves(edit const& e) {
        using d = format::superblock_image;
        node const* const n = node_of(image_.map(), e, [](node_kind k) {
            return k == node_kind::inner || k == node_kind::leaf;
        });
        if (n == nullptr)
            return;
        std::vector<format::buried_tree> trees;
        for (unsigned i = 0; i <= e.width % 4U; ++i)
            trees.push_back({ns::page_no{n->at / page_size}, image_.sum_of(*n),
                             static_cast<std::uint8_t>(e.where % 40),
                             value_of(image_, e), 1U + e.where / 256,
                             e.how < 128 ? page_size / 4 : e.value});
        std::vector<std::byte> out;
        format::encode_graveyard(trees, out);
        std::uint64_t const length = out.size();
        std::uint64_t const at =
            ns::detail::round_up(image_.memory().size(), page_size);
        out.resize(page_size);
        if (!image_.memory().resize(at + page_size))
            return;
        image_.put(at, out);
        auto const sb = image_.newest_superblock();
        image_.put(sb + offsetof(d, graveyard), at / page_size);
        image_.put(sb + offsetof(d, graveyard) + 8, 1, 4);
        image_.put(sb + offsetof(d, graveyard) + 16, checksum::of(out));
        image_.put(sb + offsetof(d, graveyard) + 24, length);
        image_.put(sb + offsetof(d, file_pages), at / page_size + 1);
    }

private:
    /// The list that the newest superblock names, through `f`; `length_at` is
    /// where its length stands.
    template <class Decode, class Encode, class F>
    void change_list(std::uint64_t root, std::uint64_t length_at, Decode decode,
                     Encode encode, F&& f) {
        auto const sb = image_.newest_superblock();
        std::uint64_t const at = image_.get(sb + root) * page_size;
        for (node const& n : image_.map().nodes) {
            if (n.kind != node_kind::list || n.at != at
                || !image_.memory().holds(at, n.bytes))
                continue;
            std::uint64_t const length =
                std::min(image_.get(sb + length_at), n.bytes);
            try {
                auto list =
                    decode(image_.memory().bytes(at, length),
                           ns::page_no{first_page}, ns::page_no{~0ULL >> 9});
                f(list);
                std::vector<std::byte> out;
                encode(list, out);
                if (out.size() > n.bytes)
                    return;
                image_.put(sb + length_at, out.size());
                out.resize(static_cast<std::size_t>(n.bytes));
                image_.put(at, out);
            } catch (ns::error const&) { // spoilt by an earlier edit
            }
            return;
        }
    }

    template <class List>
    static void sort(List& list) {
        std::sort(list.begin(), list.end(), [](auto const& a, auto const& b) {
            return place(a) < place(b);
        });
    }
    static std::uint64_t place(ns::extent const& e) {
        return to_integer(e.first);
    }
    static std::uint64_t place(format::shared_pages const& s) {
        return to_integer(s.pages.first);
    }

    ns::extent extent_of(edit const& e) const {
        return {ns::page_no{value_of(image_, e)}, std::uint64_t{e.where} % 64};
    }

    checked_image<Policies>& image_;
};

} // namespace fuzz
