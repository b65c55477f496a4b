// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/error.hpp>
#include <numstore/format/graveyard.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <random>
#include <vector>

BOOST_AUTO_TEST_SUITE(format_graveyard)

using namespace numstore;
using format::buried_tree;

namespace {

std::vector<std::byte> encoded(std::vector<buried_tree> const& trees) {
    std::vector<std::byte> bytes;
    format::encode_graveyard(trees, bytes);
    return bytes;
}

bool refused(std::vector<std::byte> const& bytes) {
    try {
        format::decode_graveyard(bytes, page_no{32}, page_no{1000});
        return false;
    } catch (error const& e) {
        return e.code() == errc::corrupt;
    }
}

buried_tree const good{page_no{40}, 77, 2, 5000, 3, 128};

} // namespace

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
    std::vector<buried_tree> const trees{
        good, {page_no{997}, 1, 0, 128, 3, 128}, {page_no{999}, 1, 1, 9, 3, 4}};
    BOOST_TEST((format::decode_graveyard(encoded(trees), page_no{32},
                                         page_no{1000})
                == trees));
}

BOOST_AUTO_TEST_CASE(impossible_trees_are_refused) {
    auto const with = [](auto change) {
        buried_tree t = good;
        change(t);
        return refused(encoded({t}));
    };
    BOOST_TEST(!with([](buried_tree&) {}));
    BOOST_TEST(with([](buried_tree& t) { t.place = page_no{31}; }));
    BOOST_TEST(with([](buried_tree& t) { t.place = page_no{1000}; }));
    BOOST_TEST(with([](buried_tree& t) { t.height = 33; }));
    BOOST_TEST(with([](buried_tree& t) { t.count = 0; }));
    BOOST_TEST(with([](buried_tree& t) { t.leaf_pages = 0; }));
    BOOST_TEST(with([](buried_tree& t) { t.leaf_capacity = 0; }));
    BOOST_TEST(with([](buried_tree& t) {
        t.height = 0;
        t.place = page_no{998};
    }));
}

BOOST_AUTO_TEST_CASE(damaged_bytes_are_read_or_refused) {
    auto const bytes = encoded({good, good});
    std::mt19937 random(1);
    for (int i = 0; i != 20000; ++i) {
        auto damaged = bytes;
        damaged[random() % damaged.size()] = static_cast<std::byte>(random());
        if (random() % 4 == 0)
            damaged.resize(random() % damaged.size());
        refused(damaged);
    }
}

BOOST_AUTO_TEST_SUITE_END()
