// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/format/element_text.hpp>
#include <numstore/io/csv.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(io_csv)

using namespace io_test;

namespace {

collector read(std::string const& text, std::string const& element,
               io::csv_format const& format = {}) {
    auto const bytes = bytes_of(text);
    collector c;
    io::read_csv(io::memory_source(bytes, "t.csv"),
                 ns::element_type::parse(element), c, format,
                 {.buffer_bytes = 64});
    return c;
}

/// The elements as text, one behind the other.
std::string shown(collector const& c) {
    std::string all;
    std::size_t const size = c.what.element.size();
    for (std::size_t at = 0; at != c.bytes.size(); at += size)
        all += to_string(c.what.element, c.bytes.data() + at);
    return all;
}

std::string written(collector const& c, io::csv_format const& format = {}) {
    provider source(c);
    source.what.shape = {c.bytes.size() / c.what.element.size()};
    io::memory_sink out;
    io::write_csv(source, out, format, {.buffer_bytes = 50});
    auto const& bytes = out.bytes();
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

bool says(errc code, std::string const& text, std::string const& element,
          std::string const& what, bool header = true) {
    auto const call = [&] { read(text, element, {.header = header}); };
    return fails(code, call) && fault(call).find(what) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_CASE(columns_by_name) {
    auto const c =
        read("y,unused,x\n1.5,?,2\n-0.25,\"a,b\",+3\n", "{x i32, y f64}");
    BOOST_TEST(shown(c) == "{x: 2, y: 1.5}{x: 3, y: -0.25}");
    BOOST_TEST(written(c) == "x,y\n2,1.5\n3,-0.25\n");
}

BOOST_AUTO_TEST_CASE(columns_by_place) {
    BOOST_TEST(shown(read("1,2\n3,4", "{x i32, y f64}", {.header = false}))
               == "{x: 1, y: 2}{x: 3, y: 4}");
    BOOST_TEST(shown(read("a,b,c\n1,2,3\n", "[3]u8")) == "[1, 2, 3]");
    BOOST_TEST(shown(read("1\n2\n", "f32", {.header = false})) == "12");
    BOOST_TEST(shown(read("v[1],v[0],n\n1,2,3\n", "{v [2]i16, n u8}"))
               == "{v: [2, 1], n: 3}");
}

BOOST_AUTO_TEST_CASE(quotes_and_line_ends) {
    BOOST_TEST(shown(read("\xef\xbb\xbf"
                          "t,n\r\n\"a\"\"b\",1\r\n"
                          "\"x\r\ny,z\",\"2\"\r\n\r\n"
                          " spaced ,3",
                          "{t text(12), n u8}"))
               == "{t: \"a\\\"b\", n: 1}{t: \"x\\x0d\\ny,z\", n: 2}"
                  "{t: \" spaced \", n: 3}");
    BOOST_TEST(
        shown(read("t\tn\na,b\t1\n", "{t chars(3), n u8}", {.delimiter = '\t'}))
        == "{t: \"a,b\", n: 1}");
}

BOOST_AUTO_TEST_CASE(null_and_empty) {
    auto const c = read("t,v\n,\n\"\",0\nx,nan\n", "{t ?text(3), v ?f64}");
    BOOST_TEST(shown(c)
               == "{t: null, v: null}{t: \"\", v: 0}"
                  "{t: \"x\", v: nan}");
    BOOST_TEST(written(c) == "t,v\n,\n\"\",0\nx,nan\n");
    BOOST_TEST(shown(read("1\n\n3\n", "?u8", {.header = false})) == "1null3");
}

BOOST_AUTO_TEST_CASE(values_of_every_kind) {
    std::string const types =
        "{a bool, b i8, c u64, d f16, e bf16, f f32, g c64, h c128, i byte, "
        "j i128, k u128, l chars(4), m text(300)}";
    std::string const text =
        "a,b,c,d,e,f,g,h,i,j,k,l,m\n"
        "true,-128,18446744073709551615,0.1,3.14,inf,\"(1,-2)\",\"(0.5,0)\","
        "0xff,-170141183460469231731687303715884105728,"
        "340282366920938463463374607431768211455,abcd,\xc3\xa9\n";
    auto const c = read(text, types);
    BOOST_TEST(written(c) == text);
    BOOST_TEST(
        (read(written(c, {.delimiter = ';'}), types, {.delimiter = ';'}).bytes
         == c.bytes));
}

BOOST_AUTO_TEST_CASE(faults_are_where_they_are_said) {
    auto const bad = errc::invalid_argument;
    BOOST_TEST(says(bad, "x,y\n1,2\n3,4x\n", "{x u8, y u8}",
                    "t.csv:3:3: \"4x\" in column \"y\" is no u8"));
    BOOST_TEST(says(bad, "x\n\"a\nb\"\n1e999\n", "{x f64}", "t.csv:2:1"));
    BOOST_TEST(says(bad, "\"a\nb\",c\n1,256\n", "[2]u8", "t.csv:3:3"));
    BOOST_TEST(says(bad, "x\n\n", "{x f32}", "t.csv:2:1: \"\""));
    BOOST_TEST(says(bad, "x\nabcd\n", "{x text(3)}", "no text(3)"));
    BOOST_TEST(says(bad, "x\na\xff\n", "{x text(3)}", "\"a\\xff\""));
    BOOST_TEST(says(bad, "x,z\n1,2\n", "{x u8, y u8}", "no column \"y\""));
    BOOST_TEST(says(bad, "x\n128\n", "{x i8}", "\"128\""));
    BOOST_TEST(says(bad, "x\n1 2\n", "{x i8}", "\"1 2\""));
    BOOST_TEST(says(bad, "x\n-\n", "{x i128}", "\"-\""));
    BOOST_TEST(says(bad, "x\n\"(1,\"\n", "{x c64}", "\"(1,\""));
    BOOST_TEST(says(bad, "x\n1\n", "{x (u8 | f32)}", "(u8 | f32)"));
    auto const broken = errc::corrupt;
    BOOST_TEST(says(broken, "x,y\n1,2\n3\n", "{x u8, y u8}",
                    "t.csv:3:1: 1 values, and not 2"));
    BOOST_TEST(says(broken, "x,y\n1,2,3\n", "{x u8, y u8}",
                    "t.csv:2:5: 3 values, and not 2"));
    BOOST_TEST(says(broken, "x\n\"1\n", "{x u8}", "t.csv:2:1: a quote"));
    BOOST_TEST(says(broken, "x\n\"1\"2\n", "{x u8}", "closing quote"));
    BOOST_TEST(says(broken, "x,x\n1,2\n", "{x u8}", "there twice"));
    BOOST_TEST(fails(bad, [] { read("", "u8", {.delimiter = '"'}); }));
}

/// Records lie across the ends of the scanner's pieces.
BOOST_AUTO_TEST_CASE(long_files) {
    std::string text = "n,t\n";
    std::string expected;
    for (int i = 0; i != 40'000; ++i) {
        text += std::to_string(i) + (i % 7 == 0 ? ",\"a\"\"\n" : ",")
                + std::string(static_cast<std::size_t>(i % 13), 'x')
                + (i % 7 == 0 ? "\"\n" : "\n");
    }
    auto const c = read(text, "{n i32, t text(20)}");
    BOOST_TEST(c.bytes.size() / c.what.element.size() == 40'000u);
    BOOST_TEST(written(c).size() > 400'000u);
    BOOST_TEST((read(written(c), "{n i32, t text(20)}").bytes == c.bytes));
    std::string const one(600'000, 'y');
    BOOST_TEST(says(errc::invalid_argument, "x\n" + one, "{x text(9)}",
                    "t.csv:2:1: \"yyy"));
}

BOOST_AUTO_TEST_CASE(mutated_files) {
    auto random = random_source();
    auto const good = bytes_of("x,t,v\n1,\"a\"\"b\",2.5\n,\"\n\",3\n4,c,\n");
    int read_well = 0;
    int refused = 0;
    for (int i = 0; i != 3000; ++i) {
        auto bytes = good;
        mutate(bytes, bytes.size(), random);
        collector c;
        try {
            io::read_csv(io::memory_source(bytes, "mutated"),
                         ns::element_type::parse("{x ?u8, t text(4), v ?f32}"),
                         c);
            for (std::size_t at = 0; at != c.bytes.size();
                 at += c.what.element.size())
                BOOST_REQUIRE(c.what.element.valid(c.bytes.data() + at));
            ++read_well;
        } catch (ns::error const& e) {
            BOOST_REQUIRE((e.code() == errc::corrupt
                           || e.code() == errc::invalid_argument));
            ++refused;
        }
    }
    BOOST_TEST(read_well > 300);
    BOOST_TEST(refused > 300);
}

BOOST_AUTO_TEST_SUITE_END()
