// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include <numstore/array/element_layout.hpp>
#include <numstore/format/element_check.hpp>

#include <boost/describe/class.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

BOOST_AUTO_TEST_SUITE(array_element_layout)

using namespace numstore;
using detail::element_layout;

namespace {

struct sample {
    double t;
    float v;
    std::uint8_t flags;
};
BOOST_DESCRIBE_STRUCT(sample, (), (t, v, flags))

struct recording : sample {
    bool valid[2];
    std::array<sample, 2> more;
};
BOOST_DESCRIBE_STRUCT(recording, (sample), (valid, more))

#pragma pack(push, 1)
struct packed {
    char a;
    double b;
};
#pragma pack(pop)
BOOST_DESCRIBE_STRUCT(packed, (), (b, a))

class hidden {
public:
    bool c = false;

private:
    int a_ = 3;
    BOOST_DESCRIBE_CLASS(hidden, (), (c), (), (a_))
};

struct undescribed {
    int a;
};
struct with_pointer {
    int* p;
};
BOOST_DESCRIBE_STRUCT(with_pointer, (), (p))
struct without_members {};
BOOST_DESCRIBE_STRUCT(without_members, (), ())
union either {
    int a;
    float b;
};
BOOST_DESCRIBE_STRUCT(either, (), (a, b))

} // namespace

BOOST_AUTO_TEST_CASE(types_without_traits) {
    using detail::described_element;
    static_assert(!described_element<long double>);
    static_assert(!described_element<int const>);
    static_assert(!described_element<int*>);
    static_assert(!described_element<undescribed>);
    static_assert(!described_element<with_pointer>);
    static_assert(!described_element<without_members>);
    static_assert(!described_element<either>);
    static_assert(!described_element<std::array<int, 0>>);
    static_assert(!described_element<std::vector<int>>);
    BOOST_TEST(described_element<sample>);
}

BOOST_AUTO_TEST_CASE(layouts_are_those_of_the_compiler) {
    auto const t = element_layout<recording>::type();
    BOOST_TEST(t.size() == sizeof(recording));
    BOOST_TEST(t.alignment() == alignof(recording));
    BOOST_TEST(t.members().size() == 5u);
    BOOST_TEST(t.members()[3].name == "valid");
    BOOST_TEST(t.members()[4].type == "[2]{t f64, v f32, flags u8}");
    recording const r{};
    auto const distance = [&](void const* member) {
        return static_cast<std::uint64_t>(static_cast<char const*>(member)
                                          - reinterpret_cast<char const*>(&r));
    };
    BOOST_TEST(t.members()[3].offset == distance(&r.valid));
    BOOST_TEST(t.members()[4].offset == distance(&r.more));
    BOOST_TEST(element_layout<packed>::type() == "{a i8, b f64 @1} %1");
    BOOST_TEST(element_layout<hidden>::type().members().size() == 2u);
}

BOOST_AUTO_TEST_CASE(what_is_not_padding) {
    static_assert(element_layout<sample>::value_bytes == 13);
    static_assert(element_layout<recording>::value_bytes == 3 * 13 + 2);
    static_assert(element_layout<packed>::value_bytes == sizeof(packed));
    static_assert(element_layout<std::array<sample, 3>>::value_bytes == 39);
    static_assert(!element_layout<sample>::has_bool);
    static_assert(element_layout<recording>::has_bool);
    static_assert(element_layout<hidden>::has_bool);

    std::vector<std::byte> from(sizeof(recording), std::byte{0xff});
    std::vector<std::byte> to(sizeof(recording));
    element_layout<recording>::copy(to.data(), from.data());
    auto const t = element_layout<recording>::type();
    for (auto& m : t.members())
        if (m.type != "[2]bool")
            continue;
        else
            from[m.offset] = from[m.offset + 1] = std::byte{1};
    t.normalize(from.data());
    element_layout<recording>::normalize_bools(to.data());
    BOOST_TEST((to == from));
}

BOOST_AUTO_TEST_SUITE_END()
