// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "forged_records.hpp"
#include "image_map.hpp"
#include "seed_images.hpp"

#include <numstore/format/free_map.hpp>
#include <numstore/format/graveyard.hpp>
#include <numstore/format/sharing_table.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace fuzz {

enum class edit_kind : std::uint8_t {
    field,       ///< 1, 2, 4 or 8 bytes of a node: set, added to, flipped
    anywhere,    ///< the same, of the file
    move_count,  ///< elements of one child said to be another's
    refer_node,  ///< a reference to another node, of whatever kind
    refer_page,  ///< a reference to any page
    swap_pages,
    stale_page,  ///< a page, over a node
    foreign_page,
    entry,       ///< a member of a catalogue entry
    free_list,   ///< an extent of the free map
    shared_list, ///< of the sharing table
    graves,      ///< a dropped tree
    record,      ///< a member of a record of the log
    new_record,  ///< a record of any kind in place of another
    records,     ///< repeated, swapped, left out
    resize,      ///< the file, cut off or longer
    foreign_log,
    chain,       ///< an array of very many levels
    count_
};

/// One change to a file, as an input has it.
struct edit {
    std::uint8_t kind;
    std::uint8_t how;    ///< bit 0: leave checksums as they are
    std::uint16_t which; ///< node, entry, record
    std::uint16_t where; ///< field, offset
    std::uint8_t width;
    std::uint8_t source; ///< of the value
    std::uint64_t value;
};
static_assert(sizeof(edit) == 16);
static_assert(std::is_trivially_copyable_v<edit>);

inline constexpr std::uint64_t telling_values[] = {
    0,          1,          2,          3,
    4,          7,          16,         20,
    21,         63,         64,         65,
    0x7f,       0x80,       0xff,       0x100,
    199,        200,        511,        512,
    513,        4096,       0x7fff,     0xffff,
    0x10000,    0x7fffffff, 0x80000000, 0xffffffff,
    1ULL << 32, 1ULL << 40, 1ULL << 53, 1ULL << 55,
    1ULL << 58, 1ULL << 60, 1ULL << 61, 1ULL << 62,
    ~0ULL >> 3, ~0ULL >> 2, ~0ULL >> 1, 1ULL << 63,
    ~0ULL - 1,  ~0ULL,      ~0ULL - 511, ~0ULL - 4095};

inline constexpr std::string_view telling_texts[] = {
    "f64",
    "i32",
    "u8",
    "byte",
    "[200]f64",
    "[65536]u8",
    "[4294967295]u8",
    "{a u8, b f64}",
    "{a u8, b f64 @1} #9 %1",
    "{a u8} #268435456",
    "[2][2][2][2][2][2][2][2][2][2][2][2][2][2][2][2]u8",
    "",
    "nothing of the kind",
    "small",
    "deep",
    std::string_view("\xff\xfe\x80", 3),
    std::string_view("a\0b", 3),
    "\xed\xa0\x80"};

/// Applies edits to an image and makes the checksums right again.
template <class Policies>
class image_editor {
public:
    static constexpr std::size_t page_size = Policies::page_size;
    static constexpr std::uint64_t first_page =
        format::first_data_page(page_size);
    using page = format::inner_page<page_size>;
    using checksum = typename Policies::checksum;

    image_editor() {
        for (auto const& image : seeds_.all())
            maps_.emplace_back(image);
    }

    std::size_t images() const noexcept { return maps_.size(); }
    image_memory& memory() noexcept { return memory_; }
    image_map<Policies> const& map() const noexcept { return *map_; }

    /// Begins with sound image `i`.
    void load(std::size_t i) {
        image_ = i % maps_.size();
        map_ = &maps_[image_];
        memory_.load(seeds_.all()[image_]);
        dirty_.assign(map_->nodes.size(), false);
        moved_.clear();
    }

    void apply(edit const& e) {
        using k = edit_kind;
        kept_ = (e.how & 1) != 0;
        switch (static_cast<k>(e.kind % static_cast<unsigned>(k::count_))) {
        case k::field: return field(e);
        case k::anywhere: return change(e.where * 8ULL + e.value % 8, e);
        case k::move_count: return move_count(e);
        case k::refer_node: return refer_node(e);
        case k::refer_page: return refer(reference_of(e), value_of(e));
        case k::swap_pages: return swap_pages(e);
        case k::stale_page: return stale_page(e, memory_.bytes());
        case k::foreign_page: return stale_page(e, other_image(e));
        case k::entry: return entry(e);
        case k::free_list: return free_list(e);
        case k::shared_list: return shared_list(e);
        case k::graves: return graves(e);
        case k::record:
        case k::new_record:
        case k::records: return records(e);
        case k::resize: return resize(e);
        case k::foreign_log: return foreign_log(e);
        case k::chain: return chain(e);
        case k::count_: return;
        }
    }

