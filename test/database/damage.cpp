// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/default_policies.hpp"
#include "../bags/simulated_512.hpp"
#include "../storage/support.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <ios>
#include <iterator>
#include <numeric>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_damage)

namespace ns = numstore;
using ns::testing::simulated_storage;

namespace {

using policies = bags::simulated_512;
using database = ns::basic_database<policies>;
using inner_page = ns::format::inner_page<policies::page_size>;

constexpr std::size_t page_size = policies::page_size;
constexpr std::uint64_t first_page = 128 * 1024 / page_size;

std::vector<int> numbers(std::size_t n, int first) {
    std::vector<int> v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

/// A closed file whose bytes can be changed so that all checksums, up to that
/// of the superblock, are right again: only what is said is wrong with it.
class forged_file {
public:
    forged_file() : device_(512) {
        {
            database db(device_);
            db.create<int>("a").append(numbers(30'000, 1'000'000));
            db.create<int>("c").append(numbers(2'000, 5'000'000));
            db.clone("a", "b");
            db.open<int>("b").insert(15'000, numbers(5, 0));
        }
        std::error_code ec;
        bytes_.resize(static_cast<std::size_t>(device_.size(ec)));
        device_.read(0, bytes_, ec);
        ns::format::fingerprint const print{
            page_size, policies::checksum::id, policies::logging::id, 512, 0};
        for (std::uint64_t const at : ns::format::superblock_offsets) {
            auto const r = ns::format::decode_superblock(
                std::span(bytes_).subspan(static_cast<std::size_t>(at),
                                          ns::format::superblock_bytes),
                print);
            if (r.state == ns::format::superblock_state::ok
                && r.block.generation > block.generation)
                block = r.block;
        }
        BOOST_TEST_REQUIRE(block.clean);
    }

    ns::format::superblock block;

    /// The leaf with this element; the log has it too.
    std::uint64_t leaf_of(int value) const {
        std::array<std::byte, sizeof value> x;
        std::memcpy(x.data(), &value, sizeof value);
        for (auto from = bytes_.begin() + first_page * page_size;;) {
            auto const at = std::search(from, bytes_.end(), x.begin(), x.end());
            BOOST_TEST_REQUIRE((at != bytes_.end()));
            auto const page =
                static_cast<std::uint64_t>(at - bytes_.begin()) / page_size;
            if (find_parent(page) != 0)
                return page;
            from = at + 1;
        }
    }

    /// The inner page that refers to a page.
    std::uint64_t parent_of(std::uint64_t page) const {
        std::uint64_t const parent = find_parent(page);
        BOOST_TEST_REQUIRE(parent != 0u);
        return parent;
    }
    void change_inner(std::uint64_t page,
                      std::function<void(inner_page&)> const& f) {
        change(page, 1, [&](std::span<std::byte> p) {
            f(*reinterpret_cast<inner_page*>(p.data()));
        });
    }

    /// Breaks bytes and leaves the checksum.
    void damage(std::uint64_t page) {
        bytes_[static_cast<std::size_t>(page * page_size) + 100] ^=
            std::byte{1};
    }

    void change_free_map(
        std::function<void(ns::format::free_map&)> const& f) {
        auto& root = block.free_map;
        auto map = ns::format::decode_free_map(
            pages(root.place, root.pages).first(root.bytes),
            ns::page_no{first_page}, ns::page_no{block.file_pages});
        f(map);
        std::vector<std::byte> out;
        ns::format::encode_free_map(map, out);
        root.bytes = out.size();
        root.checksum = put(root.place, root.pages, std::move(out));
    }

    void change_sharing(
        std::function<void(std::vector<ns::format::shared_pages>&)> const& f) {
        auto& root = block.sharing;
        auto table = ns::format::decode_sharing_table(
            pages(root.place, root.pages).first(root.bytes),
            ns::page_no{first_page}, ns::page_no{block.file_pages});
        f(table);
        std::vector<std::byte> out;
        ns::format::encode_sharing_table(table, out);
        root.bytes = out.size();
        root.checksum = put(root.place, root.pages, std::move(out));
    }

    simulated_storage device() {
        auto const image = ns::format::encode_superblock(block);
        std::copy(image.begin(), image.end(),
                  bytes_.begin()
                      + static_cast<std::ptrdiff_t>(
                          ns::format::superblock_offsets[block.generation
                                                         % 2]));
        device_.corrupt(0, bytes_);
        return device_;
    }

private:
    std::uint64_t find_parent(std::uint64_t page) const {
        for (std::uint64_t i = first_page; i != bytes_.size() / page_size;
             ++i) {
            auto const& n = *reinterpret_cast<inner_page const*>(
                bytes_.data() + i * page_size);
            if (n.magic.value() != ns::format::inner_page_magic)
                continue;
            for (std::uint32_t k = 0; k != n.children.value(); ++k)
                if (n.places[k].value() == page
                    && n.checksums[k].value() == sum(page, 1))
                    return i;
        }
        return 0;
    }

    std::span<std::byte> pages(ns::page_no first, std::uint64_t count) {
        return std::span(bytes_).subspan(
            static_cast<std::size_t>(to_integer(first) * page_size),
            static_cast<std::size_t>(count * page_size));
    }
    std::uint64_t sum(std::uint64_t page, std::uint64_t count) const {
        return policies::checksum::of(std::span(bytes_).subspan(
            static_cast<std::size_t>(page * page_size),
            static_cast<std::size_t>(count * page_size)));
    }
    std::uint64_t put(ns::page_no first, std::uint64_t count,
                      std::vector<std::byte> content) {
        auto const to = pages(first, count);
        BOOST_TEST_REQUIRE(content.size() <= to.size());
        content.resize(to.size());
        std::copy(content.begin(), content.end(), to.begin());
        return sum(to_integer(first), count);
    }

    /// Changes a node, and the checksum of it wherever that stands.
    void change(std::uint64_t page, std::uint64_t count,
                std::function<void(std::span<std::byte>)> const& f) {
        std::uint64_t const old = sum(page, count);
        f(pages(ns::page_no{page}, count));
        std::uint64_t const now = sum(page, count);
        for (ns::format::tree_root* r : {&block.names, &block.entries})
            if (to_integer(r->place) == page) {
                r->checksum = now;
                return;
            }
        std::array<std::byte, 8> x;
        std::memcpy(x.data(), &old, 8);
        auto const at = std::search(bytes_.begin() + first_page * page_size,
                                    bytes_.end(), x.begin(), x.end());
        BOOST_TEST_REQUIRE((at != bytes_.end()));
        auto const offset = static_cast<std::size_t>(at - bytes_.begin());
        std::uint64_t parent = offset / page_size;
        std::uint64_t size = 1;
        auto const& e = block.entries;
        if (parent >= to_integer(e.place)
            && parent < to_integer(e.place) + e.pages) {
            parent = to_integer(e.place);
            size = e.pages;
        }
        change(parent, size, [&](std::span<std::byte>) {
            std::memcpy(bytes_.data() + offset, &now, 8);
        });
    }

    simulated_storage device_;
    std::vector<std::byte> bytes_;
};

/// What is wrong, in words that contain `text`; it must be found.
ns::verify_problem find(forged_file& file, std::string const& text) {
    database const db(file.device());
    auto const report = db.verify();
    BOOST_TEST(!report.ok());
    for (auto const& p : report.problems)
        if (p.what.find(text) != std::string::npos)
            return p;
    for (auto const& p : report.problems)
        BOOST_TEST_MESSAGE("page " << p.page << " " << p.array << " "
                                   << p.what);
    BOOST_FAIL("nothing was said of: " << text);
    return {};
}

} // namespace

BOOST_AUTO_TEST_CASE(an_untouched_file_is_sound) {
    forged_file file;
    database const db(file.device());
    auto const report = db.verify();
    BOOST_TEST(report.ok());
    BOOST_TEST(report.shared_pages > 10u);
    BOOST_TEST(report.arrays == 3u);
}

BOOST_AUTO_TEST_CASE(a_wrong_checksum_and_what_can_still_be_read) {
    forged_file file;
    std::uint64_t const leaf = file.leaf_of(5'001'000);
    file.damage(leaf);
    auto const p = find(file, "checksum");
    BOOST_TEST(p.page == leaf);
    BOOST_TEST(p.array == "c");
    BOOST_TEST(p.first <= 1'000u);
    BOOST_TEST(p.first + p.count > 1'000u);
    BOOST_TEST(p.count <= page_size / sizeof(int));
    database db(file.device());
    auto c = db.open<int>("c");
    BOOST_TEST(c[p.first - 1] == static_cast<int>(5'000'000 + p.first - 1));
    BOOST_TEST(c[p.first + p.count]
               == static_cast<int>(5'000'000 + p.first + p.count));
    BOOST_CHECK_EXCEPTION(c[1'000], ns::error, [](ns::error const& e) {
        return e.code() == ns::errc::corrupt;
    });
    BOOST_CHECK_EXCEPTION(c.to_vector(), ns::error, [](ns::error const& e) {
        return e.code() == ns::errc::corrupt;
    });
    BOOST_TEST(db.open<int>("a")[29'999] == 1'029'999);
    // The damaged range can be replaced, and then all is well.
    c.erase(p.first, p.count);
    c.insert(p.first, numbers(p.count, static_cast<int>(5'000'000 + p.first)));
    BOOST_TEST((c.to_vector() == numbers(2'000, 5'000'000)));
    BOOST_TEST(db.verify().ok());
}

BOOST_AUTO_TEST_CASE(a_wrong_checksum_of_an_inner_page) {
    forged_file file;
    std::uint64_t const inner = file.parent_of(file.leaf_of(5'001'000));
    file.damage(inner);
    auto const p = find(file, "checksum");
    BOOST_TEST(p.page == inner);
    BOOST_TEST(p.array == "c");
    BOOST_TEST(p.count > page_size / sizeof(int));
}

BOOST_AUTO_TEST_CASE(a_leaked_page) {
    forged_file file;
    std::uint64_t lost = 0;
    file.change_free_map([&](ns::format::free_map& map) {
        BOOST_TEST_REQUIRE(!map.free.empty());
        auto& x = map.free.back();
        --x.pages;
        lost = to_integer(x.end());
        if (x.pages == 0)
            map.free.pop_back();
    });
    BOOST_TEST(find(file, "used by nothing").page == lost);
}

BOOST_AUTO_TEST_CASE(a_free_page_in_use) {
    forged_file file;
    std::uint64_t const leaf = file.leaf_of(5'001'000);
    file.change_free_map([&](ns::format::free_map& map) {
        ns::extent const x{ns::page_no{leaf}, 1};
        map.free.insert(
            std::find_if(map.free.begin(), map.free.end(),
                         [&](auto const& e) { return e.first > x.first; }),
            x);
    });
    BOOST_TEST(find(file, "also used by").page == leaf);
}

BOOST_AUTO_TEST_CASE(a_page_used_twice) {
    forged_file file;
    std::uint64_t const leaf = file.leaf_of(5'001'000);
    std::uint64_t const inner = file.parent_of(leaf);
    std::uint64_t twice = 0;
    file.change_inner(inner, [&](inner_page& n) {
        n.places[1] = n.places[0].value();
        n.checksums[1] = n.checksums[0].value();
        twice = n.places[0].value();
    });
    auto const p = find(file, "without being shared");
    BOOST_TEST(p.page == twice);
    BOOST_TEST(p.array == "c");
}

BOOST_AUTO_TEST_CASE(a_wrong_count) {
    forged_file file;
    std::uint64_t const inner = file.parent_of(file.leaf_of(5'001'000));
    file.change_inner(inner, [&](inner_page& n) {
        n.counts[0] = n.counts[0].value() - 1;
    });
    auto const p = find(file, "elements");
    BOOST_TEST(p.array == "c");
    BOOST_TEST(p.page == inner);
}

BOOST_AUTO_TEST_CASE(a_wrong_sharing_count) {
    forged_file more;
    std::uint64_t page = 0;
    more.change_sharing([&](auto& table) {
        BOOST_TEST_REQUIRE(!table.empty());
        ++table.front().extra;
        page = to_integer(table.front().pages.first);
    });
    BOOST_TEST(find(more, "the sharing table says").page == page);
    forged_file fewer;
    fewer.change_sharing([&](auto& table) {
        page = to_integer(table.front().pages.first);
        table.erase(table.begin());
    });
    BOOST_TEST(find(fewer, "without being shared").page == page);
}

/// Whatever is damaged behind what could be read.
BOOST_AUTO_TEST_CASE(a_read_that_throws_has_filled_nothing) {
    forged_file file;
    file.damage(file.leaf_of(1'005'000));
    database db(file.device());
    auto const a = db.open<int>("a");
    std::vector<int> const before(30'000, 7);
    std::vector<int> out = before;
    auto const is_corrupt = [](ns::error const& e) {
        return e.code() == ns::errc::corrupt;
    };
    BOOST_CHECK_EXCEPTION(a.read(0, std::span(out)), ns::error, is_corrupt);
    BOOST_TEST((out == before));
    for (std::size_t const n : {1000u, 400u, 200u}) { // of 128 to a leaf
        BOOST_CHECK_EXCEPTION(a.read(5'001 - n, std::span(out).first(n)),
                              ns::error, is_corrupt);
        BOOST_TEST((out == before));
    }
    ns::slice const some{.start = 1, .step = 3};
    BOOST_CHECK_EXCEPTION(a.read(some, std::span(out)), ns::error, is_corrupt);
    BOOST_TEST((out == before));
    BOOST_CHECK_EXCEPTION(a.read(ns::slice{.step = -1}, std::span(out)),
                          ns::error, is_corrupt);
    BOOST_TEST((out == before));
    a.read(0, std::span(out).first(4'000));
    BOOST_TEST(out[3'999] == 1'003'999);
}

/// The same where leaves are read in place: the first two were read before.
BOOST_AUTO_TEST_CASE(a_short_read_that_throws_has_filled_nothing) {
    ns::testing::temporary_directory const folder;
    std::string const path = folder / "a.ns";
    constexpr std::size_t leaf = ns::default_policies::page_size / sizeof(int);
    {
        ns::database db(path);
        db.create<int>("a").append(numbers(16 * leaf, 0x5a000000));
    }
    {
        std::fstream file(path,
                          std::ios::in | std::ios::out | std::ios::binary);
        std::string const bytes((std::istreambuf_iterator<char>(file)), {});
        int const third = 0x5a000000 + static_cast<int>(2 * leaf);
        std::string pattern(sizeof third, ' ');
        std::memcpy(pattern.data(), &third, sizeof third);
        std::size_t const at = bytes.find(pattern);
        BOOST_TEST_REQUIRE(at != std::string::npos);
        file.clear();
        file.seekp(static_cast<std::streamoff>(at + 100));
        file.put('!');
    }
    ns::database db(path);
    auto const a = db.open<int>("a");
    BOOST_TEST(a[5] == 0x5a000005);
    BOOST_TEST(a[leaf + 5] == 0x5a000005 + static_cast<int>(leaf));
    std::vector<int> const before(2 * leaf + 100, 7);
    std::vector<int> out = before;
    BOOST_CHECK_EXCEPTION(
        a.read(0, std::span(out)), ns::error,
        [](ns::error const& e) { return e.code() == ns::errc::corrupt; });
    BOOST_TEST((out == before));
    a.read(7, std::span(out).first(leaf + 100));
    BOOST_TEST(out[leaf + 99] == 0x5a000000 + static_cast<int>(leaf) + 106);
}

BOOST_AUTO_TEST_SUITE_END()
