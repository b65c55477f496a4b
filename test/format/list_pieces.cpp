// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/error.hpp>
#include <numstore/format/list_pieces.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(format_list_pieces)

using namespace numstore;
using format::list_pieces;

namespace {

constexpr std::uint64_t page_size = 512;

list_pieces const good{1500,
                       {{{page_no{40}, 1}, 7},
                        {{page_no{99}, 1}, UINT64_MAX},
                        {{page_no{32}, 3}, 0}}};

std::vector<std::byte> encoded(list_pieces const& list) {
    std::vector<std::byte> bytes;
    format::encode_list_pieces(list, bytes);
    return bytes;
}

list_pieces decoded(std::vector<std::byte> const& bytes) {
    return format::decode_list_pieces(bytes, page_size, page_no{32},
                                      page_no{100});
}

/// What is said of it; empty if it is taken.
std::string fault(std::vector<std::byte> const& bytes) {
    try {
        decoded(bytes);
        return {};
    } catch (error const& e) {
        BOOST_TEST((e.code() == errc::corrupt));
        return e.what();
    }
}
template <class Change>
bool refused(Change change, std::string const& why) {
    list_pieces list = good;
    change(list);
    return fault(encoded(list)).find(why) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_CASE(what_was_written_is_read) {
    auto const bytes = encoded(good);
    BOOST_TEST(bytes.size() == format::list_pieces_bytes(3));
    BOOST_TEST((decoded(bytes) == good));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused) {
    std::string const outside = "outside of the file";
    BOOST_TEST(refused([](auto& l) { l.pieces[0].pages.first = page_no{31}; },
                       outside));
    BOOST_TEST(refused([](auto& l) { l.pieces[1].pages.first = page_no{100}; },
                       outside));
    BOOST_TEST(refused([](auto& l) { l.pieces[1].pages.pages = 2; }, outside));
    BOOST_TEST(refused([](auto& l) { l.pieces[2].pages.pages = UINT64_MAX; },
                       outside));
    BOOST_TEST(refused([](auto& l) { l.pieces[0].pages.pages = 0; }, "empty"));
    BOOST_TEST(refused([](auto& l) { l.pieces.push_back(
                           {{page_no{32}, 64}, 0}); },
                       "more pages than the file has"));
    std::string const length = "length is impossible";
    BOOST_TEST(refused([](auto& l) { l.bytes = 0; }, length));
    BOOST_TEST(refused([](auto& l) { l.bytes = 5 * page_size + 1; }, length));
    BOOST_TEST(refused([](auto& l) { l.pieces.clear(); }, length));
    auto bytes = encoded(good);
    for (bytes.pop_back(); !bytes.empty(); bytes.pop_back())
        BOOST_TEST(fault(bytes) != "");
    BOOST_TEST(fault(bytes) != "");
}

BOOST_AUTO_TEST_SUITE_END()
