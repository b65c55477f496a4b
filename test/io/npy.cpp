// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/array/element.hpp>
#include <numstore/array/float16.hpp>
#include <numstore/array/nullable.hpp>
#include <numstore/array/tiny_text.hpp>
#include <numstore/format/element_text.hpp>
#include <numstore/io/npy.hpp>

#include <array>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

BOOST_AUTO_TEST_SUITE(io_npy)

using namespace io_test;

namespace {

/// The values that numpy_files.py computes.
template <class T>
std::vector<T> values(std::size_t n = 1000) {
    std::vector<T> v;
    for (std::size_t i = 0; i != n; ++i) {
        auto const x = static_cast<double>(i);
        auto const k = static_cast<int>(i * 7 % 251);
        if constexpr (std::same_as<T, bool>)
            v.push_back(i % 3 == 0);
        else if constexpr (requires { v.front().imag(); })
            v.push_back({static_cast<typename T::value_type>(x),
                         static_cast<typename T::value_type>(
                             0.0 - 0.5 * static_cast<double>(i % 100))});
        else if constexpr (std::integral<T>)
            v.push_back(static_cast<T>(std::is_signed_v<T> ? k - 125 : k));
        else
            v.push_back(
                static_cast<T>(static_cast<float>(i % 200) / 4.0f - 7.0f));
    }
    return v;
}

template <class T>
std::vector<std::byte> stored() {
    std::vector<std::byte> all;
    for (T const v : values<T>()) {
        all.resize(all.size() + sizeof(T));
        ns::detail::store_element<T>(v, all.data() + all.size() - sizeof(T));
    }
    return all;
}

collector read(std::string const& name, std::size_t buffer = 1 << 22) {
    collector c;
    io::read_npy(io::input_file(numpy_files() / (name + ".npy")), c,
                 {.buffer_bytes = buffer});
    return c;
}

void write(folder const& to, std::string const& name, provider source) {
    io::output_file file(to / ("out_" + name + ".npy"));
    io::write_npy(source, file, {.buffer_bytes = 100});
    file.publish();
}

template <class T>
void check_numbers(std::string const& kind, folder const& to) {
    for (auto const* order : {"_little", "_big"}) {
        auto const c = read(kind + order, 999);
        BOOST_TEST((c.what.element == ns::element_type_of<T>()));
        BOOST_TEST((c.what.shape == std::vector<std::uint64_t>{1000}));
        BOOST_TEST((c.bytes == stored<T>()));
        BOOST_TEST(c.pieces.front() <= 999u);
    }
    write(to, kind, provider(read(kind + "_big")));
}

std::vector<std::string> shown(collector const& c) {
    std::vector<std::string> all;
    std::size_t const size = c.what.element.size();
    for (std::size_t at = 0; at != c.bytes.size(); at += size)
        all.push_back(to_string(c.what.element, c.bytes.data() + at));
    return all;
}

std::vector<std::int32_t> counted(std::size_t n) {
    std::vector<std::int32_t> v(n);
    for (std::size_t i = 0; i != n; ++i)
        v[i] = static_cast<std::int32_t>(i);
    return v;
}

void refuse(std::string const& header, errc expected) {
    std::string file("\x93NUMPY\1\0", 8);
    file += static_cast<char>(header.size());
    file += '\0';
    auto const bytes = bytes_of(file + header + std::string(64, '\0'));
    collector c;
    BOOST_TEST(
        fails(expected,
              [&] { io::read_npy(io::memory_source(bytes, "test"), c); }),
        header);
    BOOST_TEST(c.what.shape.empty());
}

} // namespace

