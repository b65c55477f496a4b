// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image_value.hpp"

#include <numstore/error.hpp>
#include <numstore/format/catalogue_entry.hpp>
#include <numstore/format/keyed_page.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace fuzz {

/// Changes one value in an entry of the catalogue, or in all of its page.
template <class Policies>
class catalogue_edits {
public:
    explicit catalogue_edits(checked_image<Policies>& image) noexcept
        : image_(image) {}

    void change(edit const& e) {
        if (image_.map().entries.empty())
            return;
        entry_place const& p =
            image_.map().entries[e.which % image_.map().entries.size()];
        node const& n = image_.map().nodes[p.owner];
        if (!image_.memory().holds(n.at, n.bytes))
            return;
        try {
            rewrite_entry(n, p, e);
        } catch (ns::error const&) { // an earlier edit has spoilt the page
        }
    }

private:
    /// The whole node again, with one value changed.
    void rewrite_entry(node const& n, entry_place const& p, edit const& e) {
        auto const old = image_.memory().bytes(n.at, n.bytes);
        format::keyed_page_reader in(old, "image");
        std::vector<std::byte> out;
        format::keyed_page_builder b(out, in.level());
        for (std::uint32_t i = 0; i != in.items() && in.level() == 0; ++i) {
            auto const item = in.entry();
            bool const mine =
                item.value.data() == image_.memory().bytes().data() + p.at
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
        image_.put(n.at, out);
    }

    void change_entry(format::catalogue_entry& x, edit const& e) const {
        std::uint64_t const v = value_of(image_, e);
        std::string_view const text = telling_text(e.value);
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

    checked_image<Policies>& image_;
};

} // namespace fuzz
