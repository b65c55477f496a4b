// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <boost/test/unit_test.hpp>

#include <numstore/io/wav.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(io_wav)

using namespace io_test;

namespace {

std::vector<std::byte> written(provider source, std::uint32_t rate = 48000) {
    io::memory_sink out;
    io::write_wav(source, out, rate, {.buffer_bytes = 64});
    return out.bytes();
}

collector read(std::vector<std::byte> const& bytes) {
    collector c;
    io::read_wav(io::memory_source(bytes, "t.wav"), c, {.buffer_bytes = 64});
    return c;
}

template <class T>
void check(std::string const& element, std::vector<T> const& samples,
           std::int64_t bits) {
    auto const c = read(written(provider(element, samples)));
    BOOST_TEST(c.what.element.to_string() == element);
    BOOST_TEST((c.what.shape == std::vector<std::uint64_t>{samples.size()}));
    BOOST_TEST((c.as<T>() == samples));
    BOOST_TEST(
        (c.what.facts[0].second == io::description::fact(std::int64_t{48000})));
    BOOST_TEST((c.what.facts[1].second == io::description::fact(bits)));
}

template <class T>
std::vector<T> ramp(int n) {
    std::vector<T> v;
    for (int i = 0; i != n; ++i)
        v.push_back(static_cast<T>(i * 1000 - 70000));
    return v;
}

provider narrow(std::vector<std::int32_t> const& samples) {
    provider source("i32", samples);
    source.what.facts = {{"sample_rate", std::int64_t{8000}},
                         {"sample_bits", std::int64_t{24}}};
    return source;
}

} // namespace

BOOST_AUTO_TEST_CASE(samples_come_back) {
    check("u8", ramp<std::uint8_t>(101), 8);
    check("i16", ramp<std::int16_t>(100), 16);
    check("i32", ramp<std::int32_t>(100), 32);
    check("f32", ramp<float>(100), 32);
    check("f64", ramp<double>(100), 64);
    using frame = std::array<std::int16_t, 6>;
    std::vector<frame> frames(50);
    for (std::size_t i = 0; i != 300; ++i)
        frames[i / 6][i % 6] = static_cast<std::int16_t>(i);
    check("[6]i16", frames, 16);
    check("i16", std::vector<std::int16_t>(), 16);
}

BOOST_AUTO_TEST_CASE(twenty_four_bits) {
    std::vector<std::int32_t> const samples{0, 1, -1, 8388607, -8388608, 77};
    auto const bytes = written(narrow(samples), 0);
    BOOST_TEST(bytes.size() == 12u + 48 + 12 + 8 + 18);
    auto const c = read(bytes);
    BOOST_TEST((c.as<std::int32_t>() == samples));
    BOOST_TEST(
        (c.what.facts[0].second == io::description::fact(std::int64_t{8000})));
    BOOST_TEST(
        (c.what.facts[1].second == io::description::fact(std::int64_t{24})));
    BOOST_TEST(
        fails(errc::out_of_range, [] { written(narrow({0, 8388608}), 0); }));
}

/// A file of another program: with a list of comments in front, RF64.
BOOST_AUTO_TEST_CASE(other_chunks) {
    auto const le = [](std::uint64_t n, int bytes) {
        std::string s;
        for (int i = 0; i != bytes; ++i)
            s += static_cast<char>(n >> 8 * i & 0xff);
        return s;
    };
    std::string const fmt = "fmt " + le(16, 4) + le(1, 2) + le(1, 2)
                            + le(44100, 4) + le(88200, 4) + le(2, 2)
                            + le(16, 2);
    std::string const list = "LIST" + le(3, 4) + "abc" + le(0, 1);
    std::string const data = le(5, 2) + le(0xffff, 2);
    auto const plain = bytes_of("RIFF" + le(0, 4) + "WAVE" + list + fmt + list
                                + "data" + le(4, 4) + data + "LIST");
    BOOST_TEST(
        (read(plain).as<std::int16_t>() == std::vector<std::int16_t>{5, -1}));
    auto const large =
        bytes_of("RF64" + le(UINT32_MAX, 4) + "WAVE" + "ds64" + le(28, 4)
                 + le(80, 8) + le(4, 8) + le(2, 8) + le(0, 4) + fmt + "data"
                 + le(UINT32_MAX, 4) + data);
    BOOST_TEST(
        (read(large).as<std::int16_t>() == std::vector<std::int16_t>{5, -1}));
    auto const law = bytes_of("RIFF" + le(0, 4) + "WAVEfmt " + le(16, 4)
                              + le(6, 2) + le(1, 2) + le(8000, 4) + le(8000, 4)
                              + le(1, 2) + le(8, 2) + "data" + le(0, 4));
    BOOST_TEST(fails(errc::invalid_argument, [&] { read(law); }));
}

BOOST_AUTO_TEST_CASE(headers_from_four_gib_on) {
    ns::detail::wav_layout const l{.bits = 16,
                                   .channels = 2,
                                   .rate = 48000,
                                   .frames = std::uint64_t{1} << 31};
    auto bytes = ns::detail::wav_header(l, std::uint64_t{1} << 33);
    BOOST_TEST(std::memcmp(bytes.data(), "RF64", 4) == 0);
    BOOST_TEST(bytes.size() == 80u);
    // The data is not there.
    BOOST_TEST(fails(errc::corrupt, [&] { read(bytes); }));
}

BOOST_AUTO_TEST_CASE(what_is_no_recording) {
    auto const bad = errc::invalid_argument;
    std::vector<std::int64_t> const none;
    BOOST_TEST(fails(bad, [&] { written(provider("i64", none)); }));
    BOOST_TEST(fails(bad, [&] { written(provider("?f32", none)); }));
    BOOST_TEST(fails(bad, [&] { written(provider("f32", none), 0); }));
    BOOST_TEST(fails(bad, [&] { written(provider("[65535]i16", none)); }));
}

BOOST_AUTO_TEST_CASE(mutated_files) {
    auto random = random_source();
    std::vector<std::byte> const seeds[] = {
        written(provider("i16", ramp<std::int16_t>(50))),
        written(provider("f64", ramp<double>(9))), written(narrow({1, 2}), 0)};
    int read_well = 0;
    int refused = 0;
    for (int i = 0; i != 3000; ++i) {
        auto bytes = seeds[i % 3];
        mutate(bytes, 80, random);
        try {
            auto const c = read(bytes);
            BOOST_REQUIRE(c.bytes.size()
                          == c.what.shape[0] * c.what.element.size());
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