BOOST_AUTO_TEST_CASE(what_numpy_writes_and_reads) {
    folder out;
    check_numbers<bool>("b1", out);
    check_numbers<std::int8_t>("i1", out);
    check_numbers<std::int16_t>("i2", out);
    check_numbers<std::int32_t>("i4", out);
    check_numbers<std::int64_t>("i8", out);
    check_numbers<std::uint8_t>("u1", out);
    check_numbers<std::uint16_t>("u2", out);
    check_numbers<std::uint32_t>("u4", out);
    check_numbers<std::uint64_t>("u8", out);
    check_numbers<ns::float16>("f2", out);
    check_numbers<float>("f4", out);
    check_numbers<double>("f8", out);
    check_numbers<std::complex<float>>("c8", out);
    check_numbers<std::complex<double>>("c16", out);
    write(out, "cube", provider(read("c_order")));
    write(out, "bytes", provider(read("bytes")));
    write(out, "texts", provider(read("texts")));
    write(out, "record", provider(read("record_big_True")));
    std::vector<ns::nullable<double>> const cells{1.5, ns::null, ns::absent,
                                                  -2};
    write(out, "nullable", provider("?f64", cells));
    BOOST_TEST(run_numpy("check", out.path()));
}

BOOST_AUTO_TEST_CASE(versions_and_shapes) {
    for (auto const* name : {"version_1", "version_2", "version_3"})
        BOOST_TEST((read(name).as<float>() == values<float>()));
    auto const scalar = read("scalar");
    BOOST_TEST(scalar.what.shape.empty());
    BOOST_TEST((scalar.as<double>() == std::vector{2.5}));
    auto const empty = read("empty");
    BOOST_TEST((empty.what.shape == std::vector<std::uint64_t>{0, 3}));
    BOOST_TEST(empty.bytes.empty());
}

