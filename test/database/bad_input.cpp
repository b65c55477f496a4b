// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "refusal.hpp"

#include <boost/describe.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <limits>
#include <list>
#include <numeric>
#include <optional>
#include <ranges>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_bad_input)

namespace {

namespace ns = numstore;
using ns::errc;
using refusal::check_refused;
using refusal::check_works;
using refusal::in_child;
using refusal::state_of;
using refusal::throws;

enum class small_enum : std::uint8_t { one = 1 };
enum class large_enum : std::uint64_t { one = 1 };

struct sample {
    double t;
    float v;
    std::uint8_t flags;
};
BOOST_DESCRIBE_STRUCT(sample, (), (t, v, flags))

struct renamed {
    double t;
    float volts;
    std::uint8_t flags;
};
BOOST_DESCRIBE_STRUCT(renamed, (), (t, volts, flags))

struct widened {
    double t;
    double v;
    std::uint8_t flags;
};
BOOST_DESCRIBE_STRUCT(widened, (), (t, v, flags))

constexpr auto top = std::numeric_limits<std::uint64_t>::max();
constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
constexpr auto highest = std::numeric_limits<std::int64_t>::max();

std::vector<float> numbers(std::size_t n) {
    std::vector<float> v(n);
    std::iota(v.begin(), v.end(), 1.F);
    return v;
}

struct fixture {
    refusal::directory dir;
    std::string file = dir.at("plant.ns");
    ns::database db{file};
    ns::array<float> t = filled();

    ns::array<float> filled() {
        auto a = db.create<float>("boiler/t");
        a.append(numbers(3000));
        a.attributes().set("unit", "degC");
        db.create<float>("none");
        return a;
    }

    ~fixture() {
        if (db.is_open())
            check_works(db);
    }

    /// `f` is refused, and nothing has changed.
    template <class F>
    void refuses(errc code, std::string_view word, F&& f,
                 std::source_location at = std::source_location::current()) {
        auto const before = state_of(db);
        auto const bytes = std::filesystem::file_size(file);
        check_refused(code, word, f, at);
        BOOST_TEST_CONTEXT("after the call at line " << at.line()) {
            BOOST_TEST((state_of(db) == before));
            BOOST_TEST(std::filesystem::file_size(file) == bytes);
        }
    }

    /// The same, inside a transaction that goes on.
    template <class F>
    void refuses_in(ns::transaction& tx, errc code, std::string_view word,
                    F&& f,
                    std::source_location at = std::source_location::current()) {
        auto const before = refusal::content_of(tx);
        refuses(code, word, f, at);
        BOOST_TEST_CONTEXT("after the call at line " << at.line()) {
            BOOST_TEST(tx.is_active());
            BOOST_TEST((refusal::content_of(tx) == before));
        }
    }
};

/// Lets other threads wait for a moment only.
struct impatient_fixture : fixture {
    impatient_fixture() {
        db.close();
        db = ns::database(file, {.lock_timeout = std::chrono::milliseconds(1)});
        t = db.open<float>("boiler/t");
    }

