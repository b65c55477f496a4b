// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalogue_edits.hpp"
#include "forged_records.hpp"
#include "image_value.hpp"
#include "list_edits.hpp"
#include "seed_images.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace fuzz {

/// Applies edits to an image and makes the checksums right again.
template <class Policies>
class image_editor {
public:
    static constexpr std::size_t page_size = Policies::page_size;
    using page = format::inner_page<page_size>;

    image_editor() {
        for (auto const& image : seeds_.all())
            maps_.emplace_back(image);
    }

    std::size_t images() const noexcept { return maps_.size(); }
    checked_image<Policies>& image() noexcept { return image_; }

    /// Begins with sound image `i`.
    void load(std::size_t i) {
        loaded_ = i % maps_.size();
        image_.load(maps_[loaded_], seeds_.all()[loaded_]);
    }

    void apply(edit const& e) {
        using k = edit_kind;
        image_.keep_checksums((e.how & 1) != 0);
        switch (static_cast<k>(e.kind % static_cast<unsigned>(k::count_))) {
        case k::field: return field(e);
        case k::anywhere: return change(e.where * 8ULL + e.value % 8, e);
        case k::move_count: return move_count(e);
        case k::refer_node: return refer_node(e);
        case k::refer_page: return refer(reference_of(e), value_of(image_, e));
        case k::swap_pages: return swap_pages(e);
        case k::stale_page: return stale_page(e, image_.memory().bytes());
        case k::foreign_page: return stale_page(e, other_image(e));
        case k::entry: return catalogue_edits(image_).change(e);
        case k::free_list: return list_edits(image_).free_list(e);
        case k::shared_list: return list_edits(image_).shared_list(e);
        case k::graves: return list_edits(image_).graves(e);
        case k::record:
        case k::new_record:
        case k::records: return records(e);
        case k::resize: return resize(e);
        case k::foreign_log: return foreign_log(e);
        case k::chain: return chain(e);
        case k::count_: return;
        }
    }

private:
    using bytes = std::span<std::byte const>;

    bytes other_image(edit const& e) const {
        return seeds_.all()[(loaded_ + 1 + e.width) % maps_.size()];
    }

    reference const* reference_of(edit const& e) const {
        auto const& all = image_.map().references;
        return all.empty() ? nullptr : &all[e.which % all.size()];
    }

    // changing bytes

    void change(std::uint64_t at, edit const& e) {
        std::size_t const width = std::size_t{1} << (e.width % 4);
        std::uint64_t const v = value_of(image_, e);
        std::uint64_t const old = image_.get(at, width);
        switch (e.how / 2 % 3) {
        case 0: return image_.put(at, v, width);
        case 1: return image_.put(at, old + v, width);
        default: return image_.put(at, old ^ v, width);
        }
    }

    void field(edit const& e) {
        node const& n = image_.map().nodes[e.which % image_.map().nodes.size()];
        change(n.at + e.where % n.bytes, e);
    }

    void move_count(edit const& e) {
        node const* const n = node_of(
            image_.map(), e, [](node_kind k) { return k == node_kind::inner; });
        if (n == nullptr)
            return;
        std::uint64_t const children = image_.get(n->at + 8, 4);
        if (children == 0)
            return;
        auto const place = [&](std::uint64_t i) {
            return n->at + offsetof(page, counts) + 8 * (i % children);
        };
        std::uint64_t const d = value_of(image_, e);
        image_.put(place(e.where), image_.get(place(e.where)) + d);
        image_.put(place(e.where / 256), image_.get(place(e.where / 256)) - d);
    }

    // references

    void refer(reference const* r, std::uint64_t page_number) {
        if (r == nullptr)
            return;
        image_.put(r->place_at, page_number);
        image_.move(*r);
    }

    void refer_node(edit const& e) {
        auto const& all = image_.map().nodes;
        refer(reference_of(e), all[e.value % all.size()].at / page_size);
    }

    // pages

    void swap_pages(edit const& e) {
        auto const& all = image_.map().nodes;
        node const& a = all[e.which % all.size()];
        node const& b = all[e.where % all.size()];
        std::uint64_t const n = std::min(a.bytes, b.bytes);
        if (!image_.memory().holds(a.at, n) || !image_.memory().holds(b.at, n))
            return;
        auto const x = image_.memory().bytes(a.at, n);
        std::vector<std::byte> const old(x.begin(), x.end());
        image_.put(a.at, image_.memory().bytes(b.at, n));
        image_.put(b.at, old);
    }

