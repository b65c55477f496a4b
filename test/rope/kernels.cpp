// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/rope/kernels.hpp>
#include <numstore/rope/stream.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(rope_kernels)

using namespace numstore::detail;

namespace {

using bytes = std::vector<std::byte>;

std::uint64_t seed() {
    static std::uint64_t const value = [] {
        char const* const given = std::getenv("NUMSTORE_SEED");
        return given ? std::strtoull(given, nullptr, 10)
                     : std::random_device{}();
    }();
    return value;
}

/// Elements of any size, one by one, as the kernels should treat them.
class model {
public:
    model(std::size_t size, std::size_t n, std::mt19937_64& random)
        : size_(size), data_(size * n) {
        for (auto& b : data_)
            b = static_cast<std::byte>(random());
    }
    std::byte* data() { return data_.data(); }
    bytes& all() { return data_; }
    bytes at(std::size_t i) const {
        auto const from =
            data_.begin() + static_cast<std::ptrdiff_t>(i * size_);
        return {from, from + static_cast<std::ptrdiff_t>(size_)};
    }
    void set(std::size_t i, bytes const& e) {
        std::copy(e.begin(), e.end(),
                  data_.begin() + static_cast<std::ptrdiff_t>(i * size_));
    }

private:
    std::size_t size_;
    bytes data_;
};

/// Runs the body with elements of many sizes, constant and not.
template <class Body>
void for_each_element(Body body) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    std::mt19937_64 random(seed());
    auto const both = [&]<std::size_t... Size>(std::index_sequence<Size...>) {
        (body(fixed_element<Size>{}, random), ...);
        (body(dynamic_element{Size}, random), ...);
    };
    for (int round = 0; round < 20; ++round)
        both(std::index_sequence<1, 2, 3, 4, 8, 12, 16, 17, 24, 100>{});
}

struct strided {
    std::size_t first;
    std::ptrdiff_t step;
    std::size_t n;
    std::size_t operator()(std::size_t i) const {
        return first + i * static_cast<std::size_t>(step);
    }
};

strided random_stride(std::size_t count, std::mt19937_64& random) {
    std::size_t const first = random() % count;
    auto const step = static_cast<std::size_t>(random() % 20 + 1);
    if (random() % 2)
        return {first, static_cast<std::ptrdiff_t>(step),
                random() % ((count - 1 - first) / step + 2)};
    return {first, -static_cast<std::ptrdiff_t>(step),
            random() % (first / step + 2)};
}

} // namespace

BOOST_AUTO_TEST_CASE(elements) {
    static_assert(fixed_element<12>::size() == 12);
    static_assert(dynamic_element{12}.size() == 12);
    static_assert(std::is_empty_v<fixed_element<12>>);
    for (std::size_t size : {1u, 2u, 3u, 4u, 8u, 16u, 17u})
        with_fixed_element(dynamic_element{size}, [&](auto e) {
            BOOST_TEST(e.size() == size);
            bool const dynamic = std::is_same_v<decltype(e), dynamic_element>;
            BOOST_TEST(dynamic == (size == 3 || size == 17));
        });
}

BOOST_AUTO_TEST_CASE(gather_by_stride) {
    for_each_element([](auto element, std::mt19937_64& random) {
        std::size_t const count = random() % 200 + 1;
        model from(element.size(), count, random);
        auto const s = random_stride(count, random);
        bytes got(s.n * element.size());
        gather_strided(element, from.data() + s.first * element.size(), s.step,
                       got.data(), s.n);
        bytes expected;
        for (std::size_t i = 0; i != s.n; ++i) {
            auto const e = from.at(s(i));
            expected.insert(expected.end(), e.begin(), e.end());
        }
        BOOST_REQUIRE(got == expected);
    });
}

BOOST_AUTO_TEST_CASE(scatter_by_stride) {
    for_each_element([](auto element, std::mt19937_64& random) {
        std::size_t const count = random() % 200 + 1;
        model to(element.size(), count, random);
        model expected = to;
        auto const s = random_stride(count, random);
        model from(element.size(), s.n + 1, random);
        for (std::size_t i = 0; i != s.n; ++i)
            expected.set(s(i), from.at(i));
        scatter_strided(element, to.data() + s.first * element.size(), s.step,
                        from.data(), s.n);
        BOOST_REQUIRE(to.all() == expected.all());
    });
}

BOOST_AUTO_TEST_CASE(a_stride_can_be_a_constant) {
    std::vector<float> from(100);
    std::iota(from.begin(), from.end(), 0.f);
    std::vector<float> to(50);
    constexpr std::integral_constant<std::ptrdiff_t, 2> two;
    gather_strided(fixed_element<4>{}, std::as_bytes(std::span(from)).data(),
                   two, std::as_writable_bytes(std::span(to)).data(), 50);
    for (std::size_t i = 0; i != 50; ++i)
        BOOST_TEST(to[i] == static_cast<float>(2 * i));
}

BOOST_AUTO_TEST_CASE(members_are_gathered_by_bytes) {
    struct sample {
        double t;
        float v;
    };
    std::vector<sample> samples;
    for (int i = 0; i < 10; ++i)
        samples.push_back({i * 1.5, static_cast<float>(i)});
    std::vector<float> v(10);
    gather_spaced(fixed_element<4>{},
                  std::as_bytes(std::span(samples)).data()
                      + offsetof(sample, v),
                  std::ptrdiff_t{sizeof(sample)},
                  std::as_writable_bytes(std::span(v)).data(), 10);
    BOOST_TEST(v[9] == 9.f);
    v[3] = 77.f;
    scatter_spaced(
        fixed_element<4>{},
        std::as_writable_bytes(std::span(samples)).data() + offsetof(sample, v),
        std::ptrdiff_t{sizeof(sample)}, std::as_bytes(std::span(v)).data(), 10);
    BOOST_TEST(samples[3].v == 77.f);
    BOOST_TEST(samples[3].t == 4.5);
}