    /// Bottom-up, so that all damage is behind right checksums.
    void repair() {
        auto const& m = *map_;
        for (reference const& r : moved_)
            put_checksum(r);
        for (std::size_t i = 0; i != m.first_batch; ++i) {
            if (!dirty_[i])
                continue;
            if (m.nodes[i].kind == node_kind::superblock)
                repair_superblock(m.nodes[i].at);
            else
                for (reference const& r : m.references)
                    if (r.target == i && !is_moved(r)) {
                        put(r.checksum_at, sum_of(m.nodes[i]));
                        dirty_[r.owner] = true;
                    }
        }
        for (std::size_t i = m.first_batch; i < m.nodes.size(); ++i)
            if (dirty_[i])
                repair_batch(i);
    }

    // for changes of other kinds

    void put(std::uint64_t at, std::span<std::byte const> in) {
        memory_.put(at, in);
        if (kept_)
            return;
        for (std::size_t i = 0; i != dirty_.size(); ++i) {
            node const& n = map_->nodes[i];
            if (at < n.at + n.bytes && n.at < at + in.size())
                dirty_[i] = true;
        }
    }
    void put(std::uint64_t at, std::uint64_t v, std::size_t width = 8) {
        put(at, std::as_bytes(std::span(&v, 1)).first(width));
    }

    std::uint64_t newest_superblock() const {
        constexpr auto field = offsetof(format::superblock_image, generation);
        std::uint64_t best = 0;
        for (std::uint64_t const at : format::superblock_offsets)
            if (get(at + field) > get(best + field))
                best = at;
        return best;
    }

private:
    using bytes = std::span<std::byte const>;

    // values

    std::uint64_t value_of(edit const& e) const {
        switch (e.source % 4) {
        case 0: return e.value;
        case 1: return telling_values[e.value % std::size(telling_values)];
        case 2:
            return memory_.size() / page_size + e.value % 8 - 4;
        default:
            return map_->nodes[e.value % map_->nodes.size()].at / page_size;
        }
    }

    bytes other_image(edit const& e) const {
        return seeds_.all()[(image_ + 1 + e.width) % maps_.size()];
    }

    template <class Kind>
    node const* node_of(edit const& e, Kind&& wanted) const {
        auto const& all = map_->nodes;
        for (std::size_t i = 0; i != all.size(); ++i) {
            node const& n = all[(e.which + i) % all.size()];
            if (wanted(n.kind))
                return &n;
        }
        return nullptr;
    }

    reference const* reference_of(edit const& e) const {
        auto const& all = map_->references;
        return all.empty() ? nullptr : &all[e.which % all.size()];
    }

    // changing bytes

    std::uint64_t get(std::uint64_t at, std::size_t width = 8) const {
        std::uint64_t v = 0;
        if (memory_.holds(at, width))
            std::memcpy(&v, memory_.bytes().data() + at, width);
        return v;
    }

    void change(std::uint64_t at, edit const& e) {
        std::size_t const width = std::size_t{1} << (e.width % 4);
        std::uint64_t const v = value_of(e);
        std::uint64_t const old = get(at, width);
        switch (e.how / 2 % 3) {
        case 0: return put(at, v, width);
        case 1: return put(at, old + v, width);
        default: return put(at, old ^ v, width);
        }
    }

    void field(edit const& e) {
        node const& n = map_->nodes[e.which % map_->nodes.size()];
        change(n.at + e.where % n.bytes, e);
    }

    void move_count(edit const& e) {
        node const* const n =
            node_of(e, [](node_kind k) { return k == node_kind::inner; });
        if (n == nullptr)
            return;
        std::uint64_t const children = get(n->at + 8, 4);
        if (children == 0)
            return;
        auto const place = [&](std::uint64_t i) {
            return n->at + offsetof(page, counts) + 8 * (i % children);
        };
        std::uint64_t const d = value_of(e);
        put(place(e.where), get(place(e.where)) + d);
        put(place(e.where / 256), get(place(e.where / 256)) - d);
    }

    // references

