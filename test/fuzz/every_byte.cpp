// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/image_512.hpp"
#include "image_run.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <system_error>
#include <vector>

BOOST_AUTO_TEST_SUITE(fuzz_every_byte)

// Damage that no checksum hides: every byte of a file, and every length.

namespace {

namespace ns = numstore;
using policies = bags::image_512;
using database = ns::basic_database<policies>;
using storage = policies::storage;

#ifndef NUMSTORE_TEST_THINNED
constexpr std::size_t thinned = 1;
#else
constexpr std::size_t thinned = 47;
#endif

struct fixture {
    fuzz::seed_images<policies> seeds;
    fuzz::image_memory memory;

    using contents = std::map<std::string, std::vector<std::byte>>;

    contents all(ns::open_mode mode) {
        database db(storage(memory), {.mode = mode});
        contents found;
        for (auto const& a : db.list())
            if (a.name != "holes")
                found[a.name] = db.open_any(a.name).read();
        return found;
    }

    /// What each array has is what it had, or an error says so.
    bool unharmed_or_refused(contents const& expected, ns::open_mode mode) {
        try {
            database db(storage(memory), {.mode = mode});
            std::size_t names = 0;
            for (auto const& [name, bytes] : expected) {
                try {
                    if (db.open_any(name).read() != bytes)
                        return false;
                    ++names;
                } catch (ns::error const& e) {
                    if (e.code() != ns::errc::corrupt)
                        return false;
                }
            }
            return names <= expected.size();
        } catch (ns::error const& e) {
            return e.code() == ns::errc::corrupt
                   || e.code() == ns::errc::not_a_database
                   || e.code() == ns::errc::unsupported_version
                   || e.code() == ns::errc::incompatible_policies;
        }
    }

    void flip(std::size_t at, std::byte mask) {
        std::byte const b = memory.bytes()[at] ^ mask;
        memory.put(at, {&b, 1});
    }
};

/// Between superblocks, and behind the second: nothing is ever read there.
bool is_used(std::size_t at) {
    return at >= 128 * 1024 || at % (64 * 1024) < 512;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(of_a_closed_file_is_flipped, fixture) {
    for (std::size_t const i : {1U, 2U}) {
        auto const& image = seeds.all()[i];
        memory.load(image);
        auto const expected = all(ns::open_mode::read_only);
        BOOST_TEST_REQUIRE(expected.size() >= 3U);
        std::size_t const step = i == 1 ? thinned : 7 * thinned;
        for (std::size_t at = 0; at < image.size(); at += step) {
            if (!is_used(at))
                continue;
            for (std::byte const mask :
                 {std::byte{1} << (at / step) % 8, std::byte{0xff}}) {
                memory.load(image);
                flip(at, mask);
                auto const mode = at % 9 == 0 ? ns::open_mode::open_existing
                                              : ns::open_mode::read_only;
                if (!unharmed_or_refused(expected, mode))
                    BOOST_ERROR("byte " << at << " of image " << i);
            }
        }
    }
}

BOOST_FIXTURE_TEST_CASE(that_nothing_uses_is_flipped, fixture) {
    auto const& image = seeds.all()[1];
    memory.load(image);
    auto const expected = all(ns::open_mode::read_only);
    memory.load(image);
    for (std::size_t at = 0; at != image.size(); ++at)
        if (!is_used(at))
            flip(at, std::byte{0xff});
    BOOST_TEST((all(ns::open_mode::open_existing) == expected));
}

BOOST_FIXTURE_TEST_CASE(of_a_log_is_flipped, fixture) {
    for (std::size_t i = 4; i != seeds.all().size(); ++i) {
        auto const& image = seeds.all()[i];
        for (std::size_t at = i; at < image.size(); at += 61 * thinned) {
            if (!is_used(at))
                continue;
            memory.load(image);
            flip(at, std::byte{0x10});
            fuzz::image_run<policies>(memory, 0xc2).run();
        }
    }
}

BOOST_FIXTURE_TEST_CASE(is_the_last_one, fixture) {
    for (std::size_t const i : {1U, 4U}) {
        auto const& image = seeds.all()[i];
        memory.load(image);
        auto const expected = all(ns::open_mode::read_only);
        for (std::size_t n = 1; n < image.size(); n += 53 * thinned) {
            memory.load(image);
            memory.resize(n);
            if (!unharmed_or_refused(expected, ns::open_mode::read_only))
                BOOST_ERROR(n << " bytes of image " << i);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
