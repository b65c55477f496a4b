// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "rope_fixture.hpp"

BOOST_AUTO_TEST_SUITE(rope_tree)

using namespace rope_test;

namespace {

using bag = policies<512>;
using words = detail::rope_tree<detail::fixed_element<4>, bag>;

auto code(ns::errc e) {
    return [e](ns::error const& x) { return x.code() == e; };
}

bytes word(std::uint32_t value) {
    bytes b(4);
    std::memcpy(b.data(), &value, 4);
    return b;
}
std::uint32_t word_at(words const& t, std::uint64_t pos) {
    bytes b(4);
    t.read(pos, b);
    std::uint32_t value = 0;
    std::memcpy(&value, b.data(), 4);
    return value;
}

struct setting {
    file<bag> disk;
    file<bag>::edit_type changes = disk.begin();
    words tree{disk.pages};
};

} // namespace

BOOST_AUTO_TEST_CASE(holes_read_as_zeros_whatever_was_in_memory) {
    setting s;
    s.tree.insert_zeros(s.changes, 0, 100000);
    s.tree.write(s.changes, 50001, word(5));
    std::size_t const n = 30000;
    bytes strided(4 * n, std::byte{0xee});
    s.tree.read_strided(0, 3, strided);
    bytes whole(4 * std::size_t{100000}, std::byte{0xee});
    s.tree.read(0, whole);
    bytes expected(4 * n);
    std::memcpy(expected.data() + 4 * 16667, word(5).data(), 4);
    BOOST_TEST((strided == expected));
    std::ranges::fill(std::span(whole).subspan(4 * 50001, 4), std::byte{0});
    BOOST_TEST((whole == bytes(whole.size())));
}