    bool is_moved(reference const& r) const {
        return std::any_of(moved_.begin(), moved_.end(),
                           [&](reference const& m) {
                               return m.checksum_at == r.checksum_at;
                           });
    }

    void refer(reference const* r, std::uint64_t page_number) {
        if (r == nullptr)
            return;
        put(r->place_at, page_number);
        if (!kept_)
            moved_.push_back(*r);
    }

    void refer_node(edit const& e) {
        auto const& all = map_->nodes;
        refer(reference_of(e), all[e.value % all.size()].at / page_size);
    }

    void put_checksum(reference const& r) {
        std::uint64_t const place = get(r.place_at);
        node n = map_->nodes[r.target];
        if (place > image_memory::most / page_size)
            return;
        n.at = place * page_size;
        if (place == 0)
            put(r.checksum_at, std::uint64_t{0});
        else if (memory_.holds(n.at, n.bytes))
            put(r.checksum_at, sum_of(n));
    }

    // pages

    void swap_pages(edit const& e) {
        auto const& all = map_->nodes;
        node const& a = all[e.which % all.size()];
        node const& b = all[e.where % all.size()];
        std::uint64_t const n = std::min(a.bytes, b.bytes);
        if (!memory_.holds(a.at, n) || !memory_.holds(b.at, n))
            return;
        auto const x = memory_.bytes(a.at, n);
        std::vector<std::byte> const old(x.begin(), x.end());
        put(a.at, memory_.bytes(b.at, n));
        put(b.at, old);
    }

    void stale_page(edit const& e, bytes from) {
        node const& n = map_->nodes[e.which % map_->nodes.size()];
        std::uint64_t const pages = from.size() / page_size;
        if (pages == 0)
            return;
        std::uint64_t const at = (e.value % pages) * page_size;
        std::uint64_t const there =
            std::min<std::uint64_t>(n.bytes, from.size() - at);
        put(n.at, from.subspan(static_cast<std::size_t>(at),
                               static_cast<std::size_t>(there)));
    }

    void resize(edit const& e) {
        std::uint64_t const n =
            e.width % 2 == 0 ? e.value % (memory_.size() + 1)
                             : memory_.size() + e.value % (1U << 16);
        memory_.resize(n);
    }

    // the catalogue

    void entry(edit const& e) {
        if (map_->entries.empty())
            return;
        entry_place const& p = map_->entries[e.which % map_->entries.size()];
        node const& n = map_->nodes[p.owner];
        if (!memory_.holds(n.at, n.bytes))
            return;
        try {
            rewrite_entry(n, p, e);
        } catch (ns::error const&) { // an earlier edit has spoilt the page
        }
    }

    /// The whole node again, with one value changed.
    void rewrite_entry(node const& n, entry_place const& p, edit const& e) {
        auto const old = memory_.bytes(n.at, n.bytes);
        format::keyed_page_reader in(old, "image");
        std::vector<std::byte> out;
        format::keyed_page_builder b(out, in.level());
        for (std::uint32_t i = 0; i != in.items() && in.level() == 0; ++i) {
            auto const item = in.entry();
            bool const mine =
                item.value.data() == memory_.bytes().data() + p.at
                || (e.where & 0x8000) != 0;
            if (!mine) {
                b.entry(item.key, item.value);
                continue;
            }
            auto changed = format::decode_catalogue_entry(item.value);
            change_entry(changed, e);
            std::vector<std::byte> value;
            format::encode_catalogue_entry(changed, value);
            b.entry(item.key, value);
        }
        b.finish();
        if (out.size() > n.bytes)
            return;
        out.resize(static_cast<std::size_t>(n.bytes));
        put(n.at, out);
    }

    void change_entry(format::catalogue_entry& x, edit const& e) const {
        std::uint64_t const v = value_of(e);
        std::string_view const text =
            telling_texts[e.value % std::size(telling_texts)];
        switch (e.where % 16) {
        case 0: x.id = v; break;
        case 1: x.name = text; break;
        case 2: x.element = text; break;
        case 3: x.element_size = static_cast<std::uint32_t>(v); break;
        case 4: x.size = v; break;
        case 5: x.root.height = static_cast<std::uint8_t>(v); break;
        case 6: x.root.place = ns::page_no{v}; break;
        case 7: x.root.kind = static_cast<format::root_kind>(v % 4); break;
        case 8: x.attributes.emplace_back(text, attribute(v)); break;
        case 9: x.attributes.clear(); break;
        case 10: x.shape.rank = static_cast<std::uint8_t>(v); break;
        case 11: x.flags = v; break;
        case 12:
            x.size = v % 600;
            x.root = {};
            x.root.kind = format::root_kind::inline_bytes;
            x.root.elements.resize(
                static_cast<std::size_t>(x.size * (x.element_size % 64)));
            break;
        case 13:
            x.size = v;
            x.root = {};
            x.root.kind = format::root_kind::tree;
            break;
        case 14: x.root.checksum = v; break;
        default:
            x.element = text;
            x.element_size = static_cast<std::uint32_t>(v);
        }
    }

