// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/memory_512.hpp"
#include "../bags/small_pages.hpp"
#include "../storage/support.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(backup)

namespace ns = numstore;

namespace {

using memory = bags::memory_512;
using bags::small_pages;

struct fixture {
    ns::testing::temporary_directory dir;
    std::string file(std::string_view name) const { return dir / name; }
};

std::vector<int> numbers(std::size_t n, int first = 0) {
    std::vector<int> v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

auto const code = [](ns::errc e) {
    return [e](ns::error const& x) { return x.code() == e; };
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_copy_has_all_of_one_moment, fixture) {
    std::uint64_t const hole = std::uint64_t{1} << 33;
    {
        ns::database db(file("a.ns"));
        auto a = db.create<int>("a");
        a.append(numbers(1'000'000));
        a.attributes().set("unit", "K");
        a.attributes().set("rate", 2.5);
        db.create<double>("small").append({1.0, 2.0});
        db.create<bool>("empty");
        auto sparse = db.create<std::byte>("sparse");
        sparse.resize(hole);
        sparse.set(hole / 2, std::byte{7});
        auto open = db.begin();
        a.in(open).append({-1});
        db.backup(file("b.ns"));
        open.rollback();
        BOOST_CHECK_EXCEPTION(db.backup(file("b.ns")), ns::error,
                              code(ns::errc::already_exists));
        BOOST_CHECK_EXCEPTION(db.backup(file("a.ns")), ns::error,
                              code(ns::errc::already_exists));
    }
    BOOST_TEST(std::filesystem::file_size(file("b.ns"))
               < 4'000'000u * 105 / 100 + (1 << 19));
    ns::database copy(file("b.ns"), {.mode = ns::open_mode::open_existing});
    BOOST_TEST(copy.verify().ok());
    auto a = copy.open<int>("a");
    BOOST_TEST((a.to_vector() == numbers(1'000'000)));
    BOOST_TEST(a.attributes().get<std::string>("unit") == "K");
    BOOST_TEST(a.attributes().get<double>("rate") == 2.5);
    BOOST_TEST((copy.open<double>("small").to_vector()
                == std::vector<double>{1.0, 2.0}));
    BOOST_TEST(copy.open<bool>("empty").empty());
    auto sparse = copy.open<std::byte>("sparse");
    BOOST_TEST(sparse.size() == hole);
    BOOST_TEST((sparse[hole / 2] == std::byte{7}));
    BOOST_TEST((sparse[hole / 2 + 1] == std::byte{0}));
    BOOST_TEST(copy.list().size() == 4u);
    a.push_back(1);
    copy.close();
}

BOOST_FIXTURE_TEST_CASE(a_writer_goes_on, fixture) {
    ns::database db(file("a.ns"), {.durability = ns::durability::none});
    auto a = db.create<int>("a");
    a.append(numbers(300'000));
    auto const before = numbers(300'000);
    auto const sum =
        std::accumulate(before.begin(), before.end(), std::uint64_t{0});
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        for (int i = 0; !stop; ++i) {
            auto tx = db.begin();
            auto t = a.in(tx);
            auto const from = static_cast<std::uint64_t>(i) * 7919 % 290'000;
            auto const some = t.extract(ns::slice{
                .start = static_cast<std::int64_t>(from),
                .stop = static_cast<std::int64_t>(from) + 3000});
            t.append(some);
            tx.commit();
        }
    });
    for (int i = 0; i != 3; ++i) {
        std::string const name = file(std::to_string(i).c_str());
        db.backup(name);
        ns::database copy(name);
        auto const values = copy.open<int>("a").to_vector();
        BOOST_TEST(values.size() == 300'000u);
        BOOST_TEST(std::accumulate(values.begin(), values.end(),
                                   std::uint64_t{0})
                   == sum);
    }
    stop = true;
    writer.join();
}

BOOST_FIXTURE_TEST_CASE(to_other_policies_and_back, fixture) {
    ns::database db(file("a.ns"));
    db.create<int>("a").append(numbers(100'000));
    db.create<std::array<std::byte, 200'000>>("wide").resize(3);
    BOOST_CHECK_EXCEPTION(db.backup<small_pages>(file("b.ns")), ns::error,
                          code(ns::errc::invalid_argument));
    BOOST_TEST(!std::filesystem::exists(file("b.ns")));
    db.drop("wide");
    db.backup<small_pages>(file("b.ns"));
    ns::basic_database<memory> mem;
    mem.create<int>("b").append({1});
    db.backup(mem);
    BOOST_TEST((mem.open<int>("a").to_vector() == numbers(100'000)));
    BOOST_TEST((mem.open<int>("b").to_vector() == std::vector{1}));
    BOOST_CHECK_EXCEPTION(db.backup(mem), ns::error,
                          code(ns::errc::already_exists));
    mem.rename("a", "c");
    auto small = ns::basic_database<small_pages>(file("b.ns"));
    small.backup(mem);
    BOOST_TEST(mem.list().size() == 3u);
    mem.backup<ns::default_policies>(file("c.ns"));
    ns::database c(file("c.ns"));
    BOOST_TEST((c.open<int>("c").to_vector() == numbers(100'000)));
    BOOST_TEST((c.open<int>("a").to_vector() == numbers(100'000)));
}

BOOST_FIXTURE_TEST_CASE(one_array_between_databases, fixture) {
    ns::database db(file("a.ns"));
    auto a = db.create<int>("a");
    a.append(numbers(5000));
    a.attributes().set("unit", "m");
    ns::basic_database<memory> mem;
    mem.copy(a, "from file");
    auto const old = db.snapshot();
    a.assign({1});
    mem.copy(a.in(old), "from snapshot");
    {
        auto tx = db.begin();
        a.in(tx).append({2});
        mem.copy(a.in(tx), "from transaction");
        tx.rollback();
    }
    BOOST_TEST((mem.open<int>("from file").to_vector() == numbers(5000)));
    BOOST_TEST(mem.open<int>("from file").attributes().get<std::string>("unit")
               == "m");
    BOOST_TEST((mem.open<int>("from snapshot").to_vector() == numbers(5000)));
    BOOST_TEST((mem.open<int>("from transaction").to_vector()
                == std::vector{1, 2}));
    BOOST_CHECK_EXCEPTION(mem.copy(a, "from file"), ns::error,
                          code(ns::errc::already_exists));
    db.copy(mem.open_any("from snapshot"), "back");
    db.copy(a, "beside");
    auto tx = db.begin();
    tx.copy(a, "in a transaction");
    BOOST_TEST(tx.open<int>("in a transaction").size() == 1u);
    tx.rollback();
    BOOST_TEST(!db.contains("in a transaction"));
    BOOST_TEST((db.open<int>("back").to_vector() == numbers(5000)));
    BOOST_TEST((db.open<int>("beside").to_vector() == std::vector{1}));
    BOOST_TEST(db.verify().ok());
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_backup_leaves_nothing, fixture) {
    int calls = 0;
    ns::options o;
    bool count = false;
    o.progress = [&](ns::progress_info const& p) {
        BOOST_TEST(p.done <= p.total);
        return !count || ++calls != 2;
    };
    ns::database db(file("a.ns"), o);
    db.create<int>("a").append(numbers(3'000'000));
    count = true;
    BOOST_CHECK_EXCEPTION(db.backup(file("b.ns")), ns::error,
                          code(ns::errc::cancelled));
    count = false;
    std::size_t files = 0;
    for (auto const& f : std::filesystem::directory_iterator(dir.path())) {
        (void)f;
        ++files;
    }
    BOOST_TEST(files == 1u);
    db.backup(file("b.ns"));
}

BOOST_FIXTURE_TEST_CASE(a_damaged_array_is_not_copied, fixture) {
    {
        ns::database db(file("a.ns"));
        db.create<int>("a").append(numbers(200'000));
    }
    {
        std::fstream f(file("a.ns"),
                       std::ios::in | std::ios::out | std::ios::binary);
        f.seekp(400'000);
        f.put('x').put('y').put('z');
    }
    ns::database db(file("a.ns"));
    BOOST_CHECK_EXCEPTION(db.backup(file("b.ns")), ns::error,
                          code(ns::errc::corrupt));
    BOOST_TEST(!std::filesystem::exists(file("b.ns")));
}

BOOST_AUTO_TEST_SUITE_END()