BOOST_AUTO_TEST_CASE(orders_of_axes) {
    for (std::size_t const buffer : {1u, 100u, 1u << 20})
        for (auto const* name : {"c_order", "fortran_order", "fortran_big"}) {
            auto const c = read(name, buffer);
            BOOST_TEST((c.what.shape == std::vector<std::uint64_t>{7, 5, 3}));
            BOOST_TEST((c.as<std::int32_t>() == counted(105)));
        }
    for (std::size_t const buffer : {10'000u, 1u << 20})
        for (auto const* name : {"tall", "wide"}) {
            auto const v = read(name, buffer).as<double>();
            auto const n = counted(40'000);
            BOOST_TEST((std::vector<double>(n.begin(), n.end()) == v));
        }
}

BOOST_AUTO_TEST_CASE(texts_and_bytes) {
    BOOST_TEST(read("bytes").what.element.to_string() == "chars(4)");
    BOOST_TEST(
        (shown(read("bytes"))
         == std::vector<std::string>{"\"\"", "\"abc\"", "\"\\xff\\xfe\""}));
    BOOST_TEST(read("texts").what.element.to_string() == "text(20)");
    std::vector<std::string> const texts{"\"\"",
                                         "\"a\"",
                                         "\"\xc3\xa9t\xc3\xa9\"",
                                         "\"\xe2\x82\xac\"",
                                         "\"\xf0\x9f\x8c\x8a\"",
                                         "\"five5\""};
    BOOST_TEST((shown(read("texts")) == texts));
    BOOST_TEST((shown(read("texts_big")) == texts));
    BOOST_TEST(read("void").what.element.to_string() == "[3]byte");
}

BOOST_AUTO_TEST_CASE(fields) {
    for (auto const* name :
         {"little_False", "little_True", "big_False", "big_True"}) {
        auto const c = read(std::string("record_") + name, 1000);
        BOOST_TEST(c.what.element.to_string()
                   == "{id i32, v f64, name chars(5), grid [2][3]i16}");
        auto const all = shown(c);
        BOOST_TEST(all.size() == 50u);
        BOOST_TEST(all[2]
                   == "{id: -1, v: 0.25, name: \"n2\", "
                      "grid: [[20, 21, 22], [23, 24, 25]]}");
    }
    BOOST_TEST(read("unicode_names").what.element.to_string()
               == "{gr\xc3\xb6\xc3\x9f"
                  "e f32}");
}

BOOST_AUTO_TEST_CASE(what_no_element_can_hold) {
    BOOST_TEST(fails(errc::invalid_argument, [] { read("dates"); }));
    BOOST_TEST(fails(errc::invalid_argument, [] { read("long_double"); }));
    for (auto const* type : {"bf16", "i128", "(f32 | i32)"}) {
        provider none(type, std::vector<int>());
        io::memory_sink out;
        BOOST_TEST(
            fails(errc::invalid_argument, [&] { io::write_npy(none, out); }));
    }
}

BOOST_AUTO_TEST_CASE(hostile_headers) {
    auto const with = [](std::string const& descr, std::string const& shape) {
        return "{'descr': " + descr
               + ", 'fortran_order': False, 'shape': " + shape + "}";
    };
    refuse("", errc::corrupt);
    refuse("{}", errc::corrupt);
    refuse("[1, 2]", errc::corrupt);
    refuse("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
           errc::corrupt);
    refuse(with("'<f4'", "3"), errc::corrupt);
    refuse(with("'<f4'", "(-1,)"), errc::corrupt);
    refuse(with("'<f4'", "(1e3,)"), errc::corrupt);
    refuse(with("'<f4'", "(17,)"), errc::corrupt);
    refuse(with("'<f4'", "(99999999999999999999,)"), errc::corrupt);
    refuse(with("'<f4'", "(4294967296, 4294967296)"), errc::out_of_range);
    refuse(with("'<f4'", "(4611686018427387904,)"), errc::corrupt);
    refuse(with("'f4'", "(1,)"), errc::corrupt);
    refuse(with("'|O'", "(1,)"), errc::invalid_argument);
    refuse(with("'<f3'", "(1,)"), errc::invalid_argument);
    refuse(with("'|S0'", "(1,)"), errc::invalid_argument);
    refuse(with("'|S999999999999999999999999'", "(0,)"),
           errc::invalid_argument);
    refuse(with("'<U99999'", "(0,)"), errc::invalid_argument);
    refuse(with("[]", "(1,)"), errc::corrupt);
    refuse(with("[('a', '<f4'), ('a', '<f4')]", "(1,)"),
           errc::invalid_argument);
    refuse(with("[('a b', '<f4')]", "(1,)"), errc::invalid_argument);
    refuse(with("('<f4', (100000000, 100000000))", "(1,)"),
           errc::invalid_argument);
    refuse(with("('|S5', (100000000,))", "(1,)"), errc::invalid_argument);
    refuse(std::string(200, '['), errc::corrupt);
    refuse("__import__('os')", errc::corrupt);
}

/// Any bytes are an array or an error.
BOOST_AUTO_TEST_CASE(mutated_files) {
    auto random = random_source();
    int read_well = 0;
    int refused = 0;
    for (auto const* name : {"f4_big", "record_big_True", "texts",
                             "fortran_order", "unicode_names"}) {
        auto const good = load(numpy_files() / (std::string(name) + ".npy"));
        for (int i = 0; i != 600; ++i) {
            auto bytes = good;
            mutate(bytes, 160, random);
            collector c;
            try {
                io::read_npy(io::memory_source(bytes, "mutated"), c);
                BOOST_REQUIRE(c.bytes.size()
                              == io::element_count(c.what.shape)
                                     * c.what.element.size());
                ++read_well;
            } catch (ns::error const& e) {
                BOOST_REQUIRE((e.code() == errc::corrupt
                               || e.code() == errc::invalid_argument
                               || e.code() == errc::out_of_range
                               || e.code() == errc::unsupported_version));
                ++refused;
            }
        }
    }
    BOOST_TEST(read_well > 100);
    BOOST_TEST(refused > 500);
}

BOOST_AUTO_TEST_CASE(progress_and_its_end) {
    std::vector<std::uint64_t> seen;
    collector c;
    io::transfer_options options{.buffer_bytes = 1000};
    options.progress = [&](ns::progress_info const& p) {
        BOOST_TEST(p.total == 8000u);
        seen.push_back(p.done);
        return seen.size() < 3;
    };
    BOOST_TEST(fails(errc::cancelled, [&] {
        io::read_npy(io::input_file(numpy_files() / "f8_big.npy"), c, options);
    }));
    BOOST_TEST((seen == std::vector<std::uint64_t>{1000, 2000, 3000}));
}

BOOST_AUTO_TEST_SUITE_END()