    void append_in_thread() {
        std::exception_ptr failure;
        std::thread([&] {
            try {
                t.append({2.F});
            } catch (...) {
                failure = std::current_exception();
            }
        }).join();
        if (failure != nullptr)
            std::rethrow_exception(failure);
    }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(another_type_than_the_array_has, fixture) {
    refuses(errc::type_mismatch, "boiler/t",
            [&] { db.open<double>("boiler/t"); });
    refuses(errc::type_mismatch, "f32",
            [&] { db.open<std::int32_t>("boiler/t"); });
    refuses(errc::type_mismatch, "i32",
            [&] { db.open_or_create<std::int32_t>("boiler/t"); });
    refuses(errc::type_mismatch, "boiler/t",
            [&] { ns::open<std::array<float, 1>>(db, "boiler/t"); });
    refuses(errc::type_mismatch, "boiler/t",
            [&] { db.snapshot().open<double>("boiler/t"); });
    refuses(errc::type_mismatch, "boiler/t",
            [&] { db.open_any("boiler/t").as<double>(); });
    auto tx = db.begin();
    refuses_in(tx, errc::type_mismatch, "boiler/t",
               [&] { tx.open<double>("boiler/t"); });
    refuses_in(tx, errc::type_mismatch, "boiler/t",
               [&] { tx.open_or_create<double>("boiler/t"); });
}

BOOST_FIXTURE_TEST_CASE(types_that_are_almost_the_same, fixture) {
    db.create<sample>("s").append({sample{1, 2, 3}});
    db.create<bool>("b").append({true, false});
    db.create<std::uint8_t>("u8");
    db.create<small_enum>("small").append({small_enum::one});
    refuses(errc::type_mismatch, "volts", [&] { db.open<renamed>("s"); });
    refuses(errc::type_mismatch, "v f64", [&] { db.open<widened>("s"); });
    refuses(errc::type_mismatch, "bool", [&] { db.open<std::uint8_t>("b"); });
    refuses(errc::type_mismatch, "bool", [&] { db.open<bool>("u8"); });
    refuses(errc::type_mismatch, "byte", [&] { db.open<std::byte>("u8"); });
    refuses(errc::type_mismatch, "i8", [&] { db.open<std::int8_t>("u8"); });
    refuses(errc::type_mismatch, "u64", [&] { db.open<large_enum>("small"); });
    refuses(errc::type_mismatch, "visit",
            [&] { db.open_any("s").visit([](auto const&) {}); });
    BOOST_TEST(db.open<std::uint8_t>("small")[0] == 1);
    BOOST_TEST((db.open<small_enum>("u8").empty()));
}

BOOST_FIXTURE_TEST_CASE(integers_are_known_by_their_width, fixture) {
    db.create<long>("l").append({1L, -2L});
    BOOST_TEST(db.open<long long>("l")[1] == -2);
    BOOST_TEST(db.open<std::int64_t>("l")[1] == -2);
    refuses(errc::type_mismatch, "i32", [&] { db.open<int>("l"); });
    refuses(errc::type_mismatch, "u64", [&] { db.open<unsigned long>("l"); });
    db.create<unsigned char>("c").append({'a'});
    BOOST_TEST(db.open<std::uint8_t>("c")[0] == 'a');
}

BOOST_FIXTURE_TEST_CASE(positions_past_the_end, fixture) {
    std::vector<float> out(3, -1.F);
    auto const n = t.size();
    for (std::uint64_t const pos :
         {n, n + 1, std::uint64_t{1} << 32, top / 4, top - 2, top - 1, top}) {
        BOOST_TEST_CONTEXT("position " << pos) {
            auto const word = std::to_string(pos);
            refuses(errc::out_of_range, word, [&] { t.read(pos, out); });
            refuses(errc::out_of_range, word, [&] { t.at(pos); });
            refuses(errc::out_of_range, word, [&] { t[pos]; });
            refuses(errc::out_of_range, word, [&] { t.set(pos, 5.F); });
            refuses(errc::out_of_range, word,
                    [&] { t.write(pos, numbers(3)); });
            refuses(errc::out_of_range, word,
                    [&] { t.write(pos, std::list<int>{1, 2, 3}); });
            refuses(errc::out_of_range, word, [&] { t.erase(pos, 1); });
            refuses(errc::out_of_range, word, [&] { t.chunks(pos, 1); });
            refuses(errc::out_of_range, word,
                    [&] { t.gather(std::vector{std::uint64_t{0}, pos}); });
            refuses(errc::out_of_range, word, [&] {
                t.scatter(std::vector{pos, std::uint64_t{0}},
                          std::vector{1.F, 2.F});
            });
            refuses(errc::out_of_range, word,
                    [&] { t.erase_at(std::vector{pos, std::uint64_t{0}}); });
            refuses(errc::out_of_range, word, [&] { t.view().at(pos); });
            refuses(errc::out_of_range, word,
                    [&] { db.open_any("boiler/t").to_string(pos); });
        }
    }
    BOOST_TEST((out == std::vector<float>(3, -1.F)));
}

BOOST_FIXTURE_TEST_CASE(places_to_insert_past_the_end, fixture) {
    auto const other = db.create<float>("other");
    for (std::uint64_t const pos :
         {t.size() + 1, std::uint64_t{1} << 32, top - 2, top}) {
        auto const word = std::to_string(pos);
        refuses(errc::out_of_range, word, [&] { t.insert(pos, {1.F, 2.F}); });
        refuses(errc::out_of_range, word,
                [&] { t.insert(pos, std::vector<float>()); });
        refuses(errc::out_of_range, word,
                [&] { t.insert(pos, std::list<float>(2000000)); });
        refuses(errc::out_of_range, word,
                [&] { t.insert(pos, numbers(500000)); });
        refuses(errc::out_of_range, word, [&] { t.insert(pos, t); });
        refuses(errc::out_of_range, word, [&] { t.insert(pos, other); });
        refuses(errc::out_of_range, word,
                [&] { t.insert(pos, t, ns::slice{.step = 2}); });
        refuses(errc::out_of_range, word, [&] {
            db.open_any("boiler/t").insert(pos, std::vector<std::byte>(4));
        });
    }
}

BOOST_FIXTURE_TEST_CASE(ranges_that_begin_inside_and_end_outside, fixture) {
    std::vector<float> out(4, -1.F);
    auto const n = t.size();
    refuses(errc::out_of_range, "3000", [&] { t.read(n - 3, out); });
    refuses(errc::out_of_range, "3000", [&] { t.write(n - 3, numbers(4)); });
    refuses(errc::out_of_range, "3000", [&] { t.write(1, numbers(500000)); });
    for (std::uint64_t const count :
         {n, std::uint64_t{1} << 32, top / 4, top - 1, top}) {
        refuses(errc::out_of_range, "3000", [&] { t.erase(1, count); });
        refuses(errc::out_of_range, "3000", [&] { t.chunks(1, count); });
        refuses(errc::out_of_range, "3000",
                [&] { db.open_any("boiler/t").erase(1, count); });
    }
    // pos + count is 0, 1 and 2 where sums wrap around.
    for (std::uint64_t const extra : {0U, 1U, 2U}) {
        std::uint64_t const count = top - 5 + 1 + extra;
        refuses(errc::out_of_range, "3000", [&] { t.erase(5, count); });
        refuses(errc::out_of_range, "3000", [&] { t.chunks(5, count); });
    }
    BOOST_TEST((out == std::vector<float>(4, -1.F)));
}

BOOST_FIXTURE_TEST_CASE(negative_positions, fixture) {
    std::vector<float> out(1, -1.F);
    auto const all = [&](auto minus) {
        refuses(errc::out_of_range, "negative", [&] { t.read(minus, out); });
        refuses(errc::out_of_range, "negative", [&] { t.at(minus); });
        refuses(errc::out_of_range, "negative", [&] { t[minus]; });
        refuses(errc::out_of_range, "negative", [&] { t.set(minus, 1.F); });
        refuses(errc::out_of_range, "negative", [&] { t.write(minus, {1.F}); });
        refuses(errc::out_of_range, "negative",
                [&] { t.insert(minus, {1.F}); });
        refuses(errc::out_of_range, "negative", [&] { t.insert(minus, t); });
        refuses(errc::out_of_range, "negative", [&] { t.erase(minus, 1); });
        refuses(errc::out_of_range, "negative", [&] { t.erase(1, minus); });
        refuses(errc::out_of_range, "negative", [&] { t.chunks(minus, 1); });
        refuses(errc::out_of_range, "negative", [&] { t.chunks(1, minus); });
        refuses(errc::out_of_range, "negative", [&] { t.resize(minus); });
        refuses(errc::out_of_range, "negative", [&] { t.resize(minus, 1.F); });
        refuses(errc::out_of_range, "negative",
                [&] { t.gather(std::vector{decltype(minus){0}, minus}); });
        refuses(errc::out_of_range, "negative",
                [&] { t.scatter(std::vector{minus}, out); });
        refuses(errc::out_of_range, "negative",
                [&] { t.erase_at(std::vector{minus}); });
    };
    all(std::int8_t{-1});
    all(-3000);
    all(lowest);
    BOOST_TEST(out[0] == -1.F);
}

BOOST_FIXTURE_TEST_CASE(the_ends_of_an_empty_array, fixture) {
    auto none = db.open<float>("none");
    refuses(errc::out_of_range, "0", [&] { none.front(); });
    refuses(errc::out_of_range, "empty", [&] { none.back(); });
    refuses(errc::out_of_range, "empty", [&] { none.pop_back(); });
    refuses(errc::out_of_range, "0", [&] { none.view().front(); });
    refuses(errc::out_of_range, "0", [&] { none.view().back(); });
    refuses(errc::out_of_range, "0", [&] { none.set(0, 1.F); });
    refuses(errc::out_of_range, "0", [&] { none.erase(0, 1); });
    none.erase(0, 0);
    none.write(0, std::vector<float>());
    BOOST_TEST(std::ranges::distance(none.chunks(0, 0)) == 0);
    BOOST_TEST(none.empty());
}

BOOST_FIXTURE_TEST_CASE(a_refused_call_leaves_its_transaction, fixture) {
    std::vector<float> out(2);
    auto tx = db.begin();
    auto in = t.in(tx);
    in.append({-1.F});
    refuses_in(tx, errc::out_of_range, "3001", [&] { in.read(3000, out); });
    refuses_in(tx, errc::out_of_range, "3001", [&] { in.set(3001, 1.F); });
    refuses_in(tx, errc::out_of_range, "3001",
               [&] { in.insert(3002, std::list<float>(2000000)); });
    refuses_in(tx, errc::out_of_range, "3001", [&] { in.erase(0, top); });
    refuses_in(tx, errc::out_of_range, "3001",
               [&] { in.scatter(std::vector{3001}, std::vector{1.F}); });
    refuses_in(tx, errc::out_of_range, "empty",
               [&] { tx.open<float>("none").pop_back(); });
    refuses_in(tx, errc::invalid_argument, "step",
               [&] { in.erase(ns::slice{.step = 0}); });
    refuses_in(tx, errc::size_mismatch, "3001",
               [&] { in.write(ns::all, out); });
    refuses_in(tx, errc::already_exists, "none",
               [&] { tx.create<float>("none"); });
    refuses_in(tx, errc::already_exists, "none",
               [&] { tx.rename("boiler/t", "none"); });
    refuses_in(tx, errc::not_found, "nothing", [&] { tx.drop("nothing"); });
    refuses_in(tx, errc::not_found, "nothing",
               [&] { tx.open<float>("nothing"); });
    refuses_in(tx, errc::invalid_argument, "too large",
               [&] { in.resize(std::uint64_t{1} << 63); });
    tx.commit();
    auto expected = numbers(3000);
    expected.push_back(-1.F);
    BOOST_TEST((t.to_vector() == expected));
}

BOOST_FIXTURE_TEST_CASE(a_slice_with_a_step_of_zero, fixture) {
    ns::slice const zero{.start = 1, .step = 0};
    std::vector<float> out(3000, -1.F);
    refuses(errc::invalid_argument, "step", [&] { t.to_vector(zero); });
    refuses(errc::invalid_argument, "step", [&] { t.read(zero, out); });
    refuses(errc::invalid_argument, "step", [&] { t.write(zero, out); });
    refuses(errc::invalid_argument, "step", [&] { t.erase(zero); });
    refuses(errc::invalid_argument, "step", [&] { t.extract(zero); });
    refuses(errc::invalid_argument, "step", [&] { t.view(zero); });
    refuses(errc::invalid_argument, "step", [&] { t.chunks(zero); });
    refuses(errc::invalid_argument, "step", [&] { t.insert(0, t, zero); });
    auto x = db.open_any("boiler/t");
    refuses(errc::invalid_argument, "step", [&] { x.read(zero); });
    refuses(errc::invalid_argument, "step", [&] { x.erase(zero); });
    refuses(errc::invalid_argument, "step", [&] { x.write(zero, {}); });
    refuses(errc::invalid_argument, "step",
            [&] { db.open<float>("none").to_vector(ns::slice{.step = 0}); });
    BOOST_TEST((out == std::vector<float>(3000, -1.F)));
    refuses(errc::invalid_argument, "step 2",
            [&] { t.chunks(ns::slice{.step = 2}); });
    refuses(errc::invalid_argument, "step -1",
            [&] { t.chunks(ns::slice{.step = -1}); });
}

BOOST_FIXTURE_TEST_CASE(bounds_of_slices_are_clamped, fixture) {
    auto const whole = numbers(3000);
    std::vector<float> const backwards(whole.rbegin(), whole.rend());
    BOOST_TEST(
        (t.to_vector(ns::slice{.start = lowest, .stop = highest}) == whole));
    BOOST_TEST((t.to_vector(ns::slice{
                    .start = lowest, .stop = highest, .step = highest})
                == std::vector{1.F}));
    BOOST_TEST(
        (t.to_vector(ns::slice{.start = highest, .stop = lowest, .step = -1})
         == backwards));
    BOOST_TEST((
        t.to_vector(ns::slice{.start = highest, .stop = lowest, .step = lowest})
        == std::vector{3000.F}));
    auto const before = state_of(db);
    for (auto const start : {lowest, lowest + 1, highest - 1, highest})
        for (auto const step : {lowest, highest, std::int64_t{1}}) {
            ns::slice const nothing{.start = start,
                                    .stop = step > 0 ? lowest : highest,
                                    .step = step};
            BOOST_TEST(t.to_vector(nothing).empty());
            BOOST_TEST(t.erase(nothing) == 0U);
            BOOST_TEST(t.extract(nothing).empty());
            BOOST_TEST(t.view(nothing).empty());
            t.write(nothing, std::vector<float>());
        }
    BOOST_TEST((std::get<0>(state_of(db)) == std::get<0>(before)));
    BOOST_TEST(t.erase(ns::slice{.start = 1, .step = highest}) == 1U);
    BOOST_TEST(t.extract(ns::slice{.start = -1, .step = lowest}).at(0)
               == 3000.F);
    BOOST_TEST(t.size() == 2998U);
}

BOOST_FIXTURE_TEST_CASE(too_little_room_and_too_few_values, fixture) {
    ns::slice const third{.step = 3};
    std::vector<float> out(999, -1.F);
    refuses(errc::size_mismatch, "1000", [&] { t.read(third, out); });
    refuses(errc::size_mismatch, "3000", [&] { t.read(ns::all, out); });
    refuses(errc::size_mismatch, "1000",
            [&] { t.gather(std::vector<int>(1000), std::span<float>(out)); });
    BOOST_TEST((out == std::vector<float>(999, -1.F)));
    for (std::size_t const n : {0U, 999U, 1001U, 500000U}) {
        auto const word = std::to_string(n);
        refuses(errc::size_mismatch, word, [&] { t.write(third, numbers(n)); });
        refuses(errc::size_mismatch, word,
                [&] { t.write(third, std::list<int>(n)); });
        refuses(errc::size_mismatch, word,
                [&] { t.scatter(std::vector{4, 2, 0}, numbers(n)); });
    }
    refuses(errc::size_mismatch, "1 values", [&] { t.write(third, {1.F}); });
    refuses(errc::size_mismatch, "1 values",
            [&] { t.scatter(std::vector<int>(), std::vector{1.F}); });
}

BOOST_FIXTURE_TEST_CASE(bytes_that_are_not_whole_elements, fixture) {
    auto x = db.open_any("boiler/t");
    std::vector<std::byte> const odd(7);
    refuses(errc::size_mismatch, "7 bytes", [&] { x.insert(0, odd); });
    refuses(errc::size_mismatch, "7 bytes", [&] { x.append(odd); });
    refuses(errc::size_mismatch, "7 bytes", [&] { x.write(ns::all, odd); });
    refuses(errc::size_mismatch, "2 values",
            [&] { x.write(ns::slice{.stop = 3}, std::vector<std::byte>(8)); });
}

BOOST_FIXTURE_TEST_CASE(the_same_position_twice, fixture) {
    for (auto const& twice :
         {std::vector{7, 7}, std::vector{1, 2999, 3, 2999}}) {
        auto const word = std::to_string(twice.back());
        refuses(errc::invalid_argument, word,
                [&] { t.scatter(twice, numbers(twice.size())); });
        refuses(errc::invalid_argument, word, [&] { t.erase_at(twice); });
        BOOST_TEST(t.gather(twice).size() == twice.size());
    }
    // Enough of them to be sorted in another way.
    std::vector<int> many(2999);
    std::iota(many.rbegin(), many.rend(), 0);
    many.push_back(17);
    refuses(errc::invalid_argument, "17",
            [&] { t.scatter(many, numbers(3000)); });
    refuses(errc::invalid_argument, "17", [&] { t.erase_at(many); });
}

BOOST_FIXTURE_TEST_CASE(names_that_no_array_can_have, fixture) {
    std::pair<std::string, char const*> const bad[] = {
        {"", "empty"},
        {std::string(1025, 'x'), "1025"},
        {std::string(1023, 'x') + "\xc3\xa4", "1025"},
        {std::string(100000, 'x'), "100000"},
        {"a\xff", "UTF-8"},
        {"\xc3", "UTF-8"},
        {"\xc0\xaf", "UTF-8"},
        {"\xed\xa0\x80", "UTF-8"},
        {"\xf4\x90\x80\x80", "UTF-8"},
        {"a\nb", "control"},
        {std::string("a\0b", 3), "control"},
        {"\x7f", "control"},
        {"\xc2\x85", "control"}};
    constexpr auto e = errc::invalid_argument;
    auto const byte = ns::element_type::parse("byte");
    for (auto const& [name, word] : bad) {
        BOOST_TEST_CONTEXT("name of " << name.size() << " bytes, " << word) {
            refuses(e, word, [&] { db.create<float>(name); });
            refuses(e, word, [&] { db.open<float>(name); });
            refuses(e, word, [&] { db.open_or_create<float>(name); });
            refuses(e, word, [&] { db.open_any(name); });
            refuses(e, word, [&] { db.create_any(name, byte); });
            refuses(e, word, [&] { db.rename("boiler/t", name); });
            refuses(e, word, [&] { db.rename(name, "fine"); });
            refuses(e, word, [&] { db.drop(name); });
            refuses(e, word, [&] { ns::create<float>(db, name); });
            refuses(e, word, [&] { ns::open<float>(db, name); });
            refuses(e, word, [&] { db.snapshot().open<float>(name); });
            auto tx = db.begin();
            refuses_in(tx, e, word, [&] { tx.create<float>(name); });
            refuses_in(tx, e, word, [&] { tx.rename("boiler/t", name); });
            refuses_in(tx, e, word, [&] { tx.drop(name); });
        }
    }
}

BOOST_FIXTURE_TEST_CASE(names_that_are_only_unusual, fixture) {
    std::vector<std::string> const names{
        "../x",  "/etc/x",
        "a/b",   "*",
        ".",     "..",
        "/",     " ",
        "?",     "\\",
        "C:\\x", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x88",
        "a'\"b", std::string(1024, 'x'),
        "%s%n",  "-rf",
        "~",     "$(true)"};
    auto const beside = dir.names();
    float value = 0;
    for (auto const& name : names) {
        db.create<float>(name).push_back(++value);
        refuses(errc::already_exists, name, [&] { db.create<float>(name); });
    }
    db.close();
    BOOST_TEST((dir.names() == beside));
    db = ns::database(file);
    value = 0;
    for (auto const& name : names)
        BOOST_TEST(db.open<float>(name).at(0) == ++value);
    BOOST_TEST(db.list().size() == names.size() + 2);
    BOOST_TEST(db.list("*").size() == names.size() + 2);
    db.rename("*", "../y");
    BOOST_TEST(db.open<float>("../y").at(0) == 4.F);
    db.drop("..");
    BOOST_TEST(!db.contains(".."));
    BOOST_TEST(db.contains("."));
    for (auto const& a : db.list())
        db.drop(a.name);
    BOOST_TEST(db.list().empty());
}

BOOST_FIXTURE_TEST_CASE(names_that_are_there_and_names_that_are_not, fixture) {
    auto const f32 = ns::element_type::parse("f32");
    refuses(errc::already_exists, "boiler/t",
            [&] { db.create<float>("boiler/t"); });
    refuses(errc::already_exists, "boiler/t",
            [&] { db.create<double>("boiler/t"); });
    refuses(errc::already_exists, "boiler/t",
            [&] { db.create_any("boiler/t", f32); });
    refuses(errc::already_exists, "none",
            [&] { db.rename("boiler/t", "none"); });
    refuses(errc::not_found, "boiler/u", [&] { db.open<float>("boiler/u"); });
    refuses(errc::not_found, "boiler/u", [&] { db.open_any("boiler/u"); });
    refuses(errc::not_found, "boiler/u", [&] { db.drop("boiler/u"); });
    refuses(errc::not_found, "boiler/u", [&] { db.rename("boiler/u", "x"); });
    refuses(errc::not_found, "boiler/u",
            [&] { db.rename("boiler/u", "none"); });
    refuses(errc::not_found, "boiler",
            [&] { db.snapshot().open<float>("boiler"); });
    BOOST_TEST(!db.contains("boiler/u"));
    BOOST_TEST(!db.contains("boiler"));
}

BOOST_FIXTURE_TEST_CASE(an_array_that_was_dropped, fixture) {
    auto const snap = db.snapshot();
    auto const view = t.view();
    auto other = db.open<float>("none");
    db.drop("boiler/t");
    refuses(errc::not_found, "boiler/t", [&] { t.size(); });
    refuses(errc::not_found, "boiler/t", [&] { t.to_vector(); });
    refuses(errc::not_found, "boiler/t", [&] { t.view(); });
    refuses(errc::not_found, "boiler/t", [&] { t.chunks(); });
    refuses(errc::not_found, "boiler/t", [&] { t.append({1.F}); });
    refuses(errc::not_found, "boiler/t", [&] { t.assign({1.F}); });
    refuses(errc::not_found, "boiler/t", [&] { other.insert(0, t); });
    refuses(errc::not_found, "", [&] { t.attributes().set("k", 1); });
    refuses(errc::not_found, "", [&] { t.attributes().list(); });
    db.create<double>("boiler/t");
    refuses(errc::not_found, "boiler/t", [&] { t.append({1.F}); });
    BOOST_TEST((t.in(snap).to_vector() == numbers(3000)));
    BOOST_TEST((view.to_vector() == numbers(3000)));
}

BOOST_FIXTURE_TEST_CASE(an_array_that_its_transaction_dropped, fixture) {
    auto tx = db.begin();
    auto in = t.in(tx);
    in.append({1.F});
    tx.drop("boiler/t");
    refuses_in(tx, errc::not_found, "boiler/t", [&] { in.append({1.F}); });
    refuses_in(tx, errc::not_found, "boiler/t", [&] { in.size(); });
    refuses_in(tx, errc::not_found, "boiler/t", [&] { in.view(); });
    refuses_in(tx, errc::not_found, "", [&] { in.attributes().set("k", 1); });
    refuses_in(tx, errc::not_found, "", [&] { in.attributes().erase("unit"); });
    refuses_in(tx, errc::not_found, "", [&] { in.attributes().list(); });
    refuses_in(tx, errc::not_found, "boiler/t",
               [&] { tx.open<float>("boiler/t"); });
    refuses_in(tx, errc::not_found, "boiler/t", [&] { tx.drop("boiler/t"); });
    tx.commit();
    BOOST_TEST(db.list().size() == 1U);
    db.close();
    db = ns::database(file);
    BOOST_TEST(db.list().size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(use_after_close, fixture) {
    auto const view = t.view();
    auto const left = t.view(ns::every<2>{});
    auto const runs = t.chunks();
    auto const snap = db.snapshot();
    auto const kept = t.in(snap);
    auto const expected = numbers(3000);
    auto const read_all = [&] {
        BOOST_TEST((view.to_vector() == expected));
        BOOST_TEST(left[1] == 3.F);
        BOOST_TEST((kept.to_vector() == expected));
        BOOST_TEST(
            (snap.open<float>("boiler/t").view().to_vector() == expected));
        BOOST_TEST(snap.list().size() == 2U);
        std::vector<float> found;
        for (auto const run : runs)
            found.insert(found.end(), run.begin(), run.end());
        BOOST_TEST((found == expected));
    };
    {
        auto tx = db.begin();
        auto const mark = tx.savepoint();
        auto in = t.in(tx);
        in.append({1.F});
        db.close();
        BOOST_TEST(!db.is_open());
        db.close();
        BOOST_TEST(db.path() == file);
        constexpr auto e = errc::closed;
        auto const& w = file;
        std::vector<float> out(1, -1.F);
        check_refused(e, w, [&] { tx.commit(); });
        check_refused(e, w, [&] { tx.rollback(); });
        check_refused(e, w, [&] { tx.savepoint(); });
        check_refused(e, w, [&] { tx.rollback_to(mark); });
        check_refused(e, w, [&] { tx.create<float>("x"); });
        check_refused(e, w, [&] { tx.open<float>("none"); });
        check_refused(e, w, [&] { tx.list(); });
        check_refused(e, w, [&] { in.append({1.F}); });
        check_refused(e, w, [&] { in.assign({1.F}); });
        check_refused(e, w, [&] { in.size(); });
        check_refused(e, w, [&] { in.view(); });
        BOOST_TEST(!tx.is_active());
        check_refused(e, w, [&] { t.size(); });
        check_refused(e, w, [&] { t[0]; });
        check_refused(e, w, [&] { t.read(0, out); });
        check_refused(e, w, [&] { t.to_vector(); });
        check_refused(e, w, [&] { t.gather(std::vector{0}); });
        check_refused(e, w, [&] { t.view(); });
        check_refused(e, w, [&] { t.chunks(); });
        check_refused(e, w, [&] { t.append({1.F}); });
        check_refused(e, w, [&] { t.append(std::list<int>(2000000)); });
        check_refused(e, w, [&] { t.set(0, 1.F); });
        check_refused(e, w, [&] { t.erase(0, 1); });
        check_refused(e, w, [&] { t.erase(ns::all); });
        check_refused(e, w, [&] { t.resize(1); });
        check_refused(e, w, [&] { t.resize(5000, 1.F); });
        check_refused(e, w, [&] { t.clear(); });
        check_refused(e, w, [&] { t.assign({1.F}); });
        check_refused(e, w, [&] { t.attributes().list(); });
        check_refused(e, w, [&] { t.attributes().set("k", 1); });
        check_refused(e, w, [&] { db.begin(); });
        check_refused(e, w, [&] { db.transact([](auto&) {}); });
        check_refused(e, w, [&] { db.snapshot(); });
        check_refused(e, w, [&] { db.checkpoint(); });
        check_refused(e, w, [&] { db.verify(); });
        check_refused(e, w, [&] { db.stats(); });
        check_refused(e, w, [&] { db.list(); });
        check_refused(e, w, [&] { db.contains("none"); });
        check_refused(e, w, [&] { db.create<float>("x"); });
        check_refused(e, w, [&] { db.open<float>("none"); });
        check_refused(e, w, [&] { db.open_or_create<float>("none"); });
        check_refused(e, w, [&] { db.open_any("none"); });
        check_refused(e, w, [&] { db.rename("none", "x"); });
        check_refused(e, w, [&] { db.drop("none"); });
        BOOST_TEST(out[0] == -1.F);
        read_all();
    }
    read_all();
    check_refused(errc::busy, file, [&] { ns::database again(file); });
    read_all();
}

BOOST_FIXTURE_TEST_CASE(the_last_view_gives_up_the_file, fixture) {
    {
        auto const view = t.view();
        db.close();
        check_refused(errc::busy, "views", [&] { ns::database again(file); });
        BOOST_TEST(view[2999] == 3000.F);
    }
    db = ns::database(file);
    BOOST_TEST((db.open<float>("boiler/t").to_vector() == numbers(3000)));
    check_refused(errc::closed, file, [&] { t.size(); });
}

BOOST_FIXTURE_TEST_CASE(a_database_that_was_moved_from, fixture) {
    ns::database other(std::move(db));
    BOOST_TEST(!db.is_open()); // NOLINT: what is left of it is the point
    check_refused(errc::closed, "moved", [&] { db.list(); });
    check_refused(errc::closed, "moved", [&] { db.begin(); });
    check_refused(errc::closed, "moved", [&] { db.create<float>("x"); });
    check_refused(errc::closed, "moved", [&] { db.checkpoint(); });
    check_refused(errc::closed, "moved", [&] { db.path(); });
    db.close();
    check_works(other);
}

BOOST_FIXTURE_TEST_CASE(use_in_a_forked_child, fixture) {
    auto const snap = db.snapshot();
    auto const kept = t.in(snap);
    auto tx = db.begin();
    auto in = t.in(tx);
    in.append({1.F});
    auto const mark = tx.savepoint();
    auto const before = state_of(db);
    int const answer = in_child([&] {
        constexpr auto e = errc::forked;
        bool const refused[] = {
            throws(e, [&] { t.size(); }),
            throws(e, [&] { t[0]; }),
            throws(e, [&] { t.to_vector(); }),
            throws(e, [&] { t.view(); }),
            throws(e, [&] { t.chunks(); }),
            throws(e, [&] { t.append({1.F}); }),
            throws(e, [&] { t.append(std::list<int>(2000000)); }),
            throws(e, [&] { t.resize(9999, 1.F); }),
            throws(e, [&] { t.assign({1.F}); }),
            throws(e, [&] { t.attributes().list(); }),
            throws(e, [&] { t.attributes().set("k", 1); }),
            throws(e, [&] { db.begin(); }),
            throws(e, [&] { db.transact([](auto&) {}); }),
            throws(e, [&] { db.snapshot(); }),
            throws(e, [&] { db.checkpoint(); }),
            throws(e, [&] { db.verify(); }),
            throws(e, [&] { db.stats(); }),
            throws(e, [&] { db.list(); }),
            throws(e, [&] { db.contains("none"); }),
            throws(e, [&] { db.create<float>("x"); }),
            throws(e, [&] { db.open<float>("none"); }),
            throws(e, [&] { db.open_any("none"); }),
            throws(e, [&] { db.drop("none"); }),
            throws(e, [&] { db.rename("none", "x"); }),
            throws(e, [&] { in.append({1.F}); }),
            throws(e, [&] { in.size(); }),
            throws(e, [&] { in.view(); }),
            throws(e, [&] { in.assign({1.F}); }),
            throws(e, [&] { tx.create<float>("x"); }),
            throws(e, [&] { tx.list(); }),
            throws(e, [&] { tx.savepoint(); }),
            throws(e, [&] { tx.rollback_to(mark); }),
            throws(e, [&] { tx.rollback(); }),
            throws(e, [&] { tx.commit(); }),
            throws(e, [&] { kept.size(); }),
            throws(e, [&] { kept.to_vector(); }),
            throws(e, [&] { kept.view(); }),
            throws(e, [&] { kept.chunks(); }),
            throws(e, [&] { snap.list(); }),
            throws(e, [&] { snap.contains("none"); }),
            throws(e, [&] { snap.open<float>("none"); }),
            throws(errc::locked, [&] { ns::database again(file); })};
        int n = 0;
        for (bool const r : refused) {
            ++n;
            if (!r)
                return n;
        }
        {
            ns::transaction const gone(std::move(tx));
            ns::database const closed(std::move(db));
        }
        return 0;
    });
    BOOST_TEST(answer == 0);
    BOOST_TEST((state_of(db) == before));
    check_refused(errc::locked, file, [&] { ns::database again(file); });
    tx.commit();
    BOOST_TEST(t.size() == 3001U);
    BOOST_TEST(kept.size() == 3000U);
}

BOOST_FIXTURE_TEST_CASE(a_child_that_closes_and_ends, fixture) {
    auto const before = refusal::slurp(file);
    int const answer = in_child([&] {
        std::optional<ns::database> own(std::move(db));
        own->close();
        own.reset();
        return 0;
    });
    BOOST_TEST(answer == 0);
    BOOST_TEST((refusal::slurp(file) == before));
    check_refused(errc::locked, file, [&] { ns::database again(file); });
    t.append({1.F});
    BOOST_TEST(t.size() == 3001U);
}

BOOST_FIXTURE_TEST_CASE(a_transaction_that_has_ended, fixture) {
    for (bool const committed : {false, true}) {
        auto tx = db.begin();
        auto in = t.in(tx);
        in.set(0, 1.F);
        auto const mark = tx.savepoint();
        if (committed)
            tx.commit();
        else
            tx.rollback();
        constexpr auto e = errc::transaction_ended;
        std::vector<float> out(1);
        refuses(e, "transaction", [&] { tx.commit(); });
        refuses(e, "transaction", [&] { tx.rollback(); });
        refuses(e, "transaction", [&] { tx.savepoint(); });
        refuses(e, "transaction", [&] { tx.rollback_to(mark); });
        refuses(e, "transaction", [&] { tx.create<float>("x"); });
        refuses(e, "transaction", [&] { tx.open<float>("none"); });
        refuses(e, "transaction", [&] { tx.open_any("none"); });
        refuses(e, "transaction", [&] { tx.contains("none"); });
        refuses(e, "transaction", [&] { tx.rename("none", "x"); });
        refuses(e, "transaction", [&] { tx.drop("none"); });
        refuses(e, "transaction", [&] { tx.list(); });
        refuses(e, "transaction", [&] { in.size(); });
        refuses(e, "transaction", [&] { in[0]; });
        refuses(e, "transaction", [&] { in.read(0, out); });
        refuses(e, "transaction", [&] { in.view(); });
        refuses(e, "transaction", [&] { in.chunks(); });
        refuses(e, "transaction", [&] { in.append({1.F}); });
        refuses(e, "transaction", [&] { in.assign({1.F}); });
        refuses(e, "transaction", [&] { in.insert(0, t); });
        refuses(e, "transaction", [&] { in.erase(0, 1); });
        refuses(e, "transaction", [&] { in.resize(5000, 1.F); });
        refuses(e, "transaction", [&] { in.attributes().list(); });
        refuses(e, "transaction", [&] { in.attributes().set("k", 1); });
        refuses(e, "transaction", [&] { t.in(tx).append({1.F}); });
    }
}

BOOST_FIXTURE_TEST_CASE(savepoints_of_others, fixture) {
    auto first = db.begin();
    auto const foreign = first.savepoint();
    first.rollback();
    auto tx = db.begin();
    auto in = t.in(tx);
    in.append({1.F});
    auto const outer = tx.savepoint();
    in.append({2.F});
    auto const inner = tx.savepoint();
    in.append({3.F});
    refuses_in(tx, errc::invalid_argument, "savepoint",
               [&] { tx.rollback_to(foreign); });
    refuses_in(tx, errc::invalid_argument, "savepoint",
               [&] { tx.rollback_to({}); });
    tx.rollback_to(outer);
    BOOST_TEST(in.size() == 3001U);
    refuses_in(tx, errc::invalid_argument, "savepoint",
               [&] { tx.rollback_to(inner); });
    tx.rollback_to(outer);
    tx.commit();
    refuses(errc::transaction_ended, "transaction",
            [&] { tx.rollback_to(outer); });
    BOOST_TEST(t.size() == 3001U);
}

BOOST_FIXTURE_TEST_CASE(writing_outside_of_an_open_transaction, fixture) {
    auto tx = db.begin();
    auto in = t.in(tx);
    in.append({1.F});
    constexpr auto e = errc::would_deadlock;
    refuses_in(tx, e, "transaction", [&] { t.append({2.F}); });
    refuses_in(tx, e, "transaction", [&] { t.set(0, 2.F); });
    refuses_in(tx, e, "transaction", [&] { t.clear(); });
    refuses_in(tx, e, "transaction", [&] { t.assign({2.F}); });
    refuses_in(tx, e, "transaction",
               [&] { t.append(std::list<int>(2000000)); });
    refuses_in(tx, e, "transaction", [&] { t.attributes().set("k", 1); });
    refuses_in(tx, e, "transaction", [&] { db.drop("boiler/t"); });
    refuses_in(tx, e, "transaction", [&] { db.rename("boiler/t", "x"); });
    auto second = db.begin();
    refuses_in(tx, e, "transaction", [&] { t.in(second).append({2.F}); });
    BOOST_TEST(second.is_active());
    BOOST_TEST(t.size() == 3000U);
    BOOST_TEST((t.view().to_vector() == numbers(3000)));
    tx.commit();
    t.in(second).append({2.F});
    second.commit();
    BOOST_TEST(t.size() == 3002U);
}

BOOST_FIXTURE_TEST_CASE(waiting_for_too_long, impatient_fixture) {
    auto tx = db.begin();
    t.in(tx).append({1.F});
    refuses_in(tx, errc::timed_out, "1 ms", [&] { append_in_thread(); });
    tx.commit();
    BOOST_TEST(t.size() == 3001U);
}

BOOST_FIXTURE_TEST_CASE(a_view_locks_what_its_transaction_sees,
                        impatient_fixture) {
    auto tx = db.begin();
    auto const view = t.in(tx).view();
    refuses_in(tx, errc::timed_out, "1 ms", [&] { append_in_thread(); });
    t.in(tx).append({3.F});
    tx.commit();
    append_in_thread();
    BOOST_TEST(view.size() == 3000U);
    BOOST_TEST(t.size() == 3002U);
}

BOOST_FIXTURE_TEST_CASE(writing_to_a_snapshot, fixture) {
    auto const snap = db.snapshot();
    refuses(errc::read_only, "snapshot",
            [&] { t.in(snap).attributes().set("k", 1); });
    refuses(errc::read_only, "snapshot",
            [&] { t.in(snap).attributes().erase("unit"); });
}

BOOST_FIXTURE_TEST_CASE(attributes_that_cannot_be, fixture) {
    auto a = t.attributes();
    constexpr auto e = errc::invalid_argument;
    for (std::string const& key : {std::string(), std::string(1025, 'k'),
                                   std::string("\xff"), std::string("a\tb")})
        refuses(e, "attribute key", [&] { a.set(key, 1); });
    refuses(e, "UTF-8", [&] { a.set("k", "\xff"); });
    refuses(e, "UTF-8",
            [&] { a.set("k", std::vector<std::string>{"a", "\xc3"}); });
    refuses(e, "1 MiB", [&] { a.set("k", std::string((1 << 20) + 1, 'x')); });
    refuses(e, "1 MiB", [&] { a.set("k", std::vector<double>(1 << 17)); });
    refuses(errc::out_of_range, "64 bits", [&] { a.set("k", top); });
    refuses(errc::not_found, "nothing", [&] { a.get<double>("nothing"); });
    refuses(errc::type_mismatch, "string", [&] { a.get<double>("unit"); });
    refuses(errc::type_mismatch, "string", [&] { a.get<bool>("unit"); });
    refuses(errc::type_mismatch, "string",
            [&] { a.get<std::vector<std::string>>("unit"); });
    a.set("n", 300);
    refuses(errc::out_of_range, "300", [&] { a.get<std::uint8_t>("n"); });
    a.set("n", -1);
    refuses(errc::out_of_range, "-1", [&] { a.get<unsigned>("n"); });
    BOOST_TEST(!a.erase("nothing"));
    BOOST_TEST(!a.get_if<double>("nothing").has_value());
    a.set(std::string(1024, 'k'), std::string((1 << 20) - 1, 'x'));
    BOOST_TEST(a.get<std::string>(std::string(1024, 'k')).size()
               == (1U << 20) - 1);
    BOOST_TEST(a.erase(std::string(1024, 'k')));
}

BOOST_FIXTURE_TEST_CASE(element_types_that_cannot_be, fixture) {
    std::string deep;
    for (int i = 0; i != 10000; ++i)
        deep += "[1]";
    std::vector<std::string> bad = {"",
                                    " ",
                                    "f33",
                                    "F32",
                                    "int",
                                    "[]f32",
                                    "[0]f32",
                                    "[-1]f32",
                                    "[3f32",
                                    "[3]",
                                    "3]f32",
                                    "[4294967296]f32",
                                    "[18446744073709551616]byte",
                                    "[4294967295][4294967295]f64",
                                    "{}",
                                    "{t}",
                                    "{t f64",
                                    "{t f64,}",
                                    "{t f64, t f32}",
                                    "{1t f64}",
                                    "{t f64 v f32}",
                                    "{a u32, b u32 @2}",
                                    "{a u8} #0",
                                    "{a u8} %3",
                                    "{a u8} %0",
                                    "f32 f32",
                                    "f32\xff",
                                    std::string("f32\0", 4)};
    for (std::string text : {deep, std::string(1 << 17, ' ')})
        bad.push_back(text.append("f32"));
    for (auto const& text : bad)
        BOOST_TEST_CONTEXT("element type " << text.substr(0, 40))
    refuses(errc::invalid_argument, "element type",
            [&] { db.create_any("x", ns::element_type::parse(text)); });
    refuses(errc::invalid_argument, "too large", [&] {
        db.create_any("x", ns::element_type::parse("[2097152]byte"));
    });
}

BOOST_FIXTURE_TEST_CASE(sizes_whose_products_and_sums_overflow, fixture) {
    constexpr auto e = errc::invalid_argument;
    for (std::uint64_t const n :
         {std::uint64_t{1} << 61, std::uint64_t{1} << 62,
          (std::uint64_t{1} << 62) + 1, std::uint64_t{1} << 63, top / 4 + 2,
          top - 1, top}) {
        refuses(e, std::to_string(n - t.size()), [&] { t.resize(n); });
        refuses(e, "too large", [&] { t.resize(n, 0.F); });
        refuses(e, "too large", [&] { t.resize(n, 1.F); });
    }
    auto bytes = db.create<std::byte>("bytes");
    refuses(e, "too large", [&] { bytes.resize(top); });
    refuses(e, "too large", [&] { bytes.resize(std::uint64_t{1} << 63); });
}

BOOST_FIXTURE_TEST_CASE(arrays_that_do_not_fit_in_memory, fixture) {
    constexpr std::uint64_t most = (std::uint64_t{1} << 63) - 1;
    auto bytes = db.create<std::byte>("bytes");
    bytes.resize(most);
    t.resize(most / 4);
    auto const n = t.size();
    BOOST_TEST(n == most / 4);
    auto const commits = db.stats().commits;
    auto const unchanged = [&] {
        BOOST_TEST(bytes.size() == most);
        BOOST_TEST(t.size() == n);
        BOOST_TEST(db.stats().commits == commits);
    };
    std::vector<float> out(2, -1.F);
    check_refused(errc::no_memory, "", [&] { t.to_vector(); });
    check_refused(errc::no_memory, "", [&] { bytes.to_vector(); });
    check_refused(errc::no_memory, "", [&] { t.extract(ns::all); });
    check_refused(errc::no_memory, "", [&] { db.open_any("bytes").read(); });
    check_refused(errc::no_memory, "", [&] { db.open_any("boiler/t").read(); });
    check_refused(errc::no_memory, "", [&] { t.view().to_vector(); });
    check_refused(errc::size_mismatch, std::to_string(n),
                  [&] { t.read(ns::all, out); });
    check_refused(errc::out_of_range, std::to_string(n),
                  [&] { t.read(n - 1, out); });
    check_refused(errc::invalid_argument, "too large",
                  [&] { t.append({1.F, 2.F}); });
    check_refused(errc::invalid_argument, "too large",
                  [&] { bytes.insert(5, std::vector<std::byte>(1)); });
    check_refused(errc::invalid_argument, "too large",
                  [&] { t.insert(0, numbers(500000)); });
    check_refused(errc::invalid_argument, "too large",
                  [&] { t.insert(0, std::list<int>(2000000)); });
    unchanged();
    BOOST_TEST(t[n - 1] == 0.F);
    BOOST_TEST(t[2999] == 3000.F);
    BOOST_TEST(t.to_vector(ns::slice{.start = 2999, .step = highest}).at(0)
               == 3000.F);
    BOOST_TEST(t.view().at(n - 1) == 0.F);
    t.set(n - 1, 1.F);
    BOOST_TEST(t.back() == 1.F);
    t.resize(10);
    bytes.clear();
}

BOOST_AUTO_TEST_SUITE_END()
