// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "../bags/memory_512.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

BOOST_AUTO_TEST_SUITE(nd_nd_view)

namespace {

namespace ns = numstore;
using database = ns::basic_database<bags::memory_512>;
using images = ns::extents<ns::dynamic, 6, 8>;
using values = std::vector<int>;

values numbers(std::size_t n) {
    values v(n);
    std::iota(v.begin(), v.end(), 0);
    return v;
}

struct setting {
    database db;
    ns::nd_array<int, images, bags::memory_512> a =
        db.create_nd<int>("a", images{5});
    setting() { a.write(numbers(240)); }
};

} // namespace

BOOST_AUTO_TEST_CASE(what_types_tell_is_constant) {
    setting s;
    auto const v = s.a.view(ns::all, ns::every<2>{}, 5);
    using view = decltype(v);
    static_assert(view::rank() == 2);
    static_assert(view::static_extent(0) == ns::dynamic);
    static_assert(view::static_extent(1) == 3);
    static_assert(view::static_stride(0) == 48);
    static_assert(view::static_stride(1) == 16);
    BOOST_TEST(v.extent(0) == 5u);
    BOOST_TEST(v(2, 1) == 2 * 48 + 2 * 8 + 5);

    auto const w = v.view(3, ns::every<2>{});
    static_assert(decltype(w)::rank() == 1);
    static_assert(decltype(w)::static_extent(0) == 2);
    static_assert(decltype(w)::static_stride(0) == 32);
    BOOST_TEST((w.to_vector() == values{149, 181}));

    auto const x = s.a.view(ns::slice{.step = -2}, ns::all, 0);
    static_assert(decltype(x)::static_stride(0) == ns::dynamic_stride);
    static_assert(decltype(x)::static_stride(1) == 8);
    BOOST_TEST(x.extent(0) == 3u);
    BOOST_TEST(x.stride(0) == -96);
    BOOST_TEST(x(0, 1) == 4 * 48 + 8);
}

BOOST_AUTO_TEST_CASE(reading_checks_places_and_room) {
    setting s;
    auto const v = s.a.view(1, ns::all, ns::every<4, 1>{});
    values out(12, -1);
    BOOST_TEST(v.read(out) == 12u);
    BOOST_TEST(out[3] == 48 + 8 + 5);
    values small(11, -1);
    BOOST_CHECK_THROW(v.read(small), ns::error);
    BOOST_TEST((small == values(11, -1)));
    BOOST_CHECK_THROW(v(6, 0), ns::error);
    BOOST_CHECK_THROW(s.a.view(5, ns::all, ns::all), ns::error);
    BOOST_CHECK_THROW(s.a.view(-1, ns::all, ns::all), ns::error);
    BOOST_TEST(s.a.view(ns::slice{.start = 9}, ns::all, ns::all).empty());
    BOOST_TEST((s.a.view(ns::slice{.start = 9}, ns::all, 0).to_vector()
                == values{}));
}

BOOST_AUTO_TEST_CASE(a_view_keeps_its_version) {
    setting s;
    std::optional const v = s.a.view(ns::all, 0, 0);
    s.a.erase(0, 0, 3);
    s.a.set({0, 0, 0}, -1);
    s.db.close();
    BOOST_TEST((v->to_vector() == values{0, 48, 96, 144, 192}));
}

BOOST_AUTO_TEST_CASE(a_run_is_in_place_where_it_lies_so) {
    setting s;
    s.db.checkpoint();
    auto const image = s.a.view(0, ns::all, ns::all).run();
    BOOST_TEST(image.shape().rank() == 2u);
    BOOST_TEST(image.size() == 48u);
    BOOST_TEST(image.is_zero_copy());
    BOOST_TEST(image[47] == 47);
    auto const column = s.a.view(0, ns::all, 1).run();
    BOOST_TEST(!column.is_zero_copy());
    BOOST_TEST((values(column.begin(), column.end())
                == values{1, 9, 17, 25, 33, 41}));
    auto moved = s.a.view(1, 2, ns::all).run();
    auto const kept = std::move(moved);
    s.a.clear();
    BOOST_TEST((values(kept.begin(), kept.end())
                == values{64, 65, 66, 67, 68, 69, 70, 71}));
}

BOOST_AUTO_TEST_SUITE_END()