    void stale_page(edit const& e, bytes from) {
        node const& n = image_.map().nodes[e.which % image_.map().nodes.size()];
        std::uint64_t const pages = from.size() / page_size;
        if (pages == 0)
            return;
        std::uint64_t const at = (e.value % pages) * page_size;
        std::uint64_t const there =
            std::min<std::uint64_t>(n.bytes, from.size() - at);
        image_.put(n.at, from.subspan(static_cast<std::size_t>(at),
                                      static_cast<std::size_t>(there)));
    }

    void resize(edit const& e) {
        std::uint64_t const n =
            e.width % 2 == 0 ? e.value % (image_.memory().size() + 1)
                             : image_.memory().size() + e.value % (1U << 16);
        image_.memory().resize(n);
    }

    // the log

    void records(edit const& e) {
        node const* const n = node_of(
            image_.map(), e, [](node_kind k) { return k == node_kind::batch; });
        if (n == nullptr || !image_.memory().holds(n->at, n->bytes))
            return;
        auto const old = image_.memory().bytes(n->at, n->bytes);
        record_list list = records_of(old);
        if (list.empty())
            return;
        std::uint64_t const v = value_of(image_, e);
        std::string_view const text = telling_text(e.value);
        switch (static_cast<edit_kind>(
            e.kind % static_cast<unsigned>(edit_kind::count_))) {
        case edit_kind::record:
            change_record(list[e.where % list.size()], e.where / 256U, v, text);
            break;
        case edit_kind::new_record:
            replace_record(list[e.where % list.size()], e.where / 256U,
                           1U + e.width % 8U, v, text);
            break;
        default: shuffle(list, e.where, v);
        }
        image_.put(n->at, with_records(old, list));
    }

    void foreign_log(edit const& e) {
        using d = format::superblock_image;
        bytes const from = other_image(e);
        std::uint64_t const sb = image_.newest_superblock();
        std::uint64_t const at =
            fuzz::load<std::uint64_t>(from, sb + offsetof(d, log_offset));
        std::uint64_t const n =
            fuzz::load<std::uint64_t>(from, sb + offsetof(d, log_bytes));
        if (at > from.size() || n > from.size() - at
            || !image_.memory().holds(at, n))
            return;
        image_.put(at, from.subspan(at, n));
        if (e.where % 2 == 0)
            image_.put(sb + offsetof(d, log_offset),
                       from.subspan(sb + offsetof(d, log_offset), 48));
        if (e.where % 4 == 0)
            image_.put(sb + offsetof(d, database_id),
                       from.subspan(sb + offsetof(d, database_id), 16));
    }

    // depth

    /// Inner pages of one child each, over the root of an array or, as a
    /// page above itself, over themselves.
    void chain(edit const& e) {
        auto const& m = image_.map();
        if (m.entries.empty())
            return;
        reference const* over = nullptr;
        for (reference const& r : m.references)
            if (r.owner == m.entries[e.which % m.entries.size()].owner
                && m.nodes[r.target].kind == node_kind::inner)
                over = &r;
        if (over == nullptr)
            return;
        node const& root = m.nodes[over->target];
        std::uint64_t const height = image_.get(root.at + 4, 1);
        std::uint64_t const levels = e.value % 256;
        std::uint64_t const first =
            ns::detail::round_up(image_.memory().size(), page_size) / page_size;
        if (!image_.memory().resize((first + levels) * page_size))
            return;
        std::uint64_t below = root.at / page_size;
        std::uint64_t sum = image_.sum_of(root);
        for (std::uint64_t i = 0; i != levels; ++i) {
            below = link(first + i, height + 1 + i, below, sum, root.at);
            sum =
                image_.sum_of({node_kind::inner, below * page_size, page_size});
        }
        image_.put(over->place_at, below);
        image_.put(over->checksum_at, sum);
        image_.put(over->place_at - 1, height + levels, 1);
        image_.put(image_.newest_superblock()
                       + offsetof(format::superblock_image, file_pages),
                   image_.memory().size() / page_size);
        image_.move(*over);
    }

    std::uint64_t link(std::uint64_t at, std::uint64_t level,
                       std::uint64_t below, std::uint64_t sum,
                       std::uint64_t root) {
        page p{};
        std::memset(static_cast<void*>(&p), 0, sizeof p);
        p.magic = format::inner_page_magic;
        p.level = static_cast<std::uint8_t>(level);
        p.children = 1;
        std::uint64_t count = 0;
        for (std::uint64_t i = 0; i != image_.get(root + 8, 4) % 256; ++i)
            count += image_.get(root + offsetof(page, counts) + 8 * i);
        p.counts[0] = count;
        p.places[0] = below;
        p.checksums[0] = sum;
        image_.put(at * page_size, std::as_bytes(std::span(&p, 1)));
        return at;
    }

    seed_images<Policies> seeds_;
    std::vector<image_map<Policies>> maps_;
    checked_image<Policies> image_;
    std::size_t loaded_ = 0;
};

} // namespace fuzz
