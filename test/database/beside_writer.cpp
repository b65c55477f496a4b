// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// Other processes read a file while one writes it.
#include "../bags/default_policies.hpp"
#include "../bags/in_file.hpp"
#include "../bags/memory_512.hpp"
#include "refusal.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_beside_writer)

namespace {

namespace ns = numstore;
using refusal::directory;
using number = std::int64_t;
using values = std::vector<number>;
using policy_sets = std::tuple<ns::default_policies, bags::in_file>;

ns::options beside() {
    return {.mode = ns::open_mode::read_only, .beside_writer = true};
}

values numbers(std::size_t n, number first) {
    values v(n);
    std::iota(v.begin(), v.end(), first);
    return v;
}

/// Everything is replaced, again and again.
template <class Database>
void churn(Database& db, int rounds) {
    for (int i = 0; i != rounds; ++i) {
        db.transact([&](auto& tx) {
            tx.template open_or_create<number>("large").assign(
                numbers(60'000, i));
            auto small = tx.template open_or_create<number>(
                "number " + std::to_string(i % 5));
            small.clear();
            small.append(numbers(20, i));
        });
        db.checkpoint();
    }
}

template <class Database>
void require_round(Database& db, int i) {
    BOOST_TEST_REQUIRE(
        (db.template open<number>("large").to_vector() == numbers(60'000, i)));
    BOOST_TEST_REQUIRE(
        (db.template open<number>("number " + std::to_string(i % 5))
             .to_vector()
         == numbers(20, i)));
}

/// A process that has opened the file, and waits.
class waiting_reader {
public:
    explicit waiting_reader(std::string const& path) {
        int ends[2];
        BOOST_REQUIRE(::pipe(ends) == 0);
        child_ = ::fork();
        if (child_ == 0) {
            ns::database db(path, beside());
            char const ready = '.';
            if (::write(ends[1], &ready, 1) == 1)
                ::pause();
            ::_exit(1);
        }
        ::close(ends[1]);
        char ready = 0;
        BOOST_REQUIRE(::read(ends[0], &ready, 1) == 1);
        ::close(ends[0]);
    }
    waiting_reader(waiting_reader const&) = delete;
    waiting_reader& operator=(waiting_reader const&) = delete;
    ~waiting_reader() { kill(); }

    void kill() {
        if (child_ == 0)
            return;
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        child_ = 0;
    }

private:
    pid_t child_ = 0;
};

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reader_keeps_what_it_opened, P, policy_sets) {
    directory const dir;
    std::string const path = dir.at("a.ns");
    ns::basic_database<P> db(path);
    churn(db, 3);
    db.template open<number>("number 2").push_back(7); // in the log alone
    ns::basic_database<P> reader(path, beside());
    auto const seen = reader.template open<number>("number 2");
    BOOST_TEST(seen.size() == 21u);
    BOOST_TEST(seen.back() == 7);
    churn(db, 12);
    db.compact();
    churn(db, 4);
    BOOST_TEST(seen.size() == 21u);
    BOOST_TEST((reader.template open<number>("large").to_vector()
                == numbers(60'000, 2)));
    BOOST_TEST(reader.verify().ok());
    BOOST_TEST(db.verify().ok());
    reader = ns::basic_database<P>(path, beside());
    require_round(reader, 3);
}

BOOST_AUTO_TEST_CASE(it_is_asked_for) {
    directory const dir;
    std::string const path = dir.at("a.ns");
    ns::database db(path);
    BOOST_TEST(refusal::code_of([&] {
                   ns::database(path, {.mode = ns::open_mode::read_only});
               })
               == static_cast<int>(ns::errc::locked));
    BOOST_TEST(refusal::code_of([&] {
                   ns::database(path, {.beside_writer = true});
               })
               == static_cast<int>(ns::errc::invalid_argument));
    BOOST_TEST(refusal::code_of([&] {
                   ns::basic_database<bags::memory_512>(
                       ns::memory_storage{},
                       {.mode = ns::open_mode::read_only,
                        .beside_writer = true});
               })
               == static_cast<int>(ns::errc::invalid_argument));
    ns::database reader(path, beside());
    BOOST_TEST(refusal::code_of([&] { reader.create<float>("x"); })
               == static_cast<int>(ns::errc::read_only));
    db.close();
    ns::database again(path); // which the reader does not keep out
    again.create<float>("x");
    BOOST_TEST(!reader.contains("x"));
}

BOOST_AUTO_TEST_CASE(views_and_snapshots_outlive_the_reader) {
    directory const dir;
    std::string const path = dir.at("a.ns");
    ns::database db(path);
    churn(db, 2);
    auto const view = [&] {
        ns::database reader(path, beside());
        return reader.open<number>("large").view();
    }();
    churn(db, 10);
    BOOST_TEST((view.to_vector() == numbers(60'000, 1)));
    db.close();
    ns::database again(path);
    churn(again, 10);
    BOOST_TEST((view.to_vector() == numbers(60'000, 1)));
}

/// What a reader needs is not known to the next writer: it leaves alone all
/// that it finds free.
BOOST_AUTO_TEST_CASE(a_reader_outlives_writers) {
    directory const dir;
    std::string const path = dir.at("a.ns");
    ns::database first(path);
    churn(first, 4);
    ns::database reader(path, beside());
    churn(first, 3);
    first.close();
    for (int i = 0; i != 3; ++i) {
        ns::database next(path);
        churn(next, 6);
        require_round(reader, 3);
        BOOST_TEST(next.verify().ok());
    }
    require_round(reader, 3);
    BOOST_TEST(reader.verify().ok());
}

BOOST_AUTO_TEST_CASE(a_killed_reader_keeps_nothing) {
    directory const dir;
    std::string const path = dir.at("a.ns");
    ns::database db(path);
    churn(db, 10);
    auto const alone = db.stats().file_bytes;
    waiting_reader reader(path);
    churn(db, 30);
    auto const beside = db.stats().file_bytes;
    BOOST_TEST(beside > 3 * alone); // all that was replaced
    reader.kill();
    churn(db, 60);
    BOOST_TEST(db.stats().file_bytes == beside);
    db.compact();
    BOOST_TEST(db.stats().file_bytes < 2 * alone);
    require_round(db, 59);
}

BOOST_AUTO_TEST_CASE(a_file_whose_writer_was_killed) {
    directory const dir;
    std::string const path = dir.at("a.ns");
    pid_t const child = ::fork();
    if (child == 0) {
        ns::database db(path);
        churn(db, 3);
        db.open<number>("large").set(7, -7);
        ::kill(::getpid(), SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
    ns::database reader(path, beside());
    BOOST_TEST(number(reader.open<number>("large")[7]) == -7);
    ns::database db(path); // recovers
    churn(db, 8);
    BOOST_TEST(number(reader.open<number>("large")[7]) == -7);
    BOOST_TEST(reader.verify().ok());
    require_round(db, 7);
}

BOOST_AUTO_TEST_SUITE_END()