/// Past the caches, as in pieces through them.
BOOST_AUTO_TEST_CASE(very_many_elements_at_once) {
    constexpr std::uint64_t n = detail::streamed_bytes / 4 + 1000;
    setting s;
    s.tree.insert_zeros(s.changes, 0, n);
    std::mt19937_64 random(seed());
    for (int i = 0; i != 200; ++i) {
        bytes some(4 * (1 + random() % 1000));
        for (std::byte& b : some)
            b = static_cast<std::byte>(random());
        s.tree.insert(s.changes, random() % s.tree.size(), some);
    }
    std::uint64_t const first = random() % 900;
    bytes whole(static_cast<std::size_t>(s.tree.size() - first) * 4,
                std::byte{0xee});
    s.tree.read(first, whole);
    bytes piece(4 * 100'003);
    for (std::size_t at = 0; at != whole.size();) {
        piece.resize(std::min(piece.size(), whole.size() - at));
        s.tree.read(first + at / 4, piece);
        BOOST_TEST_REQUIRE((std::memcmp(piece.data(), whole.data() + at,
                                        piece.size())
                            == 0));
        at += piece.size();
    }
}

BOOST_AUTO_TEST_CASE(more_than_four_billion_elements) {
    constexpr std::uint64_t huge = (std::uint64_t{1} << 40) + 12345;
    setting s;
    s.tree.insert_zeros(s.changes, 0, huge);
    BOOST_TEST(s.tree.size() == huge);
    std::vector<std::uint64_t> const at{0, 1, huge / 3, huge / 2, huge - 1};
    for (std::uint64_t const pos : at)
        s.tree.write(s.changes, pos,
                     word(static_cast<std::uint32_t>(pos % 997 + 1)));
    require_sound(s.tree, false);
    for (std::uint64_t const pos : at)
        BOOST_TEST(word_at(s.tree, pos) == pos % 997 + 1);
    BOOST_TEST(word_at(s.tree, huge / 4) == 0u);
    BOOST_CHECK_EXCEPTION(s.tree.write(s.changes, huge, word(1)), ns::error,
                          code(ns::errc::out_of_range));

    s.tree.insert(s.changes, huge / 2, word(77));
    BOOST_TEST(word_at(s.tree, huge / 2 + 1) == huge / 2 % 997 + 1);
    s.tree.erase(s.changes, 2, huge / 2 - 2);
    BOOST_TEST(word_at(s.tree, 2) == 77u);
    BOOST_TEST(word_at(s.tree, 3) == huge / 2 % 997 + 1);
    require_sound(s.tree, false);

    s.disk.commit(s.changes);
    auto const p = write_out(s.disk, s.tree);
    s.disk.check_pages(s.tree);
    s.tree.set_root({detail::child_ref(p.place, p.checksum),
                     s.tree.root().height, s.tree.size()});
    require_sound(s.tree, true);
    BOOST_TEST(word_at(s.tree, s.tree.size() - 1) == (huge - 1) % 997 + 1);

    auto c = s.tree.cursor();
    c.seek(s.tree.size() - 1);
    BOOST_TEST(c.run().count == 1u);
    bytes out(4 * 1000);
    s.tree.read_strided(3, 1 << 28, std::span(out).first(4 * 1000));
    BOOST_TEST(std::memcmp(out.data(), word(huge / 2 % 997 + 1).data(), 4)
               == 0);
}

BOOST_AUTO_TEST_CASE(strides_over_a_giant_hole) {
    constexpr std::uint64_t huge = std::uint64_t{1} << 36;
    setting s;
    s.tree.insert_zeros(s.changes, 0, huge);
    bytes v;
    for (std::uint32_t i = 1; i <= 64; ++i) {
        bytes const w = word(i);
        v.insert(v.end(), w.begin(), w.end());
    }
    s.tree.write_strided(s.changes, huge - 1, -(std::int64_t{1} << 30), v);
    require_sound(s.tree, false);
    BOOST_TEST(word_at(s.tree, huge - 1) == 1u);
    BOOST_TEST(word_at(s.tree, (std::uint64_t{1} << 30) - 1) == 64u);
    bytes out(v.size());
    s.tree.read_strided(huge - 1, -(std::int64_t{1} << 30), out);
    BOOST_TEST((out == v));
    s.tree.erase_strided(s.changes, huge - 1, -(std::int64_t{1} << 30), 63);
    require_sound(s.tree, false);
    BOOST_TEST(s.tree.size() == huge - 63);
    BOOST_TEST(word_at(s.tree, (std::uint64_t{1} << 30) - 1) == 64u);
    s.tree.erase_strided(s.changes, 0, 2, huge / 4);
    BOOST_TEST(s.tree.size() == huge - 63 - huge / 4);
    require_sound(s.tree, false);
}

BOOST_AUTO_TEST_CASE(too_large) {
    setting s;
    std::uint64_t const most = s.tree.shape().max_size();
    s.tree.insert_zeros(s.changes, 0, most);
    BOOST_CHECK_EXCEPTION(s.tree.insert_zeros(s.changes, 5, 1000), ns::error,
                          code(ns::errc::invalid_argument));
    BOOST_CHECK_EXCEPTION(s.tree.insert(s.changes, most, word(1)), ns::error,
                          code(ns::errc::invalid_argument));
    BOOST_CHECK_EXCEPTION(s.tree.insert_zeros(s.changes, 0, ~std::uint64_t{0}),
                          ns::error, code(ns::errc::invalid_argument));
    s.tree.write(s.changes, most - 1, word(9));
    BOOST_TEST(word_at(s.tree, most - 1) == 9u);
}

BOOST_AUTO_TEST_CASE(wrong_arguments) {
    setting s;
    s.tree.insert(s.changes, 0, bytes(400));
    bytes out(8);
    std::vector<std::uint64_t> const twice{3, 3};
    std::vector<std::uint64_t> const bad_order{0, 2};
    auto const expect = [&](ns::errc e, auto&& call) {
        bytes const before = contents(s.tree);
        BOOST_CHECK_EXCEPTION(call(), ns::error, code(e));
        BOOST_TEST((contents(s.tree) == before));
    };
    using enum ns::errc;
    expect(out_of_range, [&] { s.tree.read(99, out); });
    expect(out_of_range, [&] { s.tree.write(s.changes, 99, out); });
    expect(out_of_range, [&] { s.tree.insert(s.changes, 101, out); });
    expect(out_of_range, [&] { s.tree.insert_bulk(s.changes, 101, out); });
    expect(out_of_range, [&] { s.tree.insert_zeros(s.changes, 101, 1); });
    expect(out_of_range, [&] { s.tree.erase(s.changes, 50, 51); });
    expect(out_of_range, [&] { s.tree.replace_bulk(s.changes, 50, 51, out); });
    expect(invalid_argument, [&] { s.tree.read_strided(0, 0, out); });
    expect(out_of_range, [&] { s.tree.erase_strided(s.changes, 0, 100, 2); });
    expect(size_mismatch, [&] { s.tree.read(0, std::span(out).first(3)); });
    expect(size_mismatch,
           [&] { s.tree.insert(s.changes, 0, std::span(out).first(3)); });
    expect(size_mismatch, [&] {
        s.tree.write_at(s.changes, twice, {}, std::span(out).first(4));
    });
    expect(invalid_argument,
           [&] { s.tree.write_at(s.changes, twice, {}, out); });
    expect(invalid_argument, [&] { s.tree.erase_at(s.changes, twice); });
    expect(out_of_range, [&] { s.tree.read_at(twice, bad_order, out); });
    using any = detail::rope_tree<detail::dynamic_element, bag>;
    expect(invalid_argument,
           [&] { any(s.disk.pages, detail::dynamic_element{0}); });
    expect(invalid_argument,
           [&] { any(s.disk.pages, detail::dynamic_element{131073}); });
}

BOOST_AUTO_TEST_CASE(empty_calls_do_nothing) {
    setting s;
    s.tree.insert(s.changes, 0, {});
    s.tree.insert_zeros(s.changes, 0, 0);
    s.tree.insert_bulk(s.changes, 0, {});
    s.tree.erase(s.changes, 0, 0);
    s.tree.erase_strided(s.changes, 0, 1, 0);
    s.tree.erase_at(s.changes, {});
    s.tree.write(s.changes, 0, {});
    s.tree.write_strided(s.changes, 0, 5, {});
    s.tree.read(0, {});
    s.tree.clear(s.changes);
    BOOST_TEST(s.tree.empty());
    BOOST_TEST(s.changes.freed.empty());
    require_sound(s.tree, true);
}

BOOST_AUTO_TEST_CASE(small_arrays_are_small_in_memory) {
    setting s;
    std::vector<words> many;
    for (int i = 0; i != 1000; ++i) {
        many.emplace_back(s.disk.pages);
        many.back().insert(s.changes, 0, bytes(64));
    }
    BOOST_TEST(s.disk.pages.account().leaf_bytes.load() == 64u * 1000);
    BOOST_TEST(s.disk.pages.account().inner_bytes.load() == 0u);
}

BOOST_AUTO_TEST_CASE(random_large_elements) {
    using block = detail::rope_tree<detail::fixed_element<65536>, bag>;
    file<bag> disk;
    auto changes = disk.begin();
    block tree(disk.pages);
    bytes model;
    std::mt19937_64 random(seed());
    auto const at = [&](std::uint64_t i) {
        return model.begin() + static_cast<std::ptrdiff_t>(i * 65536);
    };
    for (int i = 0; i != 150; ++i) {
        std::uint64_t const n = tree.size();
        std::uint64_t const pos = random() % (n + 1);
        if (n > 40 || (n != 0 && random() % 3 == 0)) {
            std::uint64_t const count =
                std::min<std::uint64_t>(n - pos, random() % 6);
            tree.erase(changes, pos, count);
            model.erase(at(pos), at(pos + count));
        } else {
            bytes const v((1 + random() % 5) * 65536,
                          static_cast<std::byte>(i));
            tree.insert(changes, pos, v);
            model.insert(at(pos), v.begin(), v.end());
        }
        require_sound(tree, false);
    }
    BOOST_TEST((contents(tree) == model));
    disk.commit(changes);
    write_out(disk, tree);
    disk.check_pages(tree);
}

BOOST_AUTO_TEST_CASE(tokens_run_out) {
    setting s;
    s.changes.token = detail::edit_token{(std::uint64_t{2} << 24) - 4};
    bytes model;
    std::mt19937_64 random(seed());
    for (int i = 0; i != 60; ++i) {
        detail::rope_root const before = s.tree.root();
        bytes const old = model;
        s.changes.new_token();
        bytes const v(4 * (random() % 2000), static_cast<std::byte>(i));
        std::uint64_t const pos = random() % (s.tree.size() + 1);
        s.tree.insert(s.changes, pos, v);
        model.insert(model.begin() + static_cast<std::ptrdiff_t>(pos * 4),
                     v.begin(), v.end());
        std::uint64_t const n = random() % (s.tree.size() / 4 + 1);
        s.tree.erase(s.changes, n, n);
        model.erase(model.begin() + static_cast<std::ptrdiff_t>(n * 4),
                    model.begin() + static_cast<std::ptrdiff_t>(n * 8));
        require_sound(s.tree, false);
        BOOST_REQUIRE(contents(s.tree) == model);
        words kept(s.disk.pages, {}, before);
        BOOST_REQUIRE(contents(kept) == old);
    }
    BOOST_TEST(detail::transaction_of(s.changes.token) == 1u);
    s.disk.commit(s.changes);
    s.disk.check_pages(s.tree);
}

BOOST_AUTO_TEST_SUITE_END()