    static std::vector<std::byte> attribute(std::uint64_t v) {
        std::vector<std::byte> out(9);
        std::memcpy(out.data(), &v, 8);
        out.resize(v % 10);
        return out;
    }

    // lists

    /// The list that the newest superblock names, through `f`; `length_at` is
    /// where its length stands.
    template <class Decode, class Encode, class F>
    void change_list(std::uint64_t root, std::uint64_t length_at,
                     Decode decode, Encode encode, F&& f) {
        auto const sb = newest_superblock();
        std::uint64_t const at = get(sb + root) * page_size;
        for (node const& n : map_->nodes) {
            if (n.kind != node_kind::list || n.at != at
                || !memory_.holds(at, n.bytes))
                continue;
            std::uint64_t const length =
                std::min(get(sb + length_at), n.bytes);
            try {
                auto list = decode(memory_.bytes(at, length),
                                   ns::page_no{first_page},
                                   ns::page_no{~0ULL >> 9});
                f(list);
                std::vector<std::byte> out;
                encode(list, out);
                if (out.size() > n.bytes)
                    return;
                put(sb + length_at, out.size());
                out.resize(static_cast<std::size_t>(n.bytes));
                put(at, out);
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
        return {ns::page_no{value_of(e)}, std::uint64_t{e.where} % 64};
    }

    void free_list(edit const& e) {
        using d = format::superblock_image;
        change_list(
            offsetof(d, map_place), offsetof(d, map_bytes),
            format::decode_free_map, format::encode_free_map,
            [&](format::free_map& map) {
                auto& list = e.width % 2 == 0 ? map.free : map.next;
                if (e.width % 4 < 2 || list.empty())
                    list.push_back(extent_of(e));
                else
                    list[e.which % list.size()].pages += value_of(e);
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
                    list[e.which % list.size()].extra = value_of(e);
                else
                    list.erase(list.begin() + e.which % list.size());
                sort(list);
            });
    }

    /// The free map's pages take the list, where there is none yet.
    void graves(edit const& e) {
        using d = format::superblock_image;
        node const* const n = node_of(e, [](node_kind k) {
            return k == node_kind::inner || k == node_kind::leaf;
        });
        if (n == nullptr)
            return;
        std::vector<format::buried_tree> trees;
        for (unsigned i = 0; i <= e.width % 4U; ++i)
            trees.push_back({ns::page_no{n->at / page_size}, sum_of(*n),
                             static_cast<std::uint8_t>(e.where % 40),
                             value_of(e), 1U + e.where / 256,
                             e.how < 128 ? page_size / 4 : e.value});
        std::vector<std::byte> out;
        format::encode_graveyard(trees, out);
        std::uint64_t const length = out.size();
        std::uint64_t const at =
            ns::detail::round_up(memory_.size(), page_size);
        out.resize(page_size);
        if (!memory_.resize(at + page_size))
            return;
        put(at, out);
        auto const sb = newest_superblock();
        put(sb + offsetof(d, graveyard), at / page_size);
        put(sb + offsetof(d, graveyard) + 8, 1, 4);
        put(sb + offsetof(d, graveyard) + 16, checksum::of(out));
        put(sb + offsetof(d, graveyard) + 24, length);
        put(sb + offsetof(d, file_pages), at / page_size + 1);
    }

    // the log

    void records(edit const& e) {
        node const* const n =
            node_of(e, [](node_kind k) { return k == node_kind::batch; });
        if (n == nullptr || !memory_.holds(n->at, n->bytes))
            return;
        auto const old = memory_.bytes(n->at, n->bytes);
        record_list list = records_of(old);
        if (list.empty())
            return;
        std::uint64_t const v = value_of(e);
        std::string_view const text =
            telling_texts[e.value % std::size(telling_texts)];
        switch (static_cast<edit_kind>(
            e.kind % static_cast<unsigned>(edit_kind::count_))) {
        case edit_kind::record:
            change_record(list[e.where % list.size()], e.where / 256U, v,
                          text);
            break;
        case edit_kind::new_record:
            replace_record(list[e.where % list.size()], e.where / 256U,
                           1U + e.width % 8U, v, text);
            break;
        default: shuffle(list, e.where, v);
        }
        put(n->at, with_records(old, list));
    }

    void foreign_log(edit const& e) {
        using d = format::superblock_image;
        bytes const from = other_image(e);
        std::uint64_t const sb = newest_superblock();
        std::uint64_t const at = fuzz::load<std::uint64_t>(
            from, sb + offsetof(d, log_offset));
        std::uint64_t const n =
            fuzz::load<std::uint64_t>(from, sb + offsetof(d, log_bytes));
        if (at > from.size() || n > from.size() - at
            || !memory_.holds(at, n))
            return;
        put(at, from.subspan(at, n));
        if (e.where % 2 == 0)
            put(sb + offsetof(d, log_offset),
                from.subspan(sb + offsetof(d, log_offset), 48));
        if (e.where % 4 == 0)
            put(sb + offsetof(d, database_id),
                from.subspan(sb + offsetof(d, database_id), 16));
    }

    // depth

    /// Inner pages of one child each, over the root of an array or, as a
    /// page above itself, over themselves.
    void chain(edit const& e) {
        if (map_->entries.empty())
            return;
        reference const* over = nullptr;
        for (reference const& r : map_->references)
            if (r.owner
                    == map_->entries[e.which % map_->entries.size()].owner
                && map_->nodes[r.target].kind == node_kind::inner)
                over = &r;
        if (over == nullptr)
            return;
        node const& root = map_->nodes[over->target];
        std::uint64_t const height = get(root.at + 4, 1);
        std::uint64_t const levels = e.value % 256;
        std::uint64_t const first =
            ns::detail::round_up(memory_.size(), page_size) / page_size;
        if (!memory_.resize((first + levels) * page_size))
            return;
        std::uint64_t below = root.at / page_size;
        std::uint64_t sum = sum_of(root);
        for (std::uint64_t i = 0; i != levels; ++i) {
            below = link(first + i, height + 1 + i, below, sum, root.at);
            sum = sum_of({node_kind::inner, below * page_size, page_size});
        }
        put(over->place_at, below);
        put(over->checksum_at, sum);
        put(over->place_at - 1, height + levels, 1);
        put(newest_superblock()
                + offsetof(format::superblock_image, file_pages),
            memory_.size() / page_size);
        if (!kept_)
            moved_.push_back(*over);
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
        for (std::uint64_t i = 0; i != get(root + 8, 4) % 256; ++i)
            count += get(root + offsetof(page, counts) + 8 * i);
        p.counts[0] = count;
        p.places[0] = below;
        p.checksums[0] = sum;
        put(at * page_size, std::as_bytes(std::span(&p, 1)));
        return at;
    }

    // checksums

    std::uint64_t sum_of(node const& n) const {
        return memory_.holds(n.at, n.bytes)
                   ? checksum::of(memory_.bytes(n.at, n.bytes))
                   : 0;
    }

    void repair_superblock(std::uint64_t at) {
        if (memory_.holds(at, format::superblock_bytes))
            put(at + offsetof(format::superblock_image, checksum),
                ns::detail::superblock_checksum(
                    memory_.bytes(at, format::superblock_bytes)));
    }

    void repair_batch(std::size_t i) {
        using h = format::log_batch_header;
        node const& n = map_->nodes[i];
        if (!memory_.holds(n.at, n.bytes))
            return;
        std::uint64_t const length =
            std::clamp<std::uint64_t>(get(n.at + offsetof(h, length)),
                                      sizeof(h), n.bytes);
        put(n.at + offsetof(h, body),
            checksum::of(memory_.bytes(n.at + sizeof(h),
                                       length - sizeof(h))));
        std::uint64_t const sum = checksum::of(
            memory_.bytes(n.at + offsetof(h, database),
                          sizeof(h) - offsetof(h, database)));
        put(n.at + offsetof(h, checksum), sum);
        if (i + 1 < map_->nodes.size())
            put(map_->nodes[i + 1].at + offsetof(h, previous), sum);
    }

    seed_images<Policies> seeds_;
    std::vector<image_map<Policies>> maps_;
    image_memory memory_;
    image_map<Policies> const* map_ = nullptr;
    std::size_t image_ = 0;
    std::vector<bool> dirty_;
    std::vector<reference> moved_;
    bool kept_ = false;
};

} // namespace fuzz