BOOST_AUTO_TEST_CASE(copy_between_strides) {
    for_each_element([](auto element, std::mt19937_64& random) {
        std::size_t const count = random() % 300 + 1;
        model data(element.size(), count, random);
        std::size_t const first = random() % count;
        std::size_t const step = random() % (random() % 2 ? 30 : 3) + 1;
        std::size_t const n = random() % ((count - 1 - first) / step + 2);
        bytes expected;
        for (std::size_t i = 0; i != count; ++i) {
            bool const removed =
                i >= first && (i - first) % step == 0 && (i - first) / step < n;
            auto const e = data.at(i);
            if (!removed)
                expected.insert(expected.end(), e.begin(), e.end());
        }
        bytes got(expected.size() + 1);
        std::size_t const left =
            copy_between_strided(element, data.data(), count, first,
                                 static_cast<std::ptrdiff_t>(step), n,
                                 got.data());
        BOOST_REQUIRE(left == count - n);
        got.pop_back();
        BOOST_REQUIRE(got == expected);
    });
}

namespace {

std::vector<std::uint64_t> random_positions(std::size_t count,
                                            std::uint64_t base, bool distinct,
                                            std::mt19937_64& random) {
    std::vector<std::uint64_t> p(random() % (count + 1));
    for (auto& i : p)
        i = base + random() % count;
    std::sort(p.begin(), p.end());
    if (distinct)
        p.erase(std::unique(p.begin(), p.end()), p.end());
    return p;
}

std::vector<std::uint64_t> random_order(std::size_t n,
                                        std::mt19937_64& random) {
    std::vector<std::uint64_t> order;
    if (random() % 2) {
        order.resize(n);
        std::iota(order.begin(), order.end(), std::uint64_t{0});
        std::shuffle(order.begin(), order.end(), random);
    }
    return order;
}

using positions = std::span<std::uint64_t const>;

} // namespace

BOOST_AUTO_TEST_CASE(gather_by_positions) {
    for_each_element([](auto element, std::mt19937_64& random) {
        std::size_t const count = random() % 100 + 1;
        std::uint64_t const base = random();
        model from(element.size(), count, random);
        auto const p = random_positions(count, base % 1000000, false, random);
        auto const order = random_order(p.size(), random);
        model got(element.size(), p.size(), random);
        model expected = got;
        for (std::size_t i = 0; i != p.size(); ++i)
            expected.set(order.empty() ? i : order[i],
                         from.at(p[i] - base % 1000000));
        gather_indexed(element, from.data(), base % 1000000, positions(p),
                       order, got.data());
        BOOST_REQUIRE(got.all() == expected.all());
    });
}

BOOST_AUTO_TEST_CASE(scatter_by_positions) {
    for_each_element([](auto element, std::mt19937_64& random) {
        std::size_t const count = random() % 100 + 1;
        model to(element.size(), count, random);
        model expected = to;
        auto const p = random_positions(count, 5, true, random);
        auto const order = random_order(p.size(), random);
        model from(element.size(), p.size(), random);
        for (std::size_t i = 0; i != p.size(); ++i)
            expected.set(p[i] - 5, from.at(order.empty() ? i : order[i]));
        scatter_indexed(element, to.data(), 5, positions(p), order,
                        from.data());
        BOOST_REQUIRE(to.all() == expected.all());
    });
}

BOOST_AUTO_TEST_CASE(narrow_positions) {
    std::vector<std::uint32_t> const p{1, 3};
    std::vector<std::uint64_t> const data{10, 11, 12, 13};
    std::vector<std::uint64_t> got(2);
    gather_indexed(fixed_element<8>{}, std::as_bytes(std::span(data)).data(), 0,
                   std::span<std::uint32_t const>(p), {},
                   std::as_writable_bytes(std::span(got)).data());
    BOOST_TEST(got[0] == 11u);
    BOOST_TEST(got[1] == 13u);
}

BOOST_AUTO_TEST_CASE(copy_between_positions) {
    for_each_element([](auto element, std::mt19937_64& random) {
        std::size_t const count = random() % 100 + 1;
        model data(element.size(), count, random);
        auto const p = random_positions(count, 7, true, random);
        bytes expected;
        for (std::size_t i = 0; i != count; ++i) {
            auto const e = data.at(i);
            if (!std::binary_search(p.begin(), p.end(), i + 7))
                expected.insert(expected.end(), e.begin(), e.end());
        }
        bytes got(expected.size() + 1);
        std::size_t const left = copy_between_indexed(
            element, data.data(), count, 7, positions(p), got.data());
        BOOST_REQUIRE(left == count - p.size());
        got.pop_back();
        BOOST_REQUIRE(got == expected);
    });
}

BOOST_AUTO_TEST_CASE(streamed_copies_touch_nothing_else) {
    std::vector<std::byte> src(1000);
    for (std::size_t i = 0; i != src.size(); ++i)
        src[i] = static_cast<std::byte>(i * 7 + 1);
    for (std::size_t n = 0; n != 200; ++n)
        for (std::size_t from = 0; from != 3; ++from)
            for (std::size_t to = 0; to != 17; ++to) {
                std::vector<std::byte> out(300);
                std::vector<std::byte> expected(300);
                std::copy_n(src.begin() + static_cast<std::ptrdiff_t>(from), n,
                            expected.begin() + static_cast<std::ptrdiff_t>(to));
                stream(src.data() + from, out.data() + to, n);
                finish_streaming();
                BOOST_TEST_REQUIRE((out == expected));
            }
}

BOOST_AUTO_TEST_SUITE_END()
